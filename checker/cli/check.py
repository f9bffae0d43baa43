"""`check`: collect, evaluate, report, gate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from checker import api, temporary_files
from checker.cli import interrupt
from checker.cli.console import complain, hush_broken_pipe, log, progress, say, warn
from checker.cli.interrupt import Interrupt
from checker.cli.options import Check
from checker.cli.prepared import Prepared, prepare
from checker.file_modes import private
from checker.input_files import LARGEST_TABLE, load
from checker.layout import MANIFEST, RECORDS, WAIVERS
from checker.model import NO_RENAMES, Outcome, utc_now
from checker.problems import InvalidInputError, Problem
from checker.reporting import STDOUT
from checker.runs import run_folder
from checker.runs.run_reader import malformed


def run(given: Check) -> int:
    """The exit code of an audit."""
    if given.debug:
        log()
    plan = prepare(given, utc_now())
    with private(when=plan.private):
        return _run(given, plan)


def _run(given: Check, plan: Prepared) -> int:
    if plan.kept is not None:
        moment, inputs = plan.as_of or plan.kept.as_of, f"{plan.kept.sha256} {plan.kept.evidence.digest}"
        working = _claim(plan, inputs, moment)
        with _given_up(working):
            return _finish(_again(plan, plan.kept, working), working, plan, quiet=given.quiet)
    if given.image_sets:
        evidence = api.recorded(
            given.image_sets,
            plan.by.rules.policies,
            needs=plan.by.rules.needs,
            complete=given.complete,
            events=plan.deletions,
        )
        warn(evidence.warnings)
        working = _claim(plan, evidence.digest, plan.moment)
        with _given_up(working):
            evidence = api.moved(evidence, working.folder) if working else evidence
            return _finish(_evaluate(plan, evidence), working, plan, quiet=given.quiet)
    return _live(given, plan)


def _live(given: Check, plan: Prepared) -> int:
    """The exit code of an audit that asks the service. Its answers took long: they are kept, whatever comes after."""
    assert plan.config is not None
    if plan.earlier.last and (problems := malformed(plan.earlier.last)):
        raise InvalidInputError(problems)
    asked = api.inputs(plan.config, plan.by.targets, plan.events, refresh=given.refresh)
    working = _claim(plan, asked, plan.moment)
    folder = working.folder if working else temporary_files.scratch_folder()
    try:
        with _kept(folder, working, "nothing was judged"):
            with Interrupt() as signals:
                evidence = _collect(given, plan, folder, working, signals)
            interrupt.stop()
            warn(evidence.warnings)
        with _kept(folder, working, "the audit did not come to its end", whatever=True):
            result = _evaluate(plan, evidence)
            delivered = _deliver(result, plan, working)
        with _kept(folder, working, "the summary was not shown to its end", place=delivered.place):
            return _sum_up(result, plan, delivered, quiet=given.quiet)
    finally:
        if not working:
            temporary_files.discard(folder)


def _finish(result: api.Run, working: api.Working | None, plan: Prepared, *, quiet: bool) -> int:
    return _sum_up(result, plan, _deliver(result, plan, working), quiet=quiet)


def _again(plan: Prepared, kept: api.Kept, working: api.Working | None) -> api.Run:
    """Kept evidence, judged again."""
    return api.rejudge(
        kept,
        plan.by.rules,
        as_of=plan.as_of,
        gate=plan.gate,
        waivers=plan.by.waivers,
        soon=plan.by.soon,
        left_out=plan.by.left_out,
        name=plan.name,
        baseline=plan.earlier.named,
        baseline_stands=plan.earlier.stands,
        renames=plan.config.renamed if plan.config else NO_RENAMES,
        audit_path=plan.audit_path,
        folder=working.folder if working else None,
        notes=plan.earlier.notes,
    )


def _claim(plan: Prepared, inputs: str, moment: datetime) -> api.Working | None:
    """The run's name where it is kept, taken before anything is collected: where it cannot be, nothing is checked."""
    if plan.store is None:
        return None
    named = plan.earlier.named
    by = api.criteria(plan.gate, plan.by.files.get(WAIVERS), named.name if named else "")
    if plan.begun is not None:
        return api.reclaim(plan.store, plan.begun, plan.by.rules, inputs, moment, by=by)
    given = plan.as_of is not None
    return api.claim(
        plan.store, plan.by.rules, inputs, moment, plan.name, hypothetical=given, key=plan.key, judged_by=by
    )


def _evaluate(plan: Prepared, evidence: api.Evidence) -> api.Run:
    renames = plan.config.renamed if plan.config else NO_RENAMES
    before = api.remember(
        evidence.folder, plan.earlier, plan.events, plan.started, rules=plan.by.rules.rules, renames=renames
    )
    warn([Problem("runs", note, warning=True) for note in before.notes])
    return api.evaluate(
        plan.by.rules,
        replace(evidence, notes=(*evidence.notes, *plan.earlier.notes)),
        name=plan.name,
        as_of=plan.as_of,
        started=plan.started,
        gate=plan.gate,
        waivers=plan.by.waivers,
        soon=plan.by.soon,
        left_out=plan.by.left_out,
        before=before,
        audit_path=plan.audit_path,
    )


def _collect(
    given: Check, plan: Prepared, folder: Path, working: api.Working | None, signals: Interrupt
) -> api.Evidence:
    assert plan.config is not None
    try:
        with progress(quiet=given.quiet) as tell:
            return api.collect(
                plan.config,
                plan.by.targets,
                needs=plan.by.rules.needs,
                as_of=plan.moment,
                earlier=api.collected(plan.store, plan.name, plan.earlier) if plan.store else (),
                events=plan.deletions,
                refresh=given.refresh,
                resume=plan.begun is not None,
                key=plan.key,
                folder=folder,
                endpoint_url=given.endpoint_url,
                runtime_endpoint_url=given.runtime_endpoint_url,
                stop=signals.stop,
                progress=tell,
            )
    except InvalidInputError:
        # found before the first call: the folder holds nothing yet
        if working and plan.begun is None:
            working.store.abandon(working)
        raise


@contextmanager
def _kept(
    folder: Path, working: api.Working | None, but: str, *, whatever: bool = False, place: str = ""
) -> Iterator[None]:
    """What breaks the audit off inside does not take its answers along, and it is told where they are.

    Args:
        folder: where they are collected.
        working: the run, where one is kept.
        but: what has not come about.
        whatever: tell of them whatever it was, and not of a signal alone.
        place: where the run is complete, if it is.
    """
    try:
        yield
    except BaseException:
        with interrupt.noted():
            # somebody may have removed the run while it was made, or nothing was collected yet
            if (interrupt.code() or whatever) and (folder / RECORDS).is_file():
                text = (
                    f"interrupted: the run is complete, in {place}" if place else _place(folder, working, but)
                )
                interrupt.tell(text) if interrupt.code() else complain(text)
        raise


@contextmanager
def _given_up(working: api.Working | None) -> Iterator[None]:
    """A signal inside leaves nothing of a run whose answers are elsewhere, unless it is complete."""
    try:
        yield
    except BaseException:
        with interrupt.noted():
            if working and interrupt.code():
                if (working.folder / MANIFEST).is_file():
                    interrupt.tell(_complete(working))
                else:
                    folder = working.folder if _local(working) else working.folder.parent
                    shutil.rmtree(folder, ignore_errors=True)
        raise


def _place(folder: Path, working: api.Working | None, but: str) -> str:
    """Where the answers are of an audit that was cut short, which are copied where no run is kept, and what to do with them."""
    if working and (folder / MANIFEST).is_file():
        return _complete(working)
    path = folder / RECORDS if working else _copied(folder)
    with path.open(encoding="utf-8") as lines:
        count = sum(1 for _ in lines)
    resumed = (
        f"ask for the rest with the same command and: --resume {folder.as_posix()}"
        if working and _local(working)
        else ""
    )
    judged = f"judge them with: imageset-checker check -p POLICY --image-sets {path.as_posix()}"
    return f"interrupted: {count} answers are kept in {path.as_posix()}; {but}\nhelp: {resumed or judged}"


def _copied(folder: Path) -> Path:
    """A copy of the answers in the present folder; themselves where nothing can be written here."""
    stamp = f"interrupted-{utc_now():%Y%m%dT%H%M%SZ}"
    try:
        for name in run_folder.names(stamp):
            path = Path(f"{name}.jsonl")
            with suppress(FileExistsError):
                path.touch(mode=0o600, exist_ok=False)
                break
        shutil.copyfile(folder / RECORDS, path)
    except OSError:
        # nothing can be written here, but what was collected is kept all the same
        with suppress(OSError):
            path.unlink()
        temporary_files.keep(folder)
        return folder / RECORDS
    return path


def _complete(working: api.Working) -> str:
    """Where a run is that was cut short once it was complete."""
    text = f"interrupted: the run is complete, in {working.folder.as_posix()}"
    if _local(working):
        return text
    return f"{text}, and not yet in {working.shown}\nhelp: keep that folder"


def _local(working: api.Working | None) -> bool:
    """Whether a run is put together where it stays."""
    return working is not None and working.shown == working.folder.as_posix()


@dataclass(frozen=True)
class _Delivered:
    """What became of a run: whether all went well, the reports that were written, and where the run is kept."""

    well: bool
    reports: list[tuple[str, str]]
    place: str


def _deliver(result: api.Run, plan: Prepared, working: api.Working | None) -> _Delivered:
    """Writes every report, whatever became of the one before, and completes the run."""
    well, written = True, []
    for name, path in plan.reports:
        interrupt.stop()
        with _reporting() as went:
            written += [(name, item) for item in api.report(result, {name: path}, plan.options)]
        well = well and went.well
    interrupt.stop()
    place = ""
    if working is not None:
        events = {
            f"events-{number}.jsonl": load(file, LARGEST_TABLE)
            for number, file in enumerate(plan.event_files, 1)
        }
        with _reporting() as went:
            files = {**plan.by.files, **events}
            keep = plan.config.runs.keep if plan.config and plan.config.runs else None
            place = api.kept(
                result,
                working,
                files=files,
                reports=written,
                retention=keep,
                private=plan.private,
                key=plan.key,
                keys=plan.keys,
                options=plan.options,
            )
        well = well and went.well
    return _Delivered(well, written, place)


def _sum_up(result: api.Run, plan: Prepared, delivered: _Delivered, *, quiet: bool) -> int:
    """Prints the summary; the exit code."""
    well = delivered.well
    if quiet or any(path == STDOUT for _, path in plan.reports):
        _say_why_unread(result)
    else:
        with _reporting() as went:
            api.report(result, {"text": STDOUT}, plan.options)
            for name, path in delivered.reports:
                say(f"{name:<6} {path}")
            if delivered.place:
                say(f"{'run':<6} {delivered.place}")
        well = well and went.well
    code = result.outcome.exit_code
    return code if well or code else Outcome.UNDELIVERED.exit_code


def _say_why_unread(result: api.Run) -> None:
    """Where no summary is shown, one line says why nothing was read: exit code 3 does not."""
    from checker.reporting.run_text import why_unread

    complain(why_unread(result))


class _Went:
    """How the writing of something went."""

    well = True


@contextmanager
def _reporting() -> Iterator[_Went]:
    """What goes wrong inside is told, and never hides what was found out. A closed pipe is no error."""
    went = _Went()
    try:
        yield went
    except BrokenPipeError:
        hush_broken_pipe()
    except (api.ReportError, run_folder.RunFolderError) as error:
        complain(str(error))
        went.well = False
    except OSError as error:
        complain(f"error: standard output could not be written: {(error.strerror or str(error)).lower()}")
        hush_broken_pipe()
        went.well = False
