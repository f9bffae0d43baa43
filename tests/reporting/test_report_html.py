import base64
import hashlib
import io
import itertools
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lenient_runs import hostile_waivers, lenient
from lxml import html
from report_runs import (
    AS_OF,
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

from checker import instants
from checker.judgement.gate import Gate
from checker.model import Coverage, Severity, Subject, Verdict
from checker.reporting import Options, finding_list, normal_form, writer
from checker.reporting.page_columns import ALPHABET, column, digits, packed_ids

RUNS = (ordinary, clean_run, hostile, governed, stores_only, lenient, hostile_waivers)


def written(run, **options) -> str:
    out = io.StringIO()
    writer("html").write(run, out, Options(**options))
    return out.getvalue()


def embedded(text: str) -> dict:
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    )


def number(text: str) -> int:
    total = 0
    for digit in text:
        total = total * 64 + ALPHABET.index(digit)
    return total


def unpacked(packed: dict, rows: int) -> list:
    """What the page's script reads from a column."""
    if "r" in packed:
        heads = unpacked({key: item for key, item in packed.items() if key != "r"}, len(packed["r"]))
        return [head for head, length in zip(heads, packed["r"], strict=True) for _ in range(length)]
    if "c" in packed:
        return [packed["c"]] * rows
    width = packed["w"]
    found = [number(packed["i"][row * width : (row + 1) * width]) for row in range(rows)]
    if "d" in packed:
        return [packed["d"][index] for index in found]
    numbers = [
        None if explanation == 0 else packed["n"] + (explanation - 1) * packed["u"] for explanation in found
    ]
    if packed.get("t"):
        return [None if item is None else instants.iso(instants.from_epoch_ms(item)) for item in numbers]
    return numbers


def test_golden(golden):
    text = written(ordinary())
    # style and script have tests of their own, and would make every change of theirs one of the golden file
    text = re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)
    text = re.sub(r"<script>.*?</script>", "<script></script>", text, flags=re.DOTALL)
    golden("report.html", re.sub(r"sha256-[^']+", "sha256-", text))


@pytest.mark.parametrize("run", RUNS)
def test_the_policy_allows_its_own_style_and_script_and_nothing_else(run):
    text = written(run())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(item.encode()).digest()).decode() for item in (style, script)
    )
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("run", RUNS)
def test_nothing_is_fetched_and_nothing_is_styled_or_scripted_inline(run):
    tree = html.document_fromstring(written(run()))
    assert [item.get("type") for item in tree.iter("script")] == ["application/json", None]
    assert not tree.xpath("//link | //img | //iframe | //object | //embed | //base | //audio | //video")
    attributes = {name for item in tree.iter() if isinstance(item.tag, str) for name in item.attrib}
    assert not {name for name in attributes if name.startswith("on")} & attributes
    assert not attributes & {"style", "src", "srcset", "action", "formaction", "background"}
    assert all(item.get("href").startswith("#") for item in tree.xpath("//*[@href]"))
    css = tree.findtext(".//style")
    assert "url(" not in css
    assert "@import" not in css


def test_hostile_text_stays_text():
    text = written(hostile())
    assert text.count("<script") == 2
    assert "alert(1)" in text
    assert "\x1b" not in text
    assert not set(text) & set("\u202e\u2028\x9b\x00\ud800")
    assert "{{ 7*7 }}" in text
    data = embedded(text)
    assert data["rows"] == 3
    assert max(map(len, text.splitlines())) < 60_000


def test_structure():
    tree = html.document_fromstring(written(ordinary()))
    headings = [int(item.tag[1]) for item in tree.iter("h1", "h2", "h3", "h4")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    ids = tree.xpath("//@id")
    assert len(set(ids)) == len(ids)
    targets = {item.get("href")[1:] for item in tree.xpath("//a[@href]")}
    assert targets <= set(ids)
    assert {item.get("for") for item in tree.iter("label")} <= set(ids)
    assert all(item.find("caption") is not None or item.get("aria-labelledby") for item in tree.iter("table"))
    assert all(item.get("scope") for item in tree.iter("th"))
    order = [item.get("id") for item in tree.iter("section")]
    assert [item for item in order if item] == [
        "outcome",
        "findings",
        "unreadable",
        "controls",
        "rules",
        "passes",
        "evidence",
    ]


def test_says_what_an_auditor_asks_for_without_scripts():
    run = ordinary(hypothetical=True, source="recorded", notes=("identity could not be read",))
    tree = html.document_fromstring(written(run))
    for item in tree.xpath("//script | //style"):
        item.drop_tree()
    text = " ".join(" ".join(tree.itertext()).split())
    for part in (
        run.sentence,
        "9 expected = 7 evaluated + 2 unreadable",
        "As of 2026-01-02T03:04:05Z hypothetical",
        "an old one drops `overrides`",
        "identity could not be read",
        "9f2c" * 16,
        "Revision: 2026-1",
        "arn:aws:sts::123456789012:assumed-role/Audit/imageset-checker",
        "retention.review_window 30d",
        "rule retention/tier-cost-review: --skip-rule",
        "Compare both image sets, then revert to the last unforced version.",
        "Judges the latest version only",
        "overrides.forced = true",
        "deletedAt is not younger than 30d",
        "User: audit is not authorized to perform GetImageSet",
        "the gate counts medium and above",
    ):
        assert part in text, part
    assert "complian" not in text.lower()


@pytest.mark.parametrize("outcome", ["passed", "incomplete"])
def test_other_outcomes(outcome):
    gate = Gate()
    run = clean_run() if outcome == "passed" else run_of([], gate, Coverage(0))
    text = written(run)
    assert f"Outcome: {outcome}" in text
    assert run.sentence in text
    assert "No fails and no unknowns." in text


def many(count: int, gate: Gate = Gate()):  # noqa: B008 - frozen
    def one(n: int) -> Subject:
        return subject(n, image_set_id=hashlib.md5(str(n).encode()).hexdigest(), target=f"t{n % 3}")

    first = [
        found(NO_FORCE, one(n), Verdict.FAIL, gate, "forced", overrides__forced=True) for n in range(count)
    ]
    gone = [AS_OF - timedelta(milliseconds=n * 7919) for n in range(300)]
    second = [
        found(
            RECENT,
            one(n),
            Verdict.FAIL,
            gate,
            f"gone at {instants.iso(at)}",
            imageSetState="DELETED",
            deletedAt=at,
        )
        for n, at in enumerate(gone)
    ]
    return run_of([(NO_FORCE, first), (RECENT, second)], gate, Coverage(count))


def test_shows_the_worst_and_says_how_many_more_and_of_which_rules_it_shows_none():
    run = many(2_000)
    text = written(run, siblings={"json": "/some/where/results.json"})
    tree = html.document_fromstring(text)
    rows = tree.xpath("//tbody[@id='rows']/tr")
    assert [row.get("id").removeprefix("f-") for row in rows] == [
        normal_form.finding_id(finding.rule, finding.subject) for finding in run.findings(100)
    ]
    assert "The worst 100 of 2,300 findings. The other 2,200" in text
    shown = {finding.rule.name for finding in run.findings(100)}
    others = {finding.rule.name for finding in run.findings()} - shown
    (unshown,) = tree.xpath("//*[@id='unshown']")
    assert others
    assert {item.get("id") for item in unshown.xpath("./span")} == {
        f"findings?rule={name}" for name in others
    }
    assert "are in results.json" in text
    assert "/some/where" not in text
    assert embedded(text)["rows"] == embedded(text)["total"] == 2_300


def test_holds_what_fits_and_of_that_what_the_gate_counts_first(monkeypatch):
    run = many(2_000, Gate(Severity.HIGH))
    monkeypatch.setattr(finding_list, "MOST_HELD", 2_100)
    data = embedded(written(run))
    assert [group["n"] for group in data["groups"]] == [2_000, 100]
    size = len(written(run).encode())
    monkeypatch.setattr(finding_list, "MOST_BYTES", size - 20_000)
    less = embedded(written(run))
    assert less["rows"] == 2_100
    assert list(data["verdicts"])[: len(less["verdicts"])] == list(less["verdicts"])
    assert 500 < len(less["verdicts"]) < len(data["verdicts"]) == 2_000
    monkeypatch.setattr(finding_list, "MOST_BYTES", size - 40_000)
    text = written(run)
    assert len(text.encode()) <= size - 40_000
    data = embedded(text)
    assert data["total"] == 2_300
    assert 500 < data["rows"] < 2_000
    assert [group["rule"] for group in data["groups"]] == ["no-forced-overrides"]
    assert [row[3:6] for row in data["tallies"]] == [[2_000, 0, 0], [300, 0, 0]]
    assert (
        f"The worst 100 of 2,300 findings. With scripts on, this page searches {data['rows']:,} of them"
        in text
    )


def test_more_findings_than_a_page_may_hold_are_the_ones_that_the_gate_counts_first(monkeypatch):
    monkeypatch.setattr(finding_list, "MOST_HELD", 150)
    text = written(many(100, Gate(Severity.HIGH)))
    assert [group["n"] for group in embedded(text)["groups"]] == [100, 50]
    assert (
        "With scripts on, this page searches 150 of them, those that the gate counts first; all are in"
        in text
    )


def test_embedded_findings_are_those_of_the_run():
    run = many(500)
    data = embedded(written(run))
    ids = sorted({finding.subject.image_set_id for finding in run.findings()})
    assert data["ids"]["hex"] == packed_ids(ids)
    rows = []
    for group in data["groups"]:
        n = group["n"]
        columns = {name: unpacked(group[name], n) for name in ("place", "set", "version", "flags", "message")}
        observed = {path: unpacked(cells, n) for path, cells in group["observed"]}
        for row in range(n):
            index = columns["set"][row]
            image_set = ids[index]
            seen = {path: cells[row] for path, cells in observed.items()}
            fillings = list(seen.values())
            message = "".join(
                part if isinstance(part, str) else str(fillings[part]) for part in columns["message"][row]
            )
            target = data["places"][columns["place"][row]][0]
            rows.append(
                (
                    group["rule"],
                    target,
                    image_set,
                    columns["version"][row],
                    columns["flags"][row],
                    message,
                    seen,
                )
            )
    assert rows == [
        (
            finding.rule.id,
            finding.subject.target,
            finding.subject.image_set_id,
            finding.subject.version_id,
            12,
            finding.message,
            {
                path: instants.iso(value) if isinstance(value, datetime) else value
                for path, value in finding.observed.items()
            },
        )
        for finding in run.findings()
    ]


cells = (
    st.lists(st.none() | st.integers(-(2**53) + 1, 2**53 - 1))
    | st.lists(st.none() | st.booleans() | st.integers(0, 1) | st.text(max_size=3))
    | st.lists(
        st.none()
        | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
            lambda t: t.replace(microsecond=0, tzinfo=UTC)
        )
    )
)


@given(cells, st.integers(1, 12))
def test_a_column_gives_its_cells_back(given_cells, times):
    given_cells = [cell for cell in given_cells for _ in range(times)]
    expected = [instants.iso(cell) if isinstance(cell, datetime) else cell for cell in given_cells]
    back = unpacked(json.loads(json.dumps(column(given_cells, normal_form.plain))), len(given_cells))
    assert [(type(item), item) for item in back] == [(type(item), item) for item in expected]


def test_rows_that_have_the_same_value_one_after_the_other_take_the_place_of_one():
    assert column(["a"] * 700 + ["b"] * 300, str) == {"d": ["a", "b"], "w": 1, "i": "AB", "r": [700, 300]}


@given(st.integers(0, 2**60 - 1), st.integers(10, 12))
def test_digits(value, width):
    assert len(digits(value, width)) == width
    assert number(digits(value, width)) == value


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1))
def test_packed_ids_give_the_ids_back_and_hold_nothing_of_markup_or_commands(ids):
    packed = packed_ids([item.hex() for item in ids])
    assert len(packed) == 20 * len(ids)
    assert not set(packed) & set("<>&#:\\\"'")
    assert base64.b85decode(packed.translate(str.maketrans(".,/[", "#&<>"))) == b"".join(ids)


def test_what_a_failed_call_did_not_give_is_not_called_absent():
    gate, denied = Gate(), "AccessDeniedException"
    seen = {"imageSetState": None, "deletedAt": None}
    read = found(RECENT, subject(1), Verdict.UNKNOWN, gate, "", "deletedAt absent", **seen)
    unread = found(RECENT, subject(2), Verdict.UNKNOWN, gate, "", denied, **seen)
    text = written(run_of([(RECENT, [read, unread])], gate, Coverage(2, 0, 1)))
    assert text.count('<code>deletedAt</code> = <code class="value">(absent)</code>') == 1
    (group,) = embedded(text)["groups"]
    assert unpacked(group["flags"], 2) == [5, 21]
