from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from checker.simulator import (
    ANY_ACTION,
    DOCUMENTED_QUOTAS,
    Call,
    Fault,
    ModelError,
    RawAnswer,
    Rehearsal,
    TokenBucket,
)
from checker.simulator.medicalimaging.actions import HANDLERS

from .helpers import DENIED, failure


class Seconds:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate():
    seconds = Seconds()
    bucket = TokenBucket(rate=2, burst=3, clock=seconds)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    seconds.now = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    seconds.now = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def strikes(fault, calls=10, action="GetImageSet", **params):
    return [number for number in range(1, calls + 1) if fault.strikes(Call(action, params))]


def test_when_a_fault_strikes():
    assert strikes(Fault("GetImageSet"), calls=3) == [1, 2, 3]
    assert strikes(Fault(ANY_ACTION), calls=1) == [1]
    assert strikes(Fault("SearchImageSets")) == []
    assert strikes(Fault("GetImageSet", times=2)) == [1, 2]
    assert strikes(Fault("GetImageSet", on={2, 5})) == [2, 5]
    assert strikes(Fault("GetImageSet", on=range(1, 100, 4), times=2)) == [1, 5]
    assert strikes(Fault("GetImageSet", match={"imageSetId": "a"}), calls=2, imageSetId="a") == [1, 2]
    assert strikes(Fault("GetImageSet", match={"imageSetId": "a"}), imageSetId="b") == []


def test_chance_is_repeatable():
    first, again, other = (
        strikes(Fault("GetImageSet", probability=0.3, seed=seed), 1000) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert 250 < len(first) < 350
    assert strikes(Fault("GetImageSet", probability=0.0)) == []


def test_only_the_last_calls_are_remembered():
    rehearsal = Rehearsal(remembered=2)
    for number in range(5):
        rehearsal.receive(Call("GetImageSet", {"imageSetId": number}))
    assert [call.params["imageSetId"] for call in rehearsal.calls] == [3, 4]


def test_every_simulated_action_has_a_documented_quota():
    assert set(DOCUMENTED_QUOTAS) == set(HANDLERS)
    rehearsal = Rehearsal()
    rehearsal.limit_as_documented()
    assert (rehearsal.quotas["GetImageSet"].rate, rehearsal.quotas["GetImageSet"].burst) == (25, 50)


def test_calls_are_recorded_with_their_parameters(store, backend, client):
    image_set = store.put()
    backend.rehearsal.calls.clear()
    store.get(image_set, versionId="1")
    client.search_image_sets(datastoreId=store.id, maxResults=7)
    with pytest.raises(ClientError):
        client.get_image_set_metadata(datastoreId=store.id, imageSetId=image_set)
    names = {"datastoreId": store.id, "imageSetId": image_set}
    assert list(backend.rehearsal.calls) == [
        Call("GetImageSet", {**names, "versionId": "1"}),
        Call("SearchImageSets", {"datastoreId": store.id, "maxResults": 7}),
        Call("GetImageSetMetadata", names),
    ]


def test_a_quota_throttles(store, backend):
    image_set = store.put()
    backend.rehearsal.quotas["GetImageSet"] = TokenBucket(rate=0, burst=2)
    for _ in range(2):
        store.get(image_set)
    assert failure(store.get, image_set=image_set) == (429, "ThrottlingException")
    assert len(store.versions(image_set)) == 1


@pytest.mark.parametrize(
    "code, status",
    [
        ("ThrottlingException", 429),
        ("AccessDeniedException", 403),
        ("ValidationException", 400),
        ("ResourceNotFoundException", 404),
        ("ConflictException", 409),
        ("InternalServerException", 500),
        ("ServiceQuotaExceededException", 402),
    ],
)
def test_errors_of_the_model_have_its_status_and_type(store, backend, client, code, status):
    backend.rehearsal.faults.append(Fault("GetDatastore", ModelError(code, "said so"), times=1))
    with pytest.raises(getattr(client.exceptions, code)) as caught:
        client.get_datastore(datastoreId=store.id)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert caught.value.response["Error"] == {"Code": code, "Message": "said so"}
    client.get_datastore(datastoreId=store.id)


def test_one_set_alone_is_unreadable(store, backend):
    image_set, other = store.put(), store.put()
    refusal = ModelError("AccessDeniedException")
    backend.rehearsal.faults.append(Fault("GetImageSet", refusal, match={"imageSetId": image_set}))
    assert failure(store.get, image_set=image_set) == DENIED
    assert store.state(other) == ("ACTIVE", "CREATED")


def test_botocore_retries_what_is_throttled(connect, store, backend):
    patient = connect(attempts=3)
    backend.rehearsal.faults.append(Fault("GetDatastore", ModelError("InternalServerException"), times=2))
    answer = patient.get_datastore(datastoreId=store.id)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


@pytest.mark.parametrize(
    "body",
    ['{"datastoreId": "0123', "<html>captive portal</html>", ""],
    ids=["truncated", "html", "nothing"],
)
def test_garbage_under_200(store, backend, body):
    image_set = store.put()
    backend.rehearsal.faults.append(Fault("GetImageSet", RawAnswer(200, body.encode())))
    # botocore says nothing, and takes what it cannot parse for the member `message`: the caller has to notice
    assert store.get(image_set) == ({"message": body} if body else {})


def test_bytes_that_are_no_text_under_200(store, backend):
    image_set = store.put()
    backend.rehearsal.faults.append(Fault("GetImageSet", RawAnswer(200, b"\xff\xfe\x00")))
    with pytest.raises((ResponseParserError, UnicodeDecodeError)):
        store.get(image_set)


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("body", [b"", b"<html>Service Unavailable</html>"], ids=["empty", "html"])
def test_an_error_that_is_not_of_the_service(store, backend, status, body):
    image_set = store.put()
    answer = RawAnswer(status, body, {"Content-Type": "text/html"})
    backend.rehearsal.faults.append(Fault("GetImageSet", answer))
    assert failure(store.get, image_set=image_set)[0] == status


def test_a_delay_alone_changes_nothing_else(store, backend, monkeypatch):
    waited = []
    monkeypatch.setattr("checker.simulator.medicalimaging.responses.time.sleep", waited.append)
    image_set = store.put()
    backend.rehearsal.faults.append(Fault("GetImageSet", delay=1.5, times=1))
    assert store.state(image_set) == ("ACTIVE", "CREATED")
    assert 1.5 in waited
