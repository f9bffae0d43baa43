"""Arguments in, exit code out: the only place that prints. One file per command."""

from __future__ import annotations

import sys
from functools import cache

from checker import __version__

TYPE_CHECKING = False  # typing's own constant costs more than Python's start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PROGRAM = "imageset-checker"
INVALID = 2
INCOMPLETE = 3
BUG = 70
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit code. 0 passed, 1 violation, 2 invalid, 3 incomplete, 4 undelivered, 70 our own bug."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"] and (done := _version()) is not None:
        return done
    from checker.cli import resource_limits, signals

    code, program = INTERRUPTED, arguments is None
    try:
        with signals.raise_signals(program=program):
            code = _command(given)
    except Exception as error:  # noqa: BLE001 - too little was left to say so with
        code = INCOMPLETE if resource_limits.missing_resource(error) else BUG
        resource_limits.last_words(
            f"{PROGRAM}: error: {resource_limits.missing_resource(error) or type(error).__name__}"
        )
    except KeyboardInterrupt:  # one more, while the first one was told
        pass
    return signals.end(code, program=program)


def _version() -> int | None:
    """Prints the version with next to nothing imported; the exit code. None where that cannot be, which the usual way says."""
    try:
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except (AttributeError, OSError, ValueError):  # closed by the caller or by a reader, or full
        return None
    return 0


def _command(given: list[str]) -> int:
    from checker.cli import signals
    from checker.cli.console import close_streams, open_streams

    open_streams()
    _forget()
    code = _guarded(given)
    if (signals.signal_code() or code == INTERRUPTED) and not signals.was_reported():
        signals.report_interruption("interrupted")
    if not signals.signal_code():
        close_streams()
    return code


def _guarded(given: list[str]) -> int:
    """A traceback exits 1, which reads as a violation: whatever happens becomes an exit code of ours."""
    from checker.cli import resource_limits
    from checker.cli.console import print_error, print_line, silence_broken_pipe

    try:
        if given == ["--version"]:
            print_line(f"{PROGRAM} {__version__}")
            return 0
        if told := resource_limits.too_small_reason(given):
            print_error(f"{PROGRAM}: error: {told}")
            return INCOMPLETE
        return _run(given)
    except BrokenPipeError:
        silence_broken_pipe()
        return INCOMPLETE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort
        return _failed(error, given)


def _failed(error: Exception, given: list[str]) -> int:
    """Says why a command failed; the exit code."""
    from checker.cli import resource_limits
    from checker.cli.console import print_error
    from checker.cli.signals import signal_code
    from checker.problems import CheckerError

    if signal_code():
        return INTERRUPTED  # whatever a library made of the signal
    if isinstance(error, CheckerError):
        print_error(str(error))
        return error.exit_code
    short = isinstance(error, OSError) or resource_limits.out_of_memory(error)
    if not short and (told := _malformed()):
        print_error(told)
        return INVALID
    if lack := resource_limits.missing_resource(error):
        print_error(f"{PROGRAM}: error: the run could not be completed: {lack}")
        return INCOMPLETE
    print_error(_bug(error))
    if "--debug" in given:
        raise_to_stderr(error)
    return BUG


def _malformed() -> str:
    """What is malformed in the kept runs that were read, or does not follow from their evidence, as text: then it is no bug
    of ours."""
    past: Any = sys.modules.get("checker.runs.run_reader")
    if past is None or not past.folders_read():
        return ""
    from checker.api import reproduction_obstacle
    from checker.problems import render

    try:
        found = past.malformed_files_of_all()
        return render(
            found or [problem for folder in past.folders_read() for problem in reproduction_obstacle(folder)]
        )
    except Exception:  # noqa: BLE001 - then the first error is told
        return ""


def _forget() -> None:
    """A process may run several commands, and what one of them read is nothing to the next."""
    for name, forget in (
        ("checker.runs.run_reader", "clear_read_log"),
        ("checker.input_files", "close_pipes"),
    ):
        if (module := sys.modules.get(name)) is not None:
            getattr(module, forget)()


def _run(arguments: list[str]) -> int:
    import typer

    from checker.cli.console import print_error
    from checker.cli.usage_errors import refuse_missing_values, usage_problem
    from checker.snapshot.duckdb_pool import pool

    command = _typer_command()
    refuse_missing_values(command, arguments)
    try:
        with pool():
            code: Any = command(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except typer.exceptions.TyperException as error:
        print_error(usage_problem(error, command, arguments, PROGRAM))
        return 2
    except typer.Abort:
        return INTERRUPTED
    except SystemExit:
        # Typer ends so where a pipe breaks, with the code of a violation
        return 0 if {"-h", "--help"} & {*arguments} else INCOMPLETE
    return code if isinstance(code, int) else 0


@cache
def _typer_command() -> Any:
    """All commands, as Typer makes them of the signatures."""
    import typer

    from checker.cli.commands import app

    return typer.main.get_command(app)


def _bug(error: Exception) -> str:
    where = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename.replace("\\", "/")
        if "/checker/" in file:
            where = f" at checker/{file.rpartition('/checker/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    first = str(error).splitlines()[0] if str(error) else ""
    return (
        f"{PROGRAM} {__version__}: internal error{where}: {type(error).__name__}: {first}\n"
        "help: nothing was decided; run it again with --debug and report what it prints"
    )


def raise_to_stderr(error: Exception) -> None:
    """Prints the traceback of an exception."""
    import traceback

    from checker.cli.console import print_error

    print_error("".join(traceback.format_exception(error)).rstrip())
