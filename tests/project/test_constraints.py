"""constraints.txt pins what was tested: everything that pyproject.toml asks for, and everything that that asks for."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project.source import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OWN = PROJECT["project"]["name"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
PIN = re.compile(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.+!-]+)")


def _lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _pins() -> dict[str, str]:
    return {canonicalize_name(match[1]): match[2] for line in _lines() if (match := PIN.fullmatch(line))}


def _asked() -> list[Requirement]:
    texts = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["build-system"]["requires"],
        *chain(*EXTRAS.values()),
    ]
    return [item for text in texts if (item := Requirement(text)).name != OWN]


def _closure() -> set[str]:
    """Every distribution that an installation with the extra `dev` needs here."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(item.name, frozenset(item.extras)) for item in _asked()]
    while todo:
        name, extras = todo.pop()
        key = (canonicalize_name(name), extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            needed = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue  # the assertion on pins says which
        todo += [
            (verdict.name, frozenset(verdict.extras))
            for verdict in needed
            if verdict.marker is None
            or any(verdict.marker.evaluate({"extra": extra}) for extra in (extras or {""}))
        ]
    return {name for name, _ in seen}


def test_every_line_is_one_exact_version():
    assert [line for line in _lines() if not PIN.fullmatch(line)] == []
    assert OWN not in _pins()


def test_no_address_of_a_registry_is_named():
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(
            r"--(extra-)?index-url|--find-links|--trusted-host|simple/|https?://\S*pypi", text
        ), name


def test_every_dependency_is_pinned_to_a_version_that_it_allows():
    pins = _pins()
    assert [item.name for item in _asked() if canonicalize_name(item.name) not in pins] == []
    assert [
        str(item) for item in _asked() if not item.specifier.contains(pins[canonicalize_name(item.name)])
    ] == []


def test_what_dependencies_need_is_pinned():
    assert _closure() - _pins().keys() == set()


def test_what_is_installed_is_what_is_pinned():
    pins = _pins()
    assert {name: version(name) for name in _closure()} == {name: pins[name] for name in _closure()}
