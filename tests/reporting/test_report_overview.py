"""The page's first screen: its numbers are those of the gate and of JUnit, and each leads to what it counts."""

import io
import json
import re
from collections import Counter
from datetime import timedelta

import pytest
from account_runs import EAST, NORTH, REACHED, SOUTH, accounts
from lenient_runs import lenient
from lxml import etree, html
from report_runs import (
    AS_OF,
    NO_FORCE,
    clean_run,
    dated,
    found,
    governed,
    ordinary,
    run_of,
    stores_only,
    subject,
)

from checker.judgement.gate import Gate
from checker.judgement.gate_text import number_by_severity
from checker.model import Coverage, Severity, Verdict
from checker.reporting import Options, finding_text, run_text, writer
from checker.reporting.control_matrix import GROUPS

RUNS = [ordinary, lenient, governed, clean_run, accounts, stores_only]


def written(run, kind: str) -> str:
    out = io.StringIO()
    writer(kind).write(run, out, Options())
    return out.getvalue()


def words(element) -> str:
    return " ".join(" ".join(element.itertext()).split())


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
    assert links or run in (clean_run, stores_only)


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


def links(tree, heading: str) -> list[str]:
    """Where the entries lead of the list below a heading of the first screen, in order."""
    return tree.xpath(f"//section[@id='outcome']//h3[. = '{heading}']/following-sibling::ol[1]/li/a/@href")


def picture(tree) -> dict[str, list[int]]:
    """The numbers of each severity, and of all of them."""
    rows = tree.xpath("//table[contains(@class, 'picture')]/tbody/tr")
    return {
        row.find("th").text_content().strip(): [
            int(cell.text_content().replace(",", "")) for cell in row.xpath("td[@data-label]")
        ]
        for row in rows
    }


def counting(number: int, noun: str) -> str:
    return f"{finding_text.number_of(number, noun)} {'counts' if number == 1 else 'count'}"


@pytest.mark.parametrize("run", RUNS)
def test_the_first_screen_has_the_numbers_of_the_json_report(run):
    tree = html.document_fromstring(written(run(), "html"))
    summary = json.loads(written(run(), "json"))["summary"]
    rules = summary["rules"]

    def of(item):
        gated = item["gated"]
        own = [rule for rule in rules if rule["severity"] == item["severity"]]
        others = [sum(rule[kind] for rule in own) for kind in ("pass", "not_applicable")]
        return [item["fail"], gated["fail"], item["unknown"], gated["unknown"], item["waived"], *others]

    expected = {item["severity"]: of(item) for item in summary["severities"]}
    columns = zip(*expected.values(), strict=True)
    assert picture(tree) == expected | {"All": [sum(column) for column in columns]}
    assert said(tree, "//p[@class='sentence']") == summary["sentence"]
    assert said(tree, "//p[@class='exit']") == f"exit code {summary['exit_code']}"
    fails, unknowns, read, new, _ = (words(item) for item in tree.xpath("//ul[@class='tiles']/li"))
    gated = {kind: sum(item["gated"][kind] for item in summary["severities"]) for kind in ("fail", "unknown")}
    verb = "is" if summary["fail"] == 1 else "are"
    assert fails == f"{counting(gated['fail'], 'fail')} of {summary['fail']} that {verb} not waived"
    assert unknowns.startswith(
        f"{counting(gated['unknown'], 'unknown')} of {summary['unknown']} that could not"
    )
    assert read.startswith(f"{summary['evaluated']} of {summary['image_sets']} read")
    since = summary["since"]
    assert new.startswith(f"{since['new']} new" if since else "– new no earlier run")
    kinds = [
        name for name in ("undecided", "persisting", "waived", "fixed", "decided") if since and since[name]
    ]
    assert all(f"{since[name]} {name}" in new for name in kinds)


@pytest.mark.parametrize("run", RUNS)
def test_the_first_screen_has_the_numbers_of_the_text_report(run):
    tree = html.document_fromstring(written(run(), "html"))
    text = " ".join(written(run(), "text").split())
    assert text.startswith(said(tree, "//p[@class='sentence']"))
    table = [
        line.split() for line in written(run(), "text").partition("SEVERITY")[2].split("\n\n")[0].splitlines()
    ]
    numbers = {name: [int(cell.replace(",", "")) for cell in cells] for name, *cells in table[1:]}
    # without findings there is no table of them
    shown = {name: row[:5] for name, row in picture(tree).items() if name != "All" and any(row[:5])}
    assert {name: row for name, row in numbers.items() if any(row)} == shown
    coverage = re.search(r"Coverage\s+(\d+) expected = (\d+) evaluated \+ (\d+) unreadable", text).groups()
    assert [item.text_content() for item in tree.xpath("//p[@class='equation']//b")] == list(coverage)


@pytest.mark.parametrize("run", RUNS)
def test_each_number_of_the_outcomes_sentence_stands_in_the_picture(run):
    tree = html.document_fromstring(written(run(), "html"))
    sentence, rows = said(tree, "//p[@class='sentence']"), picture(tree)
    rows.pop("All")
    for place, nouns in {1: ("fail", "new fail"), 3: ("unknown",), 4: ("waived",)}.items():
        numbers = {Severity(name): row[place] for name, row in rows.items()}
        texts = {number_by_severity(numbers, noun, "" if place == 4 else "s") for noun in nouns}
        assert any(text in sentence for text in texts) or not sum(numbers.values())


@pytest.mark.parametrize("run", RUNS)
def test_controls_are_counted_by_framework_as_the_assessments_of_the_json_report_are(run):
    tree = html.document_fromstring(written(run(), "html"))
    table = {
        row.find("th").text_content().strip(): [int(cell.text_content()) for cell in row.findall("td")]
        for row in tree.xpath("//table[contains(@class, 'frameworks')]/tbody/tr")
    }
    frameworks = json.loads(written(run(), "json"))["summary"]["controls"]
    words = {state.value: word for word, states in GROUPS.items() for state in states}
    for framework in frameworks:
        counts = Counter(words[control["state"]] for control in framework["controls"])
        assert table.pop(framework["framework"]) == [counts[word] for word in GROUPS]
    assert not table


def test_the_worst_rules_are_those_of_the_gravest_severity_that_count_most():
    tree = html.document_fromstring(written(accounts(), "html"))
    assert links(tree, "Worst rules") == [
        f"#findings?rule={name}"
        for name in (
            "retention/no-early-deletions",
            "integrity/no-forced-overrides",
            "retention/no-recent-deletions",
            "retention/no-message",
        )
    ]
    texts = tree.xpath("//h3[. = 'Worst rules']/following-sibling::ol[1]/li/small/text()")
    assert texts == [
        "2 fails and 2 unknowns, all of them count",
        "4 fails, all of them count; 1 waived fail",
        "1 fail, it does not count",
        "2 unknowns, neither counts",
    ]


def test_the_worst_image_sets_are_those_with_the_gravest_findings_that_count():
    tree = html.document_fromstring(written(accounts(), "html"))
    worst = [("north", 1), ("south-2", 6), ("lost", 7), ("lost", 8), ("south", 2)]
    assert links(tree, "Worst image sets") == [
        f"#findings?set={number:032x}&target={target}" for target, number in worst
    ]
    small = tree.xpath("//h3[. = 'Worst image sets']/following-sibling::ol[1]/li/small/text()")
    assert small == [
        "2 fails (critical 1, high 1)",
        "1 fail (critical)",
        *["2 unknowns (critical 1, low 1)"] * 2,
        "1 fail (high)",
    ]


def test_the_worst_account_is_the_one_whose_data_stores_are_worst_together():
    tree = html.document_fromstring(written(accounts(), "html"))
    addresses = [f"#findings?account={account}" for account in (SOUTH, NORTH)]
    assert links(tree, "Worst accounts") == [*addresses, "#targets"]
    entries = tree.xpath("//h3[. = 'Worst accounts']/following-sibling::ol[1]/li")
    assert [words(item) for item in entries] == [
        f"South clinic {SOUTH} 5 fails (critical 1, high 3, medium 1)",
        f"North clinic {NORTH} 2 fails (critical 1, high 1), 1 waived fail (high)",
        "account not known 4 unknowns (critical 2, low 2)",
    ]
    alone = accounts(reached=tuple(store for store in REACHED if store.account == SOUTH))
    assert "Worst accounts" not in written(alone, "html")


def test_each_data_store_has_a_row_with_its_names_and_numbers_and_the_denied_ones_too():
    tree = html.document_fromstring(written(accounts(), "html"))
    rows = [
        [words(cell) for cell in row] for row in tree.xpath("//table[contains(@class, 'scorecard')]/tbody/tr")
    ]
    assert rows == [
        ["Fail north", f"North clinic {NORTH} us-east-1", f"archive {'a' * 32}", "2 all read", "2 critical 1, high 1", "0", "1 high 1"],
        ["Fail south-2", f"South clinic {SOUTH} eu-west-2", f"cold {'c' * 32}", "1 all read", "1 critical 1", "0", "0"],
        ["Unknown lost", "not known Region not known", "not known", "at least 2 2 not read; how many there are is not known", "0", "4 critical 2, low 2", "0"],
        ["Fail south", f"South clinic {SOUTH} eu-west-1", "b" * 32, "4 all read", "4 high 3, medium 1", "0", "0"],
        ["Pass clean", f"East {EAST} ap-southeast-2", f"research {'d' * 32}", "1 all read", "0", "0", "0"],
    ]  # fmt: skip
    targets = json.loads(written(accounts(), "json"))["summary"]["targets"]
    keys = ("account", "account_name", "region", "datastoreId", "datastore_name")
    told = {item["target"]: [item[key] or "" for key in keys] for item in targets}
    for row in rows:
        assert all(text in " ".join(row) for text in told[row[0].split()[1]])


def test_a_data_store_without_findings_leads_to_no_list():
    tree = html.document_fromstring(written(accounts(), "html"))
    names = tree.xpath("//table[contains(@class, 'scorecard')]/tbody/tr/th//a/text()")
    assert names == ["north", "south-2", "lost", "south"]


def test_the_oldest_open_fail_is_told_with_its_age():
    run = accounts()
    first = said(html.document_fromstring(written(run, "html")), "//section[@id='outcome']")
    assert "400 days the oldest open fail" in first
    oldest = run.oldest_open()
    assert finding_text.since(oldest.first_seen, oldest.first_run, AS_OF) in first
    assert f"south/{5:032x}" in first


@pytest.mark.parametrize(
    ("days", "age"), [(0, "under 1 day"), (1, "1 day"), (2, "2 days"), (1234, "1,234 days")]
)
def test_ages_agree_with_their_numbers(days, age):
    row = dated(found(NO_FORCE, subject(1), Verdict.FAIL, Gate()), AS_OF - timedelta(days=days))
    tree = html.document_fromstring(written(run_of([(NO_FORCE, [row])], Gate(), Coverage(1)), "html"))
    assert tree.xpath("//ul[@class='tiles']/li[last()]/b")[0].text_content() == age


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
