"""How waivers stand: in force or not, soon to expire, what they cover of what they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from checker.instants import add_duration
from checker.model import SOON, Duration, Verdict, Waiver
from checker.values import show

if TYPE_CHECKING:
    from checker.waivers.usage import Usage

State = Literal["in_force", "expired", "not_yet"]


NOT_JUDGED = "its rule was not judged"


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver in a run: how many findings it covers (or would, were it in force), and how many subjects it reaches.

    `undecided` is how many it may cover that could not be judged, `omission` says what it is about that nobody has looked
    at; empty where there is no such thing.
    """

    waiver: Waiver
    state: State
    soon: bool
    used: int
    reached: int
    undecided: int = 0
    omission: str = ""

    @property
    def judged(self) -> bool:
        """Whether its rule was."""
        return self.omission != NOT_JUDGED

    @property
    def doubt(self) -> str:
        """Why it could not be told whether it is needed; empty where it could, or where it is not in force yet."""
        if self.state == "not_yet" or self.used:
            return ""
        if self.omission or not self.undecided:
            return self.omission
        # of a search that failed, no subject is known to be reached
        of = f"of {self.reached:,} that it reaches, " if self.reached >= self.undecided else ""
        return f"{of}{self.undecided:,} could not be judged"

    @property
    def unused(self) -> bool:
        """Nothing that it covers is there any more, though it could be in force: all that it is about was judged."""
        return self.state != "not_yet" and not self.used and not self.doubt

    @property
    def over_broad(self) -> bool:
        """It is in force for a whole target or for labels, and fewer than half of what it reaches has a finding, or could
        have."""
        wide = self.state == "in_force" and not self.waiver.image_sets and not self.omission
        return wide and not self.doubt and 2 * (self.used + self.undecided) < self.reached

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of it, as texts; nothing of one that is in force and used."""
        days = expiry_remarks(self.waiver, self.state, soon=self.soon) if self.judged else ()
        return (*days, *([self.usage] if self.usage else ()))

    @property
    def usage(self) -> str:
        """What is to be said of what it covers: that it is unused or over-broad, or that this could not be told; empty
        where it is neither."""
        unknown = self.waiver.covers is Verdict.UNKNOWN
        if self.doubt:
            return f"could not be told whether it is needed: {self.doubt}"
        if self.unused:
            return f"unused: it covers no {'unknown' if unknown else 'fail'}"
        if not self.over_broad:
            return ""
        verb = "fails" if self.used == 1 else "fail"
        if unknown:
            verb = "is unknown" if self.used == 1 else "are unknown"
        return f"over-broad: of {self.reached:,} that it reaches, {self.used:,} {verb}"


def state_of(waiver: Waiver, as_of: datetime) -> State:
    """Whether a waiver is in force at an instant, or why not."""
    if waiver.in_force(as_of):
        return "in_force"
    return "expired" if as_of >= waiver.ends else "not_yet"


def ends_soon(waiver: Waiver, as_of: datetime, soon: Duration = SOON) -> bool:
    """Whether a waiver is in force, and ends within a time."""
    return waiver.in_force(as_of) and add_duration(as_of, soon) >= waiver.ends


def expiry_remarks(waiver: Waiver, state: State, *, soon: bool = False) -> tuple[str, ...]:
    """What is to be said of a waiver's days, as texts."""
    if state == "expired":
        return (f"expired: its last day was {day(waiver.expires)}, and what it covered counts again",)
    if state == "not_yet":
        return (f"not in force yet: its first day is {day(waiver.created)}",)
    return (f"expires soon: its last day is {day(waiver.expires)}",) if soon else ()


def days_left(waiver: Waiver, as_of: datetime) -> int:
    """The days from an instant's to the last valid one: 0 on that day, negative after it."""
    return (waiver.expires.date() - as_of.astimezone(UTC).date()).days


def coverage_text(waiver: Waiver, most: int | None = None) -> str:
    """What a waiver covers, in words: `image sets A, B`, `target archive`, `labels class: adult`, `.. at version 3`.

    Args:
        waiver: the waiver.
        most: how many image sets are named; all of them unless given.
    """
    if waiver.image_sets:
        named, more = waiver.image_sets[:most], len(waiver.image_sets[most:]) if most else 0
        text = f"image set{'s' * (len(waiver.image_sets) > 1)} {', '.join(named)}{f' and {more:,} more' if more else ''}"
    elif waiver.target is not None:
        text = f"target {waiver.target}"
    else:
        text = f"labels {', '.join(f'{name}: {show(value)}' for name, value in waiver.labels.items())}"
    version = "" if waiver.version is None else f" at version {waiver.version}"
    return f"{'unknowns of ' * (waiver.covers is Verdict.UNKNOWN)}{text}{version}"


def day(instant: datetime) -> str:
    """A date as waivers have it: 2026-03-31."""
    return instant.date().isoformat()


def assess_waivers(
    waivers: Iterable[Waiver],
    usage: Mapping[int, Usage],
    as_of: datetime,
    soon: Duration = SOON,
    left_out: Sequence[str] = (),
    *,
    interrupted: bool = False,
) -> tuple[WaiverUse, ...]:
    """How waivers stand at an instant.

    Args:
        waivers: the waivers.
        usage: the use of each, by number; those of rules that were not judged are left out of it.
        as_of: the instant.
        soon: how long before its end a waiver is listed as ending soon.
        left_out: what the run did not look at, as it says so.
        interrupted: the run was stopped before its end.
    """
    found = []
    for waiver in waivers:
        state, ending, use = state_of(waiver, as_of), ends_soon(waiver, as_of, soon), usage.get(waiver.number)
        if use is None:
            found.append(WaiverUse(waiver, state, ending, 0, 0, omission=NOT_JUDGED))
            continue
        omission = _omission(waiver, use, left_out) or "the run was stopped before its end" * interrupted
        found.append(WaiverUse(waiver, state, ending, use.used, use.reached, use.undecided, omission))
    return tuple(found)


def _omission(waiver: Waiver, use: Usage, left_out: Sequence[str]) -> str:
    """What a waiver is about that nobody has looked at."""
    if use.absent:
        more = len(use.absent) - 1
        return (
            f"{use.absent[0]}{f' and {more:,} more' * bool(more)} {'were' if more else 'was'} not looked at"
        )
    if waiver.image_sets:
        return ""
    parts = [text for text in left_out if not text.startswith("rule ")]
    if waiver.target is not None:
        own = waiver.target
        heads = (f"target {own}, ", f"target {own}: ", f"image sets of {own.partition('/')[0]} ")
        parts = [text for text in parts if text == f"target {own}" or text.startswith(heads)]
    return "not all that it is about was looked at" if parts else ""
