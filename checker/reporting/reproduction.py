"""Reports that a run kept, made again from what its evidence gives: the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from checker import temporary_files
from checker.judgement.run import Run
from checker.model import JUNIT_OPTIONS
from checker.reporting.delivery import deliver, part
from checker.reporting.formats import formats, writer
from checker.reporting.report_options import Options
from checker.runs.first_difference import text_difference

REPORTS = "reports/"
_GONE = "is not there, and the run would have written it"


def options_plain(options: Options, reports: Mapping[str, str]) -> dict[str, Any]:
    """How reports are written, as a manifest says it: the names of the files that others are to be found in.

    Args:
        options: how they were written.
        reports: the reports that were written, format to path.
    """
    siblings = {**reports, **options.siblings}
    return {
        **{name: getattr(options, name) for name in JUNIT_OPTIONS},
        "color": options.color,
        "show_phi": options.show_phi,
        "names": {kind: Path(path).name for kind, path in siblings.items() if kind in formats("run")},
    }


def junit_options(said: object) -> Options:
    """How a run wrote JUnit, as its manifest says it (`options_plain`); as usual where it does not."""
    known = said if isinstance(said, dict) else {}
    return Options(**{name: known[name] for name in JUNIT_OPTIONS if name in known})


def report_differences(
    run: Run, folder: Path, said: object, names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The reports in a run's folder that are not what the run would write, each with what differs first.

    Args:
        run: the run, judged again.
        folder: the run folder.
        said: what its manifest says of how reports were written, `options_plain`; else every way is tried.
        names: the files of the run.
    """
    kinds: dict[str, list[str]] = {}
    for name in names:
        kind, _, file = name.removeprefix(REPORTS).partition("/")
        if not name.startswith(REPORTS):
            continue
        if kind in formats("run") and file and "/" not in file:
            kinds.setdefault(kind, []).append(file)
        else:
            yield name, "is no report that a run writes"
    files = {kind: min(found) for kind, found in kinds.items()}
    for kind, found in kinds.items():
        place = folder / REPORTS / kind
        yield from (
            (f"{REPORTS}{kind}/{name}", what)
            for name, what in _of_kind(run, kind, place, found, _ways(kind, run, said, files))
        )


def _ways(kind: str, run: Run, said: object, files: Mapping[str, str]) -> Iterator[Options]:
    """The ways in which a report may have been written: the one that the manifest names, else every one."""
    known = said if isinstance(said, dict) else {}

    def every(name: str, choices: Sequence[Any], *, matters: bool) -> Sequence[Any]:
        if name in known:
            return (known[name],)
        return choices if matters else choices[:1]

    is_junit = kind == "junit"
    passes = every("junit_passes", JUNIT_OPTIONS["junit_passes"], matters=is_junit)
    # of a manifest that says how reports were written, but not these, they were not there to choose from
    there = is_junit and not known
    skipped = every("junit_skipped", JUNIT_OPTIONS["junit_skipped"], matters=there)
    readers = every("junit_for", JUNIT_OPTIONS["junit_for"], matters=there)
    colors = every("color", (False, True), matters=kind == "text")
    shown = every("show_phi", (False, True), matters=bool(run.dicom))
    siblings = every("names", (files, {}), matters=kind in ("html", "text", "junit"))
    for how in product(passes, skipped, readers, colors, shown, siblings):
        # a report that lies in the folder is called so, whatever the manifest says
        yield Options(
            how[0], junit_skipped=how[1], junit_for=how[2], color=how[3], show_phi=how[4], siblings=how[5]
        )


def _of_kind(
    run: Run, kind: str, place: Path, names: Sequence[str], ways: Iterator[Options]
) -> list[tuple[str, str]]:
    """What differs of the reports of one format, where they are written in the way that comes nearest."""
    nearest: list[tuple[str, str]] = []
    for options in ways:
        with temporary_files.temporary_folder() as where:
            made = deliver(run, writer(kind), where / "report.txt", options)
            found = _differences(place, names, [Path(domain) for domain in made])
        if not found:
            return []
        nearest = nearest or found
    return nearest


def _differences(place: Path, names: Sequence[str], made: Sequence[Path]) -> list[tuple[str, str]]:
    """What differs between the files of a report, which may be several, and the same made again."""
    parts = {part(Path(item), number).name for item in names for number in range(2, len(made) + 1)}
    found = []
    for first in (item for item in names if item not in parts):
        for number, path in enumerate(made, 1):
            name = part(Path(first), number).name
            what = text_difference(place / name, path) if name in names else _GONE
            if what:
                found.append((name, f"{what} from what the records give" if name in names else what))
    return found
