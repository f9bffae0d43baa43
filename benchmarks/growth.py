"""How the time of what is around the evaluation grows: reports with the number of findings, proofs with that of rules. An
exponent of 1 is as much for each, of 2 twice as much for each where there are twice as many. `--help` has the options."""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml
from compare import CACHE
from page import run_of

import checker
from checker.api import Options
from checker.judgement.run import Run
from checker.reporting import finding_list, junit
from checker.reporting.junit_documents import Limits
from checker.reporting.page_document import page_document

SMALL_FILES = Limits(cases=1_000)
FINDINGS = (10_000, 30_000, 100_000)
RULES = (10, 20, 40, 80)
Rule = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--findings", type=int, nargs="*", default=FINDINGS, help="about so many (%(default)s)"
    )
    parser.add_argument("--rules", type=int, nargs="*", default=RULES, help="so many (%(default)s)")
    args = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds of processor time")
    print_table("findings", REPORTS, args.findings, of_findings)
    print_table("rules", FAMILIES, args.rules, of_rules)


def print_table(
    what: str,
    names: Mapping[str, object],
    sizes: Sequence[int],
    measure: Callable[[int], Mapping[str, float]],
) -> None:
    """A line for each name: the seconds of each size, and the exponent."""
    if not sizes:
        return
    print(f"{what:<34}{''.join(f'{size:>11,}' for size in sizes)}   exponent")
    measured = [measure(size) for size in sizes]
    for name in names:
        seconds = [found[name] for found in measured]
        shown = "".join(f"{item:>10.2f}s" for item in seconds)
        print(f"  {name:<32}{shown}   {exponent(sizes, seconds):.2f}")


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the line through the logarithms."""
    if len(sizes) < 2:
        return math.nan
    return statistics.linear_regression(list(map(math.log, sizes)), list(map(math.log, seconds))).slope


def report(name: str) -> Callable[[Run], None]:
    def written(run: Run) -> None:
        with tempfile.TemporaryDirectory() as folder:
            checker.report(run, {name: Path(folder) / f"report.{name}"}, Options())

    return written


def split(run: Run) -> None:
    """JUnit in many files: as many as there are thousands of cases."""
    for document in junit.documents(run, Options(), SMALL_FILES):
        for _ in document:
            pass


def packed(run: Run) -> None:
    page_document(run, finding_list.held_findings(run), finding_list.MOST_BYTES, "")


REPORTS: Mapping[str, Callable[[Run], None]] = {
    "summary": report("text"),
    "JUnit": report("junit"),
    "JUnit, 1,000 cases a file": split,
    "page": report("html"),
    "page: packing alone": packed,
}


def of_findings(number: int) -> Mapping[str, float]:
    run = run_of(number)
    return {name: seconds(partial(work, run)) for name, work in REPORTS.items()}


def department(at: int) -> Rule:
    """A rule as departments have them: alike, each for its own tag's value."""
    return {"when": {"tags.Dept": f"dept{at}"}, "require": {"createdAt": {"younger_than": f"{at + 1}d"}}}


def tag(at: int) -> Rule:
    """A rule on all image sets, or on those with a tag of its own."""
    tags = {f"tags.T{at}": "x"} if at % 2 else {}
    return {"when": {"isPrimary": True, **tags}, "deny": {"createdAt": {"older_than": f"{200 - at}d"}}}


def exception(at: int) -> Rule:
    """A rule with an exception so rare that only trying all answers tells it from others."""
    rare = {"tags.Dept": f"dept{at}", "createdAt": {"older_than": "99d"}, "imageSetState": "LOCKED"}
    return {"deny": {"any": [rare, {"isPrimary": False}]}}


def large(at: int) -> Rule:
    """A rule of which as many answers are tried as of any."""
    parts: list[Rule] = [
        {"tags.Dept": f"dept{at}"},
        {"createdAt": {"older_than": "3d"}},
        {"updatedAt": {"older_than": "2mo"}},
        {"deletedAt": {"older_than": "3y"}},
        {"versionId": {"gt": at + 2}},
        {"imageSetState": "LOCKED"},
        {"isPrimary": False},
        {"storageTier": "ARCHIVE_INSTANT_ACCESS"},
    ]
    return {"deny": {"any": parts}}


FAMILIES: Mapping[str, Callable[[int], Rule]] = {
    "validate: a tag's value each": department,
    "validate: a tag each": tag,
    "validate: a rare exception each": exception,
    "validate: many comparisons": large,
}


def of_rules(number: int) -> Mapping[str, float]:
    return {name: validated(made, number) for name, made in FAMILIES.items()}


def validated(made: Callable[[int], Rule], number: int) -> float:
    """Seconds of the proofs for so many rules."""
    rules = [{"id": f"r{at}", "title": f"r{at}", "severity": "low", **made(at)} for at in range(number)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "pack": "growth", "rules": rules}), encoding="utf-8")
        policies = checker.load([str(path)])
    return seconds(partial(checker.examine, policies))


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
