"""What became of the findings of an earlier run, against what each pair of verdicts must be called."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from checker.compare.diff import ComparedRun
from checker.evaluation.change_totals import GONE, change_since
from checker.evaluation.engine import evaluate
from checker.evaluation.finding_change import ReferenceFindings, record_change
from checker.evaluation.finding_reader import EVERY, findings
from checker.evaluation.open_findings import RuleOfRun, RunFindings, write_open_findings
from checker.layout import PRIOR
from checker.model import Category, Verdict
from checker.policy.rule_digest import rule_digest
from tests.judgement.compared_runs import FORCED, image_set, ran, rule, waiver

THEN = ("pass", "fail", "waived fail", "unknown", "waived unknown", "unlisted")
NOW = ("pass", "fail", "fail of another version", *THEN[2:])
PAIRS = {f"{number:032x}": pair for number, pair in enumerate(product(THEN, NOW), start=1)}


def called(then: str, now: str) -> Category | None:
    """What the words of reports promise, said another way than the code says it."""
    was, verdict = (item.removeprefix("waived ").removesuffix(" of another version") for item in (then, now))
    if now == "unlisted":
        return None if was in ("pass", "unlisted") else Category.NOT_JUDGED
    if now == "pass":
        return {"fail": Category.FIXED, "unknown": Category.DECIDED}.get(was)
    if was == "fail" and verdict == "unknown":
        return Category.UNDECIDED
    if "waived" in now:
        return Category.PERSISTING if now == then else Category.WAIVED
    return Category.PERSISTING if now == then else Category.NEW


def listed(side: int) -> tuple[list[dict], list]:
    """The records of one side, and its waivers."""
    records, waived = [], {"fail": [], "unknown": []}
    for name, pair in PAIRS.items():
        word = pair[side]
        if word == "unlisted":
            continue
        more = {"versionId": "2"} if word.endswith("version") else {}
        if "unknown" in word:
            record = image_set(error="ThrottlingException")
        else:
            record = image_set(**more, **(FORCED if "fail" in word else {}))
        record["imageSetId"] = name
        if "answer" in record:
            record["answer"]["imageSetId"] = name
        records.append(record)
        if word.startswith("waived"):
            waived[word.split()[1]].append(name)
    waivers = [
        waiver(number=number, image_sets=tuple(names), covers=Verdict(word))
        for number, (word, names) in enumerate(waived.items(), start=1)
    ]
    return records, waivers


def reference(side: ComparedRun) -> ReferenceFindings:
    return ReferenceFindings(side.folder / PRIOR, side.as_of, "then")


@pytest.fixture
def two(tmp_path):
    """Runs two audits, of which the second is compared with the first."""

    def two(then, now, **of_now):
        before = ran(tmp_path / "then", then[0], waivers=then[1])
        side = ran(tmp_path / "now", now[0], waivers=now[1], **of_now)
        rules = [
            RuleOfRun(item.name, item.scope, rule_digest(item), item.severity.value) for item in before.rules
        ]
        write_open_findings(RunFindings(before.folder, "then", before.as_of, rules), side.folder / PRIOR)
        tallies = evaluate(side.rules, side.folder, side.as_of, side.waivers, side.labels)
        return side, record_change(side.folder, side.rules, side.as_of, reference(side), tallies)

    return two


def test_every_pair_of_verdicts_is_called_what_it_is(two):
    side, tallies = two(listed(0), listed(1))
    found = change_since(side.folder, side.rules, reference(side), 1_000)
    expected = {name: called(*pair) for name, pair in PAIRS.items()}
    assert found.counts == {"p/forced": Counter(filter(None, expected.values()))}
    gone = {item.subject.image_set_id: item.category for item in found.gone}
    assert gone == {name: item for name, item in expected.items() if item in GONE}
    assert found.total == len(found.gone) == len(gone)
    assert [item.category for item in found.gone] == sorted(
        (item.category for item in found.gone), key=GONE.index
    )
    assert all(item.rule == "p/forced" for item in found.gone)
    # what the gate lets go because it is not new, and what the page calls persisting, are the same fails
    for finding in findings(side.folder, side.rules, EVERY):
        assert finding.change is expected[finding.subject.image_set_id], PAIRS[finding.subject.image_set_id]
    assert tallies[0].persisting == 1


def test_a_rule_that_this_run_does_not_have_is_not_fixed(two):
    records = [image_set(0, **FORCED), image_set(1)]
    side, _ = two((records, ()), (records, ()), rules=[rule("other")])
    found = change_since(side.folder, side.rules, reference(side), 10)
    assert found.counts == {"p/forced": {Category.NOT_JUDGED: 1}, "p/other": {Category.NEW: 1}}
    assert [(item.rule, item.category) for item in found.gone] == [("p/forced", Category.NOT_JUDGED)]


def test_where_a_rule_does_not_apply_any_more_its_fail_is_fixed(two):
    records = [image_set(0, **FORCED)]
    narrow = rule(when={"imageSetState": "DELETED"})
    side, _ = two((records, ()), (records, ()), rules=[narrow])
    assert change_since(side.folder, side.rules, reference(side), 0).counts == {
        "p/forced": {Category.FIXED: 1}
    }


def test_of_many_that_are_gone_the_first_are_named_and_all_are_counted(two):
    then = [image_set(number, **FORCED) for number in range(3)]
    side, _ = two((then, ()), ([image_set(number) for number in range(3)], ()))
    found = change_since(side.folder, side.rules, reference(side), 2)
    assert (len(found.gone), found.total, found.number(Category.FIXED)) == (2, 3, 3)
