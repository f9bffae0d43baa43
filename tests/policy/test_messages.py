"""Every message about a policy is a golden file beside the policy that earns it."""

import os
from pathlib import Path

import pytest

from checker.policy.load import load
from checker.problems import InvalidInputError
from checker.yamlsource import LARGEST_FILE

BAD = Path(__file__).parent / "bad"
NAMES = sorted(path.stem for path in BAD.glob("*.yaml"))


def message_of(*requests: str, base: Path) -> str:
    with pytest.raises(InvalidInputError) as caught:
        load(requests, base=base)
    return str(caught.value) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_policy_gets_its_message(name):
    message = message_of(f"{name}.yaml", base=BAD)
    golden = BAD / f"{name}.txt"
    if os.environ.get("REGENERATE_GOLDEN"):
        golden.write_text(message, encoding="utf-8")
    assert message == golden.read_text(encoding="utf-8")


def test_all_problems_of_all_files_come_at_once():
    message = message_of("unknown-field.yaml", "wrong-enum.yaml", "syntax.yaml", base=BAD)
    assert [line.split(":")[0] for line in message.splitlines() if ": error: " in line] == [
        "syntax.yaml",
        "unknown-field.yaml",
        "wrong-enum.yaml",
    ]


def test_labels_that_packs_declare_differently_are_shown_as_both_declare_them(tmp_path):
    for name, label in (("a", "{type: string, one_of: [x, y]}"), ("b", "{type: date}")):
        rule = "rules: [{id: r, title: t, severity: low, deny: {labels.class: {exists: true}}}]"
        (tmp_path / f"{name}.yaml").write_text(
            f"version: 1\npack: {name}\nlabels:\n  class: {label}\n{rule}\n", encoding="utf-8"
        )
    said = "the label class is {type: date} here, and {type: string, one_of: [x, y]} at a.yaml:4:3"
    assert message_of("a.yaml", "b.yaml", base=tmp_path).startswith(f"b.yaml:4:3: error: {said}\n")


def test_a_folder_without_policies_is_an_error(tmp_path):
    assert message_of(".", base=tmp_path) == ".: error: no policy file (.yaml, .yml) in the folder .\n"


def test_a_path_that_is_not_there_gets_the_nearest_name(tmp_path):
    (tmp_path / "policies").mkdir()
    assert message_of("polices", base=tmp_path) == (
        "polices: error: there is no file or folder polices\nhelp: did you mean policies?\n"
    )


def test_an_unknown_shipped_pack_is_an_error(tmp_path):
    message = message_of("pack:nothing-like-it", base=tmp_path)
    assert message.startswith(
        "pack:nothing-like-it: error: no shipped pack is called nothing-like-it\nhelp: shipped are: "
    )


def test_a_file_of_ten_megabytes_is_refused_unread(tmp_path):
    (tmp_path / "big.yaml").write_bytes(b"#" * 10 * 1024 * 1024)
    assert LARGEST_FILE < 10 * 1024 * 1024
    assert message_of("big.yaml", base=tmp_path) == (
        "big.yaml: error: the file has 10.0 MiB\nhelp: YAML files may have 8 MiB; keep long lists in CSV\n"
    )


def test_an_unreadable_file_is_an_error(tmp_path):
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "fine.yaml").write_text("")
    message = message_of("fine.yaml", "loop.yaml", base=tmp_path)
    assert "fine.yaml:1:1: error: the file is empty" in message
    assert "loop.yaml: error: " in message


def test_the_same_pack_in_two_files_names_both(tmp_path):
    text = "version: 1\npack: p\nrules:\n  - {id: r, title: t, severity: low, deny: {isPrimary: true}}\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(text)
    assert message_of(".", base=tmp_path) == (
        "b.yaml:1:1: error: the pack p is in a.yaml too\nhelp: give each file a pack name of its own\n"
    )


def test_the_same_file_asked_for_twice_counts_once(tmp_path):
    text = "version: 1\npack: p\nrules:\n  - {id: r, title: t, severity: low, deny: {isPrimary: true}}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert len(load([".", "a.yaml"], base=tmp_path).packs) == 1
