"""JSON values in files, each with its place."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.input_files import LARGEST_TABLE, UnreadableError, read_input
from checker.model import Location
from checker.problems import Problem, mask
from checker.values import STRICT_JSON, BadValueError

MOST_UNPACKED = 1024**3
"""Bytes of a file that is packed with gzip."""
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
MARKS = '{}[]:,"'
"""What is left of a line that is no JSON: its values may be those of patients."""
_OUTPUTS = {
    "text": re.compile(r"[^{\[\"\n\t]*\t"),
    "table": re.compile(r"[-+|]{2}"),
    "yaml": re.compile(r"(- )?[A-Za-z]\w*:(\s|$)"),
}
_FAILED = re.compile(r"(?:aws: )?(?:\[ERROR\]: )?An error occurred \((\w{1,100})\)")
_WHITE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class PlacedValue:
    """A JSON value and its place. Its number is that of the value of the file that it is or is in, from 0 on; in a file that
    is one array that of the item."""

    where: str
    number: int
    value: Any


def json_values(path: str, problems: list[Problem], warnings: list[Problem]) -> Iterator[PlacedValue]:
    """Each JSON value of a file with its place; the items of an array each."""
    shown = _shown(path)
    text = read_text(path, shown, problems)
    if text is None:
        return
    decoder = json.JSONDecoder(**STRICT_JSON)
    position = line = 0
    count = 0
    while (start := _skip(text, position)) < len(text):
        line += text.count("\n", position, start)
        where = Location(shown, line + 1, start - (text.rfind("\n", 0, start) + 1) + 1)
        if not count and (failed := _FAILED.match(text, start)):
            hint = f'record it as {{"imageSetId": .., "datastoreId": .., "error": {{"code": "{failed[1]}"}}}}'
            problems.append(Problem(where, f"this is an error that the AWS CLI told: {failed[1]}", hint))
            return
        if not count and (other := _other_output(text, start)):
            hint = "print answers with --output json"
            problems.append(Problem(where, f"this is what `--output {other}` prints", hint))
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            problems.append(_not_json(shown, where, error, text))
            return
        line += text.count("\n", start, end)
        position = end
        count += 1
        if not isinstance(value, list | dict):
            # what follows is none of it either
            problems.append(Problem(where, f"an answer is an object, not {kind_of(value)}"))
            return
        if isinstance(value, list):
            if not value:
                warnings.append(Problem(where, "records no image set", warning=True))
            yield from _items(where, count - 1, value)
        else:
            yield PlacedValue(str(where), count - 1, value)
    if not count:
        hint = "it should hold what `aws medical-imaging get-image-set` prints"
        problems.append(Problem(shown, "the file is empty", hint))


def json_lines(
    path: str, numbers: Container[int], problems: list[Problem], warnings: list[Problem]
) -> Iterator[PlacedValue]:
    """Some of the values of a file of which each has a line of its own, as `json_values` gives them.

    Args:
        path: the file, of UTF-8; it is read a line at a time.
        numbers: those of the values.
        problems: takes what is wrong with the file.
        warnings: takes what is odd about it.
    """
    shown = _shown(path)
    decoder = json.JSONDecoder(**STRICT_JSON)
    count = 0
    with Path(path).open("rb") as lines:
        for line, raw in enumerate(lines, 1):
            if not raw.strip(_WHITE.encode()):
                continue
            number, count = count, count + 1
            if number not in numbers:
                continue
            text = raw.decode()
            start = _skip(text, 0)
            where = Location(shown, line, start + 1)
            try:
                value, _ = decoder.raw_decode(text, start)
            except (ValueError, RecursionError) as error:
                problems.append(_not_json(shown, where, error, text, line - 1))
                return
            if not isinstance(value, list | dict):
                problems.append(Problem(where, f"an answer is an object, not {kind_of(value)}"))
                return
            if not isinstance(value, list):
                yield PlacedValue(str(where), number, value)
                continue
            if not value:
                warnings.append(Problem(where, "records no image set", warning=True))
            yield from _items(where, number, value)


def _items(where: Location, number: int, values: list[Any]) -> Iterator[PlacedValue]:
    for index, item in enumerate(values):
        yield PlacedValue(f"{where}: [{index}]", index if number == 0 else number, item)


def _shown(path: str) -> str:
    return "<stdin>" if path == "-" else Path(path).as_posix()


def read_text(path: str, shown: str, problems: list[Problem]) -> str | None:
    """The text of a file, packed with gzip or not, `-` for standard input; None where it cannot be read, which is noted."""
    raw = b""
    try:
        raw = read_input(Path(path), LARGEST_TABLE, "give it in parts")
        raw = _unpacked(raw)
        return _decode(raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problems.append(Problem(shown, f"cannot be unpacked: {str(error).lower()}"))
    except BadValueError as error:
        problems.append(Problem(shown, str(error), error.hint))
    except UnreadableError as error:
        problems.append(Problem(shown, str(error), error.hint))
    except UnicodeDecodeError as error:
        message = f"byte 0x{raw[error.start]:02x} at offset {error.start} is not UTF-8"
        problems.append(Problem(shown, message, "save the file as UTF-8"))
    return None


def _unpacked(raw: bytes) -> bytes:
    if raw.startswith(_ZIP):
        raise BadValueError("this is a zip archive", "unpack it")
    if not raw.startswith(_GZIP):
        return raw
    with gzip.open(io.BytesIO(raw)) as packed:
        whole = packed.read(MOST_UNPACKED + 1)
    if len(whole) > MOST_UNPACKED:
        raise BadValueError("the file unpacks to more than 1 GiB", "unpack it, or give it in parts")
    return whole


def _decode(raw: bytes) -> str:
    """Text of UTF-8, or of UTF-16 with its mark, which is what PowerShell's `>` writes."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")


def _other_output(text: str, start: int) -> str:
    """The format of the AWS CLI that a file begins in, where it is another one than JSON."""
    return next((name for name, begin in _OUTPUTS.items() if begin.match(text, start)), "")


def kind_of(value: Any) -> str:
    """What a JSON value is, in a user's words. Not its text: that may be of a patient."""
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return "null" if value is None else names.get(type(value), "an object")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITE:
        position += 1
    return position


def _not_json(shown: str, where: Location, error: Exception, text: str, line_before: int = 0) -> Problem:
    if isinstance(error, json.JSONDecodeError):
        where = Location(shown, line_before + error.lineno, error.colno)
        line = text.splitlines()[error.lineno - 1] if text.splitlines()[error.lineno - 1 :] else ""
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return Problem(where, message, "print answers with --output json", mask(line, MARKS))
    if isinstance(error, BadValueError):
        return Problem(where, str(error))
    return Problem(where, f"not JSON: {str(error) or 'nested too deeply'}")
