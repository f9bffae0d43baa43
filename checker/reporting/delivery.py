"""Reports onto disk: written beside their place and renamed, so that nobody ever reads half of one."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from checker import temporary_files
from checker.file_modes import private, public
from checker.problems import CheckerError, InvalidInputError, Problem, printable
from checker.reporting.formats import Writer
from checker.reporting.report_options import USUAL_WIDTH, Options

STDOUT = "-"
# Renaming would put a file in place of the stream that the shell has opened.
_STREAMS = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_DESCRIPTORS = ("/dev/stderr", "/dev/fd/", "/proc/self/fd/")
CONTINUED = "<!-- imageset-checker: part {} -->"
"""The second line of a further part of a split report, by which a later run knows it as ours."""


class ReportError(CheckerError):
    """A report could not be written after all. What was checked stands: this never hides a violation."""

    exit_code = 4

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{printable(path)}: error: the report could not be written: {printable(reason)}")


def probe(path: str | Path) -> None:
    """Whether a report can be written to the path, asked before anything is collected; leaves nothing behind.

    Missing folders are no problem: they are made at delivery.

    Raises:
        InvalidInputError: the path is a folder, lies under a file, or in a folder that cannot be written.
    """
    text = str(path)
    if text == STDOUT or _is_stream(text):
        return
    try:
        if not text or text.endswith(("/", os.sep)) or Path(text).is_dir():
            raise _refused(text, "this is a folder", "name a file in it")
        target = _resolved(text)
        if _is_special(target):
            return
        _probe_folder(text, target)
        if len(os.fsencode(target.name)) > os.pathconf(_existing(target.parent), "PC_NAME_MAX"):
            raise _refused(text, "the file name is too long", "")
    except (OSError, ValueError) as error:
        raise _refused(text, _reason(error), "name a file in a folder that can be written") from error


def deliver(
    document: Any, report: Writer, path: str | Path, options: Options, stdout: TextIO | None = None
) -> tuple[str, ...]:
    """Writes a report, all of it or nothing.

    Args:
        document: what to report.
        report: what writes it.
        path: the file; `-` is standard output. Links are followed; a device or a pipe is written as it is.
        options: how to write it.
        stdout: the stream that `-` means; the process's unless given. It gets UTF-8 whatever its own encoding.

    Returns:
        The paths that were written: several where a report was split.

    Raises:
        ReportError: it could not be written; a file that was there before is untouched.
        BrokenPipeError: the reader of a pipe went away, which is no error of the report.
    """
    # only a run shows values of DICOM attributes
    shown = options.show_phi and bool(document.dicom)
    with private() if shown else public():
        return _deliver(document, report, str(path), options, stdout)


def _deliver(
    document: Any, report: Writer, text: str, options: Options, stdout: TextIO | None
) -> tuple[str, ...]:
    try:
        if text == STDOUT or text in _STREAMS:
            _write_stdout(document, report, replace(options, folders=True), stdout or sys.stdout)
            return (text,)
        # a file has the same bytes whatever terminal it is written from
        options = replace(options, color=False, width=USUAL_WIDTH)
        target = _resolved(text)
        if _is_stream(text) or _is_special(target):
            with Path(text).open("w", encoding="utf-8", errors="replace", newline="\n") as out:
                report.write(document, out, options)
            return (text,)
        target.parent.mkdir(parents=True, exist_ok=True)
        names = _replace(document, report, target, options)
        return tuple(str(Path(text).with_name(name)) if i else text for i, name in enumerate(names))
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise ReportError(text, _reason(error)) from error


def _replace(document: Any, report: Writer, target: Path, options: Options) -> list[str]:
    """Writes every part beside its place, then renames them all; the first one last, as it is what others wait for."""
    written: list[tuple[Path, Path]] = []
    try:
        if report.parts is None:
            with _temporary(target, target, written) as out:
                report.write(document, out, options)
        else:
            for number, text in enumerate(report.parts(document, options), start=1):
                _write_part(text, target, number, written)
        with temporary_files.defer_signals():
            for temporary, place in reversed(written):
                temporary.replace(place)
            if report.parts is not None:
                _remove_stale(target, len(written) + 1)
        return [place.name for _, place in written]
    finally:
        for temporary, _ in written:
            temporary_files.discard(temporary)


def _write_part(text: Iterable[str], target: Path, number: int, written: list[tuple[Path, Path]]) -> None:
    place = part(target, number)
    if number > 1 and place.exists() and not _is_ours(place, number):
        raise FileExistsError(0, f"it needs several files, and {place.name} is in the way")
    with _temporary(place, target, written) as out:
        out.writelines(text)


def part(target: Path, number: int) -> Path:
    """Where a part of a split report goes: junit.xml, junit-2.xml, junit-3.xml."""
    return target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")


def _remove_stale(target: Path, number: int) -> None:
    """Parts that an earlier, longer report left: a CI that reads junit*.xml would take them for this run's."""
    while (place := part(target, number)).is_file() and _is_ours(place, number):
        place.unlink()
        number += 1


def _is_ours(place: Path, number: int) -> bool:
    try:
        with place.open(encoding="utf-8", errors="replace") as file:
            file.readline(200)
            return file.readline(200).rstrip() == CONTINUED.format(number)
    except OSError:
        return False


@contextmanager
def _temporary(place: Path, target: Path, written: list[tuple[Path, Path]]) -> Iterator[TextIO]:
    temporary = temporary_files.draft(target)
    written.append((temporary, place))
    # made by `open`, so that the report gets the permissions that the umask gives any other file
    with temporary.open("x", encoding="utf-8", errors="replace", newline="\n") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())


class _Utf8(io.TextIOBase):
    """UTF-8 into standard output. Unlike a TextIOWrapper it never closes what it writes to, not even after an error."""

    def __init__(self, binary: BinaryIO) -> None:
        super().__init__()
        self.binary = binary

    def write(self, text: str) -> int:
        self.binary.write(text.encode("utf-8", "replace"))
        return len(text)


def _write_stdout(document: Any, report: Writer, options: Options, stdout: TextIO) -> None:
    binary = getattr(stdout, "buffer", None)
    stdout.flush()
    # a StringIO, or what a test puts in its place, has no bytes below
    report.write(document, stdout if binary is None else cast("TextIO", _Utf8(binary)), options)
    stdout.flush()


def _resolved(text: str) -> Path:
    try:
        return Path(text).resolve()
    except RuntimeError as error:  # Python 3.11 and 3.12 say so of links that lead to themselves
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def _is_stream(text: str) -> bool:
    return text in _STREAMS or text.startswith(_DESCRIPTORS)


def _is_special(target: Path) -> bool:
    return target.exists() and not target.is_file() and not target.is_dir()


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _probe_folder(text: str, target: Path) -> None:
    folder = _existing(target.parent)
    if not folder.is_dir():
        raise _refused(text, f"{folder.name} is a file, not a folder", "name a file in a folder")
    # making a file is the one test that read-only mounts, quotas and access lists all answer
    attempt = temporary_files.draft(folder / "report")
    try:
        attempt.touch(exist_ok=False)
    finally:
        temporary_files.discard(attempt)


def _refused(text: str, reason: str, hint: str) -> InvalidInputError:
    return InvalidInputError(
        Problem(printable(text) or '""', f"the report cannot be written here: {reason}", hint)
    )


def _reason(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
