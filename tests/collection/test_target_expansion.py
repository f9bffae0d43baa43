"""Targets that are made of what accounts and data stores there are, and of what there was, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from load_server import RunningLoad, SyntheticStore, WireFault, serve_load

from checker.collection.collector import Collection, Options, collect
from checker.collection.reuse import PriorAnswers
from checker.config import Rate
from checker.model import Discovery, Needs, Target
from checker.simulator import RawAnswer
from checker.snapshot.answer_index import AnswerIndex
from checker.snapshot.records import PROPERTIES, Record
from collection.service import DATASTORE, Service

QUICK = Rate(10_000, 10_000)
FAST = dict.fromkeys(("GetDatastore", "SearchImageSets", "ListDatastores"), QUICK)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND, GONE = "2" * 32, "3" * 32
HOME, BRANCH = "123456789012", "210987654321"
ROLE = "arn:aws:iam::{account}:role/Audit"


@pytest.fixture
def earlier() -> Iterator[AnswerIndex]:
    made = AnswerIndex()
    yield made
    made.close()


def had(earlier: AnswerIndex, folder: Path, run: str, *targets: str, error: str = "", **named: str) -> None:
    """A run that had targets; `named` are the names of data stores by target, slashes as underscores."""
    path = folder / f"{run}.jsonl"
    lines = [
        Record(item, None, error=(error, "said so") if error else None, action="ListDatastores").to_json()
        for item in targets
    ]
    for target, called in named.items():
        properties = {PROPERTIES: {"datastoreName": called}}
        lines.append(
            Record(target.replace("_", "/"), None, action="GetDatastore", answer=properties).to_json()
        )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    earlier.add(path, run)


def target(name: str = "site", **other: object) -> Target:
    given: dict[str, object] = {
        "discovery": Discovery(),
        "complete": True,
        "datastore": "",
        "datastores": "*",
    }
    return Target(name, str(other.pop("region", "us-east-1")), **(given | other))  # type: ignore[arg-type]


def over_all(name: str = "site", **other: object) -> Target:
    return target(name, organization=True, role_arn=ROLE, **other)


def run(*targets: Target, earlier: AnswerIndex | None = None) -> tuple[list[Record], Collection]:
    records: list[Record] = []
    options = Options(
        rates=FAST, attempts=1, pause=lambda seconds: False, prior=PriorAnswers(earlier=earlier)
    )
    needs = Needs(fields=frozenset({"storageTier"}))
    done = collect(targets, records.append, needs=needs, options=options, now=lambda: NOW)
    return records, done


def errors(records: list[Record]) -> dict[str, str]:
    """The codes of what could not be read, by target."""
    return {record.target: record.error[0] for record in records if record.error}


def said(records: list[Record], name: str) -> str:
    (message,) = {record.error[1] for record in records if record.target == name and record.error}
    return message


@pytest.fixture
def stores(service: Service) -> Service:
    service.stores |= {SECOND: "ACTIVE"}
    service.names = {DATASTORE: "archive-1", SECOND: "archive-2"}
    service.listed = {DATASTORE: [], SECOND: []}
    return service


def test_a_data_store_that_an_earlier_run_had_and_that_is_gone_is_an_unread_target(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{DATASTORE}", f"site/{GONE}")
    records, done = run(target(), earlier=earlier)
    assert errors(records) == {f"site/{GONE}": "NoLongerListed"}
    message = said(records, f"site/{GONE}")
    assert "it was in the run first; no data store of this id is listed in us-east-1 any more" in message
    assert f"site/{GONE}: {message}" in done.notes
    (item,) = [record for record in records if record.error]
    assert (item.datastore_id, item.region, item.account) == (GONE, "us-east-1", "111122223333")


def test_a_data_store_that_is_listed_as_deleted_is_no_longer_there(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    stores.stores[SECOND] = "DELETED"
    had(earlier, tmp_path, "first", f"site/{SECOND}")
    records, _ = run(target(), earlier=earlier)
    assert errors(records) == {f"site/{SECOND}": "NoLongerListed"}
    assert "the data store is DELETED now" in said(records, f"site/{SECOND}")


def test_a_data_store_under_another_name_does_not_leave_the_pattern_unseen(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{DATASTORE}", **{f"site_{SECOND}": "archive-2"})
    stores.names[SECOND] = "attic"
    records, _ = run(target(datastores="archive-*"), earlier=earlier)
    assert errors(records) == {f"site/{SECOND}": "NoLongerListed"}
    assert "its data store is called attic now, which archive-* does not match" in said(
        records, f"site/{SECOND}"
    )


def test_a_pattern_that_the_owner_narrowed_is_noted_and_no_more(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{DATASTORE}", **{f"site_{SECOND}": "archive-2"})
    records, done = run(target(datastores="archive-1"), earlier=earlier)
    assert errors(records) == {}
    assert any(note.startswith(f"site/{SECOND}: it was in the run first, and is not") for note in done.notes)


def test_what_the_owner_has_retired_is_noted_and_not_missed(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{DATASTORE}", f"site/{GONE}", f"site/{SECOND}")
    stores.stores[SECOND] = "DELETED"
    records, done = run(target(retired=(SECOND, GONE)), earlier=earlier)
    assert errors(records) == {}
    assert {record.target for record in records} == {f"site/{DATASTORE}"}
    note = f"site: gone for good by the owner's word (retired), and not missed: {SECOND}, {GONE}."
    assert [item for item in done.notes if "asked at" not in item] == [note]


def test_what_is_retired_and_there_all_the_same_is_audited(stores: Service) -> None:
    records, done = run(target(retired=(SECOND,)))
    assert f"site/{SECOND}" in {record.target for record in records}
    assert f"site: {SECOND} is retired by the owner's word, but it is there, and audited." in done.notes


def test_a_retired_data_store_under_another_name_is_noted_as_that(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{DATASTORE}", **{f"site_{SECOND}": "archive-2"})
    stores.names[SECOND] = "attic"
    records, done = run(target(datastores="archive-*", retired=(SECOND,)), earlier=earlier)
    assert errors(records) == {}
    (note,) = [item for item in done.notes if item.startswith(f"site/{SECOND}: ")]
    assert "is called attic now" in note
    assert note.endswith("it is retired by the owner's word, and not audited.")


def test_what_left_stays_unread_in_every_later_run(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "third", f"site/{DATASTORE}")
    had(earlier, tmp_path, "second", f"site/{GONE}", error="NoLongerListed")
    records, _ = run(target(), earlier=earlier)
    assert "it was in the run second;" in said(records, f"site/{GONE}")
    had(earlier, tmp_path, "first", f"site/{GONE}")
    records, _ = run(target(), earlier=earlier)
    assert "it was in the run first;" in said(records, f"site/{GONE}")


def test_what_comes_back_is_read(stores: Service, earlier: AnswerIndex, tmp_path: Path) -> None:
    had(earlier, tmp_path, "second", f"site/{SECOND}", error="NoLongerListed")
    records, _ = run(target(), earlier=earlier)
    assert errors(records) == {}
    assert f"site/{SECOND}" in {record.target for record in records}


def test_a_target_that_is_left_out_has_no_parts_that_are_missed(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{GONE}", f"other/{GONE}", f"site-2/{GONE}", "site/us-east-1")
    assert errors(run(target("other", datastore=DATASTORE, datastores=None), earlier=earlier)[0]) == {}
    assert set(errors(run(target(), earlier=earlier)[0])) == {f"site/{GONE}"}


def test_where_data_stores_cannot_be_listed_none_is_called_missing(
    stores: Service, earlier: AnswerIndex, tmp_path: Path
) -> None:
    had(earlier, tmp_path, "first", f"site/{GONE}")
    stores.stores_fault = lambda name, attempt: "403"
    assert errors(run(target(datastores="prod-*"), earlier=earlier)[0]) == {"site": "AccessDeniedException"}


def test_a_pattern_that_matches_nothing_is_an_unread_target(stores: Service) -> None:
    records, done = run(target(datastores="archve-*"))
    assert errors(records) == {"site": "NoNameMatches"}
    assert said(records, "site") == "no data store is called archve-*; there are archive-1, archive-2"
    assert f"site: {said(records, 'site')}." in done.notes
    stores.stores = {}
    assert said(run(target(datastores="archve-*"))[0], "site").endswith("archve-*; there is none")


def test_there_may_be_no_data_store_at_all(stores: Service) -> None:
    stores.stores = {}
    records, done = run(target())
    assert records == []
    assert "site: there is no data store." in done.notes


def serve(*stores: SyntheticStore, **options: object) -> RunningLoad:
    return serve_load(stores, **({"quotas": None, "latency": 0.0} | options))


def synthetic(number: int, account: str, **other: object) -> SyntheticStore:
    given: dict[str, object] = {"sets": 3, "name": f"archive-{number}", "account": account}
    return SyntheticStore(f"{number:032x}", **(given | other))  # type: ignore[arg-type]


def test_a_pattern_matches_if_it_does_in_one_account_or_region(aws_env: pytest.MonkeyPatch) -> None:
    here, there = synthetic(1, HOME), synthetic(2, BRANCH, name="attic")
    with serve(here, there) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, done = run(over_all(datastores="arch*"))
        assert errors(records) == {}
        assert f"site/{BRANCH}: no data store is called arch*." in done.notes
        records, _ = run(over_all(datastores="prod-*"))
    assert errors(records) == {"site": "NoNameMatches"}
    assert said(records, "site") == "no data store is called prod-*; there are archive-1, attic"


def test_accounts_that_are_not_active_are_skipped_and_counted(aws_env: pytest.MonkeyPatch) -> None:
    states = {HOME: "ACTIVE", BRANCH: "SUSPENDED", "1" * 12: "CLOSED", "2" * 12: "SUSPENDED"}
    with serve(synthetic(1, HOME), synthetic(2, BRANCH), organization=states) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, done = run(over_all())
    assert {record.target.split("/")[1] for record in records} == {HOME}
    assert (
        "site: accounts of the organization that are not ACTIVE are not audited: 1 CLOSED, 2 SUSPENDED."
        in done.notes
    )


@pytest.mark.parametrize(
    ("members", "read"),
    [
        ({"State": "ACTIVE"}, True),
        ({"Status": "ACTIVE"}, True),
        ({"State": "ACTIVE", "Status": "SUSPENDED"}, True),
        ({"State": "SUSPENDED", "Status": "ACTIVE"}, False),
    ],
)
def test_an_account_is_as_its_state_says_or_else_its_status(
    aws_env: pytest.MonkeyPatch, members: dict[str, str], *, read: bool
) -> None:
    accounts = {"Accounts": [{"Id": HOME, "State": "ACTIVE"}, {"Id": BRANCH, **members}]}
    listed = WireFault("ListAccounts", RawAnswer(200, json.dumps(accounts).encode()))
    with serve(synthetic(1, HOME), synthetic(2, BRANCH), faults=[listed]) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, _ = run(over_all())
    assert errors(records) == {}
    assert (f"site/{BRANCH}/{2:032x}" in {record.target for record in records}) is read


def test_an_account_without_a_state_is_no_answer(aws_env: pytest.MonkeyPatch) -> None:
    listed = WireFault("ListAccounts", RawAnswer(200, json.dumps({"Accounts": [{"Id": HOME}]}).encode()))
    with serve(synthetic(1, HOME), faults=[listed]) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, _ = run(over_all())
    assert errors(records) == {"site": "BadAnswer"}
    assert f"the account {HOME} has neither State nor Status" in said(records, "site")


def test_an_organization_without_an_active_account_is_an_unread_target(aws_env: pytest.MonkeyPatch) -> None:
    with serve(organization={HOME: "PENDING_CLOSURE"}) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, _ = run(over_all())
    assert errors(records) == {"site": "NoActiveAccount"}


def test_an_account_that_an_earlier_run_had_and_that_is_gone_is_an_unread_target(
    aws_env: pytest.MonkeyPatch, earlier: AnswerIndex, tmp_path: Path
) -> None:
    left = "3" * 12
    had(
        earlier,
        tmp_path,
        "first",
        f"site/{HOME}/us-east-1/{1:032x}",
        f"site/{BRANCH}/us-east-1/{2:032x}",
        f"site/{BRANCH}/eu-west-1/{3:032x}",  # of a Region that this audit does not look at
        f"site/{left}/us-east-1",
        f"site/{GONE}",
    )
    with serve(synthetic(1, HOME), organization={HOME: "ACTIVE", BRANCH: "SUSPENDED"}) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, done = run(over_all("site/us-east-1"), earlier=earlier)
    suspended, gone = f"site/{BRANCH}/us-east-1/{2:032x}", f"site/{left}/us-east-1"
    assert errors(records) == {suspended: "NoLongerListed", gone: "NoLongerListed"}
    assert f"it was in the run first; the account {BRANCH} is SUSPENDED now" in said(records, suspended)
    assert f"the account {left} is not listed by the organization now" in said(records, gone)
    assert f"{gone}: {said(records, gone)}" in done.notes


def test_an_account_and_a_store_of_one_that_the_owner_has_retired_are_not_missed(
    aws_env: pytest.MonkeyPatch, earlier: AnswerIndex, tmp_path: Path
) -> None:
    closed, left = "3" * 12, "4" * 12
    had(
        earlier,
        tmp_path,
        "first",
        f"site/{closed}/{2:032x}",
        f"site/{left}/{3:032x}",
        f"site/{left}/{4:032x}",
    )
    retired = (HOME, closed, f"{3:032x}")
    with serve(synthetic(1, HOME), organization={HOME: "ACTIVE", closed: "CLOSED"}) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        records, done = run(over_all(retired=retired), earlier=earlier)
    assert errors(records) == {f"site/{left}/{4:032x}": "NoLongerListed"}
    assert f"site: {HOME} is retired by the owner's word, but it is there, and audited." in done.notes
    assert any(f"(retired), and not missed: {', '.join(sorted(retired))}." in note for note in done.notes)


@pytest.mark.parametrize(
    ("region", "asked"),
    [
        ("eu-west-2", "us-east-1"),
        ("us-gov-east-1", "us-gov-west-1"),
        ("cn-north-1", "cn-northwest-1"),
    ],
)
def test_organizations_is_asked_in_the_partition_of_the_target(
    aws_env: pytest.MonkeyPatch, region: str, asked: str
) -> None:
    with serve(synthetic(1, HOME)) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        run(over_all(region=region))
        places = server.ask(lambda service: service.gate.to_json())
    assert [place for place, actions in places.items() if "ListAccounts" in actions] == [f"{HOME}/{asked}"]


def test_a_data_store_that_two_calls_call_otherwise_is_unknown_once_it_was_asked_for_again(
    service: Service,
) -> None:
    service.names = {DATASTORE: "archive-1"}
    service.store_more = {"datastoreName": "another"}
    records, done = run(target(datastores="archive-1"))
    (store,) = [record for record in records if record.action == "GetDatastore"]
    assert store.error is not None
    assert store.error[0] == "ContradictoryAnswers"
    assert "GetDatastore says datastoreName another, but ListDatastores says archive-1" in store.error[1]
    assert done.calls["GetDatastore"] == 3
