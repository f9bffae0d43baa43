"""Nothing that is written in a policy file or lies in a policy folder vanishes in silence, however it is spelled."""

import json
import os
import re
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import input_files
from checker.policy.load import load
from checker.policy.mapping_shape import LONGEST_NAME, assert_whole
from checker.problems import InvalidInputError
from checker.waivers.file import read_waivers
from checker.yamlsource import parse

RULE = "{id: ID, title: t, severity: high, deny: {overrides.forced: true}}"


def policy(*ids: str, pack: str = "p", rule: str = RULE) -> str:
    return f"version: 1\npack: {pack}\nrules:\n" + "".join(f"  - {rule.replace('ID', id_)}\n" for id_ in ids)


def said(tmp_path, text: str | bytes, name: str = "x.yaml") -> str:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidInputError) as caught:
        load([name], base=tmp_path)
    return str(caught.value)


def ids_of(policies) -> list[str]:
    return [rule.id for rule in policies.rules]


# Ids and names


def test_an_id_that_is_a_number_is_an_error_at_the_id(tmp_path):
    assert said(tmp_path, policy("a", "7")) == (
        "x.yaml:5:10: error: id is text, not a number\n"
        "    5 |   - {id: 7, title: t, severity: high, deny: {overrides.forced: true}}\n"
        "      |          ^\n"
        'help: put it in quotes: "7"'
    )


@pytest.mark.parametrize("written", ["true", "1.10", "~", "[a]", "{a: b}", '""', '" "'])
def test_an_id_of_another_kind_is_an_error(tmp_path, written):
    assert "x.yaml:4:10: error: id is text, not " in said(tmp_path, policy(written))


def test_a_quoted_number_is_an_id(tmp_path):
    (tmp_path / "x.yaml").write_text(policy('"7"'))
    assert ids_of(load(["x.yaml"], base=tmp_path)) == ["7"]


def test_ids_that_differ_in_blanks_are_the_same_id(tmp_path):
    message = said(tmp_path, policy("a", '"a "'))
    assert "x.yaml:5:10: error: duplicate rule id a\n" in message
    assert "id may have a-z, 0-9 and - only" in message


@pytest.mark.parametrize(("before", "key"), [("pack: p", "pack"), ("id: a", "id")])
def test_a_name_of_five_thousand_characters_is_refused_at_load(tmp_path, before, key):
    text = policy("a").replace(before, f"{key}: {'n' * 5000}")
    assert f"error: {key} has 5,000 characters, and may have {LONGEST_NAME}" in said(tmp_path, text)


def test_a_number_in_a_text_is_kept_as_it_is_written(tmp_path):
    (tmp_path / "x.yaml").write_text(policy("a").replace("rules:", "revision: 1.10\nrules:"))
    assert load(["x.yaml"], base=tmp_path).packs[0].revision == "1.10"


def test_a_loader_that_loses_an_entry_is_our_own_bug():
    with pytest.raises(RuntimeError, match=r"1 of the 2 entries at x\.yaml:1:1 were read"):
        assert_whole(parse(b"[a, b]", "x.yaml").root, ["a"])


# What YAML reads otherwise than its author


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("{imageSetState: ! ACTIVE}", "write {ne: ACTIVE}"),
        ("{imageSetState: !ACTIVE }", "write {ne: ACTIVE}"),
        ("{imageSetState: !ACTIVE}", "write {ne: ACTIVE}"),
        ("{imageSetState: != ACTIVE}", "write {ne: ACTIVE}"),
        ("{imageSetState: ! 'ACTIVE'}", "write {ne: ACTIVE}"),
        ("{imageSetState: {in: ! [ACTIVE]}}", "write `{not_in: [..]}`"),
        ("{! imageSetState: ACTIVE}", "write `not: {imageSetState: ..}`"),
        ("! {imageSetState: ACTIVE}", "write `{not_in: [..]}`, or `not: {..}`"),
    ],
)
def test_an_exclamation_mark_is_no_negation_and_is_not_passed_over(tmp_path, written, hint):
    message = said(tmp_path, policy("a").replace("{overrides.forced: true}", written))
    assert f"help: {hint}" in message
    assert message.startswith("x.yaml:4:")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{imageSetState: ACTIVE, 'imageSetState': DELETED}", "duplicate key imageSetState"),
        ('{imageSetState: ACTIVE, "imageSetState ": DELETED}', "the key has blanks around it"),
        ("{tags.Owner: a, 'tags[\"Owner\"]': b}", 'tags["Owner"] stands twice'),
        ("{createdAt - updatedAt: {gt: 1d}, 'createdAt  - updatedAt': {lt: 9d}}", "stands twice"),
        ("{isPrimary\N{ZERO WIDTH SPACE}: true}", "U+200B, zero width space"),
        ("{isPrimary:\N{NO-BREAK SPACE}true}", "U+00A0, no-break space"),
        ("{tags.Owner: a\N{NO-BREAK SPACE}}", "U+00A0, no-break space"),
        (
            "{tags.Owner: {in:\n     [a,\n     b\n      -c]}}",
            "this line goes on the text that begins in line 6",
        ),
        ("{isPrimary:true}", "a blank is missing behind the colon"),
        ("{versionId: 010}", "versionId takes an integer, not text"),
        ("{isPrimary: yes}", "isPrimary takes a boolean, not text"),
        ("{createdAt - updatedAt: {gt: 1:30}}", "is not a duration"),
    ],
)
def test_what_reads_otherwise_than_it_looks_is_refused(tmp_path, written, message):
    assert message in said(tmp_path, policy("a").replace("{overrides.forced: true}", written))


def test_a_no_break_space_within_prose_is_typography(tmp_path):
    (tmp_path / "x.yaml").write_text(
        policy("a").replace("title: t", "title: À\N{NO-BREAK SPACE}propos de tout")
    )
    assert ids_of(load(["x.yaml"], base=tmp_path)) == ["a"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("title: &t x", "&t is read as the name of what stands behind it, and nothing names it"),
        ("title: ticket #12", "what follows # is a comment: the text ends before #12"),
    ],
)
def test_text_that_yaml_drops_is_warned_of(tmp_path, written, message):
    rule = f"id: ID\n    {written}\n    severity: low\n    deny: {{isPrimary: true}}"
    (tmp_path / "x.yaml").write_text(policy("a", rule=rule))
    assert [problem.message for problem in load(["x.yaml"], base=tmp_path).warnings] == [message]


# Folders


def test_a_folder_s_policies_are_loaded_whatever_case_their_endings_have(tmp_path):
    for pack, name in enumerate(("one.yaml", "b.YAML", "c.json", "d.Yml", "deep/e.yml")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = policy("a", pack=f"p{pack}")
        text = json.dumps(parse(text.encode(), "x").root.plain()) if name.endswith("json") else text
        (tmp_path / name).write_text(text)
    packs = {pack.path: len(pack.rules) for pack in load(["."], base=tmp_path).packs}
    assert packs == dict.fromkeys(("b.YAML", "c.json", "d.Yml", "deep/e.yml", "one.yaml"), 1)
    assert len(load(["b.YAML", "c.json"], base=tmp_path).packs) == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("b.ymal", "its name ends in .ymal, not in .yaml"),
        ("b.yaml.txt", "its name ends in .txt, not in .yaml"),
        ("b.json", "it has none of pack, framework, rules"),
    ],
)
def test_a_file_that_may_have_been_meant_is_left_out_with_a_warning(tmp_path, name, why):
    (tmp_path / "a.yaml").write_text(policy("a"))
    (tmp_path / name).write_text('{"ours": {"rules": []}}')
    assert [warning.message for warning in load(["."], base=tmp_path).warnings] == [
        f"{name} is left out: {why}"
    ]


def test_other_files_of_a_folder_are_left_out_without_a_word(tmp_path):
    (tmp_path / "a.yaml").write_text(policy("a"))
    for name in ("README.md", ".hidden.yaml", "Makefile", "sets.csv", "answers.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "policy.schema.json").write_text('{"$schema": "x", "properties": {"pack": {}, "rules": {}}}')
    assert load(["."], base=tmp_path).warnings == ()


def test_a_linked_folder_is_searched_too_and_one_that_leads_back_only_once(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "elsewhere" / "a.yaml").write_text(policy("a"))
    (tmp_path / "policies" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "policies")
    assert ids_of(load(["policies"], base=tmp_path)) == ["a"]


def test_a_link_to_nothing_is_an_error(tmp_path):
    (tmp_path / "a.yaml").write_text(policy("a"))
    (tmp_path / "b.yaml").symlink_to(tmp_path / "nothing.yaml")
    with pytest.raises(InvalidInputError, match=r"b\.yaml is no file that can be read"):
        load(["."], base=tmp_path)


# Files that are none


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(input_files, "LONGEST_WAIT", 0.2)


def test_a_file_without_an_end_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="there is no end to it within 8 MiB"):
        load(["/dev/zero"], base=tmp_path)


@pytest.mark.usefixtures("impatient")
def test_a_pipe_that_nobody_writes_into_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(InvalidInputError, match=r"nothing was written into it for 0\.2 seconds"):
        load(["x.yaml"], base=tmp_path)


def test_a_pipe_that_somebody_writes_into_is_read(tmp_path):
    os.mkfifo(tmp_path / "x.yaml")
    writer = threading.Thread(target=lambda: (tmp_path / "x.yaml").write_text(policy("a")), daemon=True)
    writer.start()
    assert ids_of(load(["x.yaml"], base=tmp_path)) == ["a"]
    writer.join()


# Any spelling of a document is the document

TEXTS = st.text("abz -:#'\"&*!{}[],%@`|>?0159.é\n", max_size=12).filter(str.strip)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True)
CONDITIONS = st.sampled_from(
    [
        {"overrides.forced": True},
        {"versionId": {"gt": 3, "ne": 7}, "isPrimary": False},
        {"any": [{"imageSetState": {"in": ["ACTIVE", "DELETED"]}}, {"createdAt": {"older_than": "30d"}}]},
        {"createdAt - updatedAt": {"lt": "1y", "if_absent": "match"}},
        {"tags.Owner": {"ne": "no"}},
    ]
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "pack": NAMES,
        "rules": st.lists(
            st.fixed_dictionaries(
                {
                    "id": NAMES,
                    "title": TEXTS,
                    "severity": st.sampled_from(["low", "critical"]),
                    "deny": CONDITIONS,
                },
                optional={"tags": st.lists(TEXTS.map(str.strip), min_size=1, max_size=3), "why": TEXTS},
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda rule: rule["id"],
        ),
    }
)


class Speller:
    """Writes plain data as YAML, each part in one of the ways there are."""

    def __init__(self, draw) -> None:
        self.draw = draw

    def one_of(self, *ways):
        return self.draw(st.sampled_from(ways))

    def text(self, text: str) -> str:
        ways = [json.dumps(text), "!!str " + json.dumps(text, ensure_ascii=False)]
        if "\n" not in text:
            ways.append("'" + text.replace("'", "''") + "'")
        if re.fullmatch(r"[a-zA-Z][\w.]*( - [a-zA-Z][\w.]*)?", text, re.ASCII) and text not in (
            "true",
            "null",
        ):
            ways += [text] * 3
        return self.one_of(*ways)

    def scalar(self, value) -> str:
        if isinstance(value, bool):
            word = str(value)
            return self.one_of(word, word.lower(), word.upper())
        return str(value) if isinstance(value, int) else self.text(value)

    def flow(self, value) -> str:
        gap = self.one_of("", " ", "\n      ")
        if isinstance(value, dict):
            entries = [f"{self.text(key)} : {self.flow(item)}" for key, item in value.items()]
            return "{" + gap + f",{gap or ' '}".join(entries) + gap + "}"
        if isinstance(value, list):
            return "[" + gap + f",{gap or ' '}".join(map(self.flow, value)) + gap + "]"
        return self.scalar(value)

    def block(self, value, depth: int) -> str:
        """Behind its key or dash: in the same line, or in those below."""
        comment = self.one_of("", " # a comment", "  # - id: x")
        if not isinstance(value, dict | list) or self.one_of(*[True, False, False]):
            return f" {self.flow(value)}{comment}\n"
        pad = " " * (depth + self.one_of(1, 2, 4))
        blank = self.one_of("", "\n", f"{pad}# a comment\n")
        lines = [comment + "\n" + blank]
        for item in value:
            begin = "-" if isinstance(value, list) else f"{self.text(item)}:"
            lines.append(
                f"{pad}{begin}{self.block(value[item] if isinstance(value, dict) else item, len(pad))}"
            )
        return "".join(lines)

    def document(self, value) -> bytes:
        if self.one_of(True, False, False):
            text = self.one_of(json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False))
        else:
            text = "".join(f"{self.text(key)}:{self.block(item, 0)}" for key, item in value.items())
            text = (
                self.one_of("", "---\n", "%YAML 1.1\n---\n", "# a comment\n")
                + text
                + self.one_of("", "...\n")
            )
        text = text.replace("\n", self.one_of("\n", "\r\n"))
        return self.one_of(b"", b"\xef\xbb\xbf") + text.encode()


def meaning(policies) -> str:
    """The rules without their places."""
    return re.sub(r"Location\([^)]*\)", "", repr(policies.rules))


@settings(max_examples=60, deadline=None)
@given(st.data(), DOCUMENTS)
def test_every_spelling_of_a_policy_means_the_same(tmp_path_factory, data, document):
    folder = tmp_path_factory.mktemp("spelled")
    (folder / "plain.yaml").write_text(json.dumps(document))
    (folder / "spelled.yaml").write_bytes(Speller(data.draw).document(document))
    plain, spelled = (load([f"{name}.yaml"], base=folder) for name in ("plain", "spelled"))
    assert ids_of(spelled) == [rule["id"] for rule in document["rules"]]
    assert meaning(spelled) == meaning(plain)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 250),
    st.integers(0, 3),
    st.sampled_from(["", *" \n\t-:!&*#{}[],'\"|>?%@x0\N{NO-BREAK SPACE}"]),
)
def test_a_slip_of_the_pen_is_a_problem_in_the_file_or_harmless_never_a_crash(tmp_path_factory, at, cut, put):
    text = policy(
        "a",
        "b",
        rule="id: ID\n    title: 'x y'\n    severity: low\n    deny: {isPrimary: true, versionId: {gt: 3}}",
    )
    written = text[:at] + put + text[at + cut :]
    folder = tmp_path_factory.mktemp("slip")
    (folder / "x.yaml").write_text(written)
    try:
        policies = load(["x.yaml"], base=folder)
    except InvalidInputError as error:
        for problem in error.problems:
            assert 1 <= problem.where.line <= written.count("\n") + 1
    else:
        assert len(policies.rules) == len(re.findall(r"^ +- +['\"]?id", written, re.MULTILINE))


# The same of waivers

ENTRY = "  - {rule: p/a, target: t, reason: r, owner: o, approved_by: x, created: 2026-01-01, expires: 2026-02-01}\n"


def test_of_a_file_of_waivers_every_entry_is_read(tmp_path):
    (tmp_path / "x.yaml").write_text(policy("a"))
    (tmp_path / "w.yaml").write_text(
        "version: 1\nwaivers:\n" + ENTRY + ENTRY.replace("target: t", "target: ! t")
    )
    with pytest.raises(InvalidInputError, match="`!` alone says nothing in YAML"):
        read_waivers(tmp_path / "w.yaml", load(["x.yaml"], base=tmp_path))
    (tmp_path / "w.yaml").write_text(
        "version: 1\nwaivers:\n" + ENTRY + ENTRY.replace("target: t", "target: u")
    )
    assert len(read_waivers(tmp_path / "w.yaml", load(["x.yaml"], base=tmp_path))[0]) == 2


def test_more_labels_than_a_run_takes_are_refused_at_the_first_too_many(tmp_path):
    names = [f"l{number}" for number in range(501)]
    labels = "\n".join(f"  {name}: {{type: string}}" for name in names)
    rules = "rules: [{id: a, title: t, severity: low, deny: {labels.l0: x}}]"
    (tmp_path / "p.yaml").write_text(f"version: 1\npack: p\nlabels:\n{labels}\n{rules}\n")
    with pytest.raises(InvalidInputError) as caught:
        load([str(tmp_path / "p.yaml")])
    (problem,) = caught.value.problems
    assert (problem.where.line, problem.where.column) == (504, 3)
    assert problem.message == "501 labels are declared, and a run takes 500: l500 is one more"
