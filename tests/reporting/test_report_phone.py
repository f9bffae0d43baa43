"""The page on a phone, 390 pixels wide: read downwards alone, in columns that hold words, and not endless."""

import pytest

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
LEAST = 6
"""The rem that a column has at least."""
# what can be scrolled sideways, and is not code; and the narrow cells of tables
MEASURED = """(least) => {
  const name = (element) => `${element.tagName} ${element.className}: ${element.textContent.trim().slice(0, 40)}`;
  const there = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility() && !element.closest('svg'));
  const sideways = there.filter((element) => element.scrollWidth > element.clientWidth + 1 && !element.matches('pre')
    && ['auto', 'scroll'].includes(getComputedStyle(element).overflowX));
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const shown = (box) => box.width > 1 && box.height > 1;
  const narrow = there.filter((element) => element.matches('td, th') && !element.closest('thead')
    && shown(element.getBoundingClientRect()) && element.getBoundingClientRect().width < least * rem);
  const {scrollWidth, scrollHeight} = document.documentElement;
  return {sideways: sideways.map(name), narrow: narrow.map(name), width: scrollWidth, height: scrollHeight};
}"""
UNFOLD = """() => {
  document.querySelectorAll('details').forEach((details) => { details.open = true; });
  document.querySelector('.opener')?.click();
}"""
PAGES = ["clean_run", "accounts", "ordinary", "lenient", "governed", "demo"]


@pytest.fixture
def measured(chromium, pages):
    """What a page measures, as it opens or unfolded."""

    def measure(name: str, viewport: dict[str, int], *, unfolded: bool = False) -> dict:
        context = chromium.new_context(viewport=viewport)
        try:
            view = context.new_page()
            view.goto(pages(name))
            view.wait_for_selector("html[data-ready]", state="attached")
            if unfolded:
                view.evaluate(UNFOLD)
            return view.evaluate(MEASURED, LEAST)
        finally:
            context.close()

    return measure


@pytest.mark.parametrize("unfolded", [False, True], ids=["as it opens", "unfolded"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_but_code_scrolls_sideways_and_each_column_holds_words(measured, name, unfolded):
    phone = measured(name, PHONE, unfolded=unfolded)
    assert phone["width"] <= PHONE["width"]
    assert phone["sideways"] == []
    assert phone["narrow"] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_at_most_three_times_as_long_as_on_a_desk(measured, name):
    assert measured(name, PHONE)["height"] <= 3 * measured(name, DESK)["height"]


def test_what_is_narrow_or_scrolls_sideways_is_found(chromium):
    context = chromium.new_context(viewport=PHONE)
    view = context.new_page()
    view.set_content(
        "<div style='overflow-x: auto; width: 100px'><table style='width: 300px; table-layout: fixed'>"
        "<tr><td style='width: 40px'>narrow</td><td>wide</td></tr></table></div>"
    )
    found = view.evaluate(MEASURED, LEAST)
    context.close()
    assert [text.split(":")[0].strip() for text in found["sideways"]] == ["DIV"]
    assert found["narrow"] == ["TD : narrow"]
