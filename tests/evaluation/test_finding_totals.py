"""The findings of each image set and data store by severity, and the fail that is open for the longest time, counted a second
time from the findings themselves."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import UTC, datetime

import duckdb
import pytest

import checker
from checker.model import FindingCounts, Severity, Verdict

STORE = "0123456789abcdef0123456789abcdef"
POLICY = """\
version: 1
pack: p
rules:
  - {id: tier, title: Tier, severity: info, require: {storageTier: FREQUENT_ACCESS}}
  - {id: primary, title: Primary, severity: high, require: {isPrimary: true}}
  - {id: early, title: Early, severity: critical, deny: {imageSetState: DELETED}}
  - {id: forced, title: Forced, severity: high, deny: {overrides.forced: true}}
  - {id: few, title: Few, severity: medium, scope: datastore, deny: {count: {gt: 1}}}
"""
WAIVERS = """\
version: 1
waivers:
  - {rule: p/early, image_sets: [IDS], reason: w, owner: a, approved_by: b, created: 2026-01-01, expires: 2026-01-20}
  - {rule: p/primary, target: recorded, covers: unknown, reason: w, owner: a, approved_by: b, created: 2026-01-01, expires: 2026-01-20}
"""
AS_OF = datetime(2026, 1, 10, tzinfo=UTC)
GATES = [
    checker.Gate(),
    checker.Gate(Severity.HIGH),
    checker.Gate(Severity.MEDIUM, "ignore", most={Severity.HIGH: 99}),
    checker.Gate(None),
]
NOBODY = 'CASE WHEN finding % 7 = 3 THEN NULL ELSE "datastoreId" END'
"""A target that was denied has no known data store."""


def answer(number):
    plain = {"datastoreId": STORE, "imageSetId": f"{number:032x}", "versionId": "1"}
    if number % 5 == 4:
        return {**plain, "error": {"code": "ThrottlingException", "message": "slow"}}
    primary = {"isPrimary": number % 3 == 0} if number % 3 < 2 else {}
    return {
        **plain,
        **primary,
        "imageSetState": "DELETED" if number % 4 == 1 else "ACTIVE",
        "overrides": {"forced": number % 2 == 0},
        "createdAt": "2026-01-01T00:00:00Z",
    }


def scatter(run) -> None:
    """The findings of a run become those of several targets and data stores, open since different days."""
    path = run.folder / "findings.parquet"
    new = path.with_suffix(".new")
    day = "TIMESTAMP '2026-01-01' + INTERVAL (finding % 4) DAY"
    changed = {
        "target": "'t' || finding % 2",
        "datastoreId": NOBODY,
        "first_at": f"CASE WHEN finding % 3 > 0 THEN {day} END",
    }
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(path))
        columns = [
            f'{changed[name]} AS "{name}"' if name in changed else f'"{name}"' for name in rows.columns
        ]
        rows.project(", ".join(columns)).write_parquet(str(new))
    new.replace(path)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("totals")
    (folder / "p.yaml").write_text(POLICY)
    waived = ", ".join(f'"{number:032x}"' for number in (1, 5, 13))
    (folder / "w.yaml").write_text(WAIVERS.replace("IDS", waived))
    (folder / "sets.json").write_text("\n".join(json.dumps(answer(number)) for number in range(1, 25)))
    policies = checker.load([str(folder / "p.yaml")])
    rules = checker.choose(policies)
    waivers, _ = checker.read_waivers(None, rules, folder / "w.yaml")
    evidence = checker.recorded([str(folder / "sets.json")], policies, needs=rules.needs, complete=True)
    return rules, waivers, evidence


@pytest.fixture(scope="module", params=GATES)
def run(parts, request):
    rules, waivers, evidence = parts
    run = checker.evaluate(rules, evidence, as_of=AS_OF, gate=request.param, waivers=waivers)
    scatter(run)
    return run


def of_store(subject):
    return subject.target, subject.datastore_id


def of_set(subject):
    return subject.target, subject.datastore_id, subject.image_set_id


def counted(run, name_of):
    """The totals, and their order, written down a second time."""
    found: dict[tuple, Counter] = {}
    for finding in run.findings():
        own = found.setdefault(name_of(finding.subject), Counter())
        fail = finding.verdict is Verdict.FAIL
        own[finding.rule.severity, "waived" if fail and finding.waived else finding.verdict.value] += 1
        if finding.gated:
            own[finding.rule.severity, f"gated_{finding.verdict.value}"] += 1
    order = list(itertools.product(reversed(Severity), ("gated_fail", "gated_unknown", "fail", "unknown")))

    def place(name):
        texts = [(text is not None, text or "") for text in name]
        return [-found[name][kind] for kind in order], texts

    return [(name, found[name]) for name in sorted(found, key=place)]


def plain(totals):
    return [
        (
            name,
            Counter(
                {
                    (severity, kind): number
                    for severity, own in counts.items()
                    for kind, number in zip(FindingCounts._fields, own, strict=True)
                    if number
                }
            ),
        )
        for name, counts in totals
    ]


def test_data_stores_are_counted_and_the_worst_come_first(run):
    own = counted(run, of_store)
    assert plain(run.datastore_totals()) == own
    assert {name for name, _ in own} == {("t0", STORE), ("t0", None), ("t1", STORE), ("t1", None)}


@pytest.mark.parametrize("most", [0, 1, 5, 500])
def test_image_sets_are_counted_and_the_worst_come_first(run, most):
    own = [(name, counts) for name, counts in counted(run, of_set) if name[-1] is not None]
    assert plain(run.image_set_totals(most)) == own[:most]
    assert sum(counts[Severity.CRITICAL, "waived"] for _, counts in own) == 3


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN])
def test_the_oldest_is_the_worst_of_those_that_are_open_for_the_longest_time(run, verdict):
    fails = [item for item in run.findings() if item.verdict is verdict and not item.waived]
    dated = [item for item in fails if item.first_seen]
    first = min(item.first_seen for item in dated)
    # findings come worst first
    oldest = next(item for item in dated if item.first_seen == first)
    found = run.oldest_open(verdict)
    assert (found.rule.name, found.subject, found.first_seen) == (oldest.rule.name, oldest.subject, first)
    assert sum(item.first_seen == first for item in dated) > 1
    assert any(item.first_seen is None for item in fails)


def test_no_fail_is_the_oldest_where_nothing_says_since_when_any_is_open(parts):
    rules, waivers, evidence = parts
    run = checker.evaluate(rules, evidence, as_of=AS_OF, gate=checker.Gate(), waivers=waivers)
    path = run.folder / "findings.parquet"
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(path))
        rows.project("* REPLACE (CAST(NULL AS TIMESTAMP) AS first_at)").write_parquet(str(path) + ".new")
    path.with_name("findings.parquet.new").replace(path)
    assert any(item.verdict is Verdict.FAIL for item in run.findings())
    assert run.oldest_open() is None
