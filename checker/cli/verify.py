"""`verify`: whether kept runs are what they were."""

from __future__ import annotations

from dataclasses import asdict

from checker import api
from checker.cli.console import print_error, print_line, print_warnings, progress
from checker.problems import printable, render

ALTERED, NOT_COMPARED = 1, 3
"""The exit codes where something does not fit, and where all that could be compared does, or nothing could."""
MOST_FINDINGS = 20


def run(runs: list[str], config: str | None, *, keys: list[str], as_json: bool) -> int:
    """Prints what verifying each run found, of every one of the audit's where none is named; 1 where any of them is altered,
    3 where none is and something could not be compared, or where one of the places that are named has no run but interrupted
    ones. Beside complete runs those are told, and change nothing."""
    with progress(quiet=as_json, doing="verifying runs", done="runs verified") as tell:
        places = api.verify_runs(runs, config=config, keys=keys, progress=tell, warn=print_warnings)
    found = [item for place in places for item in place]
    if as_json:
        print_line(api.json_text([_plain(item) for item in found], indent=2))
    else:
        for item in found:
            _tell(item)
    if any(item.altered for item in found):
        return ALTERED
    judged = [[item for item in place if not item.interrupted] for place in places]
    return 0 if all(place and all(item.intact for item in place) for place in judged) else NOT_COMPARED


def _tell(verified: api.Verification) -> None:
    if verified.interrupted:
        print_line(f"interrupted  {printable(verified.run)}: {printable('; '.join(verified.notes))}")
        return
    print_line(_state(verified))
    if verified.sha256:
        print_line(f"         manifest {verified.sha256}")
    by_hash = [f"by hash only: {', '.join(verified.by_hash)}"] if verified.by_hash else []
    for text in (*verified.not_compared, *by_hash, *(f"note: {note}" for note in verified.notes)):
        print_line(f"         {printable(text)}")
    if verified.problems:
        print_error(render(verified.problems))
    if verified.different:
        more = f", first {MOST_FINDINGS}" if verified.different > MOST_FINDINGS else ""
        print_line(f"         findings that do not follow from the evidence ({verified.different:,}{more}):")
    for finding in verified.differs[:MOST_FINDINGS]:
        was, now = finding.kept or "no finding", finding.now or "no finding"
        what = f"{finding.what} differ" if finding.what else f"kept as {was}, the evidence gives {now}"
        print_line(f"           {finding.rule}  {printable(finding.subject.name)}  {what}")


def _state(verified: api.Verification) -> str:
    """What verifying a run came to, in a line."""
    name = printable(verified.run)
    if verified.altered:
        return f"ALTERED  {name}"
    if verified.not_compared:
        return f"unknown  {name}: nothing was altered, as far as it could be compared"
    if verified.pruned:
        return f"pruned   {name}: only its manifest is left"
    follow = f"{verified.findings:,} findings follow from the evidence"
    return f"ok       {name}: {verified.files} files as they were, {follow}"


def _plain(verified: api.Verification) -> dict[str, object]:
    return {
        "run": verified.run,
        "intact": verified.intact,
        "pruned": verified.pruned,
        "interrupted": verified.interrupted,
        "manifest_sha256": verified.sha256,
        "files": verified.files,
        "findings": verified.findings,
        "problems": [problem.plain() for problem in verified.problems],
        "different": verified.different,
        "differs": [asdict(finding) for finding in verified.differs],
        "not_compared": list(verified.not_compared),
        "by_hash": list(verified.by_hash),
        "notes": list(verified.notes),
    }
