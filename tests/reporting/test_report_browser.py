import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest
from lenient_runs import hostile_waivers, lenient
from report_runs import (
    AS_OF,
    HOSTILE,
    NO_FORCE,
    RECENT,
    clean_run,
    found,
    governed,
    hostile,
    ordinary,
    run_of,
    subject,
)
from test_report_html import many

from checker.judgement.gate import Gate
from checker.model import Coverage, Verdict
from checker.reporting import Options, deliver, finding_list, writer
from checker.reporting.finding_text import error_code
from checker.reporting.normal_form import finding_id

pytestmark = pytest.mark.browser
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 800}


@pytest.fixture
def show(chromium, tmp_path):
    """Opens a run's page from its file; whatever it asks for or complains of is an error."""
    seen, contexts = [], []

    def show(run, anchor="", **options):
        path = tmp_path / "report.html"
        deliver(run, writer("html"), path, Options())
        context = chromium.new_context(**({"viewport": WIDE} | options))
        contexts.append(context)
        view = context.new_page()
        view.on("console", lambda message: seen.append(message.text))
        view.on("pageerror", lambda error: seen.append(str(error)))
        view.on(
            "request",
            lambda request: None if request.url.startswith(path.as_uri()) else seen.append(request.url),
        )
        view.goto(path.as_uri() + anchor)
        if options.get("java_script_enabled", True):
            view.wait_for_selector("html[data-ready]", state="attached")
        return view

    yield show
    for context in contexts:
        context.close()
    assert seen == []


def rows(view) -> list[str]:
    return view.locator("#rows tr.finding").all_inner_texts()


def severities(view) -> list[str]:
    return view.locator("#rows tr.finding td:first-child").all_inner_texts()


def status(view) -> str:
    return view.locator("#status").inner_text()


def chip(view, name: str):
    return view.locator(f"#chips [data-value={name}]")


def pick(view, name: str, value: str) -> None:
    """Picks a value of one of the filters that stand behind `More filters`."""
    view.evaluate("document.querySelector('#filters .more').open = true")
    view.locator(f"#f-{name}").select_option(value)


def test_the_script_shows_what_the_plain_page_shows(show):
    plain, scripted = show(ordinary(), java_script_enabled=False), show(ordinary())
    assert plain.locator("h1").inner_text() == "radiology-archive"
    assert plain.get_by_text("Scripts are off").is_visible()
    assert not plain.locator("#filters").is_visible()
    assert scripted.locator("#filters").is_visible()

    def words(texts):
        return [" ".join(text.split()) for text in texts]

    assert words(rows(plain)) == words(rows(scripted))
    assert len(rows(plain)) == 8
    assert status(plain) == status(scripted) == "14 findings, in 8 rows"


def test_the_script_shows_data_stores_and_versions_as_the_plain_page_does(show):
    plain, scripted = show(governed(), java_script_enabled=False), show(governed())
    assert [text.split() for text in rows(plain)] == [text.split() for text in rows(scripted)]
    assert "pinned" not in " ".join(rows(scripted))
    scripted.locator("#rows .opener").first.click()
    assert "2.5% (3 of 120, 2 undecided)" in scripted.locator("tr.detail").inner_text()
    exported = json.loads(download(show(governed()), "Download JSON"))
    out = io.StringIO()
    writer("json").write(governed(), out, Options())
    assert exported == json.loads(out.getvalue())["findings"]


def test_without_scripts_details_open_and_links_lead_to_the_rule(show):
    view = show(ordinary(), java_script_enabled=False)
    card = view.locator("details.card").nth(3)
    assert not card.get_by_text("Show its 3 findings").is_visible()
    card.locator("summary").click()
    card.get_by_text("Show its 3 findings").click()
    assert view.url.endswith("#findings?rule=retention/no-message")
    assert view.locator("[id='findings?rule=retention/no-message']").is_visible()
    row = view.locator("#rows tr").first
    assert not row.get_by_text("Expected").is_visible()
    row.locator("summary").click()
    assert view.locator("#rows tr .verdict-list").first.is_visible()


@pytest.mark.parametrize(
    "run", [ordinary(), lenient(), governed(), many(90)], ids=["ordinary", "lenient", "governed", "many"]
)
def test_the_scripts_list_is_in_the_order_of_every_report(show, run):
    view = show(run)
    shown = [row.get_attribute("id").removeprefix("f-") for row in view.locator("#rows tr.finding").all()]
    names = [finding_id(finding.rule, finding.subject) for finding in run.findings()]
    assert shown == [name for name in names if name in shown][:100]
    # what several unknowns of one unread image set share is the row of the first of them
    unread = [finding for finding in run.findings() if error_code(finding) and finding.subject.image_set_id]
    sets = {(finding.subject.target, finding.subject.image_set_id, finding.reason) for finding in unread}
    assert len(shown) == min(100, len(names) - len(unread) + len(sets))


def test_search_filter_sort_and_pages(show):
    view = show(many(500))
    assert status(view) == "800 findings; 1 to 100 shown"
    view.get_by_role("button", name="Next").click()
    assert status(view) == "800 findings; 101 to 200 shown"
    pick(view, "rule", "retention/no-recent-deletions")
    assert status(view) == "300 of 800 findings; 1 to 100 shown"
    pick(view, "target", "t1")
    assert status(view) == "100 of 800 findings"
    assert not view.locator("#pages").is_visible()
    view.get_by_label("Sort by").select_option("set")
    ids = view.locator("#rows .id").all_inner_texts()
    assert ids == sorted(ids)
    view.get_by_label("Search").fill(f"{ids[3][:12].upper()} deleted")
    view.wait_for_selector("#status:has-text('1 of 800')")
    assert ids[3] in rows(view)[0]
    assert "q=" in view.url
    view.get_by_label("Search").fill("nowhere")
    view.wait_for_selector("#status:has-text('No finding of 800 findings matches')")
    view.get_by_role("button", name="Clear").click()
    view.wait_for_selector("#status:has-text('800 findings;')")


def test_a_search_finds_every_97th_finding_by_its_id_and_by_its_image_set(show):
    run = many(1_500)
    view = show(run)
    for finding in list(run.findings())[::97]:
        name, subject = finding_id(finding.rule, finding.subject), finding.subject
        for text in (name, f"{subject.target}/{subject.image_set_id} {finding.rule.id}"):
            view.evaluate("text => { location.hash = `#findings?q=${encodeURIComponent(text)}`; }", text)
            view.wait_for_selector("#status:text-is('1 of 1,800 findings')")
            assert view.locator("#rows tr.finding").get_attribute("id") == f"f-{name}"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Imaging governance", 5),  # the owner of the policy
        ("critical", 2),
        ("SI-12", 4),
        ("iso-27001 A.5.33", 4),
        ("within the review window", 4),
        ("164.312(c)(1) fail", 2),
        (f"archive/{5:032x}@v1", 1),
        ("GetImageSet SearchImageSets", 1),
        ("policies/integrity.yaml:8:5", 5),
        ("version 2, pinned", 1),
        ("critical not known", 2),  # since when
    ],
)
def test_a_search_finds_what_the_page_prints(show, text, number):
    view = show(ordinary())
    view.get_by_label("Search").fill(text)
    view.wait_for_selector(f"#status:has-text('{number} of 14 findings')")


def test_a_search_finds_owners_and_approvers_of_waivers(show):
    view = show(lenient())
    own = [finding.waiver for finding in lenient().findings() if finding.waiver]
    for text in {own[0].owner, own[0].approved_by}:
        view.get_by_label("Search").fill(text)
        least = sum(text in (item.owner, item.approved_by) for item in own)
        view.locator("#active", has_text=text).wait_for()
        assert int(status(view).split()[0]) >= least


def test_filters_by_verdict_severity_and_gate(show):
    run = ordinary()
    view = show(run)
    assert chip(view, "unknown").inner_text().split() == ["Unknown", "9"]
    chip(view, "unknown").click()
    assert chip(view, "unknown").get_attribute("aria-pressed") == "true"
    assert status(view).startswith("9 of 14 findings")
    chip(view, "low").click()
    assert status(view) == "2 of 14 findings"
    view.evaluate("document.querySelector('#filters .more').open = true")
    view.get_by_label("Only what the gate counts").check()
    assert status(view) == "No finding of 14 findings matches."
    assert view.url.endswith("#findings?verdict=unknown&severity=low&counted=yes")
    chip(view, "low").click()
    assert status(view) == "7 of 14 findings, in 3 rows"
    view.go_back()
    assert status(view) == "No finding of 14 findings matches."
    view.go_back()
    assert status(view) == "2 of 14 findings"
    chip(view, "low").click()
    chip(view, "unknown").click()
    chip(view, "waived").click()
    assert status(view) == "1 of 14 findings"
    for item in run.totals:
        own = item.fail + item.unknown + item.waived
        assert chip(view, item.severity.value).inner_text().split() == [item.severity.value, str(own)]


OTHER_ACCOUNT = "210987654321"


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("account", OTHER_ACCOUNT, 2),
        ("framework", "hipaa", 2),
        ("framework", "iso-27001", 1),
        ("control", "nist-800-53r5:SI-12", 1),
        ("owner", "Imaging governance", 2),
    ],
)
def test_filters_by_account_framework_control_and_owner(show, name, value, number):
    gate = Gate()
    fails = [
        [found(rule, subject(n, account=account), Verdict.FAIL, gate) for n, account in enumerate(accounts)]
        for rule, accounts in (
            (NO_FORCE, (subject(0).account, OTHER_ACCOUNT)),
            (RECENT, (OTHER_ACCOUNT,)),
        )
    ]
    view = show(run_of([(NO_FORCE, fails[0]), (RECENT, fails[1])], gate, Coverage(2)))
    pick(view, name, value)
    assert status(view) == f"{number} of 3 findings"
    assert view.url.endswith(f"#findings?{name}={quote(value, safe=':')}")
    assert view.locator("#more-count").inner_text().strip() == "(1 set)"


def test_the_owner_of_a_waiver_and_the_waiver_itself_pick_its_findings(show):
    view = show(lenient())
    own = [finding.waiver for finding in lenient().findings() if finding.waiver]
    pick(view, "owner", own[0].owner)
    assert status(view).startswith(f"{sum(item.owner == own[0].owner for item in own)} of 9 findings")
    for number, links in Counter(item.number for item in own).items():
        view.evaluate("number => { location.hash = `#findings?waiver=${number}`; }", number)
        view.wait_for_selector(f"#status:has-text('{links} of 9 findings')")
        assert view.locator("#active").inner_text().startswith("Waiver: waivers.yaml:")


COUNTED = """() => [...document.querySelectorAll("main a[href^='#findings?'], nav a[href^='#findings?']")]
  .filter((link) => !link.closest("#findings"))
  .map((link) => {
    const [, number] = /^(?:Show its )?([\\d,]+)\\b(?! day)/.exec(link.textContent.trim()) ?? [];
    history.replaceState(null, "", link.getAttribute("href"));
    dispatchEvent(new HashChangeEvent("hashchange"));
    return [link.getAttribute("href"), number ?? "some", document.getElementById("status").textContent.split(" ")[0]];
  })"""


@pytest.mark.parametrize(
    "run",
    [ordinary(), governed(), lenient(), hostile(), hostile_waivers()],
    ids=["ordinary", "governed", "lenient", "hostile", "hostile_waivers"],
)
def test_each_counted_number_leads_to_what_it_counts(show, run):
    links = show(run).evaluate(COUNTED)
    assert sum(number != "some" for _, number, _ in links) > 2
    assert [link for link in links if link[1] not in ("some", link[2]) or link[2] == "No"] == []


def test_what_is_counted_is_a_link_to_it(show):
    view = show(ordinary())
    for cell in view.locator(
        ".picture td.n, .frameworks td.n, .scorecard td.unknown, .scorecard td.fail"
    ).all():
        assert (cell.inner_text() != "0") is (cell.locator("a").count() == 1), cell.inner_text()


def test_rows_are_grouped_as_chosen(show):
    view = show(ordinary())
    for group, first, number in (
        ("rule", "Rule no-early-deletions", 4),
        ("set", f"{7:032x}", 6),
        ("control", "No control", 6),
    ):
        view.get_by_label("Group by").select_option(group)
        heads = view.locator("#rows tr.group .name").all_inner_texts()
        assert len(heads) == number, heads
        assert heads[0] in (first, "No image set was deleted before its retention period ended")
        assert f"in {number} groups" in status(view)
        assert f"group={group}" in view.url


def test_unknowns_of_one_unread_image_set_are_one_row_with_the_rules_behind_it(show):
    view = show(ordinary())
    row = view.get_by_role("button", name="The image set could not be read").first
    assert row.inner_text() == "The image set could not be read: 4 rules are undecided"
    row.click()
    behind = view.locator("tr.detail .verdict-list").first
    assert behind.locator("li").count() == 4
    assert "critical" in behind.inner_text()


def test_a_row_opens_where_it_stands_and_the_address_says_so(show):
    view = show(lenient())
    opener = view.locator("#rows .opener").first
    opener.press("Enter")
    assert opener.get_attribute("aria-expanded") == "true"
    assert opener.get_attribute("aria-controls") == view.locator("tr.detail").get_attribute("id")
    text = " ".join(view.locator("tr.detail").inner_text().split())
    for part in (
        "Why it matters",
        "What to do",
        "Observed against expected",
        "Every verdict of this image set",
    ):
        assert part in text
    assert "#findings?open=" in view.url
    view.go_back()
    view.wait_for_selector("tr.detail", state="detached")
    opener.press("ArrowDown")
    assert view.evaluate("document.activeElement === document.querySelectorAll('.opener')[1]")
    view.evaluate("location.hash = '#findings?control=nist-800-53r5:SI-7'")
    view.wait_for_selector("#active:has-text('nist-800-53r5:SI-7')")
    view.locator("#active button").click()
    assert status(view).startswith("9 findings")


def test_a_row_that_is_waived_says_by_whom_and_until_when(show):
    view = show(lenient())
    chip(view, "waived").click()
    view.locator("#rows .opener").first.click()
    text = " ".join(view.locator("tr.detail").inner_text().split())
    own = next(item.waiver for item in lenient().findings() if item.waived and item.verdict.value == "fail")
    for part in (own.reason, own.owner, own.approved_by, f"Last day {own.expires:%Y-%m-%d}"):
        assert part in text


def test_a_search_finds_since_when(show):
    numbers = Counter(
        finding.first_seen and (AS_OF - finding.first_seen).days for finding in lenient().findings()
    )
    for days in numbers.keys() - {None, 0}:
        view = show(lenient(), f"#findings?q={days}%20days")
        assert status(view).startswith(f"{numbers[days]} of 9 findings")


def test_an_open_row_tells_all_of_a_finding(show):
    run = ordinary()
    item = next(item for item in run.findings() if item.rule is NO_FORCE and item.calls)
    view = show(run, f"#findings?open={finding_id(item.rule, item.subject)}")
    detail = view.locator("tr.detail")
    text = " ".join(detail.inner_text().split())
    for part in (
        f"Why it matters {NO_FORCE.why}",
        f"What to do {NO_FORCE.fix}",
        f"What it leaves open {NO_FORCE.caveat}",
        "Expected overrides.forced is not true Observed overrides.forced = true",
        f"Policy {NO_FORCE.where}",
        f"Rests on {', '.join(item.calls)}",
        f"Where account {item.subject.account}, {item.subject.region}, data store {item.subject.datastore_id}",
    ):
        assert part in text, part
    links = detail.locator(".controls a").evaluate_all("links => links.map((a) => a.getAttribute('href'))")
    assert links == [
        f"#findings?control={control.framework}:{quote(control.id, safe='')}".replace("%28", "(").replace(
            "%29", ")"
        )
        for control in NO_FORCE.controls
    ]


def test_what_a_part_of_the_findings_answers_says_so(show, monkeypatch):
    monkeypatch.setattr(finding_list, "MOST_HELD", 100)
    view = show(many(500))
    assert chip(view, "fail").inner_text().split() == ["Fail", "800"]
    chip(view, "high").click()
    assert status(view) == "100 findings held here"
    assert view.locator("#held").inner_text() == (
        "Of the 100 findings held here (those that the gate counts before the others, the worst first); the run has 800, "
        "of which 500 match: the JSON report (--report json=results.json) has all."
    )
    document = json.loads(download(view, "Download JSON"))
    assert len(document["findings"]) == 100
    assert "the run has 800" in document["note"]
    assert "the run has 800" in download(view, "Download CSV").splitlines()[0]


def test_numbers_in_a_part_of_the_findings_are_the_runs_or_say_that_they_are_not(show, monkeypatch):
    monkeypatch.setattr(finding_list, "MOST_HELD", 100)
    view = show(many(500), "#findings?group=rule")
    assert view.locator("#rows tr.group a").all_inner_texts() == ["100 findings held here, of 500"]
    view.evaluate("location.hash = '#findings?group=set&target=t1'")
    view.wait_for_selector("#status:has-text('33 of the 100 findings held here')")
    assert set(view.locator("#rows tr.group span:last-child").all_inner_texts()) == {"1 finding held here"}
    assert ", of which" not in view.locator("#held").inner_text()
    assert "(500)" in view.locator("#f-rule").text_content()
    assert "(" not in view.locator("#f-target").text_content()
    view.evaluate("location.hash = '#findings?rule=retention/no-recent-deletions'")
    view.wait_for_selector("#status:text-is('No finding of the 100 findings held here matches.')")
    assert "the run has 800, of which 300 match" in view.locator("#held").inner_text()
    plain = show(many(500), java_script_enabled=False)
    assert "With scripts on, this page searches 100 of them" in status(plain)


def test_a_row_of_some_of_an_unread_image_sets_unknowns_does_not_say_that_they_are_all(show, monkeypatch):
    view = show(ordinary(), "#findings?severity=high,medium&verdict=unknown")
    words = "The image set could not be read: 2 undecided rules are among these"
    assert view.locator("#rows .opener").first.inner_text() == words
    monkeypatch.setattr(finding_list, "MOST_HELD", 13)
    parts = [show(ordinary(), "#findings", java_script_enabled=on) for on in (True, False)]
    for row in (parts[0].locator("#rows .opener"), parts[1].locator("#rows summary")):
        texts = [text for text in row.all_inner_texts() if "could not be read" in text]
        assert texts
        assert all(text.endswith("undecided rules are among these") for text in texts)


def test_no_findings_are_a_list_of_none(show):
    view = show(clean_run(), "#findings?verdict=fail&severity=high")
    assert status(view) == "No fails and no unknowns."
    assert chip(view, "fail").inner_text().split() == ["Fail", "0"]
    assert not view.locator("#list").is_visible()
    assert json.loads(download(view, "Download JSON")) == []


def test_deep_links(show):
    view = show(ordinary(), "#findings?rule=integrity/no-forced-overrides&verdict=fail")
    assert status(view) == "2 of 14 findings"
    assert view.locator("#f-rule").input_value() == "integrity/no-forced-overrides"
    view.evaluate("location.hash = '#findings?rule=retention/no-message'")
    view.wait_for_selector("#status:has-text('3 of 14')")
    view.evaluate("location.hash = '#about/retention/no-message'")
    view.wait_for_selector("details[id='about/retention/no-message'][open]")
    view.evaluate("location.hash = '#about/integrity/no-forced-overrides'")
    view.wait_for_selector("details[id='about/integrity/no-forced-overrides'][open]")
    view.locator("details[id='about/integrity/no-forced-overrides']").get_by_text("Show its").click()
    view.wait_for_selector("#status:has-text('5 of 14')")


@pytest.mark.parametrize(
    "address",
    [
        "rule=no/such-rule",
        "target=nowhere",
        "owner=nobody",
        "label=class%3Dadult",
        "severity=info",
        "waiver=99",
    ],
)
def test_a_filter_that_nothing_has_finds_nothing_and_can_be_removed(show, address):
    view = show(ordinary(), f"#findings?{address}")
    assert status(view) == "No finding of 14 findings matches."
    assert view.url.endswith(address)
    view.locator("#active button").click()
    assert status(view) == "14 findings, in 8 rows"
    assert view.locator("#active li").count() == 0


def test_an_order_that_is_none_is_that_of_every_report(show):
    view = show(ordinary(), "#findings?sort=nothing&group=nothing")
    assert status(view) == "14 findings, in 8 rows"


def test_a_link_to_one_finding_shows_it_wherever_it_stands(show):
    run = many(500)
    last = list(run.findings())[-1]
    name = finding_id(last.rule, last.subject)
    for address in (f"#f-{name}", f"#findings?open={name}"):
        view = show(run, address)
        assert status(view) == "800 findings; 701 to 800 shown"
        cited = view.locator(f"#f-{name}")
        assert last.subject.image_set_id in cited.inner_text()
        assert view.evaluate("document.activeElement.closest('tr').id") == f"f-{name}"
        box = cited.bounding_box()
        assert 0 <= box["y"] < WIDE["height"]
        assert view.locator(f"#d-{name}").is_visible()
    view.evaluate("location.hash = '#findings?open=0123456789abcdef'")
    view.wait_for_selector(
        "#status:has-text('The finding 0123456789abcdef is not on this page. 800 findings')"
    )


def test_what_is_new_is_marked_and_can_be_picked(show):
    plain, view = show(lenient(), java_script_enabled=False), show(lenient())
    assert [text.split() for text in rows(plain)] == [text.split() for text in rows(view)]
    assert sum("new" in text.split() and "not new" not in text for text in rows(view)) == 4
    numbers = Counter(finding.change and finding.change.value for finding in lenient().findings())
    for change in numbers.keys() - {None}:
        pick(view, "change", change)
        assert status(view).startswith(f"{numbers[change]} of 9 findings")
        assert view.url.endswith(f"#findings?change={change}")


def test_a_waived_unknown_stays_unknown(show):
    view = show(lenient(), "#findings?verdict=unknown")
    assert status(view) == "2 of 9 findings"
    assert "waived until 2026-03-03, PACS operations" in " ".join(" ".join(rows(view)).split())
    chip(view, "unknown").click()
    chip(view, "waived").click()
    assert status(view) == "2 of 9 findings"


def test_without_scripts_a_link_to_one_finding_leads_to_it(show):
    run = ordinary()
    item = list(run.findings())[8]
    name = finding_id(item.rule, item.subject)
    view = show(run, f"#f-{name}", java_script_enabled=False)
    box = view.locator(f"#f-{name}").bounding_box()
    assert 0 <= box["y"] < WIDE["height"]


def test_ids_of_hostile_findings_are_those_of_the_other_reports(show):
    for run in (hostile(), ordinary(), governed(), lenient(), hostile_waivers()):
        exported = json.loads(download(show(run), "Download JSON"))
        assert [item["id"] for item in exported] == [
            finding_id(finding.rule, finding.subject) for finding in run.findings()
        ]


def download(view, name: str) -> str:
    with view.expect_download() as started:
        view.get_by_role("button", name=name).click()
    return Path(started.value.path()).read_bytes().decode()


def test_downloads_hold_what_the_filters_show(show):
    run = ordinary()
    view = show(run, "#findings?verdict=fail")
    out = io.StringIO()
    writer("json").write(run, out, Options())
    fails = [
        finding
        for finding in json.loads(out.getvalue())["findings"]
        if finding["verdict"] == "fail" and not finding["waived"]
    ]
    assert json.loads(download(view, "Download JSON")) == fails
    lines = list(csv.DictReader(io.StringIO(download(view, "Download CSV").removeprefix("\ufeff"))))
    assert [line["imageSetId"] for line in lines] == [fail["imageSetId"] for fail in fails]
    assert json.loads(lines[0]["observed"]) == {"overrides.forced": True}


def test_hostile_text_stays_text_and_formulas_stay_text(show):
    view = show(hostile())
    assert view.evaluate("document.querySelectorAll('main script').length") == 0
    assert "<script>alert(1)</script>" in rows(view)[0]
    lines = list(csv.reader(io.StringIO(download(view, "Download CSV").removeprefix("\ufeff"))))
    assert "'=1+1" in lines[3]
    for cell in (cell for line in lines for cell in line):
        assert not re.match(r"\s*[=+\-@]", cell)
    (first, *_) = json.loads(download(view, "Download JSON"))
    assert first["message"].startswith(HOSTILE[:25])


def test_print_opens_the_rules_and_shows_more_findings(show):
    view = show(many(500))
    view.emulate_media(media="print")
    view.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert view.locator("#rows tr.finding").count() == 800
    assert view.locator("details:not([open])").count() == 0
    assert not view.locator("#filters").is_visible()
    view.evaluate("dispatchEvent(new Event('afterprint'))")
    assert view.locator("#rows tr.finding").count() == 100
    assert view.pdf().startswith(b"%PDF")


# WCAG 2: the contrast of every text with the nearest background that is painted behind it.
CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest(':disabled')) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([ratio.toFixed(2), element.className, node.data.trim().slice(0, 40)]);
  }
  return poor;
}"""


@pytest.mark.parametrize("run", [ordinary, lenient])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_in_both_schemes(show, scheme, run):
    view = show(run(hypothetical=True), color_scheme=scheme)
    view.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert view.evaluate(CONTRAST) == []


def test_dark_mode_is_dark(show):
    background = "getComputedStyle(document.body).backgroundColor"
    dark, light = (show(ordinary(), color_scheme=scheme).evaluate(background) for scheme in ("dark", "light"))
    assert max(map(int, re.findall(r"\d+", dark))) < 60 < 200 < min(map(int, re.findall(r"\d+", light)))


@pytest.mark.parametrize("run", [ordinary, hostile, governed, lenient, hostile_waivers])
@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_nothing_is_wider_than_the_window(show, run, viewport):
    view = show(run(), viewport=viewport)
    assert view.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


GAPS = """([left, right]) => [...document.querySelectorAll(left)].map(one => {
    const box = element => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return range.getBoundingClientRect();
    };
    const other = one.matches(".n") ? one.nextElementSibling : one.closest(".card").querySelector(right);
    return box(other).width ? box(other).left - box(one).right : 99;
})"""


@pytest.mark.parametrize(
    "pair", [(".n:has(+ :not(.n))", ""), (".mark .verdict", "h3")], ids=["number", "state"]
)
def test_no_text_touches_the_one_beside_it(show, pair):
    view = show(lenient())
    view.evaluate(
        """document.querySelectorAll('.mark .verdict').forEach(one => one.lastChild.data = 'Not applicable')"""
    )
    gaps = view.evaluate(GAPS, list(pair))
    assert gaps
    assert min(gaps) >= 8


def test_every_control_has_a_name_and_a_visible_focus(show):
    view = show(ordinary())
    for control in view.locator("input, select, button, a, summary").all():
        name = control.evaluate("e => (e.labels?.[0]?.textContent ?? e.textContent).trim()")
        assert name, control
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.className") == "skip"
    for _ in range(12):
        view.keyboard.press("Tab")
        assert view.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert view.locator("#status").get_attribute("aria-live") == "polite"


def test_verdicts_are_told_by_word_and_by_shape(show):
    view = show(ordinary())
    verdicts = {"Pass", "Fail", "Unknown", "Waived", "Not applicable"}
    of_controls = {"Satisfied", "Not satisfied", "Unknown", "Not applicable"}
    for verdict in view.locator(".verdict").all():
        words = of_controls if verdict.locator("xpath=ancestor::*[@id='controls']").count() else verdicts
        assert verdict.inner_text().strip() in words
        box = verdict.locator("svg").bounding_box()
        assert verdict.is_visible() is False or (box and box["width"] > 8)
