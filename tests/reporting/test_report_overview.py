"""The page's first screen: its numbers are those of the gate and of JUnit, and each leads to what it counts."""

import io
import re

import pytest
from lenient_runs import lenient
from lxml import etree, html
from report_runs import clean_run, governed, ordinary

from checker.judgement.gate import Gate
from checker.model import Severity
from checker.reporting import Options, run_text, writer

RUNS = [ordinary, lenient, governed, clean_run]


def written(run, kind: str) -> str:
    out = io.StringIO()
    writer(kind).write(run, out, Options())
    return out.getvalue()


def said(tree, path: str) -> str:
    return " ".join(" ".join(item.text_content() for item in tree.xpath(path)).split())


@pytest.mark.parametrize("run", RUNS)
def test_the_fails_and_unknowns_that_count_are_the_red_cases_of_junit(run):
    tree = html.document_fromstring(written(run(), "html"))
    suites = etree.fromstring(written(run(), "junit").encode())
    rules = [suite for suite in suites if suite.get("package") != "imageset-checker"]
    shown = [
        int(item.text_content().replace(",", "")) for item in tree.xpath("//ul[@class='tiles']/li/b")[:2]
    ]
    assert shown == [
        sum(len(suite.findall(f"testcase/{kind}")) for suite in rules) for kind in ("failure", "error")
    ]


@pytest.mark.parametrize("run", RUNS)
def test_every_link_into_the_list_leads_to_the_list_without_scripts_too(run):
    tree = html.document_fromstring(written(run(), "html"))
    links = [item for item in tree.xpath("//a/@href") if item.startswith("#findings?")]
    assert {item[1:] for item in links} <= set(tree.xpath("//@id"))
    assert links or run is clean_run


def test_the_picture_says_its_numbers_in_words():
    tree = html.document_fromstring(written(ordinary(), "html"))
    assert tree.xpath("//svg[contains(@class, 'severity-bar')]/@aria-label") == [
        "critical: 2 unknowns",
        "high: 2 fails, 2 unknowns, 1 waived fail",
        "medium: 1 fail, 3 unknowns",
        "low: 1 fail that does not count, 2 unknowns that do not count",
    ]


def test_the_worst_rules_and_image_sets_and_the_controls_stand_first():
    tree = html.document_fromstring(written(ordinary(), "html"))
    first = said(tree, "//section[@id='outcome']")
    assert "Worst rules" in first
    assert "Worst image sets" in first
    assert "Controls by framework" in first
    assert "Fails of severity medium or above count." in first


def test_hashes_versions_and_calls_stand_in_the_appendix_alone():
    tree = html.document_fromstring(written(ordinary(), "html"))
    assert tree.xpath("//section/@id")[-1] == "evidence"
    others = said(tree, "//section[@id != 'evidence']")
    for text in ("9f2c" * 16, "botocore", "GetDatastore"):
        assert text in said(tree, "//section[@id='evidence']")
        assert text not in others


def test_numbers_of_a_thousand_and_more_have_their_comma():
    text = run_text.gate_sentences(Gate(None, most={Severity.LOW: 1000}))
    assert text[1] == "Fails of severity low count where there are more than 1,000."
    assert not re.search(r"\d{4}", " ".join(text))
