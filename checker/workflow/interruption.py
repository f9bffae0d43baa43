"""What becomes of the answers of an audit that is broken off: they are kept where they took long, and it is told where."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from checker import temporary_files
from checker.layout import MANIFEST, RECORDS
from checker.model import Outcome, utc_now
from checker.problems import CheckerError
from checker.runs import run_folder
from checker.runs.local_store import PendingRun
from checker.workflow.listener import Listener


class AuditStoppedError(CheckerError):
    """Collecting was ended early: what was collected is kept, and nothing was judged. Its notes say where."""

    exit_code = Outcome.INCOMPLETE.exit_code


@dataclass(frozen=True)
class CollectedAnswers:
    """The answers of a live audit in a folder, and the run that is kept of them, if one is. They took long: they are kept,
    whatever breaks the audit off."""

    folder: Path
    working: PendingRun | None
    listener: Listener

    @contextmanager
    def kept(self, but: str, *, whatever: bool = False, place: str = "") -> Iterator[None]:
        """What breaks the audit off inside does not take its answers along, and it is told where they are.

        Args:
            but: what has not come about.
            whatever: tell of them whatever it was, and not of a signal or a stop alone.
            place: where the run is complete, if it is.
        """
        try:
            yield
        except BaseException as error:
            with self.listener.uninterrupted():
                # somebody may have removed the run while it was made, or nothing was collected yet
                if (whatever or _is_end(error, self.listener)) and (self.folder / RECORDS).is_file():
                    text = f"interrupted: the run is complete, in {place}" if place else self._place(but)
                    self.listener.tell(error, text)
            raise

    def _place(self, but: str) -> str:
        """Where the answers are, which are copied where no run is kept, and what to do with them."""
        if self.working and (self.folder / MANIFEST).is_file():
            return _complete(self.working)
        path = self.folder / RECORDS if self.working else self._copied()
        with path.open(encoding="utf-8") as lines:
            count = sum(1 for _ in lines)
        resumed = f"ask for the rest with the same command and: --resume {self.folder.as_posix()}"
        judged = f"judge them with: imageset-checker check -p POLICY --image-sets {path.as_posix()}"
        hint = resumed if self.working and _local(self.working) else judged
        return f"interrupted: {count:,} {'answer is' if count == 1 else 'answers are'} kept in {path.as_posix()}; {but}\nhelp: {hint}"

    def _copied(self) -> Path:
        """A copy of the answers in the present folder; themselves where nothing can be written here."""
        stamp = f"interrupted-{utc_now():%Y%m%dT%H%M%SZ}"
        try:
            for name in run_folder.candidate_names(stamp):
                path = Path(f"{name}.jsonl")
                with suppress(FileExistsError):
                    path.touch(mode=0o600, exist_ok=False)
                    break
            shutil.copyfile(self.folder / RECORDS, path)
        except OSError:
            # nothing can be written here, but what was collected is kept all the same
            with suppress(OSError):
                path.unlink()
            temporary_files.preserve(self.folder)
            return self.folder / RECORDS
        return path


@dataclass(frozen=True)
class CopiedAnswers:
    """Answers that are elsewhere too, and the run that is kept of them, if one is."""

    working: PendingRun | None
    listener: Listener

    @contextmanager
    def kept(self, but: str = "", *, whatever: bool = False, place: str = "") -> Iterator[None]:  # noqa: ARG002 - as of collected ones
        """A signal inside leaves nothing of the run, unless it is complete."""
        try:
            yield
        except BaseException as error:
            with self.listener.uninterrupted():
                if self.working and _is_end(error, self.listener):
                    if (self.working.folder / MANIFEST).is_file():
                        self.listener.tell(error, _complete(self.working))
                    else:
                        folder = self.working.folder
                        shutil.rmtree(folder if _local(self.working) else folder.parent, ignore_errors=True)
            raise


def _is_end(error: BaseException, listener: Listener) -> bool:
    """Whether somebody wanted the audit to end: whatever a library made of a signal."""
    return listener.interrupted() or isinstance(error, KeyboardInterrupt | AuditStoppedError)


def _complete(working: PendingRun) -> str:
    """Where a run is that was cut short once it was complete."""
    text = f"interrupted: the run is complete, in {working.folder.as_posix()}"
    if _local(working):
        return text
    return f"{text}, and not yet in {working.shown}\nhelp: keep that folder"


def _local(working: PendingRun) -> bool:
    """Whether a run is put together where it stays."""
    return working.shown == working.folder.as_posix()
