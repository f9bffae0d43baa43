"""`--target`: patterns of the names of targets and of their parts, of which some are known only once they are found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from checker.config.audit import TargetConfig
from checker.model import Target
from checker.problems import InvalidInputError, Problem, suggest

_WILD = re.compile(r"[*?\[]")


def matches_name(name: str, whole: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches a target, or one that it is a part of; `whole` is what audit.yaml calls it."""
    return any(fnmatchcase(item, pattern) for item in _above(name, whole) for pattern in patterns)


def _above(name: str, whole: str) -> Iterator[str]:
    yield whole
    at = whole
    for step in name.removeprefix(whole).split("/")[1:]:
        at = f"{at}/{step}"
        yield at


def may_match(whole: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """The patterns that may match a part of a target, whatever parts it turns out to have."""
    start = f"{whole}/"
    return tuple(pattern for pattern in patterns if _may_start(pattern, start))


def _may_start(pattern: str, start: str) -> bool:
    fixed = _WILD.split(pattern, maxsplit=1)[0]
    return fixed.startswith(start) or (fixed != pattern and start.startswith(fixed))


def select(
    configured: Sequence[TargetConfig], every: Sequence[Target], only: Sequence[str]
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """The targets that patterns choose, and what they leave out, as texts. Of a target whose parts are known only once they
    are found all are kept that may be chosen.

    Raises:
        InvalidInputError: a pattern that no target matches, nor can a part of one.
    """
    wholes = {name: target.name for target in configured for name in target.names}
    later = {name for target in configured if target.found_later for name in target.names}
    kept, left_out, matched = list[Target](), list[str](), set[str]()
    for target in every:
        whole = wholes[target.name]
        found = [pattern for pattern in only if matches_name(target.name, whole, (pattern,))]
        parts = may_match(whole if target.organization else target.name, only) if target.name in later else ()
        matched.update(found, parts)
        if found or parts:
            kept.append(target if found else replace(target, only=parts))
        if not found:
            left_out.append(f"target {target.name}" + (f", but for {', '.join(parts)}" if parts else ""))
    names = list(dict.fromkeys([*wholes.values(), *wholes]))
    if missed := [pattern for pattern in only if pattern not in matched]:
        raise InvalidInputError(
            Problem("--target", f"no target is called {pattern}", suggest(pattern, names, what="targets are"))
            for pattern in missed
        )
    return tuple(kept), tuple(left_out)
