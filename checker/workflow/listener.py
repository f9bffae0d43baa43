"""Whoever runs an audit: what it is told while the audit goes on, and how it ends it early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from checker.problems import Problem
from checker.reporting import ReportError
from checker.runs.run_folder import RunFolderError


class Progress(Protocol):
    """Told how many image sets are done, of how many."""

    def __call__(self, done: int, total: int, /) -> None: ...


class Listener:
    """A program that runs an audit and is sent no signals. `warnings` are those of the audit so far, `failures` what could not
    be written of it.

    Args:
        stop: once set, collecting ends soon.
        progress: told how many image sets are done, of how many.
        warn: told each warning as it comes.
    """

    def __init__(
        self,
        stop: threading.Event | None = None,
        progress: Progress | None = None,
        warn: Callable[[Iterable[Problem]], None] | None = None,
    ) -> None:
        self.warnings: list[Problem] = []
        self.failures: list[str] = []
        self._stop, self._progress, self._warn = stop, progress, warn

    def warn(self, problems: Iterable[Problem]) -> None:
        """Takes warnings."""
        found = list(problems)
        self.warnings += found
        if self._warn and found:
            self._warn(found)

    def fail(self, text: str) -> None:
        """Takes what could not be written."""
        self.failures.append(text)

    def progress(self) -> AbstractContextManager[Progress | None]:
        """What is told of progress inside the block."""
        return nullcontext(self._progress)

    def stopping(self) -> AbstractContextManager[threading.Event | None]:
        """What ends collecting inside the block, once it is set."""
        return nullcontext(self._stop)

    def interrupted(self) -> bool:
        """Whether a signal came."""
        return False

    def check(self) -> None:
        """Ends here what a signal was to end, wherever that was lost on its way.

        Raises:
            KeyboardInterrupt: a signal came.
        """
        if self.interrupted():
            raise KeyboardInterrupt

    def uninterrupted(self) -> AbstractContextManager[None]:
        """While active, no signal breaks anything off."""
        return nullcontext()

    def tell(self, error: BaseException, text: str) -> None:
        """Says what becomes of the answers of an audit that an error broke off."""
        error.add_note(text)

    def close_output(self) -> None:
        """Takes note that standard output cannot be written any more."""

    @contextmanager
    def delivery(self) -> Iterator[None]:
        """What goes wrong with writing inside is told, and never hides what was found out. A closed pipe is no error."""
        try:
            yield
        except BrokenPipeError:
            self.close_output()
        except (ReportError, RunFolderError) as error:
            self.fail(str(error))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.fail(f"error: standard output could not be written: {reason}")
            self.close_output()
