"""What every report says of one pair of runs is the same: the page of the later run, diff and trend as page, JSON and text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from kept_runs import read
from published_schemas import nodes

from checker.judgement.change_summary import MEANINGS
from checker.model import Category

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("run.html", "diff.html", "trend.html")
VOID = {"meta", "path", "rect", "use", "input", "br", "circle"}
SEVERITIES = ("critical", "high", "medium", "low", "info")


class Section(HTMLParser):
    """The texts of a page's section, by element: `dt`, `dd`, and the cells of the table by severity."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.depth, self.table = name, 0, False
        self.texts: dict[str, list[str]] = {"dt": [], "dd": [], "cells": []}
        self.place = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.depth = int(given.get("id") == self.name)
        if tag == "table":
            self.table = "by-severity" in (given.get("class") or "")
        place = {"th": "cells", "td": "cells"}.get(tag, tag) if tag in ("th", "td", "dt", "dd") else ""
        if self.depth and place and (place != "cells" or self.table):
            self.place = place
            self.texts[place].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td", "dt", "dd"):
            self.place = ""

    def handle_data(self, data: str) -> None:
        if self.place:
            self.texts[self.place][-1] += data


def change_section(path: Path) -> Section:
    section = Section("change")
    section.feed(path.read_text(encoding="utf-8"))
    return section


def numbers(plain: dict) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """What JSON has: the numbers in all, and by severity, of the words that there are."""
    total = {item.value: plain[item.value.replace(" ", "_")] for item in Category}
    severities = {
        entry["severity"]: {item.value: entry[item.value.replace(" ", "_")] for item in Category}
        for entry in plain["severities"]
    }
    return total, severities


@pytest.fixture(scope="module")
def said(kept_runs):
    """The numbers that results.json has."""
    return numbers(read(kept_runs, "run.json")["summary"]["since"])


def test_each_word_comes_up(said):
    assert all(said[0].values())
    assert set(said[1]) == {"critical", "medium", "low"}


def test_json_of_a_run_a_comparison_and_a_trend_have_the_same_numbers(kept_runs, said):
    comparison, course = read(kept_runs, "diff.json"), read(kept_runs, "trend.json")
    assert numbers(comparison["summary"]) == said
    assert numbers(course["runs"][-1]["since"]) == said
    assert course["runs"][-1]["change"] == said[0]
    assert course["runs"][-1]["compared"] == comparison["old"]["run"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_have_the_same_words_and_numbers(kept_runs, said, name):
    section = change_section(kept_runs / name)
    own = section.texts
    facts = [text for text in own["dt"] if text[0].isdigit()]
    assert facts == [f"{number} {word}" for word, number in said[0].items()]
    meanings = [MEANINGS[item] for item in Category]
    assert [text for text in own["dd"] if text in meanings] == meanings
    width = len(said[0]) + 1
    head, *rows = (own["cells"][at : at + width] for at in range(0, len(own["cells"]), width))
    assert head == ["Severity", *(word.capitalize() for word in said[0])]
    assert rows == [
        *([name, *map(str, counts.values())] for name, counts in said[1].items()),
        ["All", *map(str, said[0].values())],
    ]


def test_terminal_and_pages_have_the_same_sentences(kept_runs, said):
    text = {
        name: " ".join((kept_runs / f"{name}.text").read_text().split()) for name in ("run", "diff", "trend")
    }
    sentence = text["diff"][: text["diff"].index(".") + 1]
    assert text["run"].count(f": {sentence}") == 1
    assert f'<p class="sentence">{sentence}</p>' in (kept_runs / "diff.html").read_text()
    assert sentence[:-1].replace("; ", ", ").split(", ")[0] == f"{said[0]['new']} new"
    for word, number in said[0].items():
        assert f"{number} {word}" in sentence
    # by severity
    (since,) = re.findall(r"Change of the last run \(since .*?\): (.*?)\.", text["trend"])
    assert f"Change {since} " in text["run"]
    for word, number in said[0].items():
        by = {name: counts[word] for name, counts in said[1].items() if counts[word]}
        told = ", ".join(f"{name} {n}" for name, n in by.items()) if len(by) > 1 else next(iter(by))
        assert f"{number} {word} ({told})" in since


def test_the_table_of_a_comparison_has_the_numbers_by_severity(kept_runs, said):
    lines = (kept_runs / "diff.text").read_text().split("\n\n")[2].splitlines()
    assert lines[0].split() == ["SEVERITY", *" ".join(said[0]).upper().split()]
    assert [line.split() for line in lines[1:]] == [
        [name, *map(str, counts.values())] for name, counts in said[1].items()
    ]


def test_a_comparison_has_a_rule_s_severity_wherever_it_has_the_rule(kept_runs):
    document = read(kept_runs, "diff.json")
    severities = {entry["rule"]: entry["severity"] for entry in document["summary"]["rules"]}
    assert all(change["severity"] == severities[change["rule"]] for change in document["changes"])
    rules = document["summary"]["rules"]
    order = [SEVERITIES.index(entry["severity"]) for entry in rules if entry["category"] != "persisting"]
    assert order == sorted(order)


@pytest.mark.parametrize("name", ["results-1", "diff-1"])
def test_schemas_say_of_the_words_what_pages_say(name):
    schema = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    described = [
        node["properties"] for node in nodes(schema) if "not_judged_any_more" in node.get("properties", {})
    ]
    assert len(described) >= 2
    for members in described:
        for item in Category:
            assert members[item.value.replace(" ", "_")]["description"] == MEANINGS[item]


def test_a_forecast_says_the_same_everywhere(kept_runs):
    document = read(kept_runs, "forecast.json")
    text = " ".join((kept_runs / "forecast.text").read_text().split())
    page = (kept_runs / "forecast.html").read_text()
    for sentence in (document["gate"]["sentence"], document["sentence"]):
        assert sentence in text
        assert sentence in page
    come = sum(entry["come"] for entry in document["severities"])
    assert document["sentence"].startswith(f"{come} findings (")
    assert len(document["changes"]) == sum(kind["number"] for kind in document["kinds"])
    order = [SEVERITIES.index(kind["severity"]) for kind in document["kinds"]]
    assert order == sorted(order)
    for ending in document["waivers_ending"]:
        assert f"{ending['last_day']}{ending['rule']}" in text.replace(" ", "")
        assert ending["last_day"] in page


def test_pages_of_a_family_have_one_frame_one_title_and_no_script(kept_runs):
    for name in (*PAGES, "forecast.html"):
        page = (kept_runs / name).read_text(encoding="utf-8")
        assert page.count("<h1>") == 1
        assert re.search(r"<title>[^<]{10,}</title>", page)
        assert '<nav aria-label="Sections">' in page
        assert not re.search(r"<(link|img|iframe)\b|<[^<>]*\bon\w+=", page)
        anchors = re.findall(r'href="#([^"?]+)"', page)
        assert all(f'id="{anchor}"' in page for anchor in anchors)
        # the title of a rule and the owner of a waiver have elements
        assert not re.search(r"<script>alert|<img src=x|<b>known", page)
        if name != "run.html":
            assert "<script" not in page
