"""Arguments in, exit code out: the only place that prints. One file per command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from checker import __version__

PROGRAM = "imageset-checker"
INVALID = 2
INCOMPLETE = 3
BUG = 70
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit code. 0 passed, 1 violation, 2 invalid, 3 incomplete, 4 undelivered, 70 our own bug."""
    from checker.cli import interrupt, machine

    code, program = INTERRUPTED, arguments is None
    try:
        with interrupt.raised(program=program):
            code = _command(sys.argv[1:] if arguments is None else list(arguments))
    except Exception as error:  # noqa: BLE001 - too little was left to say so with
        code = INCOMPLETE if machine.lack(error) else BUG
        machine.last_words(f"{PROGRAM}: error: {machine.lack(error) or type(error).__name__}")
    except KeyboardInterrupt:  # one more, while the first one was told
        pass
    return interrupt.end(code, program=program)


def _command(given: list[str]) -> int:
    from checker.cli import interrupt
    from checker.cli.console import close_streams, open_streams

    open_streams()
    _forget()
    code = _guarded(given)
    if (interrupt.code() or code == INTERRUPTED) and not interrupt.told():
        interrupt.tell("interrupted")
    if not interrupt.code():
        close_streams()
    return code


def _guarded(given: list[str]) -> int:
    """A traceback exits 1, which reads as a violation: whatever happens becomes an exit code of ours."""
    from checker.cli import machine
    from checker.cli.console import complain, hush_broken_pipe, say

    try:
        if given == ["--version"]:
            say(f"{PROGRAM} {__version__}")
            return 0
        if told := machine.too_small(given):
            complain(f"{PROGRAM}: error: {told}")
            return INCOMPLETE
        return _run(given)
    except BrokenPipeError:
        hush_broken_pipe()
        return INCOMPLETE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort
        return _failed(error, given)


def _failed(error: Exception, given: list[str]) -> int:
    """Says why a command failed; the exit code."""
    from checker.cli import machine
    from checker.cli.console import complain
    from checker.cli.interrupt import code as interrupted
    from checker.problems import CheckerError

    if interrupted():
        return INTERRUPTED  # whatever a library made of the signal
    if isinstance(error, CheckerError):
        complain(str(error))
        return error.exit_code
    short = isinstance(error, OSError) or machine.out_of_memory(error)
    if not short and (told := _malformed()):
        complain(told)
        return INVALID
    if lack := machine.lack(error):
        complain(f"{PROGRAM}: error: the run could not be completed: {lack}")
        return INCOMPLETE
    complain(_bug(error))
    if "--debug" in given:
        raise_to_stderr(error)
    return BUG


def _malformed() -> str:
    """What is malformed in the kept runs that were read, or does not follow from their evidence, as text: then it is no bug
    of ours."""
    past: Any = sys.modules.get("checker.runs.run_reader")
    if past is None or not past.folders_read():
        return ""
    from checker.judgement.reproduction import underivable
    from checker.problems import render

    try:
        found = past.malformed_of_all()
        return render(found or [problem for folder in past.folders_read() for problem in underivable(folder)])
    except Exception:  # noqa: BLE001 - then the first error is told
        return ""


def _forget() -> None:
    """A process may run several commands, and what one of them read is nothing to the next."""
    for name in ("checker.runs.run_reader", "checker.input_files"):
        module: Any = sys.modules.get(name)
        if module is not None:
            module.forget()


def _run(arguments: list[str]) -> int:
    import typer

    from checker.cli.console import complain
    from checker.cli.usage import refuse, told
    from checker.snapshot.duckdb_pool import kept_open

    command = _typer_command()
    refuse(command, arguments)
    try:
        with kept_open():
            code: Any = command(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except typer.exceptions.TyperException as error:
        complain(told(error, command, arguments, PROGRAM))
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

    from checker.cli.app import app

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

    from checker.cli.console import complain

    complain("".join(traceback.format_exception(error)).rstrip())
