"""Which files a request for policies names: a file, those of a folder, what comes with the checker."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from checker.input_files import UnreadableError, read_input
from checker.package_data import folder
from checker.problems import InvalidInputError, Problem, nearest, suggest
from checker.values import BadValueError, parse_path
from checker.yaml_nodes import Node
from checker.yamlsource import LARGEST_FILE, read

SUFFIXES = (".yaml", ".yml", ".json")
"""Of policies in a folder, in capitals too. JSON is YAML; a JSON file that is no policy is left out."""
SHIPPED = "pack:"
CONTROLS = "controls:"
"""Before the name of a shipped mapping file, where it is shown."""
KEYS = ("pack", "framework", "rules")
"""One of which a file of policies has."""
MOST_NAMED = 4
"""Keys of a file that a message lists."""
_OTHERS = {
    "targets": "an audit.yaml",
    "waivers": "a file of waivers",
    "imageSetId": "a recorded answer",
    "$schema": "a JSON schema",
    "apiVersion": "a manifest of Kubernetes",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A policy file, folder or `pack:NAME` as the user wrote it; `where` is where, for messages. A file that is a copy of
    another one is `shown` as that; `shipped` where that one came with the checker."""

    text: str
    where: Node | str = ""
    shown: str = ""
    shipped: bool = False

    def problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        """A problem shown where the path was written, else at the path."""
        if isinstance(self.where, Node):
            return self.where.problem(message, hint, warning=warning)
        return Problem(self.where or self.text, message, hint, warning=warning)


def files_of(request: Request, base: Path, problems: list[Problem]) -> list[tuple[Path, str]]:
    """The files of a request, each with the path that messages print; problems are noted, and as warnings what of a
    folder is left out though it may have been meant."""
    if request.text.startswith(SHIPPED):
        return _shipped(request, problems)
    if not request.text.strip():
        problems.append(request.problem("the path of a policy is empty"))
        return []
    try:
        path = base / parse_path(request.text)
    except BadValueError as error:
        problems.append(request.problem(str(error), error.hint))
        return []
    if path.is_dir():
        return _of_folder(request, path, problems)
    if not path.exists():
        near = suggest(path.name, _neighbours(path), what="the folder has")
        problems.append(request.problem(f"there is no file or folder {request.text}", near))
        return []
    return [(path, request.shown or Path(request.text).as_posix())]


def _of_folder(request: Request, path: Path, problems: list[Problem]) -> list[tuple[Path, str]]:
    before = len(problems)
    found = []
    for file in sorted(_files_in(path, request, problems)):
        shown = (Path(request.text) / file.relative_to(path)).as_posix()
        suffix = file.suffix.lower()
        if suffix in SUFFIXES and not file.is_file():
            problems.append(request.problem(f"{shown} is no file that can be read"))
        elif suffix == ".json" and not _speaks_of_policies(file):
            continue
        elif suffix == ".json" and (other := _other_json(file, shown)) is not None:
            if "$schema" in other:  # what editors complete policies by lies beside them
                continue
            message = f"{shown} is left out: it has none of {', '.join(KEYS)}"
            problems.append(request.problem(message, "a file of policies has one of them", warning=True))
        elif suffix in SUFFIXES:
            found.append((file, shown))
        elif why := _meant(file):
            message = f"{shown} is left out: {why}"
            problems.append(request.problem(message, "rename it, or move it out of the folder", warning=True))
    if not found and len(problems) == before:
        problems.append(request.problem(f"no policy file (.yaml, .yml) in the folder {request.text}"))
    return found


def _files_in(path: Path, request: Request, problems: list[Problem]) -> Iterator[Path]:
    """Every file below a folder, that of linked folders too; names that begin with a dot are other programs' business."""

    def unreadable(error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        problems.append(request.problem(f"the folder {error.filename} cannot be read: {reason}"))

    seen: set[str] = set()
    for root, folders, files in os.walk(path, onerror=unreadable, followlinks=True):
        real = os.path.realpath(root)
        # a link may lead back to where it stands
        folders[:] = [name for name in sorted(folders) if not name.startswith(".") and real not in seen]
        if real not in seen:
            yield from (Path(root) / name for name in files if not name.startswith("."))
        seen.add(real)


def _speaks_of_policies(file: Path) -> bool:
    """Whether a JSON file may be a policy at all: recorded answers, say, are none."""
    try:
        text = read_input(file, LARGEST_FILE)
    except UnreadableError:
        return True  # whoever reads it says why
    return any(f'"{key}"'.encode() in text for key in KEYS)


def _other_json(file: Path, shown: str) -> frozenset[str] | None:
    """The keys of a JSON file that is no policy; None where it is one, or cannot be read and may be one."""
    try:
        value = read(file, shown).root.value
    except InvalidInputError:
        return None
    keys = frozenset(value) if isinstance(value, dict) else frozenset[str]()
    return None if keys & set(KEYS) else keys


def _meant(file: Path) -> str:
    """Why a file that may have been meant for a policy is none by its name; nothing for any other file."""
    suffix, before = file.suffix.strip().lower(), Path(file.stem).suffix.lower()
    if suffix in (".txt", "") and before in SUFFIXES:
        return f"its name ends in {file.suffix or 'nothing'}, not in {before}"
    if difflib.get_close_matches(suffix, (".yaml", ".yml"), n=1, cutoff=0.75):
        return f"its name ends in {file.suffix}, not in .yaml"
    return ""


def no_policy(root: Node) -> Problem | None:
    """A mapping that is something else than a file of policies, as one problem; None where it may be one."""
    if not isinstance(root.value, dict):
        return None
    if {"pack", "framework"} <= root.value.keys():
        message = "a file is a pack or maps a framework's controls, not both"
        key: Node = root.value["framework"].key
        return key.problem(message, "make two files of it")
    if root.value.keys() & {"pack", "framework"}:
        return None
    what = next((what for key, what in _OTHERS.items() if key in root.value), "")
    if not what and ("rules" in root.value or any(nearest(name, KEYS) for name in root.value)):
        return None
    names = ", ".join(list(root.value)[:MOST_NAMED]) or "no key"
    hint = (
        f"it looks like {what}; name another file"
        if what
        else "one begins with `version: 1` and `pack: NAME`"
    )
    return root.problem(f"this is no file of policies: it has {names}, and no pack", hint)


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.parent.iterdir())[:20]
    except OSError:
        return []


def _shipped(request: Request, problems: list[Problem]) -> list[tuple[Path, str]]:
    packs = shipped_files()
    name = request.text.removeprefix(SHIPPED)
    if not name:
        return [(path, SHIPPED + pack) for pack, path in packs.items()]
    if name not in packs:
        problems.append(
            request.problem(f"no shipped pack is called {name}", suggest(name, packs, what="shipped are"))
        )
        return []
    return [(packs[name], request.text)]


def shipped_files(key: Literal["pack", "framework"] = "pack") -> dict[str, Path]:
    """What comes with the checker, name to file: packs, or mappings of a framework's controls."""
    found = {}
    for file in sorted(folder("rules").rglob("*.yaml")):
        for line in file.read_text(encoding="utf-8").splitlines():
            name, colon, value = line.partition(":")
            if colon and name in ("pack", "framework"):
                if name == key:
                    found[value.split("#")[0].strip().strip("\"'")] = file
                break
    return found
