"""`rules docs|show|schema`: what is printed about policies, and the pages in docs/packs/."""

import json
import re

import pytest
from project.source import ROOT

from checker.cli import main
from checker.policy.load import load
from checker.policy.rule_text import condition_text
from checker.policy.schema import SCHEMA_HEADER
from checker.reporting.pack_page import code, escaped, fenced, flow, pack_page
from checker.workflow.schemas import schema_text

PAGES = ROOT / "docs" / "packs"
POLICY = """\
version: 1
pack: p
title: A *pack* | of <rules>
revision: 2026-1
owner: Records
labels:
  class: {type: string, one_of: [adult, "a|b"], description: Whose images.}
  born: {type: date, required: true}
params:
  window: {type: duration, default: 30d, description: How long.}
  states: {type: {list: {field: imageSetState}}}
rules:
  - id: first
    title: Nothing `odd` | here
    severity: high
    why: >-
      Because # of
      <b>this</b>.
    fix: "- Do_it_"
    tags: [a]
    when:
      found: true
      # what was kept
      labels.class: adult
    deny:
      createdAt: {older_than: $window}
    message: "at {{ createdAt }}"
    controls: {hipaa: ["164.1", {id: "164.2", requires: {window: {gte: 10d}}, does_not_prove: All *else*.}]}
    tests:
      - {name: old, given: {createdAt: 2020-01-01, message: "a|b"}, labels: {class: adult, born: 2020-01-01}, expect: fail}
      - name: young
        given: {}
        expect: not_applicable
  - {id: second, title: In one line, severity: low, deny: {imageSetState: {in: $states}}}

  - deny: {isPrimary: false}
    id: third
    title: Begins with its condition
    severity: low
"""


@pytest.fixture
def pack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    return load(["p.yaml"]).packs[0]


def test_the_pages_of_the_shipped_packs_are_current():
    made = {f"{pack.name}.md": pack_page(pack) for pack in load(["pack:"]).packs}
    kept = {path.name: path.read_text(encoding="utf-8") for path in PAGES.iterdir()}
    assert kept.keys() == made.keys(), "make docs rewrites the pages"
    assert [name for name in made if kept[name] != made[name]] == [], "make docs rewrites the pages"


def test_a_page_says_what_the_pack_does(pack):
    made = pack_page(pack)
    for part in (
        "# A \\*pack\\* \\| of \\<rules\\>\n",
        "Pack `p`, revision 2026-1, owner Records. 3 rules.",
        "| `class` | string | Whose images. One of `adult`, `a\\|b`. |",
        "| `born` | date | Unknown where it is missing. |",
        "| `window` | duration | `30d` | How long. |",
        "| `states` | list of one of `ACTIVE`, `LOCKED`, `DELETED` | none: a run must give it | |",
        "| [first](#first) | `image_set` | high | Nothing \\`odd\\` \\| here |",
        "**Nothing \\`odd\\` \\| here.** Severity high, scope `image_set`. Tags: `a`.",
        "Why: Because \\# of \\<b\\>this\\</b\\>.",
        "Fix: \\- Do\\_it\\_",
        "```yaml\nwhen:\n  found: true\n  # what was kept\n  labels.class: adult\ndeny:\n  createdAt: {older_than: $window}\n```",
        "A fail says: `at {{ createdAt }}`",
        "Parameters of the pack: `window`.",
        "| control | demands | a pass does not prove |",
        "| hipaa 164.1 | | |",
        "| hipaa 164.2 | `window: {gte: 10d}` | All \\*else\\*. |",
        '| old | `{createdAt: "2020-01-01", message: "a\\|b", labels: {class: adult, born: "2020-01-01"}}` | fail |',
        "| young | `{}` | not_applicable |",
        "```yaml\n- {id: second, title: In one line, severity: low, deny: {imageSetState: {in: $states}}}\n```",
        "```yaml\ndeny: {isPrimary: false}\n```",
    ):
        assert part in made


def test_every_table_has_rows_of_one_width(pack):
    for text in (pack_page(pack), *(path.read_text(encoding="utf-8") for path in PAGES.iterdir())):
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(widths) == 1, table


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a *b* _c_ [d](e) <f> `g` h|i", r"a \*b\* \_c\_ \[d\](e) \<f\> \`g\` h\|i"),
        ("two\n  lines\x1b[0m", "two lines\\\\x1b\\[0m"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("# head &amp; ~~x~~", r"\# head \&amp; \~\~x\~\~"),
    ],
)
def test_markdown_is_escaped(text, made):
    assert escaped(text) == made


def test_code_ends_where_it_should():
    assert code("a `b` ``c``") == "``` a `b` ``c`` ```"
    assert fenced("a\n```\nb", "yaml") == "````yaml\na\n```\nb\n````"


def test_plain_data_on_one_line_reads_back():
    from checker.yamlsource import parse

    data = {"a.b": ["x y", "true", True, None, 3, "", "2026-01-01", "-"], "c": {"d e": {}}, "f": "null"}
    assert parse(flow(data).encode(), "x.yaml").root.plain() == data


def test_docs_prints_or_writes(pack, tmp_path, capsys):
    assert main(["rules", "docs", "p.yaml"]) == 0
    assert capsys.readouterr().out == pack_page(pack)
    assert main(["rules", "docs", "p.yaml", "--out", "a/b"]) == 0
    assert capsys.readouterr().out == "wrote a/b/p.md\n"
    assert (tmp_path / "a/b/p.md").read_text() == pack_page(pack)
    assert main(["rules", "docs", "p.yaml", "--out", "p.yaml"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_condition_of_every_shipped_rule_is_found_as_written():
    for pack in load(["pack:"]).packs:
        for rule in pack.rules:
            text = condition_text(pack, rule)
            keys = re.findall(r"^(\w+):", text, re.MULTILINE)
            assert set(keys) == {"deny" if rule.deny else "require"} | ({"when"} if rule.when else set())


def test_show_says_what_a_rule_is_and_what_a_pass_leaves_open(pack, capsys):
    assert main(["rules", "show", "p/first", "p.yaml"]) == 0
    assert (
        capsys.readouterr().out
        == """\
p/first  (high)
Nothing `odd` | here
at p.yaml:13:5

why: Because # of <b>this</b>.

fix: - Do_it_

scope: image_set
tags: a
reads: found, labels.class, createdAt
parameter window: duration, default 30d. How long.

when:
  found: true
  # what was kept
  labels.class: adult
deny:
  createdAt: {older_than: $window}

control hipaa 164.1
control hipaa 164.2
  demands window: {gte: 10d}
  a pass does not prove: All *else*.

tests: 2 (1 fail, 1 not_applicable)
"""
    )


def test_show_tells_of_a_required_parameter_and_of_no_tests(pack, capsys):
    assert main(["rules", "show", "second", "p.yaml"]) == 0
    out = capsys.readouterr().out
    assert "parameter states: list of enum (ACTIVE, LOCKED, DELETED), required." in out
    assert out.endswith("\ntests: none\n")


def test_schema_prints_or_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["rules", "schema"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out) == json.loads(schema_text("policy"))
    assert SCHEMA_HEADER.format(path="policy.schema.json") in json.loads(out)["$comment"]
    assert main(["rules", "schema", "--for", "mapping", "--out", "a/m.json"]) == 0
    assert json.loads((tmp_path / "a/m.json").read_text())["title"] == "A mapping of controls to rules"
    assert SCHEMA_HEADER.format(path="m.json") in capsys.readouterr().out


def test_a_schema_that_there_is_not_is_an_error(capsys):
    assert main(["rules", "schema", "--for", "mappings"]) == 2
    assert "did you mean mapping?" in capsys.readouterr().err


def test_init_writes_the_schema_that_its_policy_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "new"]) == 0
    first = (tmp_path / "new/policies/first.yaml").read_text().splitlines()[0]
    assert first == SCHEMA_HEADER.format(path="policy.schema.json")
    assert (tmp_path / "new/policies/policy.schema.json").read_text() == schema_text("policy") + "\n"
