"""How waivers stand: in force or not, soon to expire, what they cover of what they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from checker.model import SOON, Duration, Waiver
from checker.values import later

State = Literal["in_force", "expired", "not_yet"]


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver in a run: how many findings it covers (or would, were it in force), and how many subjects it reaches."""

    waiver: Waiver
    state: State
    soon: bool
    used: int
    reached: int


def stand(
    waivers: Iterable[Waiver],
    usage: Mapping[int, tuple[int, int]],
    as_of: datetime,
    soon: Duration = SOON,
) -> tuple[WaiverUse, ...]:
    """How waivers stand at an instant.

    Args:
        waivers: the waivers.
        usage: by number, how many findings a waiver covers and how many subjects it reaches; those of rules that were
            not judged are left out of it, and of the result.
        as_of: the instant.
        soon: how long before its end a waiver is listed as ending soon.
    """
    found = []
    for one in waivers:
        if one.number in usage:
            state: State = (
                "in_force" if one.in_force(as_of) else "expired" if as_of >= one.ends else "not_yet"
            )
            ending = state == "in_force" and later(as_of, soon) >= one.ends
            found.append(WaiverUse(one, state, ending, *usage[one.number]))
    return tuple(found)
