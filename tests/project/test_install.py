"""No text tells anybody to install a package that is in no index: whoever registers its name would be obeyed."""

from __future__ import annotations

import re

import pytest

from project.source import ROOT

TEXTS = (".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".jinja", ".html", ".js", "")
FOLDERS = ("checker", "docs", "rules", "reports", "examples", "benchmarks", ".ci")
FILES = ("README.md", "CONTRIBUTING.md", "Makefile", "constraints.txt")
# pip, uv and pipx by name; a requirement of ours with an extra
ADVICE = re.compile(
    r"(?:pip3?|uv|pipx)\s+(?:pip\s+)?(?:install|run|tool install)\b[^\n`]*?[\s'\"]imageset[-_.]checker|(?<!name = )imageset-checker\[",
    re.IGNORECASE,
)


def _texts():
    for folder in FOLDERS:
        yield from (
            path for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and path.suffix in TEXTS
        )
    yield from (ROOT / name for name in FILES)


def test_installation_advice_names_the_checkout():
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in _texts()
        for match in ADVICE.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "pip install imageset-checker",
        "pip install -U 'imageset-checker[sign]'",
        "uv pip install imageset_checker",
        "pipx run imageset-checker",
        "install imageset-checker[simulator]",
    ],
)
def test_such_advice_would_be_found(text):
    assert ADVICE.search(text)


@pytest.mark.parametrize(
    "text", ["pip install '.[sign]'", "pip install -c constraints.txt .", "imageset-checker check"]
)
def test_other_text_would_not(text):
    assert not ADVICE.search(text)
