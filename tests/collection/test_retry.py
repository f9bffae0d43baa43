"""How long a call that fails is asked again, by a clock of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from checker.collection.call_errors import CallFailure
from checker.collection.retry import STANDSTILL, TargetHealth

ACTION = "GetImageSet"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        return False


def throttled() -> ClientError:
    answer = {
        "Error": {"Code": "ThrottlingException", "Message": "slow down"},
        "ResponseMetadata": {"HTTPStatusCode": 429},
    }
    return ClientError(answer, ACTION)


def failing(times: float) -> Callable[[], str]:
    left = [times]

    def call() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise throttled()
        return "answer"

    return call


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_throttled_call_waits_for_an_hour_of_silence(clock: Clock) -> None:
    line = TargetHealth(clock.pause, clock)
    began = clock.now
    answer = line.ask(ACTION, failing(float("inf")))
    assert isinstance(answer, CallFailure)
    assert (answer.code, line.stuck, line.lost) == ("ThrottlingException", {ACTION: answer}, None)
    assert STANDSTILL <= clock.now - began < STANDSTILL + 25
    assert line.ask(ACTION, lambda: "not asked any more") == answer
    assert line.ask("SearchImageSets", lambda: "of another quota") == "of another quota"


def test_a_throttled_call_waits_for_as_long_as_others_get_through(clock: Clock) -> None:
    began = clock.now

    def pause(seconds: float) -> bool:
        clock.pause(seconds)
        assert line.ask(ACTION, lambda: "another one") == "another one"
        return False

    line = TargetHealth(pause, clock)
    assert line.ask(ACTION, failing(600)) == "answer"
    assert clock.now - began > 3 * STANDSTILL
    assert not line.stuck
    assert line.lost is None


def test_a_call_of_another_action_does_not_count_for_it(clock: Clock) -> None:
    def pause(seconds: float) -> bool:
        clock.pause(seconds)
        line.ask("SearchImageSets", list)
        return False

    line = TargetHealth(pause, clock)
    assert isinstance(line.ask(ACTION, failing(float("inf"))), CallFailure)
    assert list(line.stuck) == [ACTION]
