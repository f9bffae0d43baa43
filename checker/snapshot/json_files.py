"""JSON values in files, each with its place."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
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


def json_values(path: str, problems: list[Problem], warnings: list[Problem]) -> Iterator[tuple[str, Any]]:
    """Each JSON value of a file with its place; the items of an array each."""
    shown = "<stdin>" if path == "-" else Path(path).as_posix()
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
            yield from ((f"{where}: [{index}]", item) for index, item in enumerate(value))
        else:
            yield str(where), value
    if not count:
        hint = "it should hold what `aws medical-imaging get-image-set` prints"
        problems.append(Problem(shown, "the file is empty", hint))


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


def _not_json(shown: str, where: Location, error: Exception, text: str) -> Problem:
    if isinstance(error, json.JSONDecodeError):
        where = Location(shown, error.lineno, error.colno)
        line = text.splitlines()[error.lineno - 1] if text.splitlines()[error.lineno - 1 :] else ""
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return Problem(where, message, "print answers with --output json", mask(line, MARKS))
    if isinstance(error, BadValueError):
        return Problem(where, str(error))
    return Problem(where, f"not JSON: {str(error) or 'nested too deeply'}")
