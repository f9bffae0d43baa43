import dataclasses
import io
import json
import os
from pathlib import Path

import pytest
from lenient_runs import hostile_waivers, lenient, waiver
from published_schemas import CLOSED, OPEN, RESULTS, nodes, promises
from report_runs import (
    HOSTILE,
    NO_FORCE,
    RECENT,
    clean_run,
    found,
    governed,
    hostile,
    ordinary,
    run_of,
    stores_only,
    subject,
)

from checker.judgement.gate import Gate
from checker.judgement.run import SubjectVerdict
from checker.model import Coverage, Severity, Verdict
from checker.reporting import Options, writer
from checker.reporting.normal_form import finding_id

PROMISES = Path(__file__).parent / "golden" / "results-1.members.txt"
RUNS = (ordinary, clean_run, hostile, governed, stores_only, lenient, hostile_waivers)


def written(run) -> str:
    out = io.StringIO()
    writer("json").write(run, out, Options())
    return out.getvalue()


def test_golden(golden):
    golden("results.json", written(ordinary()))


@pytest.mark.parametrize("run", RUNS)
def test_is_valid_by_the_published_schema(run):
    document = json.loads(written(run()))
    OPEN.validate(document)
    CLOSED.validate(document)


def test_the_schema_names_every_member_and_no_other():
    document, definitions = json.loads(written(ordinary())), RESULTS["$defs"]
    assert list(document) == list(RESULTS["properties"])
    assert list(document["run"]) == list(definitions["run"]["properties"])
    assert list(document["summary"]) == list(definitions["summary"]["properties"])
    assert list(document["summary"]["rules"][0]) == list(definitions["rule"]["properties"])
    assert list(document["findings"][0]) == list(definitions["finding"]["properties"])
    assert list(document["unreadable"][0]) == list(definitions["unreadable"]["properties"])


def test_what_was_promised_is_in_the_schema_still():
    """Each member that version 1 ever had is listed, with its type and whether it is required: a line comes, and none goes."""
    now = set(promises(RESULTS))
    if os.environ.get("REGENERATE_GOLDEN"):
        PROMISES.write_text("\n".join(sorted(now | set(_promised()))) + "\n", encoding="utf-8", newline="\n")
    assert sorted(set(_promised()) - now) == [], "version 1 may not lose or change these"
    assert sorted(now - set(_promised())) == [], "REGENERATE_GOLDEN=1 lists what is new"


def _promised() -> list[str]:
    return PROMISES.read_text(encoding="utf-8").splitlines() if PROMISES.exists() else []


def test_every_member_is_described():
    members = [(name, item) for node in nodes(RESULTS) for name, item in node.get("properties", {}).items()]
    assert len(members) > 150
    assert [name for name, item in members if len(item.get("description", "")) < 4] == []


def test_every_object_of_the_published_schema_takes_further_members():
    assert [node for node in nodes(RESULTS) if node.get("additionalProperties") is False] == []


def test_readers_take_what_a_later_version_adds_and_nothing_else():
    document = json.loads(written(ordinary()))
    later = json.loads(written(ordinary()))
    for item in (
        later,
        later["run"],
        later["summary"],
        later["summary"]["severities"][0],
        later["findings"][0],
    ):
        item["of_a_later_version"] = 1
    later["findings"][0]["calls"] = ["OfALaterVersion"]
    later["findings"][0]["causes"] = ["of a later version"]
    OPEN.validate(later)
    assert not CLOSED.is_valid(later)
    changed = [
        {"schema": "imageset-checker/results/2"},
        {"findings": [document["findings"][0] | {"severity": "grave"}]},
        {"findings": [document["findings"][0] | {"title": None}]},
        {"summary": {name: item for name, item in document["summary"].items() if name != "gated"}},
    ]
    assert [change for change in changed if OPEN.is_valid(document | change)] == []


def test_who_answers_for_a_finding_is_the_owner_of_its_waiver_else_of_its_pack():
    gate, sets = Gate(), [subject(number) for number in range(1, 4)]
    covered = dataclasses.replace(
        found(NO_FORCE, sets[0], Verdict.FAIL, gate).finding, waived=True, waiver=waiver(1, -1, 9)
    )
    lapsed = dataclasses.replace(
        found(NO_FORCE, sets[1], Verdict.FAIL, gate).finding, waiver=waiver(2, -9, -1)
    )
    judged = [SubjectVerdict(item.subject, Verdict.FAIL, item) for item in (covered, lapsed)]
    rules = [(NO_FORCE, judged), (RECENT, [found(RECENT, sets[2], Verdict.FAIL, gate)])]
    run = run_of(rules, gate, Coverage(3))
    owners = {item["imageSetId"]: item["owner"] for item in json.loads(written(run))["findings"]}
    said = ["PACS operations", "Imaging governance", None]
    assert owners == {item.image_set_id: owner for item, owner in zip(sets, said, strict=True)}


def test_a_finding_has_the_title_and_the_controls_of_its_rule():
    document = json.loads(written(ordinary()))
    rules = {(rule["pack"], rule["id"]): rule for rule in document["summary"]["rules"]}
    for item in document["findings"]:
        rule = rules[item["pack"], item["rule"]]
        assert (item["title"], item["controls"]) == (rule["title"], rule["controls"])


def test_counts_add_up():
    document = json.loads(written(ordinary()))
    summary = document["summary"]
    assert summary["image_sets"] == summary["evaluated"] + summary["unreadable"]
    five = ("pass", "fail", "waived", "unknown", "not_applicable")
    for rule in summary["rules"]:
        assert sum(rule[name] for name in five) == rule["subjects"]
        assert isinstance(rule["pass"], int)
    assert len(document["findings"]) == summary["fail"] + summary["waived"] + summary["unknown"]
    for name in ("pass", "fail", "waived", "unknown", "not_applicable"):
        assert sum(item[name] for item in summary["severities"]) == summary[name]
    for name in ("fail", "unknown"):
        counted = [item for item in document["findings"] if item["verdict"] == name and item["gated"]]
        every = [item["gated"][name] for item in summary["severities"]]
        assert len(counted) == sum(every) == summary["gated"][name]


def test_one_finding_a_line_and_nothing_that_acts_on_a_terminal():
    text = written(hostile())
    assert sum('"verdict": ' in line for line in text.splitlines()) == 3
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert not set("\x7f\x9b\u202e\u2028\ud800") & set(text)
    assert json.loads(text)["findings"][0]["message"] == HOSTILE.replace("\ud800", "\ufffd")


def test_without_findings_the_lists_are_empty():
    document = json.loads(written(clean_run()))
    assert (document["findings"], document["unreadable"]) == ([], [])


def test_an_id_does_not_depend_on_severity_message_or_version():
    gate, item = Gate(), subject(1)
    loud = dataclasses.replace(NO_FORCE, severity=Severity.INFO, title="other", message="other")
    moved = dataclasses.replace(item, version_id=9, account=None)
    assert finding_id(NO_FORCE, item) == finding_id(loud, moved)
    pinned = dataclasses.replace(item, exact=True)
    different = [
        finding_id(NO_FORCE, item),
        finding_id(NO_FORCE, pinned),
        finding_id(NO_FORCE, dataclasses.replace(pinned, version_id=9)),
        finding_id(NO_FORCE, dataclasses.replace(item, target="b")),
        finding_id(NO_FORCE, dataclasses.replace(item, datastore_id="b")),
        finding_id(dataclasses.replace(NO_FORCE, id="b"), item),
        finding_id(NO_FORCE, subject(2)),
    ]
    assert len(set(different)) == len(different)
    run = run_of([(NO_FORCE, [found(NO_FORCE, item, Verdict.FAIL, gate)])], gate, Coverage(1))
    assert json.loads(written(run))["findings"][0]["id"] == different[0] == "36003840845ada70"


def test_findings_out_of_order_are_an_error_and_never_left_out():
    run = ordinary()
    later = dataclasses.replace(run, judged=run.judged[1:])
    first = dataclasses.replace(run, judged=run.judged[:1])
    for broken in (later, first):
        with pytest.raises(RuntimeError, match="out of order"):
            writer("html").write(_reading(broken, run), io.StringIO(), Options())


def _reading(run, other):
    class Other(type(run)):
        def _findings(self, *given, **more):
            return other._findings(*given, **more)

    return Other(**{field.name: getattr(run, field.name) for field in dataclasses.fields(run)})
