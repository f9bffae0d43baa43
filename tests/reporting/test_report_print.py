"""The page on paper: a summary of few sheets, or all of it; read as a PDF reader reads what Chromium prints."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass

import pypdfium2
import pytest
from pypdfium2 import raw

pytestmark = pytest.mark.browser
HEADS = "what was found"
# the title of a rule stands in rows too, and above the rule's name in a card that is never parted
ALL_HEADS = "[...document.querySelectorAll('h2, h3:not(summary h3), h4, thead tr, .more > summary')].flatMap((head) => [head.textContent, head.firstChild.textContent])"


@dataclass(frozen=True)
class Glyph:
    """A character with the box of its ink, from the foot of the sheet up."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


class Paper:
    """What a PDF has on its sheets. `heads` are the headings of sections and of tables that the page has."""

    def __init__(self, content: bytes, heads: list[str]) -> None:
        self.heads = {"".join(head.split()).lower() for head in heads}
        self.document = pypdfium2.PdfDocument(content)
        self.sheets = [sheet.get_textpage() for sheet in self.document]
        self.texts = [" ".join(sheet.get_text_range().split()) for sheet in self.sheets]
        self.text = " ".join(self.texts)

    def glyphs(self, number: int) -> list[Glyph]:
        """Those of a sheet that leave ink."""
        sheet = self.sheets[number]
        found = []
        for index in range(sheet.count_chars()):
            text = chr(raw.FPDFText_GetUnicode(sheet, index))
            if not text.isspace() and text.isprintable():
                found.append(Glyph(text, *sheet.get_charbox(index)))
        return found

    def heads_at_the_foot(self) -> list[str]:
        """The last lines of sheets that are headings, or the ends of them."""
        lines = ("".join(glyph.text for glyph in last_line(self.glyphs(n))) for n in range(len(self.sheets)))
        return [line for line in lines if any(head and head.endswith(line.lower()) for head in self.heads)]

    def between(self, first: str, last: str) -> list[str]:
        """The sheets after the one with a heading, up to the one with another."""
        places = [next(n for n, text in enumerate(self.texts) if name in text) for name in (first, last)]
        return self.texts[places[0] + 1 : places[1] + 1]


def printed(chromium, address: str, *, everything: bool = False, paper: str = "A4") -> Paper:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    try:
        view = context.new_page()
        view.goto(address)
        view.wait_for_selector("html[data-ready]", state="attached")
        if everything:
            view.get_by_label("Print everything").check()
        return Paper(view.pdf(format=paper, print_background=True), view.evaluate(ALL_HEADS))
    finally:
        context.close()


@pytest.fixture(scope="module")
def summary(chromium, pages):
    return printed(chromium, pages("demo"))


@pytest.fixture(scope="module")
def everything(chromium, pages):
    return printed(chromium, pages("demo"), everything=True)


@pytest.fixture(scope="module")
def results(demo):
    return json.loads((demo.folder / "results.json").read_text())


def test_the_summary_has_at_most_six_sheets_on_either_paper(chromium, pages, summary):
    assert len(summary.sheets) <= 6
    assert len(printed(chromium, pages("demo"), paper="Letter").sheets) <= 6


def test_the_summary_has_what_decides_and_nothing_of_the_appendix(summary, results):
    said = results["summary"]
    assert " ".join(said["sentence"].split()) in summary.text
    for heading in (
        "By severity",
        "Worst rules",
        "Worst image sets",
        "Controls by framework",
        "Coverage",
        "Targets",
        "Worst findings",
        "What was not checked",
        "Waivers",
    ):
        assert heading in summary.text
    for finding in results["findings"][:3]:
        assert finding["imageSetId"] in summary.text.replace(" ", "")
    for item in results["unreadable"]:
        assert item["imageSetId"] in summary.text.replace(" ", "")
    for waiver in results["run"]["waivers"]:
        assert all(waiver[name] in summary.text for name in ("owner", "approved_by", "expires"))
    assert results["run"]["policies"][0]["sha256"] not in summary.text.replace(" ", "")


def test_all_of_it_has_every_finding_rule_and_hash(everything, results):
    text = everything.text.replace(" ", "")
    for finding in results["findings"]:
        assert (finding["imageSetId"] or finding["datastoreId"]) in text
    for rule in results["summary"]["rules"]:
        assert rule["title"].replace(" ", "") in text
        assert rule["why"].replace(" ", "")[:80] in text
    for policy in results["run"]["policies"]:
        assert policy["sha256"] in text
    assert "Worst findings" not in everything.text


def test_heads_of_tables_stand_on_each_sheet_that_they_reach(summary, everything):
    shown = summary.between("Worst findings", "What was not checked")
    listed = everything.between("Fails and unknowns, the worst first", "What was not checked")
    assert len(shown) >= 2
    assert len(listed) >= 5
    for text in (*shown[:-1], *listed[:-1]):
        assert HEADS in text[:120].lower()


def last_line(glyphs: list[Glyph]) -> list[Glyph]:
    foot = min(glyph.bottom for glyph in glyphs)
    return [glyph for glyph in glyphs if glyph.bottom < foot + 4]


def overlapping(glyphs: list[Glyph]) -> list[str]:
    """Pairs of characters that are printed one over the other. Kerned ones do so by little."""
    cells = defaultdict(set)
    for place, glyph in enumerate(glyphs):
        for x, y in itertools.product(
            range(int(glyph.left) // 8, int(glyph.right) // 8 + 1),
            range(int(glyph.bottom) // 8, int(glyph.top) // 8 + 1),
        ):
            cells[x, y].add(place)
    pairs = {pair for cell in cells.values() for pair in itertools.combinations(sorted(cell), 2)}
    found = []
    for first, second in ((glyphs[a], glyphs[b]) for a, b in sorted(pairs)):
        wide = min(first.right, second.right) - max(first.left, second.left)
        high = min(first.top, second.top) - max(first.bottom, second.bottom)
        if wide > 2 and high > 1:
            found.append(f"{first.text}{second.text} at {first.left:.0f}, {first.bottom:.0f}")
    return found


@pytest.mark.parametrize("name", ["demo", "accounts", "ordinary", "lenient", "governed"])
def test_no_heading_stands_alone_at_the_foot_of_a_sheet_and_nothing_overlaps(chromium, pages, summary, name):
    paper = summary if name == "demo" else printed(chromium, pages(name))
    assert paper.heads_at_the_foot() == []
    for number in range(len(paper.sheets)):
        glyphs = paper.glyphs(number)
        assert overlapping(glyphs) == []
        assert min(glyph.left for glyph in glyphs) > 20
        assert max(glyph.right for glyph in glyphs) < paper.document[number].get_width() - 20


def test_no_heading_stands_alone_and_nothing_overlaps_where_everything_is_printed(everything):
    assert everything.heads_at_the_foot() == []
    for number in range(len(everything.sheets)):
        assert overlapping(everything.glyphs(number)) == []


def test_what_lies_over_another_is_found():
    first = Glyph("a", 10, 10, 15, 15)
    assert overlapping([first, Glyph("b", 12, 12, 18, 18)]) == ["ab at 10, 10"]
    assert overlapping([first, Glyph("c", 14.5, 10, 20, 15)]) == []


def test_a_heading_at_the_foot_of_a_sheet_is_found(chromium):
    context = chromium.new_context()
    view = context.new_page()
    view.set_content("<h2>Alone</h2><div style='break-before: page'>below</div>")
    assert Paper(view.pdf(), view.evaluate(ALL_HEADS)).heads_at_the_foot() == ["Alone"]
    context.close()


@pytest.mark.parametrize("name", ["diff", "trend", "forecast"])
def test_pages_of_several_runs_print_as_well(chromium, kept_runs, name):
    context = chromium.new_context()
    try:
        view = context.new_page()
        view.goto((kept_runs / f"{name}.html").as_uri())
        paper = Paper(view.pdf(format="A4", print_background=True), view.evaluate(ALL_HEADS))
    finally:
        context.close()
    assert paper.heads_at_the_foot() == []
    assert [overlapping(paper.glyphs(number)) for number in range(len(paper.sheets))] == [[]] * len(
        paper.sheets
    )
