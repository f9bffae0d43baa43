import io

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lenient_runs import hostile_waivers, lenient
from lxml import etree
from report_runs import (
    EARLY,
    NO_FORCE,
    RECENT,
    TIDY,
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
from checker.reporting import Options, deliver, junit, junit_cases, writer
from checker.reporting.junit_consumers import Consumer
from checker.reporting.junit_documents import Limits
from checker.reporting.normal_form import finding_id
from tests.junit_schemas import assert_valid

RUNS = (ordinary, clean_run, hostile, governed, stores_only, lenient, hostile_waivers)

PASSES = ("full", "aggregate", "none")
SKIPPED = ("none", "waived", "all")
RULES = (NO_FORCE, RECENT, EARLY, TIDY)


def written(run, passes="full", **options) -> str:
    out = io.StringIO()
    writer("junit").write(run, out, Options(junit_passes=passes, **options))
    return out.getvalue()


def parsed(run, passes="full", **options):
    return etree.fromstring(written(run, passes, **options).encode())


def check(text: str, first: int = 0) -> None:
    """What both schemas and CI servers ask for, as far as it can be said without the schemas."""
    assert "\ufffd" not in text
    names = [suite.get("name") for suite in etree.fromstring(text.encode())]
    assert len(set(names)) == len(names)
    root = etree.fromstring(text.encode())
    assert (root.tag, dict(root.attrib)) == ("testsuites", {})
    assert len(root)
    for index, suite in enumerate(root, first):
        cases = suite.findall("testcase")
        assert [child.tag for child in suite] == [
            "properties",
            *["testcase"] * len(cases),
            "system-out",
            "system-err",
        ]
        assert suite.get("id") == str(index)
        assert (suite.get("hostname"), suite.get("time")) == ("localhost", "0.000")
        assert suite.get("timestamp") == "2026-01-02T03:04:05"
        assert len(cases) == int(suite.get("tests"))
        for tag, counter in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert len(suite.findall(f"testcase/{tag}")) == int(suite.get(counter))
        for case in cases:
            assert case.get("classname") == suite.get("name").replace("/", ".")
            assert suite.get("name").startswith(f"{suite.get('package')}/")
            assert case.get("name") == " ".join(case.get("name").split())
            assert case.get("time") == "0.000"
            assert len(case) <= 1
            for verdict in case:
                assert verdict.tag in ("failure", "error", "skipped")
                assert verdict.get("message")
                assert verdict.text
                assert ("type" in verdict.attrib) == (verdict.tag != "skipped")


@pytest.mark.parametrize("passes", PASSES)
def test_golden(golden, passes):
    golden(f"junit-{passes}.xml", written(ordinary(), passes))


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("run", RUNS)
def test_strict_is_valid_by_the_schemas(run, passes):
    for skipped in SKIPPED:
        assert_valid(parsed(run(), passes, junit_skipped=skipped))


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("run", RUNS)
def test_structure_and_junitparser(run, passes, tmp_path):
    text = written(run(), passes)
    check(text)
    (tmp_path / "junit.xml").write_text(text, encoding="utf-8")
    xml = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    before = [(s.tests, s.failures, s.errors, s.skipped) for s in xml]
    xml.update_statistics()
    assert before == [(s.tests, s.failures, s.errors, s.skipped) for s in xml]


def test_identity_is_free_of_severity_message_and_time():
    run = ordinary()
    cases = [(case.get("classname"), case.get("name")) for case in parsed(run).iter("testcase")]
    assert ("integrity.no-forced-overrides", f"archive/{3:032x}") in cases
    assert ("integrity.no-forced-overrides", f"archive/{3:032x}@v2") in cases
    assert len(set(cases)) == len(cases)
    later = ordinary(Gate(Severity.CRITICAL), hypothetical=True)
    assert cases == [(case.get("classname"), case.get("name")) for case in parsed(later).iter("testcase")]


def test_what_is_below_the_gate_or_waived_is_skipped_with_the_reason():
    texts = {case.get("message"): case.text.splitlines()[0] for case in parsed(ordinary()).iter("skipped")}
    assert texts == {
        text: text
        for text in (
            "waived: this fail of high severity does not count, because a waiver covers it",
            "not applicable: the rule does not apply to this image set",
            "below the gate: this fail of low severity does not count, because the gate counts medium and above",
            "below the gate: this unknown of low severity does not count, because the gate counts medium and above",
        )
    }
    ignoring = parsed(ordinary(Gate(Severity.MEDIUM, "ignore")))
    assert (
        "ignored: this unknown of high severity does not count, because the gate does not count unknowns"
        in {case.get("message") for case in ignoring.iter("skipped")}
    )
    assert not list(ignoring.iter("error"))


def test_a_fail_says_what_was_expected_observed_and_where():
    failure = next(parsed(ordinary()).iter("failure"))
    message = "No image set was written with force: version 4 was written with force"
    assert (failure.get("type"), failure.get("message")) == ("high", message)
    assert failure.text.splitlines() == [
        message,
        "Why: A forced copy or update skips the patient, study and series match.",
        "Fix: Compare both image sets, then revert to the last unforced version.",
        f"Image set: archive/{3:032x} version 4",
        "Data store: 0123456789abcdef0123456789abcdef (123456789012, us-east-1)",
        "Expected: overrides.forced is not true",
        "Observed: overrides.forced = true",
        "Rests on: GetImageSet, of 2026-01-02T03:02:35Z, asked by run 20251226T030405Z-5e6f7a8b",
        "Controls: hipaa 164.312(c)(1); nist-800-53r5 SI-7, SI-10",
        "Policy: integrity/no-forced-overrides at policies/integrity.yaml:8:5",
        f"Finding: {finding_id(NO_FORCE, subject(3))}",
    ]


@pytest.mark.parametrize("passes", ["aggregate", "none"])
def test_totals_in_place_of_passes(passes):
    suites = {
        suite.get("name"): [case.get("name") for case in suite.iter("testcase")]
        for suite in parsed(ordinary(), passes)
    }
    total = "4 image sets passed"
    assert (total in suites["integrity/no-forced-overrides"]) == (passes == "aggregate")
    assert len(suites["integrity/no-forced-overrides"]) == 5 + (passes == "aggregate")
    (only,) = parsed(clean_run(), passes)
    assert [case.get("name") for case in only.iter("testcase")] == ["3 image sets passed"]


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize(
    ("coverage", "interrupted", "name"),
    [
        (Coverage(0), False, "image sets evaluated"),
        (Coverage(4, 0, 2, 1), False, "targets read"),
        (Coverage(4), True, "run to its end"),
    ],
)
def test_incomplete_without_an_unknown_is_red(coverage, interrupted, name, passes):
    verdicts = [SubjectVerdict(subject(1), Verdict.PASS)] if coverage.evaluated else []
    run = run_of([(NO_FORCE, verdicts)], Gate(None), coverage, interrupted=interrupted)
    assert run.outcome.exit_code == 3
    text = written(run, passes)
    check(text)
    *_, last = etree.fromstring(text.encode())
    assert (last.get("package"), last.get("name")) == ("imageset-checker", "imageset-checker/run")
    assert name in [case.get("name") for case in last.iter("testcase") if case.find("error") is not None]


def test_no_rules_at_all_is_no_empty_file():
    run = run_of([], Gate(), Coverage(0))
    check(written(run))


verdicts = st.sampled_from([Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE])
gates = st.builds(
    Gate, st.sampled_from([None, *Severity]), st.sampled_from(["incomplete", "violation", "ignore"])
)


@given(
    st.lists(st.lists(st.tuples(verdicts, st.booleans()), max_size=4), min_size=1, max_size=4),
    gates,
    st.sampled_from(PASSES),
    st.integers(0, 2),
    st.booleans(),
)
def test_red_exactly_when_the_exit_code_is_1_or_3(table, gate, passes, lost, interrupted):
    def verdict(rule, number, what, waived):
        if what in (Verdict.PASS, Verdict.NOT_APPLICABLE):
            return SubjectVerdict(subject(number), what)
        return found(rule, subject(number), what, gate, waived=waived and what is Verdict.FAIL)

    pairs = [
        (rule, [verdict(rule, n, *cell) for n, cell in enumerate(row)])
        for rule, row in zip(RULES, table, strict=False)
    ]
    most = max(map(len, table))
    run = run_of(pairs, gate, Coverage(most + lost, 0, lost, min(lost, 1)), interrupted=interrupted)
    text = written(run, passes)
    check(text)
    root = etree.fromstring(text.encode())
    red = root.find(".//failure") is not None or root.find(".//error") is not None
    assert red == (run.outcome.exit_code in (1, 3))


def test_hostile_names_are_tokens_and_texts_are_cut():
    text = written(hostile())
    assert "<script" not in text
    assert "\x1b" not in text
    error = next(etree.fromstring(text.encode()).iter("error"))
    assert len(error.get("message")) < 1_100
    assert len(error.text) < 11_000


def test_splits_by_cases_with_exact_counters_in_each_file():
    gate = Gate()
    pairs = [
        (rule, [found(rule, subject(n), Verdict.FAIL, gate) for n in range(7)]) for rule in (NO_FORCE, RECENT)
    ]
    run = run_of(pairs, gate, Coverage(7))
    parts = ["".join(part) for part in junit.documents(run, Options(), Limits(cases=5))]
    for part, first in zip(parts, (0, 1, 3), strict=True):
        check(part, first)
    sizes = [[(s.get("name"), s.get("tests")) for s in etree.fromstring(part.encode())] for part in parts]
    first, second = NO_FORCE.name, RECENT.name
    assert sizes == [[(first, "5")], [(first, "2"), (second, "3")], [(second, "4")]]
    assert parts[1].splitlines()[1] == "<!-- imageset-checker: part 2 -->"
    whole = [case.get("name") for case in parsed(run).iter("testcase")]
    assert whole == [
        case.get("name") for part in parts for case in etree.fromstring(part.encode()).iter("testcase")
    ]


@pytest.mark.parametrize("run", [ordinary, hostile])
@pytest.mark.parametrize("size", [2_000, 4_000, 30_000])
def test_splits_below_the_size(run, size):
    parts = ["".join(part) for part in junit.documents(run(), Options(), Limits(size=size))]
    numbers = [suite.get("id") for part in parts for suite in etree.fromstring(part.encode())]
    assert numbers == [str(number) for number in range(len(numbers))]
    for part in parts:
        check(part, int(etree.fromstring(part.encode())[0].get("id")))
        assert len(part.encode()) < size or part.count("<testcase") == 1
    assert size == 30_000 or len(parts) > 1


def test_every_part_is_delivered_and_stale_parts_go(tmp_path, monkeypatch):
    monkeypatch.setattr(junit_cases, "CONSUMERS", {"strict": Consumer(Limits(cases=10))})
    path = tmp_path / "junit.xml"
    names = ("junit.xml", "junit-2.xml", "junit-3.xml", "junit-4.xml")
    assert deliver(ordinary(), writer("junit"), path, Options()) == tuple(
        str(tmp_path / name) for name in names
    )
    (tmp_path / "junit-5.xml").write_text("somebody else's")
    assert deliver(clean_run(), writer("junit"), path, Options()) == (str(path),)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["junit-5.xml", "junit.xml"]


def test_a_part_never_overwrites_a_file_that_is_not_ours(tmp_path, monkeypatch):
    from checker.reporting import ReportError

    monkeypatch.setattr(junit_cases, "CONSUMERS", {"strict": Consumer(Limits(cases=10))})
    (tmp_path / "junit-2.xml").write_text("<testsuites/>")
    with pytest.raises(ReportError, match=r"junit-2\.xml is in the way"):
        deliver(ordinary(), writer("junit"), tmp_path / "junit.xml", Options())
    assert [path.name for path in tmp_path.iterdir()] == ["junit-2.xml"]


def test_recorded_and_hypothetical_are_said():
    run = ordinary(hypothetical=True, source="recorded")
    names = {item.get("name") for item in parsed(run).iter("property")}
    assert {"evaluated.as-of.note", "evidence.note"} <= names


def test_waivers_are_counted_in_the_suite_and_said_in_the_case():
    suites = {suite.get("name"): suite for suite in parsed(lenient())}
    forced = suites[NO_FORCE.name]
    properties = {item.get("name"): item.get("value") for item in forced.iter("property")}
    assert {name: value for name, value in properties.items() if name.startswith(("waivers", "gate"))} == {
        "gate.sentence": "Gate failed: 2 new fails (high) at medium or above, or beyond max (medium 5). 0 fails below "
        "the gate, 2 within max (medium), 1 not new (high), 2 waived (high), 2 unknown (low), 1 of them waived; "
        "7 of 9 listed image sets read.",
        "waivers.in-force": "2",
        "waivers.covering": "2",
        "waivers.expired": "1",
        "waivers.not-yet": "1",
        "waivers.ending-soon": "1",
        "gate.fail-on": "medium",
        "gate.new-only": "true",
        "gate.max": "medium: 5",
        "gate.min-coverage": "99.5%",
    }
    bodies = [case[0].text.splitlines() for case in forced.iter("testcase") if len(case)]
    said = [line for body in bodies for line in body if "aiver" in line or "waived" in line]
    owner = (
        "by PACS operations, approved by J. Doe: Compared with the modality's worklist; the copy is right."
    )
    waived = "waived: this fail of high severity does not count, because a waiver covers it:"
    assert said == [
        f"{waived} until 2026-03-03, {owner}",
        f"Waiver: until 2026-03-03, {owner}",
        "Waiver: the waiver by PACS operations expired on 2025-12-30: the fail counts again",
        f"{waived} until 2026-01-06, {owner}",
        f"Waiver: until 2026-01-06, {owner}",
        "Waiver: the waiver by PACS operations begins on 2026-01-07",
    ]
    assert properties["compared.with"] == "20251229T030405Z-00000009"
    assert properties["evidence.of-run"] == "20260102T030405Z-deadbeef"
