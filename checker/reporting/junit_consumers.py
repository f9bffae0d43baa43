"""Who reads JUnit: what each shows of a test case, and how large a file it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from checker.model import JUnitFor, Location
from checker.reporting.junit_documents import LIMITS, UNLIMITED, Limits


@dataclass(frozen=True, slots=True)
class Consumer:
    """A reader of JUnit.

    `limits` are those of its files, `stream` of all of them as one. `package` says whether a suite names its package beside
    its name, `rule_in_name` whether the name of a case begins with the rule. `file` and `line` say whether a case names
    the place of its rule in the policy, `frame` whether the body of a case that is red ends with that place as Java writes one.
    """

    limits: Limits = LIMITS
    stream: Limits = UNLIMITED
    package: bool = True
    rule_in_name: bool = False
    file: bool = False
    line: bool = False
    frame: bool = False


CONSUMERS: Mapping[JUnitFor, Consumer] = {
    "strict": Consumer(),
    # it puts the package before the name of the suite, which has it already
    "jenkins": Consumer(package=False),
    # 30 MB a file, 100 MB a job and 250,000 objects a file, of which a case is up to ten; each with something to spare
    "gitlab": Consumer(
        Limits(cases=20_000, size=28_000_000, total=95_000_000),
        Limits(cases=2**63, size=2**63, total=28_000_000),
        file=True,
    ),
    # mikepenz/action-junit-report and EnricoMi/publish-unit-test-result-action read the attributes of the case,
    # dorny/test-reporter the stack traces of Java alone
    "github": Consumer(file=True, line=True, frame=True),
    # the title of a result is the name of its case, and nothing else of it is listed
    "azure": Consumer(rule_in_name=True),
}


@lru_cache(1_000)
def policy_file(where: Location) -> str:
    """The file of a place in a policy, as a path within the repository; empty where it is not of the repository."""
    path = where.path.removeprefix("./")
    # a shipped pack is called `pack:NAME`
    outside = path.startswith(("/", "../")) or ":" in path or "\\" in path
    return "" if outside else path


@lru_cache(1_000)
def java_frame(where: Location) -> str:
    """A place in a policy as a line of a stack trace of Java: `at policies.Rule(integrity.yaml:8)`. Empty where such a line
    cannot say it: the folder has to be named as packages of Java are, in small letters and without dots."""
    path = PurePosixPath(policy_file(where))
    folders: list[str] = []
    for folder in reversed(path.parts[:-1]):
        if "." in folder or folder[0] <= "Z":
            break
        folders.insert(0, folder)
    return f"at {'.'.join(folders)}.Rule({path.name}:{where.line})" if folders else ""
