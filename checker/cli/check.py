"""`check`: collect, evaluate, report, gate."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager

from checker import api
from checker.cli import signals
from checker.cli.console import (
    log_to_stderr,
    print_error,
    print_line,
    print_warnings,
    progress,
    silence_broken_pipe,
)
from checker.problems import Problem


class Terminal(api.Listener):
    """The command line: what it tells goes to standard error, and signals end the audit."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__()
        self.quiet = quiet

    def warn(self, problems: Iterable[Problem]) -> None:
        """Prints warnings."""
        super().warn(found := list(problems))
        print_warnings(found)

    def fail(self, text: str) -> None:
        """Prints what could not be written."""
        super().fail(text)
        print_error(text)

    def progress(self) -> AbstractContextManager[api.Progress | None]:
        """A bar, or a line now and then."""
        return progress(quiet=self.quiet)

    def stopping(self) -> AbstractContextManager[threading.Event]:
        """The first signal ends collecting."""
        return signals.stop_event()

    def interrupted(self) -> bool:
        """Whether a signal came."""
        return bool(signals.signal_code())

    def uninterrupted(self) -> AbstractContextManager[None]:
        """Signals change the exit code and nothing else."""
        return signals.defer_signals()

    def tell(self, error: BaseException, text: str) -> None:  # noqa: ARG002 - a library adds it to the error
        """Says what becomes of the answers."""
        signals.report_interruption(text) if signals.signal_code() else print_error(text)

    def close_output(self) -> None:
        """Python would say at exit that standard output cannot be written."""
        silence_broken_pipe()


def run(options: api.AuditOptions, *, quiet: bool = False, debug: bool = False) -> int:
    """The exit code of an audit."""
    if debug:
        log_to_stderr()
    terminal = Terminal(quiet=quiet)
    with api.audit(options=options, listener=terminal) as result:
        if quiet or result.printed:
            # exit code 3 does not say why nothing was read
            print_error(api.why_nothing_was_read(result.run))
        else:
            with terminal.delivery():
                _sum_up(result)
        return result.exit_code


def _sum_up(result: api.AuditResult) -> None:
    api.report(result.run, {"text": api.STDOUT}, result.options)
    for report in result.reports:
        print_line(f"{report.format:<6} {report.path}")
    if result.place:
        print_line(f"{'run':<6} {result.place}")
