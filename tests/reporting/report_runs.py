"""Runs for the tests of reports: a `Run` whose findings, subjects and unread sets are written down here."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache, cached_property
from itertools import islice
from pathlib import Path

from checker.judgement.gate import Gate, judge
from checker.judgement.gate_text import sentence
from checker.judgement.run import Criteria, Provenance, RuleResult, Run, SubjectVerdict, UnreadableImageSet
from checker.model import (
    Absence,
    Aggregate,
    Control,
    ControlRequirement,
    Coverage,
    Duration,
    Field,
    Finding,
    FindingCounts,
    Framework,
    Group,
    Leaf,
    Location,
    Numbers,
    Operand,
    Pack,
    Rule,
    Severity,
    Shortfall,
    Source,
    Subject,
    Tailoring,
    Tally,
    Test,
    Type,
    UnreadableSet,
    Verdict,
)

AS_OF = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STORE = "0123456789abcdef0123456789abcdef"
FORCED = Field("overrides.forced", Type.BOOLEAN, Absence.FALSE, Source.ANSWER, "")
STATE = Field("imageSetState", Type.ENUM, Absence.NEVER, Source.ANSWER, "")
DELETED_AT = Field("deletedAt", Type.TIME, Absence.NOT_REPORTED, Source.ANSWER, "")
CREATED_AT = Field("createdAt", Type.TIME, Absence.NEVER, Source.ANSWER, "")
MESSAGE = Field("message", Type.STRING, Absence.NONE, Source.ANSWER, "")
HOSTILE = "<script>alert(1)</script>]]>&amp;\"'\x00\x1b[31m\u202etxt\u2028\ud800\x9b\ufffe{{ 7*7 }}=cmd|'/C calc'!A0"

INTEGRITY = Pack(
    name="integrity",
    title="Integrity of image sets",
    path="policies/integrity.yaml",
    sha256="9f2c" * 16,
    source=b"",
    rules=(),
    params={},
    labels={},
    revision="2026-1",
    owner="Imaging governance",
    approved_by="J. Doe",
    review_by="2026-12-31",
)
RETENTION = Pack("retention", "Retention", "pack:retention", "ab01" * 16, b"", (), {}, {})


def leaf(operand: Field, operator: str, value: object, right: Field | None = None) -> Leaf:
    return Leaf(Operand(operand, right), (Test(operator, value),))


def rule(pack: Pack, name: str, severity: Severity, condition, **more) -> Rule:
    more.setdefault("title", f"Rule {name}")
    more.setdefault("where", Location(pack.path, 8, 5))
    more.setdefault("deny", True)
    more.setdefault("when", None)
    return Rule(id=name, pack=pack.name, severity=severity, condition=condition, **more)


NO_FORCE = rule(
    INTEGRITY,
    "no-forced-overrides",
    Severity.HIGH,
    leaf(FORCED, "eq", True),
    title="No image set was written with force",
    why="A forced copy or update skips the patient, study and series match.",
    fix="Compare both image sets, then revert to the last unforced version.",
    caveat="Judges the latest version only; a later ordinary update hides an earlier force.",
    controls=(
        Control("hipaa", "164.312(c)(1)"),
        Control("nist-800-53r5", "SI-7"),
        Control("nist-800-53r5", "SI-10"),
    ),
    tags=("integrity",),
    fields=(FORCED,),
)
RECENT = rule(
    RETENTION,
    "no-recent-deletions",
    Severity.MEDIUM,
    Group(
        "all", (leaf(STATE, "eq", "DELETED"), leaf(DELETED_AT, "younger_than", Duration(0, 30 * 86_400_000)))
    ),
    title="No image set was deleted within the review window",
    why="A deletion can be undone only while backups last.",
    fix="Ask who deleted it, and restore it from the archive if nobody knows.",
    controls=(Control("nist-800-53r5", "SI-12"), Control("iso-27001", "A.5.33")),
    where=Location("pack:retention", 21, 5),
    fields=(STATE, DELETED_AT),
)
EARLY = rule(
    RETENTION,
    "no-early-deletions",
    Severity.CRITICAL,
    leaf(DELETED_AT, "gte", Duration(84, 0), CREATED_AT),
    title="No image set was deleted before its retention period ended",
    deny=False,
    when=leaf(STATE, "eq", "DELETED"),
    fields=(STATE, DELETED_AT, CREATED_AT),
)
TIDY = rule(RETENTION, "no-message", Severity.LOW, leaf(MESSAGE, "exists", True), fields=(MESSAGE,))


RANKS = {severity: severity.rank for severity in Severity}


def worst(finding: Finding, place: int | None = None) -> tuple[object, ...]:
    """What findings in the order of the policies are sorted by, across rules or by a rule's place."""
    first = finding.first_seen
    head = -RANKS[finding.rule.severity] if place is None else place
    age = (first is None, first.timestamp() if first else 0)
    return (head, not finding.gated, *age, finding.verdict is Verdict.UNKNOWN)


@dataclass(frozen=True)
class FakeRun(Run):
    """A run that holds its verdicts in memory."""

    verdicts: dict[str, list[SubjectVerdict]] = field(default_factory=dict)
    unread_sets: tuple[UnreadableImageSet, ...] = ()

    @property
    def oldest(self):
        return min((finding.first_seen for finding in self.findings() if finding.first_seen), default=None)

    def _findings(
        self, order: str, most: int | None = None, *, gated: bool = False, show_phi: bool = False
    ) -> Iterator[Finding]:
        every = self._worst_first if order == "worst" else self._by_rule
        yield from islice((item for item in every if item.gated or not gated), most)

    @cached_property
    def _worst_first(self) -> list[Finding]:
        return sorted(self._every(self.judged), key=worst)

    @cached_property
    def _by_rule(self) -> list[Finding]:
        places = {item.rule.name: place for place, item in enumerate(self.ranked)}
        return sorted(self._every(self.ranked), key=lambda item: worst(item, places[item.rule.name]))

    def _every(self, judged: Iterable[RuleResult]) -> Iterator[Finding]:
        for rule_result in judged:
            yield from (item.finding for item in self.verdicts[rule_result.rule.name] if item.finding)

    def sample(self, sort: str, most: int, *, show_phi: bool = False) -> Iterator[Finding]:
        """As `evaluation.finding_order.sample_places` has it, but for `image-set` in the order of their names."""
        found, taken = list(self.findings(gated=True)), Counter()
        shares = []
        for finding in found:
            taken[finding.rule.name] += 1
            number = taken[finding.rule.name]
            shares.append(1 + (number > max(most // 4, 1)) + (number > max(most // 2, 1)))
        rows = list(enumerate(zip(shares, found, strict=True)))
        first = {
            "severity": lambda row: row[1][0],
            "rule": lambda row: (row[1][0], row[1][1].rule.name),
            "age": lambda row: (row[1][1].first_seen is None, row[1][1].first_seen or AS_OF),
            "image-set": lambda row: row[1][1].subject.name,
        }[sort]
        rows = [row for row in rows if row[1][0] < 3 or sort in ("age", "image-set")]
        yield from (row[1][1] for row in sorted(rows, key=lambda row: (first(row), row[0]))[:most])

    def subjects(self, *, show_phi: bool = False) -> Iterator[tuple[RuleResult, Iterator[SubjectVerdict]]]:
        yield from ((judged, iter(self.verdicts[judged.rule.name])) for judged in self.ranked)

    def oldest_open(self, verdict: Verdict = Verdict.FAIL, *, show_phi: bool = False) -> Finding | None:
        free = [item for item in self.findings() if item.verdict is verdict and not item.waived]
        return min((item for item in free if item.first_seen), key=lambda item: item.first_seen, default=None)

    def image_set_totals(self, most: int):
        return self._totals(lambda item: (item.target, item.datastore_id, item.image_set_id), most)

    def datastore_totals(self):
        return self._totals(lambda item: (item.target, item.datastore_id), None)

    def _totals(self, key, most):
        """As `evaluation.finding_totals` has it."""
        found = defaultdict(list)
        for item in self.findings():
            kind = "waived" if item.waived and item.verdict is Verdict.FAIL else item.verdict.value
            own = found[key(item.subject)]
            own += [(item.rule.severity, word) for word in (kind, f"gated_{kind}")[: 1 + item.gated]]
        kinds = ("gated_fail", "gated_unknown", "fail", "unknown")
        worst_first = list(reversed(Severity))

        @cache
        def place(words):
            return [-words.count((severity, kind)) for severity in worst_first for kind in kinds]

        names = [name for name in found if most is None or name[-1] is not None]
        for name in sorted(names, key=lambda name: place(tuple(found[name])))[:most]:
            own = Counter(found[name])
            yield (
                name,
                {
                    severity: FindingCounts(*(own[severity, kind] for kind in FindingCounts._fields))
                    for severity in worst_first
                },
            )

    def unread(self) -> Iterator[UnreadableImageSet]:
        found = [total.finding for every in self.verdicts.values() for total in every if total.finding]
        for image_set in self.unread_sets:
            gated = self.ruling.counts_unread(_said(image_set.subject, found))
            yield dataclasses.replace(image_set, gated=gated)


def _said(item: Subject, findings: Iterable[Finding]) -> UnreadableSet:
    """What rules say of an image set that could not be read."""
    own = [
        finding
        for finding in findings
        if finding.subject.image_set_id == item.image_set_id and finding.verdict is Verdict.UNKNOWN
    ]
    unknown = frozenset(finding.rule.severity for finding in own if not finding.waived)
    return UnreadableSet(unknown, any(finding.waived for finding in own))


def subject(number: int, **more) -> Subject:
    defaults = {
        "target": "archive",
        "account": "123456789012",
        "region": "us-east-1",
        "datastore_id": STORE,
        "image_set_id": f"{number:032x}",
        "version_id": number % 5 + 1,
    }
    return Subject(**(defaults | more))


def found(
    rule: Rule, item: Subject, verdict: Verdict, gate: Gate, message="", reason=None, waived=False, **observed
) -> SubjectVerdict:
    shown = {name.replace("__", ".").rstrip("_"): value for name, value in observed.items()}
    unknown = verdict is Verdict.UNKNOWN and gate.on_unknown != "ignore"
    counts = not waived and gate.reaches(rule.severity) and (verdict is Verdict.FAIL or unknown)
    # of what could not be read no answer says the ARN
    arn = arn_of(item) if verdict is Verdict.FAIL else None
    finding = Finding(rule, item, verdict, reason, shown, message, counts, waived, arn=arn)
    return SubjectVerdict(item, verdict, finding)


def arn_of(item: Subject) -> str:
    store = f"arn:aws:medical-imaging:{item.region}:{item.account}:datastore/{item.datastore_id}"
    return store if item.image_set_id is None else f"{store}/imageset/{item.image_set_id}"


def resting(subject_verdict: SubjectVerdict, *calls: str, reused_from: str | None = None) -> SubjectVerdict:
    """A finding that rests on calls."""
    at = AS_OF - timedelta(seconds=90)
    finding = dataclasses.replace(
        subject_verdict.finding, calls=calls, collected_at=at, reused_from=reused_from
    )
    return dataclasses.replace(subject_verdict, finding=finding)


def dated(subject_verdict: SubjectVerdict, first_seen: datetime) -> SubjectVerdict:
    """A finding that has been one since an instant."""
    finding = dataclasses.replace(
        subject_verdict.finding, first_seen=first_seen, first_run="20250101T030405Z-0000000b"
    )
    return dataclasses.replace(subject_verdict, finding=finding)


def run_of(pairs: list[tuple[Rule, list[SubjectVerdict]]], gate: Gate, coverage: Coverage, **more) -> FakeRun:
    judged = tuple(RuleResult(item, _tally(found)) for item, found in pairs)
    tallies = [(item.rule.severity, item.tally) for item in judged]
    found = [total.finding for _, every in pairs for total in every if total.finding]
    unread = Counter(_said(image_set.subject, found) for image_set in more.get("unread_sets", ()))
    ruling = judge(gate, tallies, coverage, unread, interrupted=more.get("interrupted", False))
    given = {
        "id": "20260102T030405Z-1a2b3c4d",
        "name": "radiology-archive",
        "as_of": AS_OF,
        "hypothetical": False,
        "tool_version": "0.1.0",
        "folder": Path("run"),
    }
    groups = {
        "criteria": (Criteria, {"packs": (INTEGRITY, RETENTION)}),
        "provenance": (Provenance, {"source": "live", "botocore_version": "1.42.81"}),
    }
    for group, (kind, usual) in groups.items():
        names = {item.name for item in dataclasses.fields(kind)} & more.keys()
        given[group] = kind(**(usual | {name: more.pop(name) for name in names}))
    return FakeRun(
        judged=judged,
        coverage=coverage,
        ruling=ruling,
        sentence=sentence(ruling, tallies, coverage),
        verdicts={item.name: found for item, found in pairs},
        **(given | more),
    )


def _tally(found: list[SubjectVerdict]) -> Tally:
    def count(verdict: Verdict, waived: bool = False) -> int:
        return sum(
            explanation.verdict is verdict
            and (explanation.finding is not None and explanation.finding.waived) is waived
            for explanation in found
        )

    fails, unknown = Verdict.FAIL, Verdict.UNKNOWN
    return Tally(
        len(found),
        count(Verdict.PASS),
        count(fails),
        count(fails, waived=True),
        count(unknown) + count(unknown, waived=True),
        count(Verdict.NOT_APPLICABLE),
        count(unknown, waived=True),
        sum(
            explanation.verdict is fails
            and explanation.finding.new is False
            and not explanation.finding.waived
            for explanation in found
            if explanation.finding is not None
        ),
    )


def ordinary(gate: Gate = Gate(Severity.MEDIUM), **more) -> FakeRun:  # noqa: B008 - frozen
    """Two packs, four rules, every verdict, a pinned version, a waived fail, two unreadable sets."""
    sets = [subject(n) for n in range(1, 7)]
    pinned = subject(3, version_id=2, exact=True)
    lost = [subject(n, version_id=None) for n in (7, 8)]
    denied = "AccessDeniedException"
    gone = AS_OF - timedelta(days=12, hours=5)
    why = "deletedAt is not reported"

    def unknown(item: Rule, lost_set: Subject) -> SubjectVerdict:
        return found(item, lost_set, Verdict.UNKNOWN, gate, f"could not be read: {denied}", denied)

    def passing(numbers: slice, verdict: Verdict = Verdict.PASS) -> list[SubjectVerdict]:
        return [SubjectVerdict(item, verdict) for item in sets[numbers]]

    forced = {"overrides__forced": True}
    verdicts = [
        (
            NO_FORCE,
            [
                *passing(slice(0, 2)),
                resting(
                    found(
                        NO_FORCE, sets[2], Verdict.FAIL, gate, "version 4 was written with force", **forced
                    ),
                    "GetImageSet",
                    reused_from="20251226T030405Z-5e6f7a8b",
                ),
                found(NO_FORCE, pinned, Verdict.FAIL, gate, "version 2 was written with force", **forced),
                found(
                    NO_FORCE,
                    sets[3],
                    Verdict.FAIL,
                    gate,
                    "version 5 was written with force",
                    None,
                    True,
                    **forced,
                ),
                *passing(slice(4, 6)),
                *(unknown(NO_FORCE, record) for record in lost),
            ],
        ),
        (
            RECENT,
            [
                *passing(slice(0, 4)),
                resting(
                    found(RECENT, sets[4], Verdict.FAIL, gate, imageSetState="DELETED", deletedAt=gone),
                    "GetImageSet",
                    "SearchImageSets",
                ),
                found(
                    RECENT, sets[5], Verdict.UNKNOWN, gate, "", why, imageSetState="DELETED", deletedAt=None
                ),
                *(unknown(RECENT, record) for record in lost),
            ],
        ),
        (
            EARLY,
            [
                *passing(slice(0, 5), Verdict.NOT_APPLICABLE),
                *passing(slice(5, 6)),
                *(unknown(EARLY, record) for record in lost),
            ],
        ),
        (
            TIDY,
            [
                *passing(slice(0, 5)),
                found(TIDY, sets[5], Verdict.FAIL, gate, message="", message_=None),
                *(unknown(TIDY, record) for record in lost),
            ],
        ),
    ]
    given = {
        "unread_sets": tuple(
            UnreadableImageSet(record, denied, "User: audit is not authorized to perform GetImageSet")
            for record in lost
        ),
        "params": {"retention.review_window": "30d"},
        "identities": {"archive": "arn:aws:sts::123456789012:assumed-role/Audit/imageset-checker"},
        "calls": {"GetImageSet": 9, "GetDatastore": 1},
        "left_out": ("rule retention/tier-cost-review: --skip-rule",),
    }
    return run_of(verdicts, gate, Coverage(9, 1, 2, 0), **(given | more))


def clean_run(**more) -> FakeRun:
    """Nothing but passes."""
    verdicts = [(NO_FORCE, [SubjectVerdict(subject(n), Verdict.PASS) for n in range(1, 4)])]
    return run_of(verdicts, Gate(), Coverage(3), **more)


PRIMARY = Field("isPrimary", Type.BOOLEAN, Absence.NOT_REPORTED, Source.ANSWER, "")
KEY = Field("datastore.kmsKeyArn", Type.STRING, Absence.NONE, Source.DATASTORE, "")
BEFORE = Field("previous_version.imageSetState", Type.ENUM, Absence.NEVER, Source.PREVIOUS_VERSION, "")
RETENTION_RULES = (
    Control(
        "mqsa",
        "21 CFR 900.12",
        "Records",
        (ControlRequirement("retention", (Test("gte", Duration(120)),)),),
        "That the originals are kept elsewhere.",
    ),
)
SHARE = rule(
    INTEGRITY,
    "few-secondary-sets",
    Severity.HIGH,
    Aggregate(
        "ratio",
        leaf(PRIMARY, "eq", False),
        leaf(STATE, "eq", "ACTIVE"),
        (Test("gt", Fraction(1, 100)),),
    ),
    scope="datastore",
    controls=(Control("hipaa", "164.312(c)(1)", "Integrity"),),
    fields=(KEY,),
)
RETURNED = rule(
    RETENTION,
    "deleted-stays-deleted",
    Severity.CRITICAL,
    leaf(BEFORE, "eq", "DELETED"),
    scope="version",
    controls=RETENTION_RULES,
    fields=(BEFORE,),
)
OFF = rule(INTEGRITY, "one-key", Severity.MEDIUM, leaf(KEY, "exists", False), controls=(*SHARE.controls,))
MQSA = Framework(
    "mqsa",
    "Mammography",
    "controls:mqsa",
    "cd02" * 16,
    "https://www.ecfr.gov/",
    "No advice.",
    ("21 CFR 900.12",),
)


def governed() -> FakeRun:
    """Data stores and versions; a rule that was switched off, one of another severity, a demand that is not met."""
    gate = Gate()
    lowered = dataclasses.replace(RETURNED, severity=Severity.LOW)
    store = subject(0, image_set_id=None, version_id=None)
    several = [
        subject(
            0, target="research", image_set_id=None, version_id=None, datastore_id=STORE[::-1], exact=True
        )
    ]
    numbers = Numbers("ratio", 3, 120, 2, (f"{1:032x}", f"{2:032x}"))
    seen = {"datastore__kmsKeyArn": None, "ratio": numbers}
    reason = "2 of 40 image sets could not be read"
    few = Numbers("ratio", 0, 38, 2)
    versions = [subject(1, version_id=number, exact=True) for number in (1, 2, 10)]
    lost = subject(2, version_id=None)
    return run_of(
        [
            (
                SHARE,
                [
                    found(SHARE, store, Verdict.FAIL, gate, "2.5% is too much", **seen),
                    *(
                        found(SHARE, item, Verdict.UNKNOWN, gate, "", reason, **(seen | {"ratio": few}))
                        for item in several
                    ),
                ],
            ),
            (
                lowered,
                [
                    SubjectVerdict(versions[0], Verdict.PASS),
                    found(lowered, versions[1], Verdict.FAIL, gate, **{BEFORE.path: "DELETED"}),
                    found(lowered, versions[2], Verdict.FAIL, gate, **{BEFORE.path: "DELETED"}),
                    found(
                        lowered,
                        lost,
                        Verdict.UNKNOWN,
                        gate,
                        "",
                        "AccessDeniedException",
                        **{BEFORE.path: None},
                    ),
                ],
            ),
        ],
        gate,
        Coverage(40, 0, 2),
        frameworks=(MQSA,),
        claims=("archive: its image sets are all those of the data store",),
        changes=(
            Tailoring(OFF, "off", "One key per project here.", Location("audit.yaml", 7, 3)),
            Tailoring(RETURNED, "severity critical -> low", "", Location("audit.yaml", 8, 3)),
        ),
        shortfalls=(
            Shortfall(RETURNED.name, *RETENTION_RULES, RETENTION_RULES[0].requires[0], Duration(84)),
        ),
        unread_sets=(UnreadableImageSet(lost, "AccessDeniedException", "no"),),
    )


def stores_only() -> FakeRun:
    """No rule needs an image set."""
    item = subject(0, image_set_id=None, version_id=None)
    rules = dataclasses.replace(SHARE, condition=leaf(KEY, "exists", False))
    return run_of([(rules, [SubjectVerdict(item, Verdict.PASS)])], Gate(), Coverage())


def hostile() -> FakeRun:
    """Every text that can come from outside is hostile."""
    gate = Gate()
    pack = Pack("integrity", HOSTILE, HOSTILE, HOSTILE, b"", (), {}, {}, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    bad = rule(
        pack,
        "hostile",
        Severity.HIGH,
        leaf(MESSAGE, "eq", HOSTILE),
        title=HOSTILE,
        why=HOSTILE,
        fix=HOSTILE,
        caveat=HOSTILE,
        controls=(Control(HOSTILE, HOSTILE, HOSTILE, (), HOSTILE),),
        tags=(HOSTILE,),
        where=Location(HOSTILE, 1, 1),
    )
    item = Subject(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, True)
    long = subject(1, target="x" * 5000, image_set_id="y" * 5000)
    verdicts = [
        (
            bad,
            [
                found(
                    bad,
                    item,
                    Verdict.FAIL,
                    gate,
                    HOSTILE,
                    None,
                    False,
                    message_=HOSTILE,
                    **{HOSTILE: HOSTILE},
                ),
                found(bad, long, Verdict.UNKNOWN, gate, "z" * 50_000, HOSTILE * 500, message_="w" * 50_000),
                found(bad, dataclasses.replace(item, version_id=2), Verdict.FAIL, gate, "=1+1", None, True),
            ],
        )
    ]
    return run_of(
        verdicts,
        gate,
        Coverage(3, 0, 1),
        id=HOSTILE,
        name=HOSTILE,
        tool_version=HOSTILE,
        botocore_version=HOSTILE,
        packs=(pack,),
        hypothetical=True,
        source="recorded",
        params={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
        changes=(
            Tailoring(dataclasses.replace(bad, id="hostile-off"), "off", HOSTILE, Location(HOSTILE, 1, 1)),
        ),
        frameworks=(Framework(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        left_out=(HOSTILE,),
        identities={HOSTILE: HOSTILE},
        calls={HOSTILE: 1},
        unread_sets=(UnreadableImageSet(item, HOSTILE, HOSTILE),),
    )
