import dataclasses
import io
import re

import pytest
from lenient_runs import hostile_waivers, lenient
from report_runs import (
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
from checker.judgement.run import SubjectVerdict, UnreadableImageSet
from checker.model import Coverage, Severity, Verdict
from checker.reporting import Options, writer
from checker.reporting.text_layout import cells


def written(run, **options) -> str:
    out = io.StringIO()
    writer("text").write(run, out, Options(**options))
    return out.getvalue()


def test_golden(golden):
    golden("summary.txt", written(ordinary()))
    golden("summary-lenient.txt", written(lenient()))


def test_begins_with_the_sentence_and_ends_with_the_outcome():
    lines = written(clean_run(), width=300).splitlines()
    assert lines[0] == clean_run().sentence
    assert " ".join(written(clean_run()).splitlines()[:2]) == clean_run().sentence
    assert lines[-1] == "Outcome: passed (exit code 0)"


@pytest.mark.parametrize("run", [hostile, hostile_waivers])
def test_hostile_text_never_reaches_the_terminal(run):
    text = written(run())
    assert all(c.isprintable() or c == "\n" for c in text)
    assert max(map(len, text.splitlines())) < 1100


@pytest.mark.parametrize(
    "run", [ordinary, hostile, clean_run, governed, stores_only, lenient, hostile_waivers]
)
def test_colour_adds_colour_and_nothing_else(run):
    coloured = written(run(), color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == written(run())


def test_shows_the_worst_findings_fails_first_and_says_where_the_rest_is():
    gate = Gate(Severity.HIGH)
    unknown = [found(NO_FORCE, subject(n), Verdict.UNKNOWN, gate, "", "deletedAt") for n in range(30)]
    fails = [found(NO_FORCE, subject(n), Verdict.FAIL, gate, f"message {n}") for n in range(30, 33)]
    unread = tuple(UnreadableImageSet(subject(n), "Throttled", "slow") for n in range(12))
    run = run_of([(NO_FORCE, unknown + fails)], gate, Coverage(40, 0, 12), unread_sets=unread)
    text = written(run, siblings={"json": "/somewhere/out/results.json", "junit": "j.xml"})
    assert "What the gate counts (33, 10 shown)" in text
    assert "    ... and 23 more of this rule" in text
    assert "  ... and 23 more in results.json" in text
    assert "(12, first 10)" in text
    assert "... and 2 more in results.json" in text
    assert "/somewhere" not in text
    assert text.index("message 32") < text.index("    unknown  ")
    assert "--report json=" in written(run)


def test_a_hypothetical_as_of_and_recorded_answers_are_said():
    text = written(ordinary(hypothetical=True, source="recorded"))
    assert "As of      2026-01-02T03:04:05Z (hypothetical)" in text
    assert "an old one drops `overrides`" in text


RUNS = [ordinary, hostile, clean_run, governed, stores_only, lenient, hostile_waivers]


@pytest.mark.parametrize("width", [40, 79, 80, 133])
@pytest.mark.parametrize("run", RUNS)
def test_no_line_is_wider_than_the_terminal(run, width):
    lines = written(run(), width=width).splitlines()
    assert [line for line in lines if cells(line) > width] == []


def test_the_width_is_measured_in_cells():
    gate = Gate()
    wide = [
        found(NO_FORCE, subject(n, target="放射線科" * 9), Verdict.FAIL, gate, "強制" * 60) for n in range(2)
    ]
    text = written(run_of([(NO_FORCE, wide)], gate, Coverage(2), name="監査" * 40))
    assert max(map(cells, text.splitlines())) == 80
    assert "強制" * 60 in re.sub(r"\n *", "", text)


def many_rules(number: int):
    gate = Gate()
    rules = [dataclasses.replace(NO_FORCE, id=f"rule-{index}") for index in range(number)]
    failing = [
        (item, [found(item, subject(n), Verdict.FAIL, gate, "bad") for n in range(30)]) for item in rules
    ]
    quiet = [
        (dataclasses.replace(RECENT, id=f"quiet-{n}"), [SubjectVerdict(subject(1), Verdict.PASS)])
        for n in range(7)
    ]
    return run_of([*failing, *quiet], gate, Coverage(30))


@pytest.mark.parametrize(("rules", "each"), [(1, [10]), (2, [10, 10]), (4, [5] * 4), (9, [5] * 4)])
def test_no_rule_crowds_out_the_others(rules, each):
    lines = written(many_rules(rules), width=200).splitlines()
    assert [
        sum(f"rule-{n} " in line or "bad" in line for line in part) - 1 for n, part in enumerate(parts(lines))
    ] == each


def parts(lines):
    """The lines of each rule in the list of findings."""
    heads = [index for index, line in enumerate(lines) if line.startswith("  integrity/rule-")]
    return [lines[start:end] for start, end in zip(heads, [*heads[1:], len(lines)], strict=True)]


def test_rules_without_findings_are_one_line_and_the_totals_are_all_there():
    lines = written(many_rules(2)).splitlines()
    assert not any("quiet-" in line for line in lines)
    assert [line.split() for line in lines if "without findings" in line] == [
        ["7", "rules", "without", "findings", "7", "0", "0", "0", "0"]
    ]
    assert ["high", "60", "60", "0", "0", "0"] in [line.split() for line in lines]


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_the_limit_is_how_many_findings_are_shown(limit):
    text = written(ordinary(), limit=limit)
    shown = sum(line.startswith(("    fail ", "    unknown ")) for line in text.splitlines())
    assert shown == min(limit, 10)
    assert ("more in" in text or "more (all" in text) == (limit < 10)


def test_findings_are_sorted_as_asked():
    def heads(by):
        text = written(ordinary(), sort=by, width=200)
        return re.findall(
            r"^  (\S+)(?: \(|$)",
            text[text.index("What the gate") : text.index("Image sets that")],
            re.MULTILINE,
        )

    assert heads("severity") == [
        "retention/no-early-deletions",
        "integrity/no-forced-overrides",
        "retention/no-recent-deletions",
    ]
    assert heads("rule") == [
        "integrity/no-forced-overrides",
        "retention/no-early-deletions",
        "retention/no-recent-deletions",
    ]
    sets = [f"archive/{number:032x}" for number in (3, 5, 6, 7, 8)]
    assert heads("image-set") == [sets[0], f"{sets[0]}@v2", *sets[1:]]


def test_paths_of_reports_are_whole():
    path = "/srv/" + "long/" * 60 + "report.html"
    text = written(ordinary(), limit=1, folders=True, siblings={"html": path, "json": "out/results.json"})
    assert path in text
    assert "out/results.json" in text


@pytest.mark.parametrize("width", range(40, 60))
def test_no_line_begins_with_a_command_however_long_words_are_broken(width):
    gate = Gate()
    word = "x" * 37 + "::error::" * 20 + "##vso[a]"
    text = written(
        run_of([(NO_FORCE, [found(NO_FORCE, subject(1), Verdict.FAIL, gate, word)])], gate, Coverage(1)),
        width=width,
    )
    assert not re.search(r"^\s*::[A-Za-z]|##[A-Za-z.-]*\[", text, re.MULTILINE)
