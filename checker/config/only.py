"""`--target`: patterns of the names of targets and of their parts, of which some are known only once they are found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

_WILD = re.compile(r"[*?\[]")


def chosen(name: str, whole: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches a target, or one that it is a part of; `whole` is what audit.yaml calls it."""
    return any(fnmatchcase(one, pattern) for one in _above(name, whole) for pattern in patterns)


def _above(name: str, whole: str) -> Iterator[str]:
    yield whole
    at = whole
    for step in name.removeprefix(whole).split("/")[1:]:
        at = f"{at}/{step}"
        yield at


def may_match(whole: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """The patterns that may match a part of a target, whatever parts it turns out to have."""
    start = f"{whole}/"
    return tuple(one for one in patterns if _may_start(one, start))


def _may_start(pattern: str, start: str) -> bool:
    fixed = _WILD.split(pattern, maxsplit=1)[0]
    return fixed.startswith(start) or (fixed != pattern and start.startswith(fixed))
