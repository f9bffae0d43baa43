"""Standard output and standard error: summaries, problems and progress."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from checker.problems import Problem, printable, render
from checker.redaction import redact

if TYPE_CHECKING:
    from checker.reporting.text_layout import Column

EVERY_SECONDS = 10.0


def open_streams() -> None:
    """Stands in for streams that the caller has closed: Python then has None in their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the end


def print_error(text: str) -> None:
    """A line on standard error, whatever it can encode; where nobody listens, the exit code still speaks. It may quote
    what others wrote: it shows no secret, and nothing that acts on a terminal or a CI server."""
    if text:
        with suppress(OSError):
            _write(sys.stderr, printable(redact(text)) + "\n")


def print_line(text: str, colour: str = "") -> None:
    """A line on standard output, or several, with nothing that acts on a terminal or a CI server, in a colour where there are to
    be any; a reader that went away is no error."""
    from checker.reporting.escape import visible
    from checker.reporting.terminal_colors import paint

    try:
        _write(sys.stdout, paint(visible(text), colour, on=colored(sys.stdout)) + "\n")
    except BrokenPipeError:
        silence_broken_pipe()


def print_table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    head: bool = True,
    colours: Sequence[str] = (),
) -> None:
    """Rows of texts on standard output, in columns that its width has room for.

    Args:
        columns: what stands in the table.
        rows: texts, one for each column.
        head: whether there is a head.
        colours: that of each row, where they have any; empty for none.
    """
    from checker.reporting.text_layout import LEAST, table

    every = list(rows)
    laid = list(table(columns, every, max(line_width(sys.stdout), LEAST), head=head))
    heads = [""] * (len(laid) - len(every))
    for lines, colour in zip(laid, [*heads, *(colours or [""] * len(every))], strict=True):
        for line in lines:
            print_line(line, colour)


def print_warnings(problems: Iterable[Problem]) -> None:
    """Warnings on standard error."""
    print_error(render(problems))


def colored(stream: object) -> bool:
    """Whether to use colours: on a terminal, or where FORCE_COLOR asks for them (https://force-color.org), unless NO_COLOR
    is set (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR", "")
    if forced:
        return forced not in ("0", "false")
    return os.environ.get("TERM") != "dumb" and bool(getattr(stream, "isatty", lambda: False)())


def line_width(stream: object) -> int:
    """How many cells a line of a stream may take: what COLUMNS says, else what its terminal has, else 80."""
    from checker.reporting.report_options import USUAL_WIDTH

    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns)
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(stream.fileno()).columns or USUAL_WIDTH  # type: ignore[attr-defined]
    return USUAL_WIDTH


def silence_broken_pipe() -> None:
    """Standard output cannot be written any more; Python would say so at exit, and change the exit code."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def close_streams() -> None:
    """Flushes now what Python would flush at exit, where a failure changes the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def log_to_stderr() -> None:
    """Sends what the checker's own modules log to standard error: actions and status codes, never headers or bodies."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(relativeCreated)7d ms %(threadName)s %(message)s"))
    logger = logging.getLogger("checker")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG)


class _Formatter(logging.Formatter):
    """Lines that show no secret, and nothing that acts on a terminal or a CI server."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(redact(super().format(record)))


def _write(stream: object, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))  # type: ignore[attr-defined]
    stream.flush()  # type: ignore[attr-defined]


@contextmanager
def progress(
    *, quiet: bool, doing: str = "reading image sets", done: str = "image sets read"
) -> Iterator[Callable[[int, int], None] | None]:
    """What to call with how many are done, of how many: a bar on a terminal, else a line per 10 seconds.

    Args:
        quiet: nothing is told.
        doing: what the bar says.
        done: what a line says after the numbers.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(doing) as update:
            yield update
    else:
        yield _Lines(done)


@contextmanager
def _bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Progress where nobody looks at a terminal."""

    def __init__(self, said: str) -> None:
        self.said = said
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self.last >= EVERY_SECONDS:
            self.last = time.monotonic()
            print_error(f"{done:,} of {total:,} {self.said}")
