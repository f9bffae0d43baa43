"""Events in what queues, topics and logs wrap them in: taken out, or refused by name."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from checker.problems import InvalidInputError
from checker.snapshot.deletion_events import read_events

STORE, ONE, TWO = "1" * 32, "a" * 32, "b" * 32


def event(image_set):
    return {
        "version": "0",
        "detail-type": "Image Set Deleted",
        "source": "aws.medical-imaging",
        "time": "2024-03-14T00:01:00Z",
        "resources": [],
        "detail": {"datastoreId": STORE, "imagesetId": image_set, "imageSetVersion": "1"},
    }


FIRST, SECOND = event(ONE), event(TWO)
TEXTS = [json.dumps(FIRST), json.dumps(SECOND)]


def packed(text):
    return base64.b64encode(text).decode()


def notification(text):
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": text}


LOGGED = {
    "messageType": "DATA_MESSAGE",
    "logEvents": [{"id": "1", "timestamp": 1, "message": text} for text in TEXTS],
}
ENVELOPES = {
    "sqs": {"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": text} for text in TEXTS]},
    "sqs of lambda": {"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": text} for text in TEXTS]},
    "sqs, read before": {"Messages": [{"MessageId": "m", "Body": item} for item in (FIRST, SECOND)]},
    "one message each": [{"MessageId": "m", "Body": text} for text in TEXTS],
    "sns": [notification(text) for text in TEXTS],
    "sns of lambda": {"Records": [{"EventSource": "aws:sns", "Sns": notification(text)} for text in TEXTS]},
    "sns in sqs": {"Messages": [{"MessageId": "m", "Body": json.dumps(notification(text))} for text in TEXTS]},
    "a batch in sqs": {"Messages": [{"MessageId": "m", "Body": json.dumps([FIRST, SECOND])}]},
    "kinesis": {"Records": [{"kinesis": {"data": packed(text.encode())}} for text in TEXTS]},
    "filter-log-events": {"events": [{"timestamp": 1, "message": text} for text in TEXTS], "searchedLogStreams": []},
    "get-log-events": {"events": [{"message": text} for text in TEXTS], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"},
    "a subscription": {"awslogs": {"data": packed(gzip.compress(json.dumps(LOGGED).encode()))}},
    "a subscription, unpacked": LOGGED,
    "get-query-results": {"results": [[{"field": "@message", "value": text}] for text in TEXTS]},
    "a destination of lambda": [{"requestContext": {}, "requestPayload": item} for item in (FIRST, SECOND)],
}  # fmt: skip


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of(source):
        Path("e.json").write_bytes(source if isinstance(source, bytes) else source.encode())
        return [item.image_set_id for item in read_events(["e.json"], None)[0]]

    return of


def refused(read, source):
    with pytest.raises(InvalidInputError) as caught:
        read(source)
    return str(caught.value)


@pytest.mark.parametrize("name", ENVELOPES)
def test_events_are_taken_out_of_what_wraps_them(read, name):
    assert read(json.dumps(ENVELOPES[name])) == [ONE, TWO]


@pytest.mark.parametrize(
    "before", ["2024-03-14T00:01:00.123Z ", "2024-03-14T00:01:00.123000+00:00 the-stream "]
)
def test_what_cloudwatch_logs_writes_before_an_event_is_left_out(read, before):
    assert read("".join(f"{before}{text}\n" for text in TEXTS)) == [ONE, TWO]


def test_a_file_that_is_packed_is_unpacked(read):
    assert read(gzip.compress("\n".join(TEXTS).encode())) == [ONE, TWO]


def test_a_file_that_is_packed_and_cut_off_is_an_error(read):
    assert "e.json: error: cannot be unpacked" in refused(read, gzip.compress(TEXTS[0].encode())[:-9])


def test_what_is_wrong_in_an_envelope_is_told_at_its_place(read):
    item = {"Messages": [{"MessageId": "m", "Body": json.dumps({**FIRST, "source": "aws.s3"})}]}
    assert (
        'e.json:1: Messages[0].Body: error: this is no event of aws.medical-imaging: its source is "aws.s3"'
        in refused(read, json.dumps(item))
    )


TRAIL = {
    "eventVersion": "1.08",
    "eventSource": "medical-imaging.amazonaws.com",
    "eventName": "DeleteImageSet",
    "userIdentity": {},
}
REFUSED = [
    ({"Records": [TRAIL]}, "this is a record of CloudTrail"),
    (TRAIL, "this is a record of CloudTrail"),
    ({"Events": [{"EventName": "DeleteImageSet", "CloudTrailEvent": json.dumps(TRAIL)}]}, "this is a record of CloudTrail"),
    ({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": {}}]}, "this is a notification of S3"),
    ({"Entries": [{"Source": "aws.medical-imaging", "Detail": "{}"}]}, "these are entries of put-events"),
    ({"Messages": [{"MessageId": "m", "Body": "deleted!"}]}, "the message in a message of SQS is not JSON"),
    ({"Messages": [{"Body": TEXTS[0]}, {"body": TEXTS[1]}]}, "Messages[1] has no Body"),
    ({"events": [{"message": TEXTS[0]}], "nextToken": "abc"}, "the list is cut off: nextToken abc names a next page"),
    ({"events": [{"message": TEXTS[0]}], "NextToken": "abc"}, "the list is cut off: NextToken abc names a next page"),
    ({"awslogs": {"data": "~"}}, "awslogs.data is not base64"),
    ({"awslogs": {"data": packed(b"x")}}, "awslogs.data cannot be unpacked"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "said"), REFUSED)
def test_what_holds_no_event_that_can_be_told_is_refused_by_its_name(read, value, said):
    assert said in refused(read, json.dumps(value))


def test_envelopes_in_one_another_without_end_are_refused(read):
    text = TEXTS[0]
    for _ in range(9):
        text = json.dumps(notification(text))
    assert "more than 5 envelopes" in refused(read, text)
