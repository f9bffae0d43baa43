import io

import pytest
from lenient_runs import hostile_waivers, lenient
from report_runs import NO_FORCE, clean_run, found, governed, hostile, ordinary, run_of, stores_only, subject

from checker.judgement.gate import Gate
from checker.judgement.run import UnreadableImageSet
from checker.model import Coverage, Severity, Verdict
from checker.reporting import Options, writer


def written(run, **options) -> str:
    out = io.StringIO()
    writer("text").write(run, out, Options(**options))
    return out.getvalue()


def test_golden(golden):
    golden("summary.txt", written(ordinary()))
    golden("summary-lenient.txt", written(lenient()))


def test_begins_with_the_sentence_and_ends_with_the_outcome():
    lines = written(clean_run()).splitlines()
    assert lines[0] == clean_run().sentence
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
    import re

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
    assert "What the gate counts (33, the worst 20)" in text
    assert "... and 13 more in results.json" in text
    assert "(12, first 10)" in text
    assert "... and 2 more in results.json" in text
    assert "/somewhere" not in text
    assert text.index("message 32") < text.index("    unknown  ")
    assert "--report json=" in written(run)


def test_a_hypothetical_as_of_and_recorded_answers_are_said():
    text = written(ordinary(hypothetical=True, source="recorded"))
    assert "As of      2026-01-02T03:04:05Z (hypothetical)" in text
    assert "an old one drops `overrides`" in text
