"""A run of several accounts: data stores with names and without findings, and a target of which nothing could be read."""

from __future__ import annotations

from datetime import timedelta

from report_runs import (
    AS_OF,
    EARLY,
    NO_FORCE,
    RECENT,
    TIDY,
    FakeRun,
    dated,
    found,
    run_of,
    subject,
)

from checker.judgement.gate import Gate
from checker.judgement.run import SubjectVerdict, UnreadableImageSet
from checker.model import Coverage, Severity, Verdict
from checker.snapshot.datastore_coverage import DatastoreCoverage

NORTH, SOUTH, EAST = "111122223333", "444455556666", "777788889999"
STORES = tuple(letter * 32 for letter in "abcd")
REACHED = (
    DatastoreCoverage("clean", STORES[3], EAST, "ap-southeast-2", "research", "East", 1),
    DatastoreCoverage("lost", None, None, None, image_sets=2, unreadable=2),
    DatastoreCoverage("north", STORES[0], NORTH, "us-east-1", "archive", "North clinic", 2),
    DatastoreCoverage("south", STORES[1], SOUTH, "eu-west-1", "", "South clinic", 4),
    DatastoreCoverage("south-2", STORES[2], SOUTH, "eu-west-2", "cold", "South clinic", 1),
)
GATE = Gate(Severity.HIGH)
DENIED = "AccessDeniedException"


def _of(number: int, target: str):
    store = next(item for item in REACHED if item.target == target)
    return subject(
        number, target=target, account=store.account, region=store.region, datastore_id=store.datastore
    )


def accounts(**more) -> FakeRun:
    """The worst data store, the worst account and the worst image set are of different accounts."""
    north, clean, cold = _of(1, "north"), _of(9, "clean"), _of(6, "south-2")
    south = [_of(number, "south") for number in (2, 3, 4, 5)]
    lost = [_of(number, "lost") for number in (7, 8)]

    def fail(rule, item, days=0, **told) -> SubjectVerdict:
        row = found(rule, item, Verdict.FAIL, GATE, "as it should not be", **told)
        return dated(row, AS_OF - timedelta(days=days)) if days else row

    def unknown(rule) -> list[SubjectVerdict]:
        return [found(rule, item, Verdict.UNKNOWN, GATE, "", DENIED) for item in lost]

    passing = [SubjectVerdict(item, Verdict.PASS) for item in (clean, _of(10, "north"))]
    verdicts = [
        (TIDY, [*passing, *unknown(TIDY)]),
        (NO_FORCE, [*passing, fail(NO_FORCE, north), *(fail(NO_FORCE, item, 3) for item in south[:3])]),
        (EARLY, [*passing, fail(EARLY, north, 3), fail(EARLY, cold, 41), *unknown(EARLY)]),
        (RECENT, [*passing, fail(RECENT, south[3], 400)]),
    ]
    unread = tuple(UnreadableImageSet(item, DENIED, "no") for item in lost)
    given = {"reached": REACHED, "unread_sets": unread}
    return run_of(verdicts, GATE, Coverage(10, 0, 2), **(given | more))
