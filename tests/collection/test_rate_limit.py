from __future__ import annotations

import threading
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.collection.plan import Plan
from checker.collection.rate_limit import (
    BURST_SHARE,
    CUT,
    FLOOR,
    PUBLISHED,
    SHARE,
    Limiter,
    StoppedError,
    TokenBucket,
    is_throttle,
    workers_for,
)  # fmt: skip
from checker.config import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_share_of_the_quotas_leaves_the_rest_to_others() -> None:
    limiter = Limiter({"GetImageSet": Rate(100, 200)}, share=0.4)
    assert limiter.rates["GetImageSet"] == Rate(40, 80)
    assert limiter.rates["GetDatastore"] == Rate(4, 8)


@pytest.mark.parametrize(
    ("plans", "workers"),
    [
        ([Plan(state=("GetImageSet",))], 10),
        ([Plan(state=("GetImageSet",), versions=True)], 20),
        ([Plan(versions=True)], 10),
        ([Plan(state=("GetImageSet",), tags=True)], 8),
        ([Plan(search=True, state=("GetImageSet", "ListImageSetVersions"))], 20),
        ([Plan(search=True)], 10),
        ([Plan(), Plan(search=True)], 10),
        ([Plan()], 4),
        ([], 4),
    ],
)
def test_there_are_threads_enough_for_the_slowest_quota(plans: list[Plan], workers: int) -> None:
    assert workers_for(plans, PUBLISHED) == workers


def test_a_burst_then_the_rate() -> None:
    bucket = TokenBucket(10, 3, clock=Clock())
    waits = [bucket.reserve() for _ in range(6)]
    assert waits == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


def test_an_idle_bucket_fills_no_further_than_its_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 3, clock=clock)
    clock.now += 1000
    assert [bucket.reserve() > 0 for _ in range(5)] == [False, False, False, True, True]


@given(st.floats(0.5, 200), st.floats(1, 100), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_window_has_more_slots_than_burst_and_rate_allow(
    rate: float, burst: float, gaps: list[float]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock=clock)
    slots = []
    for gap in gaps:
        clock.now += gap
        slots.append(clock.now + bucket.reserve())
    assert slots == sorted(slots), "callers are served in order"
    for first, begin in enumerate(slots):
        for seconds in (0.0, 0.1, 1.0, 10.0):
            count = bisect_right(slots, begin + seconds) - first
            assert count <= burst + rate * seconds + 1e-6 + 1


def test_a_throttle_turns_down_once_a_second_and_ends_bursts() -> None:
    clock = Clock()
    bucket = TokenBucket(25, 50, clock=clock)
    for _ in range(10):
        bucket.throttled()
    assert bucket.rate == pytest.approx(20)
    assert bucket.burst == 1
    clock.now += 1.5
    bucket.throttled()
    assert bucket.rate == pytest.approx(16)


def test_successes_climb_back_to_the_ceiling_and_no_further() -> None:
    clock = Clock()
    bucket = TokenBucket(25, 50, clock=clock)
    bucket.throttled()
    for _ in range(20):  # a second's worth
        bucket.succeeded()
    assert 20.9 < bucket.rate < 21.1
    for _ in range(1000):
        bucket.succeeded()
    assert bucket.rate == 25


def test_the_rate_never_falls_below_the_floor() -> None:
    clock = Clock()
    bucket = TokenBucket(25, 50, clock=clock)
    for _ in range(100):
        clock.now += 2
        bucket.throttled()
    assert bucket.rate == FLOOR


def test_a_consumer_beside_us_is_made_room_for() -> None:
    """The service leaves us 15 of 25 calls a second: few throttles, and nearly all of the 15 are used."""
    clock = Clock()
    bucket = TokenBucket(25 * SHARE, 50 * BURST_SHARE, clock=clock)
    tokens, at, served, throttled = 50.0, clock.now, 0, 0
    while clock.now < 1060:
        clock.now += bucket.reserve()
        tokens, at = min(50.0, tokens + (clock.now - at) * 15), clock.now
        if tokens >= 1:
            tokens -= 1
            served += 1
            bucket.succeeded()
        else:
            throttled += 1
            bucket.throttled()
    assert served > 0.9 * (50 + 15 * 60)
    assert throttled < 0.1 * served


def test_buckets_are_shared_by_account_region_and_action() -> None:
    limiter = Limiter({"GetImageSet": Rate(100, 10)})
    item = limiter.bucket("1", "us-east-1", "GetImageSet")
    assert item is limiter.bucket("1", "us-east-1", "GetImageSet")
    others = [
        ("2", "us-east-1", "GetImageSet"),
        ("1", "eu-west-1", "GetImageSet"),
        ("1", "us-east-1", "GetDatastore"),
    ]
    assert all(limiter.bucket(*key) is not item for key in others)
    assert item is not None
    assert (item.rate, item.burst) == (100 * SHARE, 10 * BURST_SHARE)
    assert limiter.bucket("1", "us-east-1", "AssumeRole") is None


def test_a_limiter_waits_for_its_slot_and_counts() -> None:
    slept: list[float] = []
    limiter = Limiter({"GetImageSet": Rate(10, 1)}, clock=Clock(), wait=lambda s: bool(slept.append(s)))
    pace = limiter.watch("1", "us-east-1")
    for _ in range(3):
        pace.before("GetImageSet")
        pace.sent("GetImageSet")
    pause = 1 / (10 * SHARE)
    assert slept == pytest.approx([0, pause, 2 * pause])
    assert limiter.meter.waited == pytest.approx(3 * pause)
    assert limiter.meter.calls == {"GetImageSet": 3}


def test_a_wait_ends_when_the_run_is_stopped() -> None:
    stop = threading.Event()
    limiter = Limiter({"GetImageSet": Rate(0.001, 1)}, wait=stop.wait)
    pace = limiter.watch("1", "us-east-1")
    pace.before("GetImageSet")
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(StoppedError):
        pace.before("GetImageSet")


def test_answers_turn_the_rate() -> None:
    limiter = Limiter()
    pace = limiter.watch("1", "us-east-1")
    bucket = limiter.bucket("1", "us-east-1", "GetImageSet")
    assert bucket is not None
    pace.after("GetImageSet", "AccessDeniedException", 403)
    pace.after("GetImageSet", "", None)
    assert bucket.rate == 25 * SHARE
    pace.after("GetImageSet", "ThrottlingException", 429)
    turned_down = bucket.rate
    assert turned_down == pytest.approx(25 * SHARE * CUT)
    pace.after("GetImageSet", None, 200)
    assert bucket.rate > turned_down
    assert limiter.meter.throttled == 1


@pytest.mark.parametrize("code, status, throttle", [("ThrottlingException", 400, True), ("x", 429, True), (None, 200, False), ("InternalServerException", 500, False)])  # fmt: skip
def test_what_is_a_throttle(code: str | None, status: int, throttle: bool) -> None:
    assert is_throttle(code, status) is throttle


def test_callers_are_served_in_the_order_in_which_they_come() -> None:
    bucket = TokenBucket(10, 1, clock=lambda: 0.0)
    assert [bucket.reserve() for _ in range(5)] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
