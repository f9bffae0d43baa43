"""How waivers stand: in force or not, used or not, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checker.instants import DAY
from checker.model import Duration, Location, Verdict, Waiver
from checker.waivers.status import (
    WaiverUse,
    assess_waivers,
    coverage_text,
    days_left,
    ends_soon,
    expiry_remarks,
    state_of,
)
from checker.waivers.usage import Usage

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


def test_of_those_whose_rule_was_not_judged_it_could_not_be_told():
    other = replace(WAIVER, number=2)
    unjudged, found = assess_waivers([WAIVER, other], {2: Usage(3, 4)}, END)
    assert found == WaiverUse(other, "expired", False, 3, 4)
    assert not unjudged.unused
    assert unjudged.remarks == ("could not be told whether it is needed: its rule was not judged",)


NAMED = {"image_sets": (ONE, TWO), "target": None}
LABELLED = {"labels": {"class": "adult"}, "target": None}


@pytest.mark.parametrize(
    ("changed", "usage", "left_out", "doubt"),
    [
        ({}, Usage(0, 3), (), ""),
        ({}, Usage(0, 3), ("rule p/other",), ""),
        ({}, Usage(0, 3), ("target other", "target archive2", "image sets of other but those where a"), ""),
        ({}, Usage(0, 3, 2), (), "of 3 that it reaches, 2 could not be judged"),
        ({}, Usage(1, 3, 2), (), ""),
        ({}, Usage(0, 0, 0, ("target archive",)), (), "target archive was not looked at"),
        ({}, Usage(0, 3), ("target archive, but for archive/x",), "not all that it is about was looked at"),
        ({}, Usage(0, 3), ("image sets of archive but those where a",), "not all that it is about was looked at"),
        (NAMED, Usage(0, 1, 0, ("image set " + ONE,)), (), f"image set {ONE} was not looked at"),
        (NAMED, Usage(0, 0, 0, ("image set x", "image set y")), (), "image set x and 1 more were not looked at"),
        (NAMED, Usage(0, 2), ("target other",), ""),
        (NAMED, Usage(0, 0, 1), (), "1 could not be judged"),
        (LABELLED, Usage(0, 3), ("target other",), "not all that it is about was looked at"),
    ],
)  # fmt: skip
def test_unused_is_only_what_was_judged_and_not_needed(changed, usage, left_out, doubt):
    (item,) = assess_waivers([replace(WAIVER, **changed)], {1: usage}, WAIVER.created, left_out=left_out)
    assert item.doubt == doubt
    assert item.unused is (not doubt and not usage.used)
    assert item.remarks == (
        (f"could not be told whether it is needed: {doubt}",)
        if doubt
        else item.remarks
        if usage.used
        else ("unused: it covers no fail",)
    )


def test_nothing_is_unused_in_a_run_that_was_stopped():
    (item,) = assess_waivers([WAIVER], {1: Usage(0, 3)}, WAIVER.created, interrupted=True)
    assert (item.unused, item.doubt) == (False, "the run was stopped before its end")


def test_nothing_is_over_broad_where_what_could_not_be_judged_could_make_up_the_half():
    half, less = (WaiverUse(WAIVER, "in_force", False, 1, 10, undecided=number) for number in (4, 3))
    part = WaiverUse(WAIVER, "in_force", False, 1, 10, omission="not all that it is about was looked at")
    assert (half.over_broad, less.over_broad, part.over_broad) == (False, True, False)


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
    assert expiry_remarks(one.waiver, one.state, soon=one.soon) == tuple(
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
    assert coverage_text(replace(WAIVER, **changed), most) == text
