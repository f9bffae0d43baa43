"""Columns as the page reads them: values of many rows as short texts of digits. `reports/html/findings-data.js` reads them
back.

A column is `{"c": v}` where every row has the same value; `{"d": [..], "w": n, "i": ".."}` where `i` has n digits of
base 64 for each row, an index into `d`; or `{"n": base, "u": unit, "w": n, "i": ".."}` for numbers and, with `"t": 1`,
for times in milliseconds: digit value 0 is null, else base + (value - 1) * unit. Fixed widths let the page read row k
without reading the rows before it. With `"r": [..]` the digits are not of rows but of runs of rows that have the same value,
and `r` has how long each is: findings stand by age and verdict, so that much is the same in many rows. No compression: its
bytes differ between builds of zlib.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby, islice, repeat
from operator import ne
from typing import Any, cast

from checker import instants
from checker.reporting.escape import json_text

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_OF_RUN = 5
"""The bytes of a run of about a hundred rows: its digit, its length and a comma. Where there are few, one takes no more."""
_SAFE_DIGITS = str.maketrans("#&<>", ".,/[")
"""In the digits of base 85: no markup, and no command to a CI server."""


def packed_ids(ids: Iterable[str]) -> str:
    """Ids of 32 hexadecimal digits as 20 digits of base 85 each."""
    return base64.b85encode(bytes.fromhex("".join(ids))).decode().translate(_SAFE_DIGITS)


def column(cells: Sequence[object], shown: Callable[[object], object]) -> dict[str, Any]:
    """The shortest of these forms; `shown` is how the page gets a value."""
    # True == 1 in Python, so that the type is part of what makes a value another one
    typed = len({*map(type, cells)} - {type(None)}) > 1
    keys: Sequence[Any] = [*zip(map(type, cells), cells, strict=True)] if typed else cells
    changes = sum(map(ne, keys, islice(keys, 1, None)))
    if not changes or (changes + 1) * _OF_RUN > len(keys):
        return _digits_of(keys, shown, typed=typed)
    lengths = [len([*rows]) for _, rows in groupby(keys)]
    return _digits_of([key for key, _ in groupby(keys)], shown, typed=typed) | {"r": lengths}


def _digits_of(keys: Sequence[Any], shown: Callable[[object], object], *, typed: bool) -> dict[str, Any]:
    distinct = [*dict.fromkeys(keys)]
    present = [value for _, value in distinct] if typed else distinct
    if len(distinct) <= 1:
        return {"c": next((shown(value) for value in present), None)}
    width = _width(len(distinct) - 1)
    listed = len(keys) * width
    number = None if typed else _numbers(keys, present)
    # a dictionary takes two bytes for each of its values at least
    if number is not None and len(number["i"]) < listed + 2 * len(distinct):
        return number
    values = [list(value) if isinstance(value, tuple) else shown(value) for value in present]
    if number is not None and len(number["i"]) < listed + len(json_text(values, script=True)):
        return number
    codes = {key: digits(index, width) for index, key in enumerate(distinct)}
    return {"d": values, "w": width, "i": "".join(map(codes.__getitem__, keys))}


def digits(number: int, width: int) -> str:
    """A number as so many digits of base 64, the most significant first."""
    text = ALPHABET[number >> 6 * (width - 1) & 63] if width % 2 else ""
    for shift in range(6 * (width - width % 2) - 12, -1, -12):
        text += _PAIRS[number >> shift & 4095]
    return text


def _numbers(cells: Sequence[object], distinct: Collection[object]) -> dict[str, Any] | None:
    """A column of numbers or times, if it is one."""
    present = [cell for cell in distinct if cell is not None]
    times = all(isinstance(cell, datetime) for cell in present)
    if not times and not all(isinstance(cell, int) and not isinstance(cell, bool) for cell in present):
        return None
    counted = {cell: _count(cell) for cell in present}
    base, most = min(counted.values()), max(counted.values())
    unit = math.gcd(*(count - base for count in counted.values())) or 1
    width = _width((most - base) // unit + 1)
    # the page computes with doubles, which are exact to 53 bits
    if max(abs(base), abs(most)) >= 2**53:
        return None
    codes = {cell: digits((count - base) // unit + 1, width) for cell, count in counted.items()}
    index = "".join(map(codes.get, cells, repeat(digits(0, width))))
    return {"n": base, "u": unit, "w": width, "i": index} | ({"t": 1} if times else {})


def _count(cell: object) -> int:
    return instants.round_ms(cell) if isinstance(cell, datetime) else cast("int", cell)


def _width(most: int) -> int:
    return max(1, math.ceil(most.bit_length() / 6))
