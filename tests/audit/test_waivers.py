"""How waivers stand: in force or not, used or not, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checker.audit.waivers import WaiverUse, covered, days_left, ends_soon, stand, standing, state_of
from checker.model import Duration, Location, Verdict, Waiver
from checker.values import DAY

ONE, TWO, THREE = (f"{number:032}" for number in (1, 2, 3))
WAIVER = Waiver(
    1, "p/r", "why", "owner", "approver", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC),
    Location("waivers.yaml", 3, 5), target="archive",
)  # fmt: skip
END = datetime(2026, 4, 1, tzinfo=UTC)
INSTANT = timedelta(milliseconds=1)


def use(state="in_force", *, soon=False, used=1, reached=1, **changed):
    return WaiverUse(replace(WAIVER, **changed), state, soon, used, reached)


@pytest.mark.parametrize(
    ("as_of", "state", "left"),
    [
        (WAIVER.created - INSTANT, "not_yet", 90),
        (WAIVER.created, "in_force", 89),
        (WAIVER.expires, "in_force", 0),
        (END - INSTANT, "in_force", 0),
        (END, "expired", -1),
        (END + timedelta(days=1), "expired", -2),
    ],
)
def test_it_is_in_force_from_the_first_day_to_the_end_of_the_last(as_of, state, left):
    assert state_of(WAIVER, as_of) == state
    assert days_left(WAIVER, as_of) == left


def test_it_ends_soon_within_the_time_before_its_end():
    fortnight = Duration(0, 14 * DAY)
    assert not ends_soon(WAIVER, END - timedelta(days=14) - INSTANT, fortnight)
    assert ends_soon(WAIVER, END - timedelta(days=14), fortnight)
    assert ends_soon(WAIVER, END - INSTANT, fortnight)
    assert not ends_soon(WAIVER, END, fortnight)
    assert not ends_soon(WAIVER, WAIVER.created - INSTANT, Duration(12))


def test_those_of_rules_that_were_not_judged_are_left_out():
    other = replace(WAIVER, number=2)
    (found,) = stand([WAIVER, other], {2: (3, 4)}, END)
    assert found == WaiverUse(other, "expired", False, 3, 4)


@pytest.mark.parametrize(
    ("one", "unused"),
    [
        (use(used=0), True),
        (use(used=1), False),
        (use("expired", used=0), True),
        (use("not_yet", used=0), False),
    ],
)
def test_it_is_unused_where_it_covers_nothing_though_it_could(one, unused):
    assert one.unused is unused


@pytest.mark.parametrize(
    ("one", "broad"),
    [
        (use(used=1, reached=3), True),
        (use(used=1, reached=2), False),
        (use(used=0, reached=0), False),
        (use(used=0, reached=1), True),
        (use("expired", used=1, reached=9), False),
        (use("not_yet", used=1, reached=9), False),
        (use(used=1, reached=9, target=None, labels={"class": "adult"}), True),
        (use(used=1, reached=9, target=None, image_sets=(ONE, TWO, THREE)), False),
    ],
)
def test_it_is_over_broad_where_fewer_than_half_of_what_it_reaches_fails(one, broad):
    assert one.over_broad is broad


@pytest.mark.parametrize(
    ("one", "remarks"),
    [
        (use(), ()),
        (use(soon=True), ("expires soon: its last day is 2026-03-31",)),
        (use("expired"), ("expired: its last day was 2026-03-31, and what it covered counts again",)),
        (use("not_yet", used=0), ("not in force yet: its first day is 2026-01-01",)),
        (use(used=0, reached=9), ("unused: it covers no fail",)),
        (use(used=0, covers=Verdict.UNKNOWN), ("unused: it covers no unknown",)),
        (use(used=1, reached=3), ("over-broad: of 3 that it reaches, 1 fails",)),
        (use(used=2, reached=5000), ("over-broad: of 5,000 that it reaches, 2 fail",)),
        (use(used=1, reached=3, covers=Verdict.UNKNOWN), ("over-broad: of 3 that it reaches, 1 is unknown",)),
        (use(used=2, reached=9, covers=Verdict.UNKNOWN), ("over-broad: of 9 that it reaches, 2 are unknown",)),
        (use(soon=True, used=0), ("expires soon: its last day is 2026-03-31", "unused: it covers no fail")),
    ],
)  # fmt: skip
def test_what_is_said_of_it(one, remarks):
    assert one.remarks == remarks
    assert standing(one.waiver, one.state, soon=one.soon) == tuple(
        text for text in remarks if text.startswith(("exp", "not"))
    )


@pytest.mark.parametrize(
    ("changed", "most", "text"),
    [
        ({}, None, "target archive"),
        ({"image_sets": (ONE,)}, None, f"image set {ONE}"),
        ({"image_sets": (ONE, TWO)}, 2, f"image sets {ONE}, {TWO}"),
        ({"image_sets": (ONE, TWO, THREE)}, 2, f"image sets {ONE}, {TWO} and 1 more"),
        ({"image_sets": (ONE, TWO, THREE)}, None, f"image sets {ONE}, {TWO}, {THREE}"),
        ({"version": 3}, None, "target archive at version 3"),
        ({"covers": Verdict.UNKNOWN}, None, "unknowns of target archive"),
        (
            {"target": None, "labels": {"class": "adult", "hold": True}},
            None,
            "labels class: adult, hold: true",
        ),
    ],
)
def test_what_it_covers_in_words(changed, most, text):
    assert covered(replace(WAIVER, **changed), most) == text
