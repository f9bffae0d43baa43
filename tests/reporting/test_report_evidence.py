"""What the page tells of an image set and its policy, of a run over evidence: lines of the policy, versions, labels."""

import json

import pytest

from checker.cli import main
from checker.reporting import image_set_details, page_document

pytestmark = pytest.mark.browser
STORE = "0123456789abcdef0123456789abcdef"
FORCED, CHILD, LOCKED, UNREAD = (f"{number:032x}" for number in range(1, 5))
POLICY = """\
version: 1
pack: archive
title: The archive
owner: Imaging governance
labels:
  class: {type: string, one_of: [adult, mammography]}
rules:
  - id: no-forced-copies
    title: No image set was written with force
    severity: high
    why: A forced copy skips the patient match.
    # a comment is no line of the condition
    deny:
      any:
        - overrides.forced: true
        - imageSetWorkflowStatus:
            in:
              - COPY_FAILED
              - UPDATE_FAILED
    message: version {{ versionId }} is not as it should be
  - id: adults-only
    title: Only images of adults are held here
    severity: medium
    when: {labels.class: {exists: true}}
    require: {labels.class: adult}
  - {id: locked, title: No image set is locked, severity: low, deny: {imageSetState: LOCKED}}
  - id: never-forced
    title: No version was ever written with force
    severity: low
    scope: version
    deny: {overrides.forced: true}
"""


def answer(image_set: str, version: str = "2", **members) -> dict:
    return {
        "datastoreId": STORE,
        "imageSetId": image_set,
        "versionId": version,
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "UPDATED",
        "createdAt": "2025-01-01T00:00:00Z",
        "updatedAt": f"2025-0{version}-01T00:00:00Z",
    } | members


FIRST = {"imageSetWorkflowStatus": "CREATED"}
ANSWERS = [
    answer(FORCED, overrides={"forced": True}, labels={"class": "adult"}),
    answer(CHILD, labels={"class": "mammography"}),
    answer(LOCKED, imageSetState="LOCKED", labels={"class": "adult"}),
    {"datastoreId": STORE, "imageSetId": UNREAD, "error": {"code": "AccessDeniedException", "message": "no"}},
]
VERSIONS = [
    {
        "datastoreId": STORE,
        "imageSetId": FORCED,
        "action": "ListImageSetVersions",
        "imageSetPropertiesList": [
            {key: value for key, value in item.items() if key not in ("datastoreId", "labels")}
            for item in (answer(FORCED, "1", **FIRST), ANSWERS[0])
        ],
    }
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page and the findings of the document beside it."""
    return write(tmp_path_factory.mktemp("evidence"))


def write(folder):
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "records.jsonl").write_text("\n".join(map(json.dumps, [*ANSWERS, *VERSIONS])))
    given = ["-p", str(folder / "policy.yaml"), "--image-sets", str(folder / "records.jsonl")]
    reports = [f"--report={name}={folder / f'report.{name}'}" for name in ("html", "json")]
    assert main(["check", "-q", *given, *reports]) == 1
    return folder / "report.html", json.loads((folder / "report.json").read_text())["findings"]


@pytest.fixture(scope="module")
def page(chromium, written):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    view = context.new_page()
    view.goto(written[0].as_uri())
    view.wait_for_selector("html[data-ready]", state="attached")
    yield view
    context.close()


def go(page, address: str) -> None:
    page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_function("address => location.hash === `#${address}`", arg=address)


def opened(page, written, rule: str, image_set: str):
    """What opens below the row of a finding."""
    name = next(item["id"] for item in written[1] if (item["rule"], item["imageSetId"]) == (rule, image_set))
    go(page, f"findings?open={name}")
    detail = page.locator(f"#d-{name}")
    detail.wait_for()
    return detail


@pytest.mark.parametrize(
    ("rule", "image_set", "lines", "condition"),
    [
        ("no-forced-copies", FORCED, [8, 9, 10, *range(13, 21)], range(13, 20)),
        ("adults-only", CHILD, range(21, 26), [25]),
        ("locked", LOCKED, [26], [26]),
    ],
)
def test_the_policys_lines_have_their_numbers_and_the_whole_condition_is_marked(
    page, written, rule, image_set, lines, condition
):
    detail = opened(page, written, rule, image_set)
    assert detail.locator(".excerpt .no").all_inner_texts() == [str(line) for line in lines]
    assert detail.locator(".excerpt .hit .no").all_inner_texts() == [str(line) for line in condition]
    source = POLICY.splitlines()
    assert detail.locator(".excerpt .text").all_inner_texts() == [source[line - 1] for line in lines]


def test_the_versions_of_the_image_set_stand_the_newest_first(page, written):
    table = (
        opened(page, written, "no-forced-copies", FORCED)
        .get_by_role("region", name="Versions of")
        .locator("tbody tr")
    )
    assert [row.split("\t") for row in table.all_inner_texts()] == [
        ["2", "ACTIVE", "UPDATED", "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "", "yes"],
        ["1", "ACTIVE", "CREATED", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "", ""],
    ]


def test_versions_that_the_evidence_does_not_list_are_not_shown(page, written):
    assert "Versions of" not in opened(page, written, "locked", LOCKED).inner_text()


def test_a_page_without_room_for_all_versions_says_so(chromium, tmp_path, monkeypatch):
    for module in (image_set_details, page_document):
        monkeypatch.setattr(module, "MOST_HISTORIES", 1)
    path, findings = write(tmp_path)
    view = chromium.new_page()
    for rule, image_set, words in (
        ("no-forced-copies", FORCED, "2\tACTIVE\tUPDATED"),
        ("locked", LOCKED, "This page has room for the versions of the worst image sets only."),
    ):
        view.goto(path.as_uri())
        view.wait_for_selector("html[data-ready]", state="attached")
        assert words in opened(view, (path, findings), rule, image_set).inner_text()
    view.close()


def test_every_verdict_of_the_image_set_is_told(page, written):
    part = opened(page, written, "no-forced-copies", FORCED).locator(".part", has_text="Every verdict").last
    part.locator("summary").click()
    words = " ".join(part.inner_text().split())
    for verdict in (
        "Fail high No image set was written with force",
        "Fail low No version was ever written with force",
        "Pass 2 rules",
        "archive/adults-only",
        "archive/locked",
    ):
        assert verdict in words, verdict


def test_labels_are_shown_searched_and_picked(page, written):
    assert "class: mammography" in opened(page, written, "adults-only", CHILD).inner_text()
    listed = page.locator("#f-label option").all_text_contents()
    assert listed == ["All", "class=adult (4)", "class=mammography (2)"]
    # the other one is of its versions, which the evidence lacks
    for address, number in (
        ("findings?label=class%3Dmammography", 2),
        ("findings?q=mammography%20adults", 1),
    ):
        go(page, address)
        page.wait_for_selector(f"#status:has-text('{number} of ')")
        assert all(CHILD in row for row in page.locator("#rows tr.finding").all_inner_texts())


def test_what_the_evidence_lacks_is_one_row_with_every_undecided_rule(page, written):
    go(page, f"findings?set={UNREAD}")
    page.wait_for_selector("#active:has-text('Image set')")
    row = page.locator("#rows tr.finding")
    assert row.count() == 1, row.all_inner_texts()
