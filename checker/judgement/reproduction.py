"""Whether what a run kept follows from its evidence: findings, tables, reports and what its manifest says are made again and
compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker import __version__
from checker.evaluation.finding_agreement import Disagreement, disagreements
from checker.fields import model
from checker.judgement.replay import replay
from checker.judgement.run import Run
from checker.judgement.seal import manifest_facts
from checker.layout import AUDIT, FINDINGS, MANIFEST, MAPPINGS, POLICIES, RECORDS, STARTED, WAIVERS
from checker.problems import InvalidInputError, Problem
from checker.runs.first_difference import table_difference
from checker.runs.integrity import EARLIER, REPORTS, TABLES
from checker.runs.run_reader import RecordedRun, malformed_files, reopen

ReportDifferences = Callable[[Run, Path, object, Sequence[str]], Iterable[tuple[str, str]]]
"""Which reports in the folder of a run are not what the run would write, each with what differs first: the run, judged again,
its folder, what its manifest says of its reports, and its files (`reporting.reproduction`)."""

_JUDGED = ("outcome", "exit_code", "sentence", "summary")
_APART = frozenset({"tool_version", "statements"})
"""What the replay of a run says otherwise: `statements` are compared with the store."""
_UNREACHED = "the findings cannot be reached again from what is there"
_MADE_SO = "somebody made it so, and the hashes fit"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What making a run again found: `problems` where it speaks against the run, `different` findings of which the first are
    in `differs`, what was `not_compared` and why, and the files that are known by their hash alone."""

    findings: int = 0
    problems: tuple[Problem, ...] = ()
    different: int = 0
    differs: tuple[Disagreement, ...] = ()
    not_compared: tuple[str, ...] = ()
    by_hash: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def reproduce(folder: Path, reports: ReportDifferences | None, *, altered: bool) -> Reproduction:
    """Makes a run again from its evidence, and compares.

    Args:
        folder: the run folder.
        reports: makes its reports again; they are not compared where it is None.
        altered: whether a file is known not to be the one that the manifest names. Then the findings are reached from what
            is there, to say which of them that touches.
    """
    if any(not path.is_file() and not path.is_dir() for path in folder.rglob("*") if path.exists()):
        return Reproduction(notes=(_UNREACHED,))  # of a pipe nothing may ever come
    problems: list[Problem] = []
    try:
        kept = reopen(folder, checked=not altered)
        problems += malformed_files(kept)
        unreadable = {str(problem.where) for problem in problems}
        with replay(kept, tool_version=str(kept.facts.get("tool_version") or "")) as run:
            different, differs = 0, list[Disagreement]()
            if (folder / FINDINGS).as_posix() not in unreadable:
                different, differs = disagreements(folder, run.folder)
            total = sum(
                rule_result.tally.fail + rule_result.tally.waived + rule_result.tally.unknown
                for rule_result in run.judged
            )
            problems += _said_otherwise(kept, run)
            others = [] if altered else list(_differences(kept, run, reports, unreadable))
    except InvalidInputError as error:
        more = [problem for problem in error.problems if not problem.warning]
        return Reproduction(problems=(*problems, *more), notes=(_UNREACHED,))
    except Exception as error:
        # what was altered may be no JSON, no Parquet, no YAML any more
        if not altered and not problems:
            if is_machine_error(error):
                raise
            problems.append(_stumbled(folder, error))
        return Reproduction(problems=tuple(problems), notes=(_UNREACHED,))
    found = [Problem((folder / name).as_posix(), what, _MADE_SO) for name, what in others]
    other = _version(kept) if found and _other_version(kept) else ""
    return Reproduction(
        total,
        (*problems, *(() if other else found)),
        different,
        tuple(differs),
        tuple(f"{name} not compared: made by {other}" for name, _ in others if other),
        tuple(_by_hash(kept)),
        tuple(_remarks(kept)),
    )


def _stumbled(folder: Path, error: Exception) -> Problem:
    """What there is to say of a run of which every file looks right, and which cannot be judged again."""
    reason = (str(error).splitlines() or [""])[0][:200]
    hint = "it was altered before it was sealed; if it was not, this is a bug of ours: report it"
    return Problem(folder.as_posix(), f"{_UNREACHED}: {type(error).__name__}: {reason}", hint)


def is_machine_error(error: Exception) -> bool:
    """Whether memory, a disk or a file was missing; two of DuckDB's errors say so too."""
    return isinstance(error, OSError | MemoryError) or type(error).__name__ in (
        "IOException",
        "OutOfMemoryException",
    )


def reproduction_obstacle(folder: Path) -> tuple[Problem, ...]:
    """What of a run that was read does not follow from its evidence: why something else may have gone wrong."""
    return reproduce(folder, None, altered=False).problems if (folder / MANIFEST).is_file() else ()


def _said_otherwise(kept: RecordedRun, run: Run) -> Iterator[Problem]:
    """What the manifest says that the evidence does not give. Of a manifest by another version it is what was judged."""
    where = (kept.folder / MANIFEST).as_posix()
    now = json.loads(json.dumps(manifest_facts(run, kept.name)))
    for name in _JUDGED if _other_version(kept) else [name for name in now if name not in _APART]:
        if name not in kept.facts:
            yield Problem(where, f"`{name}` is not in it", f"the evidence gives {_short(now[name])}")
        elif kept.facts[name] != now[name]:
            yield Problem(where, f"`{name}` is not what the evidence gives", f"that is {_short(now[name])}")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "..."


def _differences(
    kept: RecordedRun, run: Run, reports: ReportDifferences | None, unreadable: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The files of a run that are not what its evidence gives, each with what differs first; not those that cannot be read."""
    for name in TABLES:
        made = (run.folder / name).is_file()
        if (kept.folder / name).as_posix() in unreadable:
            continue
        if kept.has(name) and made:
            if what := table_difference(kept.folder / name, run.folder / name):
                yield name, f"{what}: the records give another table"
        elif kept.has(name):
            yield name, "is no table that a run of these rules writes"
        elif made:
            yield name, "is not there, and the run would have written it"
    if reports is not None:
        yield from reports(run, kept.folder, kept.facts.get("reports"), sorted(kept.files))
    for name in sorted(kept.files):
        if not _known(name):
            yield name, "is no file that a run writes"


def _other_version(kept: RecordedRun) -> bool:
    """Whether a run was made by another version than this one, or with other fields."""
    said = (kept.facts.get("tool_version"), kept.facts.get("botocore_version"))
    return said != (__version__, model().botocore_version)


def _version(kept: RecordedRun) -> str:
    said = kept.facts.get("tool_version")
    if said != __version__:
        return f"version {said}, and this is {__version__}"
    return f"botocore {kept.facts.get('botocore_version')}, and this is {model().botocore_version}"


def _remarks(kept: RecordedRun) -> Iterator[str]:
    if (said := kept.facts.get("tool_version")) != __version__:
        yield f"judged by version {said}, and again by version {__version__}"


def _known(name: str) -> bool:
    """Whether a run writes a file of this name."""
    return (
        name in (*TABLES, *EARLIER)
        or name.startswith(REPORTS)  # of which only those of formats are reports
        or _given(name)
    )


def _given(name: str) -> bool:
    """Whether a file is what a run was given or was told, which nothing else of it can show."""
    folder, _, file = name.rpartition("/")
    if f"{folder}/" in (POLICIES, MAPPINGS):
        return file.endswith(".yaml")
    return (
        name in (STARTED, RECORDS, AUDIT, WAIVERS)
        or re.fullmatch(r"events-[1-9]\d*\.jsonl", name) is not None
    )


def _by_hash(kept: RecordedRun) -> Iterator[str]:
    """The files of a run that are compared with their hash alone."""
    return (name for name in sorted(kept.files) if name in EARLIER or _given(name))
