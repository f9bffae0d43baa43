"""How long a collection is said to take: lanes as they are read, data stores and accounts as the last run had them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.collection.estimate import Estimate, duration, estimate
from checker.collection.workers import MOST_LANES
from checker.model import Discovery, ImageSetRef, Needs, Target

ROLE = "arn:aws:iam::{account}:role/A"
WHOLE = Needs(fields=frozenset({"imageSetArn"}))
STORE = "5" * 32
SECONDS = (1_000_000 - 45) / 24.5
"""A million GetImageSet calls at 98 % of 25 a second, of which nine tenths of a burst of 50 come at once."""


def target(name: str = "t", **other: object) -> Target:
    given: dict[str, object] = {"datastore": STORE, "discovery": Discovery()}
    return Target(name, "us-east-1", **(given | other))  # type: ignore[arg-type]


def calls(item: Estimate) -> dict[str, int]:
    return {cost.action: cost.calls for cost in item.costs}


def in_account(number: int) -> Target:
    account = str(100_000_000_000 + number)
    return target(f"t/{account}", role_arn=ROLE.replace("{account}", account))


@pytest.mark.parametrize(
    ("accounts", "waves"), [(1, 1), (MOST_LANES, 1), (MOST_LANES + 1, 2), (4 * MOST_LANES, 4)]
)
def test_no_more_accounts_go_side_by_side_than_are_read_at_once(accounts: int, waves: int) -> None:
    found = estimate(map(in_account, range(accounts)), WHOLE, sets=1_000_000)
    assert duration(found) == pytest.approx(waves * SECONDS)


def test_a_short_lane_makes_room_for_the_next_one() -> None:
    long = in_account(0)
    short = [replace(in_account(number), name=f"s{number}") for number in range(1, MOST_LANES + 2)]
    sizes = {long.name: 1_000_000} | {item.name: 100_000 for item in short}
    assert duration(estimate([long, *short], WHOLE, sizes=sizes, run="r")) == pytest.approx(SECONDS)


def test_targets_of_one_account_and_region_are_read_at_one_quota() -> None:
    both = [target("a"), target("b", datastore="6" * 32)]
    twice = (2_000_000 - 45) / 24.5
    assert duration(estimate(both, WHOLE, sets=1_000_000)) == pytest.approx(twice)


def test_an_organization_has_the_accounts_and_data_stores_of_the_last_run() -> None:
    whole = target("t/eu-west-1", datastore="", datastores="*", organization=True, role_arn=ROLE)
    whole = replace(whole, region="eu-west-1")
    sizes = {
        f"t/100000000001/eu-west-1/{'a' * 32}": 100,
        f"t/100000000001/eu-west-1/{'b' * 32}": 0,
        f"t/100000000002/eu-west-1/{'c' * 32}": 1_000_000,
        "t/100000000003/eu-west-1": 0,
        f"t/100000000001/us-east-1/{'d' * 32}": 7,
        f"tt/100000000001/eu-west-1/{'e' * 32}": 7,
    }
    (item,) = estimate([whole], WHOLE, sizes=sizes, run="r")
    assert (item.sets, item.known, item.accounts, item.stores, item.known_stores) == (
        1_000_100,
        "r",
        3,
        3,
        "r",
    )
    assert calls(item) == {
        "ListAccounts": 1,
        "ListDatastores": 3,
        "GetDatastore": 3,
        "SearchImageSets": 2 + 1 + 20_000,
        "GetImageSet": 1_000_100,
    }
    assert len(item.lanes) == 3
    assert duration([item]) == pytest.approx(SECONDS)


def test_without_a_run_it_is_one_account_and_one_data_store_and_that_is_assumed() -> None:
    whole = target("t", datastore="", datastores="*", organization=True, role_arn=ROLE)
    (item,) = estimate([whole], WHOLE, sets=1_000_000)
    assert (item.sets, item.known, item.accounts, item.stores, item.known_stores) == (
        1_000_000,
        "given",
        1,
        1,
        "",
    )
    (item,) = estimate([target()], WHOLE)
    assert (item.accounts, item.stores, item.known_stores) == (1, 1, "listed")


def test_image_sets_that_are_given_lie_in_the_data_stores_of_the_last_run() -> None:
    whole = target("t", datastore="", datastores="*")
    sizes = {f"t/{letter * 32}": 5 for letter in "abc"}
    (item,) = estimate([whole], WHOLE, sizes=sizes, run="r", sets=1_000)
    assert (item.sets, item.known, item.stores, item.known_stores) == (1_000, "given", 3, "r")
    assert calls(item)["SearchImageSets"] == 3 * 7


def test_many_data_stores_of_one_account_take_their_time() -> None:
    whole = target("t", datastore="", datastores="*")
    sizes = {f"t/{number:032x}": 0 for number in range(116)}
    (item,) = estimate([whole], Needs(image_sets=False), sizes=sizes, run="r")
    assert calls(item) == {"ListDatastores": 3, "GetDatastore": 116}
    assert duration([item]) == pytest.approx((116 - 18) / 9.8)


def test_a_share_of_the_quota_makes_it_take_longer() -> None:
    (item,) = estimate([target()], WHOLE, sets=1_000_000, share=0.4)
    assert item.share == pytest.approx(0.392)
    assert duration([item]) == pytest.approx((1_000_000 - 18) / 9.8)


A, B = "a" * 32, "b" * 32
PINNED = (ImageSetRef(A, 1), ImageSetRef(A, 2), ImageSetRef(B, 3), ImageSetRef(B))


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (Needs(image_sets=False, versions=True), {"GetImageSet": 2, "ListImageSetVersions": 1}),
        (Needs(image_sets=False, versions=True, previous_version=True), {"ListImageSetVersions": 2}),
        (Needs(versions=True), {"GetImageSet": 4, "ListImageSetVersions": 1}),
        (Needs(), {"GetImageSet": 4}),
    ],
)
def test_versions_that_are_pinned_are_counted_as_they_are_asked_for(
    needs: Needs, expected: dict[str, int]
) -> None:
    (item,) = estimate([target(discovery=None, image_sets=PINNED)], needs)
    assert calls(item) == {"GetDatastore": 1, **expected}


def test_nothing_takes_no_time() -> None:
    assert duration(()) == 0.0
