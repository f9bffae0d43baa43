"""What reports say of waivers, of the run before and of the trend; and that JUnit and the exit code never disagree."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import junitparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_schemas import CLOSED

from checker.cli import main
from tests.answers import answer, failure
from tests.budgets import examples

POLICY = """\
version: 1
pack: house
labels: {ward: {type: string}}
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: first, title: First, severity: low, require: {versionId: 1}}
"""
IDS = [f"{number:032x}" for number in range(1, 7)]
FORCED = {"overrides": {"forced": True}}


def waiver(selector, *, expires="2999-01-01", **more):
    today = datetime.now(UTC).date().isoformat()
    given = {
        "rule": "house/unforced",
        "reason": "Compared.",
        "owner": "A",
        "approved_by": "B",
        "created": today,
    }
    return given | {"expires": expires} | selector | more


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    return tmp_path


def check(answers, *options, waivers=(), gate=None):
    Path("sets.json").write_text(json.dumps(answers))
    audit = {"version": 1, "policies": ["p.yaml"], "runs": "runs", "gate": gate or {}}
    audit["targets"] = [{"name": "t", "region": "us-east-1", "datastore": "0" * 32, "image_sets": [IDS[0]]}]
    audit["waivers"] = {"file": "w.yaml", "max_duration": dict.fromkeys(("high", "low"), "9000y")}
    Path("w.yaml").write_text(json.dumps({"version": 1, "waivers": list(waivers)}))
    Path("audit.yaml").write_text(json.dumps(audit))
    reports = ["--report", "json=r.json", "--report", "html=r.html", "--report", "junit=j.xml"]
    return main(["check", "-c", "audit.yaml", "--image-sets", "sets.json", *reports, *options])


def results():
    document = json.loads(Path("r.json").read_text())
    CLOSED.validate(document)
    return document


def red():
    cases = [case for suite in junitparser.JUnitXml.fromfile("j.xml") for case in suite]
    return [case.name for case in cases if any(type(item) is not junitparser.Skipped for item in case.result)]


def test_a_waived_fail_is_let_go_and_shown_with_its_waiver(folder, capsys):
    waived = [waiver({"image_sets": [IDS[0]]}), waiver({"target": "recorded"}, covers="unknown")]
    answers = [answer(IDS[0], **FORCED), answer(IDS[1]), failure(IDS[2])]
    # the other rule's unknown of the image set that could not be read is not waived
    assert check(answers, waivers=waived, gate={"fail_on": "high"}) == 3
    document = results()
    forced, unknown = (finding for finding in document["findings"] if finding["rule"] == "unforced")
    assert forced["waiver"] == {"number": 1, "owner": "A", "expires": "2999-01-01"}
    assert (forced["waived"], unknown["waived"], unknown["verdict"]) == (True, True, "unknown")
    rule = document["summary"]["rules"][0]
    assert (rule["fail"], rule["waived"], rule["unknown"], rule["unknown_waived"]) == (0, 1, 1, 1)
    assert [item["used"] for item in document["run"]["waivers"]] == [1, 1]
    assert [item["over_broad"] for item in document["run"]["waivers"]] == [False, True]
    assert len(red()) == 1
    page = Path("r.html").read_text()
    assert "until 2999-01-01, A" in page
    assert "over-broad: of 3 that it reaches, 1 is unknown" in page
    out = capsys.readouterr().out
    assert "Waivers    2 in force, for 2 findings" in out
    assert "2 unknown (high 1, low 1), 1 of them waived" in out


def test_an_expired_waiver_is_listed_and_its_fail_counts(folder, capsys):
    old = waiver({"image_sets": IDS[:2]}, created="2020-01-01", expires="2020-02-01")
    assert check([answer(IDS[0], **FORCED), answer(IDS[1])], waivers=[old]) == 1
    assert results()["run"]["waivers"][0]["state"] == "expired"
    assert "t" in red() or red() == [f"recorded/{IDS[0]}"]
    assert "a waiver of it ended 2020-02-01" in Path("r.html").read_text()
    assert (
        "expired: its last day was 2020-02-01, and what it covered counts again (A)"
        in capsys.readouterr().out
    )


def test_an_unused_waiver_is_listed(folder, capsys):
    assert check([answer(IDS[0])], waivers=[waiver({"image_sets": [IDS[0]]})]) == 0
    assert results()["run"]["waivers"][0]["unused"]
    assert "unused: it covers no fail" in capsys.readouterr().out
    assert "unused: it covers no fail" in Path("r.html").read_text()


def test_the_change_since_the_last_run_is_told_and_nothing_unseen_is_called_fixed(folder, capsys):
    forced = [answer(item, **FORCED) for item in IDS[:5]]
    check(forced)
    assert results()["summary"]["since"] is None
    assert "Change since" not in Path("r.html").read_text()
    # persisting, fixed, could not be found out, not listed any more, another version; and a new one
    check(
        [
            forced[0],
            answer(IDS[1]),
            failure(IDS[2]),
            answer(IDS[4], versionId="2", **FORCED),
            answer(IDS[5], **FORCED),
        ]
    )
    since = results()["summary"]["since"]
    (counts,) = (rule for rule in since["rules"] if rule["rule"] == "house/unforced")
    assert {name: number for name, number in counts.items() if name != "rule"} == {
        "new": 2, "persisting": 1, "fixed": 1, "undecided": 1, "not_judged_any_more": 1,
    }  # fmt: skip
    new = {
        finding["imageSetId"]: finding["new"]
        for finding in results()["findings"]
        if finding["rule"] == "unforced"
    }
    assert new == {IDS[0]: False, IDS[2]: False, IDS[4]: True, IDS[5]: True}
    page = Path("r.html").read_text()
    assert "Change since the last run" in page
    assert "<b>1</b> not judged any more" in page
    assert "Since the last run (" in capsys.readouterr().out


def test_the_trend_has_earlier_runs_and_this_one(folder):
    for _ in range(3):
        check([answer(IDS[0], **FORCED)])
    page = Path("r.html").read_text()
    assert "The last 3 runs of this audit" in page
    assert page.count("this run</small>") == 1
    # high, low and unknown, three runs each
    assert page.count('viewBox="0 0 48 40"') == 3


SEVERITIES = st.sampled_from(["info", "low", "medium", "high", "critical", "never"])
GATES = st.fixed_dictionaries(
    {"fail_on": SEVERITIES, "on_unknown": st.sampled_from(["incomplete", "violation", "ignore"])},
    optional={
        "new_only": st.booleans(),
        "max": st.dictionaries(st.sampled_from(["high", "low", "medium"]), st.integers(0, 3), max_size=2),
        "min_coverage": st.sampled_from(["50%", "99.5%", "100%"]),
    },
)
ANSWERS = st.lists(
    st.tuples(st.sampled_from(["forced", "good", "second", "lost", "gone"]), st.sampled_from(IDS)),
    min_size=1,
    max_size=5,
    unique_by=lambda pair: pair[1],
)
WAIVED = st.lists(
    st.one_of(
        st.builds(lambda item: waiver({"image_sets": [item]}), st.sampled_from(IDS)),
        st.just(waiver({"target": "recorded"}, covers="unknown")),
        st.just(waiver({"target": "recorded"}, rule="house/first")),
    ),
    max_size=2,
)


def drawn(kind, item):
    return {
        "forced": lambda: answer(item, **FORCED),
        "good": lambda: answer(item),
        "second": lambda: answer(item, versionId="2"),
        "lost": lambda: failure(item),
        "gone": lambda: failure(item) | {"error": {"code": "ResourceNotFoundException", "message": ""}},
    }[kind]()


@settings(
    max_examples=examples(4, 40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=ANSWERS, second=ANSWERS, gate=GATES, waivers=WAIVED)
def test_junit_is_red_exactly_where_the_exit_code_is_1_or_3(folder, first, second, gate, waivers):
    # of one more run to read back with every example they would cost ever more
    shutil.rmtree("runs", ignore_errors=True)
    for answers in (first, second):
        code = check([drawn(*item) for item in answers], "-q", gate=gate, waivers=waivers)
        assert code in (0, 1, 3)
        assert bool(red()) == (code in (1, 3)), (code, red())
        document = results()
        assert document["summary"]["exit_code"] == code
        gated = [finding for finding in document["findings"] if finding["gated"]]
        assert code != 0 or not gated
        assert not [item for item in gated if item["waived"]]
