"""Waivers that are added to a file as text: what was there stays, and what is added reads back as it was meant."""

from __future__ import annotations

import os
import stat

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from checker.problems import InvalidInputError
from checker.waivers.edit import HEADER, WaiverDraft, add_waivers, replace_file
from checker.yamlsource import parse, quote_scalar
from waivers.waiver_files import ONE, TWO

DRAFT = WaiverDraft(
    "p/forced", "Ticket: 4711 # not a comment", "imaging", "quality", "2026-01-01", "2026-03-31", (ONE, TWO)
)
STORE = WaiverDraft("p/few", "why", "a", "b", "2026-01-01", "2026-03-31", target="archive")

OLD = """\
# ours
version: 1   # of the format

waivers:   # reviewed monthly
  # the migration
  - {rule: p/r, image_sets: [x], reason: "a:b"}
  - rule: p/s   # kept
    reason: |
      # no comment
      two lines

    labels: {class: adult}
"""

FILES = {
    "comments": OLD,
    "comments at the end": OLD + "\n# the end\n",
    "no line break at the end": OLD.rstrip("\n"),
    "a text without a line break at the end": "version: 1\nwaivers:\n- reason: |\n    text",
    "blank lines at the end": OLD + "\n\n",
    "a list that is not indented": OLD.replace("\n  ", "\n"),
    "a list far to the right": "version: 1\nwaivers:\n        - rule: p/r\n          reason: x\n",
    "a dash alone": "version: 1\nwaivers:\n  -\n    rule: p/r\n",
    "keys after the list": "waivers:\n  - rule: p/r\n    reason: x\n\n# of the format\nversion: 1\n",
    "windows": OLD.replace("\n", "\r\n"),
    "windows and others": OLD.replace("\n", "\r\n").replace("kept\r\n", "kept\n"),
    "a byte order mark": "\ufeff" + OLD,
    "an empty list": "version: 1\nwaivers: []  # none yet\n",
    "an empty list and more": "waivers: [ ]\nversion: 1\n",
    "nothing in the list": "version: 1\nwaivers:\n",
    "nothing in the list, and more": "waivers:\n\n# of the format\nversion: 1\n",
    "no list": "version: 1\n",
    "only comments": "# ours\n\n",
    "empty": "",
    "the end of a document": "---\nversion: 1\nwaivers:\n  - rule: p/r\n...\n",
    "all of it indented": "  version: 1\n  waivers:\n    - rule: p/r\n",
    "other scripts": "version: 1\nwaivers:\n  # \u00e9\u2028  - reason: \u00e9\U0001f600\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("drafts", [[DRAFT], [DRAFT, STORE]], ids=["one", "two"])
def test_what_was_there_stays_and_the_new_ones_follow(name, drafts):
    source = FILES[name].encode()
    added = add_waivers(source, "w.yaml", drafts)
    was = parse(source, "w.yaml").root.plain() or {"version": 1}
    now = parse(added.document.source, "w.yaml").root.plain()
    old = was.pop("waivers", None) or []
    found = now.pop("waivers")
    assert now == was
    assert [{**item, "reason": item.get("reason", "").rstrip()} for item in found[: len(old)]] == [
        {**item, "reason": item.get("reason", "").rstrip()} for item in old
    ]
    assert found[len(old) :] == [draft.plain() for draft in drafts]
    lines = added.document.source.decode("utf-8-sig").splitlines()
    assert "\n".join(lines[added.first - 1 : added.last]) == added.text
    removed = source.decode().replace("[]", "").replace("[ ]", "").split()
    kept = iter(added.document.source.decode().split())
    assert all(word in kept for word in removed), "the words that were there are there, in their order"


@pytest.mark.parametrize("name", ["comments", "comments at the end", "blank lines at the end", "windows", "windows and others", "a byte order mark"])  # fmt: skip
def test_the_bytes_before_a_new_one_are_those_that_were_there(name):
    source = FILES[name].encode()
    assert add_waivers(source, "w.yaml", [DRAFT]).document.source.startswith(source)


def test_a_comment_above_the_next_key_stays_there():
    text = add_waivers(FILES["keys after the list"].encode(), "w.yaml", [DRAFT]).document.source.decode()
    assert text.endswith("expires: 2026-03-31\n\n# of the format\nversion: 1\n")


def test_line_ends_are_those_of_the_file():
    assert b"\n" not in add_waivers(FILES["windows"].encode(), "w.yaml", [DRAFT]).document.source.replace(
        b"\r\n", b""
    )
    mixed = FILES["windows and others"].encode()
    assert add_waivers(mixed, "w.yaml", [DRAFT]).document.source.replace(b"\r\n", b"").count(b"\n") == 1


def test_a_new_file_begins_with_what_it_is():
    text = add_waivers(b"", "w.yaml", [STORE]).document.source.decode()
    assert text.startswith(HEADER + "version: 1\nwaivers:\n  - rule: p/few\n    target: archive\n")


@pytest.mark.parametrize(
    "text",
    [
        "{version: 1, waivers: [{rule: p/r}]}\n",
        "version: 1\nwaivers: [{rule: p/r}]\n",
        "version: 1\nwaivers: ~\n",
        "version: 1\nwaivers: {rule: p/r}\n",
        "version: 1\nwaivers: text\n",
        "- rule: p/r\n",
        "text\n",
        "--- null\n",
        "version: 1\nwaivers: [\n]\n",
    ],
)
def test_what_nothing_can_be_added_to_is_refused(text):
    with pytest.raises(InvalidInputError, match="no waiver can be added to what is written so"):
        add_waivers(text.encode(), "w.yaml", [DRAFT])


def test_a_file_that_is_no_yaml_is_refused():
    with pytest.raises(InvalidInputError, match="the \\[ that opens here is not closed"):
        add_waivers(b"waivers: [", "w.yaml", [DRAFT])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(TEXTS | st.sampled_from(["yes", "No", "null", "~", "1e3", "2026-01-01", "- a", "a: b", "a #b", "'", '"', "*x", "&x", "!x", "%", "@", "`", "y", "=", "<<", "0x1F", "1_000", ".inf", "12:30:45"]), st.booleans())  # fmt: skip
def test_text_reads_back_as_it_is(text, always):
    written = quote_scalar(text, always=always)
    assert "\n" not in written
    assert parse(f"a: {written}\n".encode(), "x").root.plain() == {"a": text}
    assert yaml.safe_load(f"a: {written}\n") == {"a": text}


@given(st.lists(st.builds(
    WaiverDraft, rule=st.just("p/r"), reason=TEXTS, owner=TEXTS, approved_by=TEXTS, created=st.just("2026-01-01"),
    expires=TEXTS | st.just("2026-01-01"), image_sets=st.just(()) | st.just((ONE, "1" * 32)), target=TEXTS,
    version=st.none() | st.integers(1, 9), covers=st.sampled_from(["fail", "unknown"]),
), min_size=1, max_size=2), st.sampled_from(sorted(FILES)))  # fmt: skip
def test_whatever_is_added_is_there(drafts, name):
    added = add_waivers(FILES[name].encode(), "w.yaml", drafts)
    found = yaml.safe_load(added.document.source.decode("utf-8-sig"))["waivers"][-len(drafts) :]
    for item, draft in zip(found, drafts, strict=True):
        expected = draft.plain()
        assert {key: value for key, value in item.items() if key not in ("created", "expires")} == {
            key: value for key, value in expected.items() if key not in ("created", "expires")
        }
        assert str(item["expires"]) == draft.expires


# Onto disk.


def test_a_file_is_replaced_with_its_permissions(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(path, b"old", b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [item.name for item in tmp_path.iterdir()] == ["w.yaml"]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real.yaml").write_bytes(b"old")
    (tmp_path / "w.yaml").symlink_to("real.yaml")
    replace_file(tmp_path / "w.yaml", b"old", b"new")
    assert (tmp_path / "w.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_bytes() == b"new"


def test_a_new_file_gets_its_folder(tmp_path):
    replace_file(tmp_path / "a" / "w.yaml", None, b"new")
    assert (tmp_path / "a" / "w.yaml").read_bytes() == b"new"


@pytest.mark.parametrize("old", [None, b"older"])
def test_what_was_changed_meanwhile_is_not_overwritten(old, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_bytes(b"theirs")
    with pytest.raises(InvalidInputError, match="was changed meanwhile"):
        replace_file(path, old, b"new")
    assert path.read_bytes() == b"theirs"
    assert [item.name for item in tmp_path.iterdir()] == ["w.yaml"]


def test_where_nothing_can_be_written_nothing_is_lost(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        replace_file(tmp_path / "file" / "w.yaml", None, b"new")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        replace_file(tmp_path, None, b"new")
    assert path.read_bytes() == b"old"


def test_a_disk_that_is_full_loses_nothing(tmp_path):
    """A limit on the size of files fails a write as a full disk does: after some of it."""
    import subprocess
    import sys

    path = tmp_path / "w.yaml"
    path.write_bytes(b"old")
    program = f"""
import resource, signal
from pathlib import Path
from checker.waivers.edit import replace_file
from checker.problems import InvalidInputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_file(Path({str(path)!r}), b"old", b"x" * 5000)
except InvalidInputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "cannot be written: file too large" in done.stdout
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["w.yaml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_is_read_only_stays_as_it_is(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(InvalidInputError, match="it is read-only"):
        replace_file(path, b"old", b"new")
    assert path.read_bytes() == b"old"
