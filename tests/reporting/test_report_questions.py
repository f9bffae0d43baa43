"""Eight questions of an auditor, answered from the page alone: of 12 findings, and where there are none."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium, pages):
    """Opens a page."""
    contexts = []

    def opened(name: str):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        view = context.new_page()
        view.goto(pages(name))
        view.wait_for_selector("html[data-ready]", state="attached")
        return view

    yield opened
    for context in contexts:
        context.close()


def said(view, selector: str) -> str:
    return " ".join(view.locator(selector).inner_text().split())


def follow(view, label: str, severity: str = "All") -> list[str]:
    """The rows of the list that a number of the picture leads to."""
    row = view.locator(".picture tbody tr", has=view.locator("th", has_text=severity))
    row.locator(f"td[data-label='{label}'] a").click()
    return [" ".join(text.split()) for text in view.locator("#rows tr.finding").all_inner_texts()]


def opened(view) -> str:
    view.locator("#rows .opener").first.click()
    return said(view, "tr.detail")


def test_which_image_sets_fail_critically_why_and_since_when(page):
    view = page("accounts")
    first, second = follow(view, "Fail", "critical")
    assert "south-2" in first
    assert "2025-11-22 41 days" in first
    assert "north" in second
    assert "2025-12-30 3 days" in second
    detail = opened(view)
    assert "Expected deletedAt - createdAt is at least 7y" in detail
    assert "First seen 2025-11-22T03:04:05Z" in detail


def test_who_let_it_go_and_until_when(page):
    view = page("accounts")
    (row,) = follow(view, "Waived")
    assert "until 2026-03-03, PACS operations" in row
    detail = opened(view)
    for part in (
        "Last day 2026-03-03",
        "Owner PACS operations",
        "Approved by J. Doe",
        "Reason Compared with",
    ):
        assert part in detail
    assert "2026-03-03 60 days left" in said(view, "#waivers")


def test_what_was_not_checked(page):
    view = page("accounts")
    view.get_by_role("link", name="2 image sets not read").click()
    assert view.url.endswith("#unreadable")
    text = said(view, "#unreadable")
    for number in (7, 8):
        assert f"lost {number:032x}" in text
    assert text.count("AccessDeniedException") == 2


def test_which_paragraph_of_hipaa_is_touched(page):
    view = page("accounts")
    view.locator("#outcome").get_by_role("link", name="hipaa").click()
    assert view.url.endswith("#controls/hipaa")
    states = said(view, "#controls .states >> nth=0")
    assert states == "1 not satisfied 164.312(c)(1)"


def test_what_changed_since_last_month(page):
    view = page("accounts")
    tile = view.locator(".tiles > li", has_text="new since")
    assert " ".join(tile.inner_text().split()) == "9 new since 2025-12-03 1 fixed, 3 persisting"
    tile.get_by_role("link", name="9").click()
    assert said(view, "#status").startswith("9 of 12 findings")
    assert all("new" in text.split() for text in view.locator("#rows tr.finding").all_inner_texts())
    gone = said(view, "#change tbody >> nth=-1")
    assert gone.startswith("Fixed")
    assert f"clean {9:032x}" in gone


def test_which_account_is_worst(page):
    view = page("accounts")
    first = view.locator("#outcome h3:text-is('Worst accounts') + ol > li").first
    assert " ".join(first.inner_text().split()) == (
        "South clinic 444455556666 5 fails (critical 1, high 3, medium 1)"
    )
    first.get_by_role("link").click()
    assert said(view, "#status") == "5 of 12 findings"


def test_where_nothing_was_found_each_answer_says_so(page):
    view = page("clean_run")
    tiles = " ".join(said(view, ".tiles").split())
    assert tiles.startswith("0 fails count of 0 that are not waived 0 unknowns count")
    assert "– new no earlier run to compare with" in tiles
    assert "– oldest open finding no finding is open" in tiles
    assert said(view, "#status") == "No fails and no unknowns."
    assert "None: every listed image set was read." in said(view, "#unreadable")
    assert "No rule of the policies and no target was left out." in said(view, "#unreadable")
    assert said(view, "#controls .states >> nth=0") == "1 satisfied 164.312(c)(1)"
