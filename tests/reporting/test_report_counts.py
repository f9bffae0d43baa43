"""Each number of the page that is counted leads to what it counts: the list shows that many findings."""

import re

import pytest

pytestmark = pytest.mark.browser
# each link into the list with the numbers that it, or what stands below it, says; and how many findings the list then has
FOLLOWED = r"""async () => {
  const lists = [...document.querySelectorAll('main a[href^="#findings?"]')].filter((link) => !link.closest('#rows'));
  const found = [], seen = new Set();
  for (const link of lists) {
    const small = link.closest('.worst li')?.querySelector('small');
    const said = small ? small.textContent : link.textContent;
    const key = link.hash + said;
    if (seen.has(key)) continue;
    seen.add(key);
    if (location.hash !== link.hash) {
      const moved = new Promise((done) => addEventListener('hashchange', done, {once: true}));
      location.hash = link.hash;
      await moved;
    }
    found.push([link.getAttribute('href'), said.trim(), document.getElementById('status').textContent]);
  }
  return found;
}"""
NUMBER = re.compile(r"\d[\d,]*")


def total(said: str) -> int | None:
    """How many findings a text says that there are: `11 fails and 2 unknowns, 9 of them count`; None where it has no number."""
    kinds = re.findall(r"(\d[\d,]*) (?:waived )?(?:fail|unknown)s?\b", said)
    alone = re.fullmatch(r"(?:Show its )?(\d[\d,]*)(?: [a-z]+)*", said)
    return sum(int(number.replace(",", "")) for number in (kinds or [alone[1]])) if kinds or alone else None


@pytest.mark.parametrize("name", ["ordinary", "lenient", "governed", "accounts", "clean_run", "demo"])
def test_the_list_has_as_many_findings_as_each_number_says(chromium, pages, name):
    context = chromium.new_context()
    try:
        view = context.new_page()
        view.goto(pages(name))
        view.wait_for_selector("html[data-ready]", state="attached")
        followed = view.evaluate(FOLLOWED)
    finally:
        context.close()
    checked = 0
    for href, said, status in followed:
        number = total(said)
        if number is None or "open=" in href:
            continue
        listed = NUMBER.search(status)
        assert listed, (href, said, status)
        assert int(listed[0].replace(",", "")) == number, (href, said, status)
        checked += 1
    assert checked > 10 or name == "clean_run"


def test_the_age_of_the_oldest_fail_leads_to_it(chromium, pages):
    context = chromium.new_context()
    try:
        view = context.new_page()
        view.goto(pages("accounts"))
        view.get_by_role("link", name="400 days").click()
        opened = view.locator("#rows tr.finding.open")
        assert f"{5:032x}" in "".join(opened.inner_text().split())
        assert "400 days" in opened.inner_text()
    finally:
        context.close()


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("1,234", 1234),
        ("11 fails and 2 unknowns, 9 of them count; 1 waived fail", 14),
        ("1 fail, it does not count", 1),
        ("5 fails (critical 1, high 3, medium 1), 1 waived fail (high)", 6),
        ("3 persisting", 3),
        ("Show its 14 findings", 14),
        ("its unknowns", None),
        ("south-2", None),
    ],
)
def test_numbers_are_read_from_what_a_link_says(said, number):
    assert total(said) == number
