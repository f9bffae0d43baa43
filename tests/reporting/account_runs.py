"""A run of several accounts, with 12 findings: data stores with names and without findings, a target of which nothing could be
read, a waiver, and a run of last month."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import timedelta

from lenient_runs import used, waiver
from report_runs import (
    AS_OF,
    EARLY,
    NO_FORCE,
    RECENT,
    TIDY,
    FakeRun,
    found,
    run_of,
    subject,
)

from checker.evaluation.change_totals import ChangeSince, ClosedFinding
from checker.judgement.gate import Gate
from checker.judgement.run import PreviousRuns, ReferenceRun, SubjectVerdict, UnreadableImageSet
from checker.model import Category, Coverage, Severity, Verdict
from checker.snapshot.datastore_coverage import DatastoreCoverage

NORTH, SOUTH, EAST = "111122223333", "444455556666", "777788889999"
STORES = tuple(letter * 32 for letter in "abcd")
REACHED = (
    DatastoreCoverage("clean", STORES[3], EAST, "ap-southeast-2", "research", "East", 1),
    DatastoreCoverage("lost", None, None, None, image_sets=2, unreadable=2, unlisted=True),
    DatastoreCoverage("north", STORES[0], NORTH, "us-east-1", "archive", "North clinic", 2),
    DatastoreCoverage("south", STORES[1], SOUTH, "eu-west-1", "", "South clinic", 4),
    DatastoreCoverage("south-2", STORES[2], SOUTH, "eu-west-2", "cold", "South clinic", 1),
)
GATE = Gate(Severity.HIGH)
MONTH = timedelta(days=30)
WAIVER = waiver(1, -30, 60, image_sets=(f"{10:032x}",))
DENIED = "AccessDeniedException"


def _of(number: int, target: str):
    store = next(item for item in REACHED if item.target == target)
    return subject(
        number, target=target, account=store.account, region=store.region, datastore_id=store.datastore
    )


def _since(row: SubjectVerdict, days: int) -> SubjectVerdict:
    """A finding that has been one for so many days: it is new where the run of last month had it not."""
    finding = row.finding
    first = AS_OF - timedelta(days=days)
    known = {"change": Category.PERSISTING if days > MONTH.days else Category.NEW, "first_seen": first}
    causes = () if days > MONTH.days else ("data",)
    finding = dataclasses.replace(finding, causes=causes, first_run="20250101T030405Z-0000000b", **known)
    return dataclasses.replace(row, finding=finding)


def accounts(**more) -> FakeRun:
    """12 findings. The worst data store, the worst account and the worst image set are of different accounts; since last month
    some findings are new and one is fixed."""
    north, other, clean, cold = _of(1, "north"), _of(10, "north"), _of(9, "clean"), _of(6, "south-2")
    south = [_of(number, "south") for number in (2, 3, 4, 5)]
    lost = [_of(number, "lost") for number in (7, 8)]

    def fail(rule, item, days=0, **told) -> SubjectVerdict:
        return _since(found(rule, item, Verdict.FAIL, GATE, "as it should not be", **told), days)

    def unknown(rule) -> list[SubjectVerdict]:
        return [_since(found(rule, item, Verdict.UNKNOWN, GATE, "", DENIED), 5) for item in lost]

    passing = [SubjectVerdict(item, Verdict.PASS) for item in (clean, other)]
    let_go = fail(NO_FORCE, other, 60, waived=True)
    let_go = dataclasses.replace(let_go, finding=dataclasses.replace(let_go.finding, waiver=WAIVER))
    verdicts = [
        (TIDY, [*passing, *unknown(TIDY)]),
        (
            NO_FORCE,
            [passing[0], let_go, fail(NO_FORCE, north), *(fail(NO_FORCE, item, 3) for item in south[:3])],
        ),
        (EARLY, [*passing, fail(EARLY, north, 3), fail(EARLY, cold, 41), *unknown(EARLY)]),
        (RECENT, [*passing, fail(RECENT, south[3], 400)]),
    ]
    counts = {
        item.name: Counter(row.finding.change for row in rows if row.finding) for item, rows in verdicts
    }
    counts[RECENT.name][Category.FIXED] = 1
    gone = ClosedFinding(RECENT.name, clean, Category.FIXED, ("data",), AS_OF - timedelta(days=90))
    new = sum(own[Category.NEW] for own in counts.values())
    given = {
        "reached": REACHED,
        "unread_sets": tuple(UnreadableImageSet(item, DENIED, "no") for item in lost),
        "waivers": (used(WAIVER, 1, 1),),
        "before": PreviousRuns(ReferenceRun("20251203T030405Z-00000009", AS_OF - MONTH, "ab12" * 16, "last")),
        "change": ChangeSince(
            counts,
            (gone,),
            1,
            {Category.NEW: {("data",): new}, Category.PERSISTING: {(): 3}, Category.FIXED: {("data",): 1}},
            {item.name: item.severity for item, _ in verdicts},
        ),
    }
    return run_of(verdicts, GATE, Coverage(10, 0, 2), **(given | more))
