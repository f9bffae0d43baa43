"""Mistakes in audit.yaml, in files of waivers and in mappings of controls, each with what it is told: a golden file.

`mistakes.txt` is written as that of policies is (tests/policy/test_mistakes.py); the first word of a name is the kind of file.
"""

import os
import re
from pathlib import Path

import pytest

from checker.config import load
from checker.policy.load import load as load_policies
from checker.problems import InvalidInputError
from checker.waivers.file import read_waivers

GOLDEN = Path(__file__).with_name("mistakes.txt")
SECTION = re.compile(r"^=== ([^\n]+)\n(.*?)^---\n(.*?)(?=^=== |\Z)", re.MULTILINE | re.DOTALL)
PACK = "version: 1\npack: p\nrules:\n  - {id: a, title: t, severity: high, deny: {isPrimary: false}}\n"


def mistakes():
    found = SECTION.findall(GOLDEN.read_text(encoding="utf-8"))
    return {name: (text, message) for name, text, message in found}


def read(folder: Path, kind: str) -> None:
    file = folder / f"{kind}.yaml"
    if kind == "audit":
        load(file, file.name)
    elif kind == "waivers":
        read_waivers(file, load_policies(["p.yaml"], base=folder), shown=file.name)
    else:
        load_policies(["p.yaml", file.name], base=folder)


def told(folder: Path, kind: str, text: str) -> str:
    (folder / "p.yaml").write_text(PACK, encoding="utf-8")
    (folder / f"{kind}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        read(folder, kind)
    return str(caught.value) + "\n"


@pytest.mark.parametrize("name", mistakes())
def test_a_mistake_gets_its_message(tmp_path, name):
    text, message = mistakes()[name]
    new = told(tmp_path, name.split()[0], text)
    if os.environ.get("REGENERATE_GOLDEN"):
        whole, section = GOLDEN.read_text(encoding="utf-8"), f"=== {name}\n{text}---\n"
        GOLDEN.write_text(whole.replace(section + message, section + new), encoding="utf-8")
        message = mistakes()[name][1]
    assert new == message
