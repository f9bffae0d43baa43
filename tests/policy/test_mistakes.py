"""Mistakes as authors make them who are no programmers, each with what it is told: a golden file of both.

`mistakes.txt` has after each `=== name` a policy, and after `---` the message. REGENERATE_GOLDEN=1 writes the messages anew.
"""

import os
import re
from pathlib import Path

import pytest

from checker.policy.load import load
from checker.problems import InvalidInputError

GOLDEN = Path(__file__).with_name("mistakes.txt")
SECTION = re.compile(r"^=== ([^\n]+)\n(.*?)^---\n(.*?)(?=^=== |\Z)", re.MULTILINE | re.DOTALL)


def mistakes():
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        return {name: (text, message) for name, text, message in SECTION.findall(file.read())}


def told(folder: Path, text: str) -> str:
    (folder / "x.yaml").write_bytes(text.encode())
    with pytest.raises(InvalidInputError) as caught:
        load(["x.yaml"], base=folder)
    return str(caught.value) + "\n"


@pytest.mark.parametrize("name", mistakes())
def test_a_mistake_gets_its_message(tmp_path, name):
    text, message = mistakes()[name]
    new = told(tmp_path, text)
    if os.environ.get("REGENERATE_GOLDEN"):
        section = f"=== {name}\n{text}---\n"
        GOLDEN.write_bytes(
            GOLDEN.read_bytes().replace((section + message).encode(), (section + new).encode())
        )
        message = mistakes()[name][1]
    assert new == message


@pytest.mark.parametrize("name", mistakes())
def test_a_message_speaks_no_parser_s_language_and_gives_a_place(name):
    message = mistakes()[name][1]
    assert re.search(r"^x\.yaml:\d+:\d+: error: ", message, re.MULTILINE)
    for word in ("scanning", "parsing a", "token", "scalar", "expected '", "block mapping", "not valid YAML"):
        assert word not in message
