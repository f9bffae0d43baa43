"""A run folder read back: its evidence, and what the run judged it by. What is used of it is unaltered, or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from checker.evidence.kept import Evidence
from checker.evidence.runfolder import MANIFEST, RECORDS, SCHEMA, sha256
from checker.model import Duration, Location, Scalar
from checker.problems import InvalidInputError, Problem
from checker.values import BadValueError, parse_time, show
from checker.yamlsource import Node

POLICIES = "policies/"


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that was kept: its evidence, its instant, the paths of its policies, the values that parameters had (by
    `PACK.param` or `PACK/RULE.param`, as audit.yaml would give them), and the names of the rules that it judged."""

    evidence: Evidence
    as_of: datetime
    policies: tuple[str, ...]
    params: Mapping[str, Node]
    rules: tuple[str, ...]


def reopen(folder: Path) -> Kept:
    """A run folder, of which the policies and the records are checked against its manifest.

    Raises:
        InvalidInputError: there is no complete run in the folder, or a file is not what the run wrote.
    """
    path = folder / MANIFEST
    manifest = _manifest(folder)
    try:
        files: dict[str, str] = {str(name): str(digest) for name, digest in manifest["files"].items()}
        as_of = parse_time(manifest["as_of"])
        rules = tuple(map(str, manifest["rules"]))
        params = {
            str(name): _node(value, Location(path.as_posix(), 1, 1))
            for name, value in manifest["params"].items()
        }
    except (KeyError, TypeError, AttributeError, BadValueError) as error:
        raise InvalidInputError(
            Problem(path.as_posix(), f"the manifest is damaged: {type(error).__name__}: {error}")
        ) from None
    packs = sorted(name for name in files if _is_pack(name))
    problems = [problem for name in (*packs, RECORDS) if (problem := _altered(folder, name, files))]
    if not packs:
        problems.append(Problem(path.as_posix(), "the manifest names no policy"))
    if problems:
        raise InvalidInputError(problems)
    source = "recorded" if manifest.get("source") == "recorded" else "live"
    evidence = Evidence(folder, source, files[RECORDS])  # type: ignore[arg-type]
    return Kept(evidence, as_of, tuple((folder / name).as_posix() for name in packs), params, rules)


def as_json(value: Scalar | tuple[Scalar, ...]) -> object:
    """A parameter's value as a manifest holds it: it reads back as the same value."""
    if isinstance(value, tuple):
        return [as_json(one) for one in value]
    if isinstance(value, Fraction):
        return f"{Decimal(100 * value.numerator) / value.denominator:f}%"
    return show(value) if isinstance(value, datetime | Duration) else value


def _node(raw: object, where: Location) -> Node:
    """A value of a manifest as audit.yaml would have it."""
    if isinstance(raw, list):
        raw = tuple(_node(one, where) for one in raw)
    elif isinstance(raw, str) and raw.startswith("$$"):
        raw = "$" + raw  # in YAML the first one escapes
    elif not isinstance(raw, str | int):
        raise TypeError(f"{raw!r} is no value of a parameter")
    return Node(raw, where, 1, "")


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    shown = folder.as_posix()
    if not folder.is_dir():
        raise InvalidInputError(Problem(shown, "there is no such run folder"))
    if not path.is_file():
        runs = sorted(other.parent for other in folder.glob(f"*/{MANIFEST}"))
        hint = f"name one run, such as {runs[-1].as_posix()}" if runs else ""
        message = "this folder holds runs" if runs else f"no complete run: it has no {MANIFEST}"
        raise InvalidInputError(Problem(shown, message, hint))
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInputError(Problem(path.as_posix(), f"the manifest cannot be read: {error}")) from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise InvalidInputError(Problem(path.as_posix(), f"this is no manifest of the schema {SCHEMA}"))
    return manifest


def _is_pack(name: str) -> bool:
    """Whether a file of a run is a policy file: mapping files, which change no verdict, are in a folder below."""
    return name.startswith(POLICIES) and name.endswith(".yaml") and "/" not in name.removeprefix(POLICIES)


def _altered(folder: Path, name: str, files: Mapping[str, str]) -> Problem | None:
    path = folder / name
    hint = "what the run judged can no longer be shown"
    try:
        if name in files and sha256(path) == files[name]:
            return None
        message = "was altered after the run" if name in files else "is not in the run's manifest"
    except OSError as error:
        message = f"cannot be read: {(error.strerror or str(error)).lower()}"
    return Problem(path.as_posix(), message, hint)
