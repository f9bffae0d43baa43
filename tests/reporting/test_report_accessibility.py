"""What axe-core finds on the pages, in both schemes, on a desk and on a phone: nothing.

Of 0, of 12 (`accounts`), of the demo's and of 100,000 findings (`many`). Short pages are looked at with all of it unfolded too, as what is folded is hidden from axe.
"""

import os
from pathlib import Path

import pytest
from test_report_diff import facts as trend_facts

from checker.compare.trend import Trend, run_summaries
from checker.reporting import Options, deliver, writer

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[1] / "accessibility/node_modules/axe-core/axe.min.js"
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
UNFOLD = "document.querySelectorAll('details').forEach((item) => { item.open = true; })"
OPEN_ALL = f"{UNFOLD}; document.querySelector('.opener')?.click(); document.querySelector('.chip')?.click()"
# what the schemes differ in
OF_COLOURS = ["color-contrast", "link-in-text-block"]
OBSTACLES = """async (only) => {
  const options = {preload: false, resultTypes: ['violations'], ...(only ? {runOnly: only} : {})};
  const {violations} = await axe.run(document, options);
  return violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map((node) => node.html).slice(0, 5).join(' ')}`);
}"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.exists():
        if {"CI", "MAKELEVEL"} & os.environ.keys():
            pytest.fail("axe-core was not installed")
        pytest.skip("no axe-core: make tests/accessibility/node_modules/.package-lock.json installs it")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def course_page(tmp_path_factory):
    """The address of the page of a trend that has what one of two runs has not: a time without runs, and severities that come
    and go."""
    page = tmp_path_factory.mktemp("course") / "trend.html"
    runs = run_summaries([trend_facts(number, number % 3) for number in range(9) if number not in (5, 6)])
    deliver(Trend("archive", runs), writer("html", "trend"), page, Options())
    return page.as_uri()


@pytest.fixture
def obstacles(chromium, axe):
    """What axe finds on a page, on a desk and on a phone, in both schemes."""

    def found(address: str, deed: str = "") -> list[str]:
        context = chromium.new_context()
        try:
            view = context.new_page()
            view.goto(address)
            view.evaluate(axe)
            said = []
            for name, size in SIZES.items():
                view.set_viewport_size(size)
                for scheme in ("light", "dark"):
                    view.emulate_media(color_scheme=scheme)
                    if deed and not said:
                        view.evaluate(deed)
                    only = OF_COLOURS if scheme == "dark" else None
                    said += [f"{name}, {scheme}: {text}" for text in view.evaluate(OBSTACLES, only)]
            return said
        finally:
            context.close()

    return found


@pytest.mark.parametrize("name", ["clean_run", "demo", "many"])
def test_axe_finds_nothing_on_a_page_as_it_opens(obstacles, pages, name):
    assert obstacles(pages(name)) == []


@pytest.mark.parametrize("name", ["accounts", "governed", "lenient", "ordinary"])
def test_axe_finds_nothing_where_all_is_unfolded(obstacles, pages, name):
    assert obstacles(pages(name), OPEN_ALL) == []


@pytest.mark.parametrize("name", ["diff", "trend", "forecast"])
def test_axe_finds_nothing_on_the_pages_of_several_runs(obstacles, kept_runs, name):
    assert obstacles((kept_runs / f"{name}.html").as_uri()) == []


def test_axe_finds_nothing_on_the_page_of_a_long_trend(obstacles, course_page):
    assert obstacles(course_page) == []


@pytest.mark.parametrize("name", ["diff", "trend", "forecast", "run", "course"])
def test_no_page_scrolls_sideways(chromium, kept_runs, course_page, name):
    context = chromium.new_context()
    try:
        view = context.new_page()
        view.goto(course_page if name == "course" else (kept_runs / f"{name}.html").as_uri())
        heights = {}
        for size in SIZES.values():
            view.set_viewport_size(size)
            wide, heights[size["width"]] = view.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
            assert wide <= size["width"]
        assert heights[390] <= 3 * heights[1280]
    finally:
        context.close()


def test_axe_finds_what_it_should(obstacles, pages):
    deed = "document.documentElement.removeAttribute('lang'); document.body.style.color = '#aaa'"
    said = obstacles(pages("clean_run"), deed)
    assert {text.split(": ")[0] + " " + text.split(": ")[1] for text in said} >= {
        "desk, light html-has-lang",
        "desk, light color-contrast",
        "phone, light html-has-lang",
    }
