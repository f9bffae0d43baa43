from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checker.collection import collector as module
from checker.collection import retry
from checker.collection import workers as crews
from checker.collection.collector import Collection, Options, collect
from checker.collection.rate_limit import StoppedError
from checker.config import Rate
from checker.model import ImageSetRef, Target
from checker.problems import InvalidInputError
from checker.snapshot.records import Record
from collection.service import DATASTORE, OTHER, Service, answer, image_set_id, mixed

FAST = {"GetImageSet": Rate(10_000, 10_000), "GetDatastore": Rate(10_000, 10_000)}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def target(count: int = 20, name: str = "archive", datastore: str = DATASTORE, **other: object) -> Target:
    refs = tuple(ImageSetRef(image_set_id(n)) for n in range(count))
    return Target(name, "us-east-1", datastore, image_sets=other.pop("image_sets", refs), **other)


def run(*targets: Target, **options: object) -> tuple[dict[str, Record], Collection]:
    """Collects without waiting between attempts; GetImageSet's records by target and id."""
    records: list[Record] = []
    chosen = Options(**({"rates": FAST, "attempts": 1, "pause": lambda seconds: False} | options))
    done = collect(targets, records.append, options=chosen, now=lambda: NOW)
    assert [r.action for r in records].count("GetDatastore") == len(targets)
    records = [record for record in records if record.action == "GetImageSet"]
    found = {f"{r.target}/{r.image_set_id}/{r.version}": r for r in records}
    assert len(found) == len(records), "a record twice"
    return found, done


def codes(records: dict[str, Record]) -> Counter[str]:
    return Counter(record.error[0] if record.error else "" for record in records.values())


def test_every_image_set_becomes_one_record(service: Service) -> None:
    records, done = run(target(20))
    assert len(records) == 20
    assert codes(records) == {"": 20}
    item = records[f"archive/{image_set_id(7)}/None"]
    assert item.answer == {
        "datastoreId": DATASTORE, "imageSetId": image_set_id(7), "versionId": "1", "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED", "createdAt": "2023-03-23T17:28:30.753Z",
        "updatedAt": "2023-03-28T18:14:13.471Z", "isPrimary": True,
    }  # fmt: skip
    assert (item.account, item.region, item.collected_at) == ("111122223333", "us-east-1", NOW)
    assert done.calls == {"GetCallerIdentity": 1, "GetDatastore": 1, "GetImageSet": 20}
    assert (done.retried, done.throttled, done.interrupted) == (0, 0, False)
    assert done.notes == (
        f"archive: asked at {service.url}, which was configured in place of AWS's own endpoint.",
    )
    assert done.identities == {"archive": "arn:aws:iam::111122223333:user/auditor"}


def test_only_reading_actions_are_called(service: Service) -> None:
    run(target(3))
    kinds = {path.split("/")[-1] for path in service.paths()}
    assert kinds == {"", DATASTORE, "getImageSet"}


def test_a_pinned_version_is_asked_for(service: Service) -> None:
    refs = (ImageSetRef(image_set_id(1), 2), ImageSetRef(image_set_id(1)))
    service.sets[image_set_id(1)]["versionId"] = "3"
    records, _ = run(target(image_sets=refs))
    assert records[f"archive/{image_set_id(1)}/2"].answer["versionId"] == "2"
    assert records[f"archive/{image_set_id(1)}/None"].answer["versionId"] == "3"
    asked = [path for path in service.paths() if "version=" in path]
    assert [path.rpartition("?")[2] for path in asked] == ["version=2"]


@pytest.mark.parametrize("store_fault", [None, "500"])
def test_a_version_that_is_not_there_does_not_make_the_set_gone(
    service: Service, store_fault: str | None
) -> None:
    service.store_fault = lambda name, attempt: store_fault
    records, done = run(
        target(image_sets=(ImageSetRef(image_set_id(1), 12), ImageSetRef(image_set_id(2), 3)))
    )
    missing = records[f"archive/{image_set_id(1)}/12"]
    assert missing.found is None
    assert missing.version == 12
    assert missing.error == ("VersionNotFound", "version 12 was not found; the latest one is 1")
    assert records[f"archive/{image_set_id(2)}/3"].found is True
    assert done.calls["GetImageSet"] == 3
    assert done.retried == (0 if store_fault is None else 3)


def test_a_pinned_version_of_a_set_that_is_not_there_is_not_found(service: Service) -> None:
    records, done = run(target(image_sets=(ImageSetRef(image_set_id(77), 2),)))
    assert [(r.found, r.error[0]) for r in records.values()] == [(False, "ResourceNotFoundException")]
    assert done.calls["GetImageSet"] == 2


def test_a_pinned_version_of_a_set_that_is_not_there_is_in_doubt_with_its_data_store(
    service: Service,
) -> None:
    service.stores[DATASTORE] = "DELETING"
    records, _ = run(target(image_sets=(ImageSetRef(image_set_id(77), 2),)))
    assert codes(records) == {"NotConfirmed": 1}


def test_a_missing_version_is_only_called_so_when_the_set_was_seen(service: Service) -> None:
    service.fault = lambda name, attempt: None if attempt == 1 else "403"
    records, done = run(target(image_sets=(ImageSetRef(image_set_id(1), 12),)))
    (record,) = records.values()
    assert (record.found, record.error[0]) == (None, "AccessDeniedException")
    assert done.calls["GetImageSet"] == 2


def test_labels_come_with_the_record(service: Service) -> None:
    ref = ImageSetRef(image_set_id(1), labels={"class": "adult"})
    records, _ = run(target(image_sets=(ref,)))
    assert next(iter(records.values())).labels == {"class": "adult"}


def test_what_is_not_there_is_not_found(service: Service) -> None:
    records, _ = run(target(22))
    assert codes(records) == {"": 20, "ResourceNotFoundException": 2}
    assert {record.found for record in records.values()} == {True, False}


def test_a_missing_data_store_makes_the_target_unreadable(service: Service) -> None:
    records, done = run(target(3, name="gone", datastore=OTHER), target(2))
    assert codes(records) == {"TargetUnreadable": 3, "": 2}
    assert {r.found for r in records.values() if r.target == "gone"} == {None}
    assert done.calls["GetImageSet"] == 2
    assert any("was not found in us-east-1" in note for note in done.notes)


@pytest.mark.parametrize("fault", ["403", "500", "truncated", "html", "empty", "another", "null", "409"])
def test_without_the_data_store_nothing_is_called_not_found(service: Service, fault: str) -> None:
    service.store_fault = lambda name, attempt: fault
    records, done = run(target(21))
    assert codes(records) == {"": 20, "NotConfirmed": 1}
    assert any("is not known" in note for note in done.notes)


@pytest.mark.parametrize("status", ["DELETING", "DELETED", "CREATING"])
def test_a_data_store_that_is_not_active_puts_not_found_in_doubt(service: Service, status: str) -> None:
    service.stores[DATASTORE] = status
    records, done = run(target(21))
    assert codes(records) == {"": 20, "NotConfirmed": 1}
    assert done.notes[-1] == f"archive: the data store {DATASTORE} is {status}."


BROKEN = [
    "truncated", "html", "empty", "list", "text", "null", "other set", "other store", "other version",
    "number for text", "text for time", "object for time", "list for overrides", "text for forced",
    "number for forced", "list for primary", "true for time", "month for time", "milliseconds", "no version",
    "not utf-8", "404 under 500", "404 under 200", "member twice", "forced twice", "other case",
    "other case inside", "empty state", "not a number", "201", "204", "206", "300",
]  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_no_answer_is_asked_again_then_unreadable(service: Service, fault: str) -> None:
    service.fault = lambda name, attempt: fault
    records, done = run(target(image_sets=(ImageSetRef(image_set_id(1), 1),)))
    (record,) = records.values()
    assert record.found is None
    assert record.error[0] == "BadAnswer", record.error
    assert done.calls["GetImageSet"] == 4
    assert done.retried == 3


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_no_answer_once_is_read_the_second_time(service: Service, fault: str) -> None:
    service.fault = lambda name, attempt: fault if attempt == 1 else None
    records, done = run(target(image_sets=(ImageSetRef(image_set_id(1), 1),)))
    assert codes(records) == {"": 1}
    assert done.retried == 1


@pytest.mark.parametrize(
    "fault, code, calls",
    [
        ("409", "ConflictException", 5),
        ("500", "InternalServerException", 4),
        ("503", "ServiceUnavailable", 4),
        ("403", "AccessDeniedException", 1),
        ("reset", "ConnectionClosedError", 4),
        ("cut", "BadAnswer", 4),
    ],
)
def test_failures_become_records_within_bounds(service: Service, fault: str, code: str, calls: int) -> None:
    service.fault = lambda name, attempt: fault if name == image_set_id(1) else None
    records, done = run(target(3))
    assert codes(records) == {"": 2, code: 1}
    assert done.calls["GetImageSet"] == 2 + calls
    assert done.throttled == 0


def test_what_stays_throttled_is_unread_and_said(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.collection.retry.STANDSTILL", 0.2)
    service.fault = lambda name, attempt: "429"
    records, done = run(target(50), workers=2)
    assert codes(records) == {"ThrottlingException": 50}
    assert done.throttled == done.calls["GetImageSet"] > 2
    assert any("no more GetImageSet calls were made" in note for note in done.notes)


@pytest.mark.parametrize(
    "fault, code", [("bad token", "UnrecognizedClientException"), ("expired", "ExpiredTokenException")]
)
def test_refused_credentials_end_the_target(service: Service, fault: str, code: str) -> None:
    service.fault = lambda name, attempt: fault
    records, done = run(target(200), workers=2)
    assert codes(records) == {code: 200}
    assert done.calls["GetImageSet"] <= 2 * 3  # with new credentials too
    assert any("given up" in note for note in done.notes)


@pytest.mark.parametrize("seed, attempts", [(1, 1), (2, 1), (3, 2)])
def test_with_a_quarter_of_mixed_faults_nothing_is_misjudged(
    service: Service, seed: int, attempts: int
) -> None:
    service.sets = {image_set_id(n): answer(n, versionId=str(n + 1)) for n in range(380)}
    service.fault = mixed(seed, 0.25)
    records, done = run(target(400), attempts=attempts, workers=16)
    assert len(records) == 400
    unread = [record for record in records.values() if record.found is None]
    assert len(unread) < 4, Counter(record.error[0] for record in unread)
    for record in records.values():
        number = int(record.image_set_id, 16)
        if record.found:
            assert record.answer["versionId"] == str(number + 1)
            assert number < 380
        elif record.found is False:
            assert number >= 380
    assert done.retried == done.calls["GetImageSet"] - 400 > 100
    assert done.throttled > 5


def test_no_credentials_is_an_unreadable_target(service: Service, aws_env) -> None:
    aws_env.delenv("AWS_ACCESS_KEY_ID")
    records, done = run(target(2))
    assert codes(records) == {"NoCredentialsError": 2}
    assert done.calls == {}
    assert done.notes == (
        "archive: the target was given up: NoCredentialsError: no AWS credentials were found",
    )


def test_an_unknown_profile_is_invalid_input_before_any_call(service: Service) -> None:
    with pytest.raises(InvalidInputError, match="no profile audti"):
        run(target(2), target(2, name="two", profile="audti"))
    assert service.requests == []


def test_an_unreachable_endpoint_does_not_take_for_ever(aws_env) -> None:
    aws_env.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    records, done = run(target(5000))
    assert codes(records) == {"EndpointConnectionError": 5000}
    assert done.calls["GetImageSet"] < 60
    assert any(note.startswith("archive: GetCallerIdentity failed") for note in done.notes)


def test_an_endpoint_that_answered_is_given_up_later() -> None:
    line = retry.TargetHealth(lambda seconds: False)
    assert line.ask("GetImageSet", lambda: 1) == 1
    refused = _connection_error()
    for _ in range(retry.SILENT_LATER // 4):
        assert line.lost is None
        line.ask("GetImageSet", lambda: _raise(refused))
    assert line.lost is not None


def _connection_error() -> Exception:
    from botocore.exceptions import EndpointConnectionError

    return EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


def _raise(error: Exception) -> None:
    raise error


def test_a_failed_identity_is_a_note(service: Service) -> None:
    service.sts_fault = "403"
    records, done = run(target(1))
    assert codes(records) == {"": 1}
    assert next(iter(records.values())).account is None
    assert done.identities == {}
    assert done.notes[0].startswith("archive: GetCallerIdentity failed, so the identity is not known: ")
    assert done.calls["GetCallerIdentity"] == 1


def test_stopping_ends_soon_and_keeps_what_was_read(service: Service) -> None:
    service.sets = {image_set_id(n): answer(n) for n in range(500)}
    stop, records = threading.Event(), []
    told: list[tuple[int, int]] = []

    def sink(record: Record) -> None:
        if record.action == "GetImageSet":
            records.append(record)
        if len(records) == 5:
            stop.set()

    slow = Options(rates={"GetImageSet": Rate(5, 8)})
    began = time.monotonic()
    done = collect(
        [target(500)], sink, options=slow, stop=stop, progress=lambda *numbers: told.append(numbers)
    )
    assert time.monotonic() - began < 40  # unstopped it would take 98 s
    assert done.interrupted
    assert 5 <= len(records) < 30
    assert told[0] == (0, 500)
    assert told[-1] == (len(records), 500)


def test_stopping_while_a_failed_call_waits(service: Service) -> None:
    service.fault = lambda name, attempt: "409"
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    done = collect([target(20)], lambda record: None, options=Options(rates=FAST), stop=stop)
    assert done.interrupted


def test_stopped_before_it_began(service: Service) -> None:
    stop = threading.Event()
    stop.set()
    done = collect([target(20)], lambda record: None, stop=stop)
    assert done.interrupted


def test_a_finished_run_is_not_interrupted(service: Service) -> None:
    stop, records = threading.Event(), []

    def sink(record: Record) -> None:
        if record.action == "GetImageSet":
            records.append(record)
        if len(records) == 20:
            stop.set()

    assert not collect([target(20)], sink, options=Options(rates=FAST), stop=stop).interrupted


def test_the_sink_is_called_in_the_callers_thread(service: Service) -> None:
    threads = set()
    collect([target(20)], lambda record: threads.add(threading.current_thread()), options=Options(rates=FAST))
    assert threads == {threading.current_thread()}


def test_an_error_of_the_sink_ends_the_run(service: Service) -> None:
    def full(record: Record) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        collect([target(20)], full, options=Options(rates=FAST))


@pytest.mark.parametrize("place", ["image_set_reader.read", "target_session.TargetSession.look_up"])
def test_a_bug_of_ours_is_not_swallowed(service: Service, monkeypatch, place: str) -> None:
    monkeypatch.setattr(f"checker.collection.{place}", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        collect([target(20)], lambda record: None, options=Options(rates=FAST))


def test_several_targets_regions_and_stores(service: Service) -> None:
    service.stores["2" * 32] = "ACTIVE"
    service.sets["9" * 32] = answer(0, imageSetId="9" * 32, datastoreId="2" * 32)
    two = Target("two", "eu-west-1", "2" * 32, image_sets=(ImageSetRef("9" * 32),))
    records, done = run(target(2), two)
    assert codes(records) == {"": 3}
    assert done.calls == {"GetCallerIdentity": 2, "GetDatastore": 2, "GetImageSet": 3}
    scopes = {headers["Authorization"].split("/")[2] for path, _, headers in service.requests}
    assert scopes == {"us-east-1", "eu-west-1"}


def test_no_targets() -> None:
    assert collect([], lambda record: None) == Collection(names={"data_stores": {}, "accounts": {}})


def test_memory_does_not_grow_with_the_sink(service: Service) -> None:
    """A slow sink slows the threads: at most the queue and what they hold wait."""
    crew = crews.Workers(None, None, 1, threading.Event())
    assert crew.results.maxsize == crews.MOST_WAITING


def test_a_stopped_wait_is_no_answer() -> None:
    line = retry.TargetHealth(lambda seconds: True)
    with pytest.raises(StoppedError):
        line.ask("GetImageSet", lambda: _raise(ValueError("what came is no number")))


ZONES = """
import json, sys
from checker.collection.collector import Options, collect
from checker.model import ImageSetRef, Target
found = []
collect([Target("a", "us-east-1", sys.argv[1], image_sets=(ImageSetRef(sys.argv[2]),))], found.append)
print(json.dumps([found[1].answer["createdAt"], found[1].answer["updatedAt"]]))
"""


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_times_are_utc_whatever_the_machines_zone(service: Service, zone: str) -> None:
    environment = os.environ | {"TZ": zone}
    command = [sys.executable, "-c", ZONES, DATASTORE, image_set_id(1)]
    root = Path(module.__file__).parents[2]
    out = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == '["2023-03-23T17:28:30.753Z", "2023-03-28T18:14:13.471Z"]'
