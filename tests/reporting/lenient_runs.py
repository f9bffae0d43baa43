"""A run whose gate lets much through: waivers of every kind, an earlier run to compare with, and a trend."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from report_runs import AS_OF, HOSTILE, NO_FORCE, RECENT, TIDY, FakeRun, found, run_of, subject

from checker.evaluation.change_totals import ChangeSince, ClosedFinding
from checker.judgement.gate import Gate
from checker.judgement.run import PreviousRuns, ReferenceRun, SubjectVerdict
from checker.model import Acceptance, Category, Coverage, Location, Severity, Verdict, Waiver
from checker.waivers.status import WaiverUse, ends_soon, state_of

GATE = Gate(Severity.MEDIUM, new_only=True, most={Severity.MEDIUM: 5}, min_coverage=Fraction(995, 1000))
DAY = timedelta(days=1)


def waiver(number: int, created: int, expires: int, rule=NO_FORCE, **more) -> Waiver:
    """A waiver whose first and last day are so many days from that of the run."""
    today = datetime(2026, 1, 2, tzinfo=UTC)
    given = {
        "number": number,
        "rule": rule.name,
        "reason": "Compared with the modality's worklist; the copy is right.",
        "owner": "PACS operations",
        "approved_by": "J. Doe",
        "created": today + created * DAY,
        "expires": today + expires * DAY,
        "where": Location("waivers.yaml", 3 + 9 * number, 5),
    }
    if not more.keys() & {"target", "labels"}:
        given["image_sets"] = tuple(f"{item:032x}" for item in range(number, number + 3))
    return Waiver(**(given | more))


WAIVERS = (
    waiver(1, -30, 60),
    waiver(2, -90, -3),
    waiver(3, -30, 4),
    waiver(4, 5, 90),
    waiver(5, -30, 60, rule=RECENT, image_sets=(f"{9:032x}",), version=3),
    waiver(6, -30, 60, rule=TIDY, target="archive", covers=Verdict.UNKNOWN, reason="The modality is gone."),
    waiver(7, -90, -3, rule=RECENT, labels={"class": "adult"}),
)


def used(item: Waiver, findings: int, reached: int) -> WaiverUse:
    return WaiverUse(item, state_of(item, AS_OF), ends_soon(item, AS_OF), findings, reached)


SINCE = datetime(2025, 12, 1, 3, 4, 5, tzinfo=UTC)


def _with(row: SubjectVerdict, *, new: bool = False, **more) -> SubjectVerdict:
    word = more.get("change", Category.NEW if new else Category.PERSISTING)
    if new and more.get("waived"):
        word = Category.WAIVED
    causes = {Category.NEW: ("first judged",), Category.WAIVED: ("waiver",)}.get(word, ())
    first = (AS_OF, "20260102T030405Z-0000000a") if new else (SINCE, "20251201T030405Z-00000001")
    more |= {"change": word, "causes": causes, "first_seen": first[0], "first_run": first[1]}
    return dataclasses.replace(row, finding=dataclasses.replace(row.finding, **more))


def _rows() -> list[tuple[object, list[SubjectVerdict]]]:
    def forced(number: int, **more) -> SubjectVerdict:
        text = f"version {number % 5 + 1} was written with force"
        row = found(NO_FORCE, subject(number), Verdict.FAIL, GATE, text, overrides__forced=True)
        return _with(row, gated=more["new"] and not more.get("waived", False), **more)

    def deleted(number: int) -> SubjectVerdict:
        row = found(RECENT, subject(number), Verdict.FAIL, GATE, imageSetState="DELETED", deletedAt=AS_OF)
        return _with(row, gated=False, new=True)

    lost = [
        found(TIDY, subject(number, version_id=None), Verdict.UNKNOWN, GATE, "", "AccessDeniedException")
        for number in (8, 9)
    ]
    return [
        (
            NO_FORCE,
            [
                forced(1, waived=True, waiver=WAIVERS[0], new=True),
                forced(2, waiver=WAIVERS[1], new=True),
                forced(3, waived=True, waiver=WAIVERS[2], new=False),
                forced(4, waiver=WAIVERS[3], new=False),
                forced(5, new=True),
                *(SubjectVerdict(subject(number), Verdict.PASS) for number in (6, 7)),
            ],
        ),
        (RECENT, [deleted(5), deleted(6), *(SubjectVerdict(subject(n), Verdict.PASS) for n in (1, 2))]),
        (
            TIDY,
            [
                *(SubjectVerdict(subject(number), Verdict.PASS) for number in range(1, 8)),
                _with(lost[0], waived=True, waiver=WAIVERS[5], gated=False, new=False),
                _with(lost[1], gated=False, change=Category.UNDECIDED),
            ],
        ),
    ]


CHANGE = ChangeSince(
    {
        NO_FORCE.name: {
            Category.NEW: 2,
            Category.PERSISTING: 2,
            Category.WAIVED: 1,
        },
        RECENT.name: {Category.NEW: 2, Category.FIXED: 1},
        TIDY.name: {Category.UNDECIDED: 1, Category.PERSISTING: 1},
        "retention/gone": {Category.NOT_JUDGED: 1},
    },
    (
        ClosedFinding(
            "retention/gone", subject(4, account=None, region=None, version_id=None), Category.NOT_JUDGED
        ),
        ClosedFinding(TIDY.name, subject(9, account=None, region=None, version_id=None), Category.UNDECIDED),
        ClosedFinding(
            RECENT.name, subject(2, account=None, region=None, version_id=2, exact=True), Category.FIXED
        ),
    ),
    3,
    {
        Category.NEW: {("first judged",): 3, ("waiver",): 1},
        Category.UNDECIDED: {("data",): 1},
        Category.NOT_JUDGED: {("policy",): 1},
        Category.PERSISTING: {(): 3},
        Category.WAIVED: {("waiver",): 1},
        Category.FIXED: {("data",): 1},
    },
    severities={
        **{item.name: item.severity for item in (NO_FORCE, RECENT, TIDY)},
        "retention/gone": Severity.HIGH,
    },
)


def point(number: int, fails: dict[str, int], unknown: int, outcome: str = "violation") -> dict:
    """What a run keeps of an earlier one."""
    tally = {"subjects": 40, "waived": number % 3, "not_applicable": 0, "unknown_waived": 0, "persisting": 0}
    rules = [
        {"rule": f"x/{item}", "severity": item, "passed": 40 - n, "fail": n, "unknown": unknown, **tally}
        for item, n in fails.items()
    ]
    return {
        "run": f"202512{number:02}T030405Z-0000000{number % 10}",
        "as_of": f"2025-12-{number:02}T03:04:05Z",
        "hypothetical": number == 8,
        "outcome": outcome,
        "sealed_at": f"2025-12-{number:02}T03:05:00Z",
        "summary": {
            "coverage": {"expected": 40, "not_found": 0, "unreadable": unknown, "unreadable_targets": 0},
            "rules": rules,
            "severities": {rule["severity"]: rule for rule in rules},
        },
    }


TREND = (
    point(1, {"high": 9, "medium": 4, "low": 0}, 3),
    point(8, {"high": 7, "medium": 4, "low": 1}, 0),
    point(15, {"high": 7, "medium": 0, "low": 1}, 0),
    point(22, {"high": 0, "medium": 0, "low": 0}, 0, "passed"),
    point(29, {"high": 4, "medium": 1, "low": 0}, 1),
)


def lenient(**more) -> FakeRun:
    """Waivers in every state, findings that are new and that are not, maxima, an earlier run and a trend."""
    uses = zip(WAIVERS, ((1, 3), (1, 3), (1, 3), (1, 2), (0, 1), (1, 9), (0, 4)), strict=True)
    given = {
        "waivers": tuple(used(item, *numbers) for item, numbers in uses),
        "before": PreviousRuns(
            ReferenceRun("20251229T030405Z-00000009", AS_OF - 4 * DAY, "ab12" * 16, "passed"), trend=TREND
        ),
        "change": CHANGE,
        "replay_of": "20260102T030405Z-deadbeef",
    }
    return run_of(_rows(), GATE, Coverage(9, 0, 2), **(given | more))


def hostile_waivers() -> FakeRun:
    """A run whose waivers and earlier runs have hostile texts."""
    bad = waiver(
        1, -9, 9, reason=HOSTILE, owner=HOSTILE, approved_by=HOSTILE, image_sets=(HOSTILE,),
        where=Location(HOSTILE, 1, 1),
    )  # fmt: skip
    row = found(NO_FORCE, subject(1), Verdict.FAIL, GATE, "forced", waived=True, overrides__forced=True)
    gone = ClosedFinding(HOSTILE, subject(1, target=HOSTILE, image_set_id=HOSTILE), Category.FIXED)
    return run_of(
        [(NO_FORCE, [_with(row, waiver=bad, new=True)])],
        GATE,
        Coverage(1),
        waivers=(used(bad, 1, 1),),
        before=PreviousRuns(
            ReferenceRun(
                HOSTILE,
                AS_OF,
                HOSTILE,
                "accepted",
                Acceptance("accept", HOSTILE, HOSTILE, HOSTILE, AS_OF, 1, HOSTILE),
            ),
            trend=(point(1, {"high": 1}, 0) | {"run": HOSTILE}, {"run": HOSTILE}),
        ),
        change=ChangeSince({HOSTILE: {Category.FIXED: 1}}, (gone,), 1, severities={HOSTILE: Severity.LOW}),
        replay_of=HOSTILE,
    )
