"""What a run is begun with, and that an interrupted one goes on with the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from checker.instants import iso
from checker.judgement.gate import Gate
from checker.policy.rule_selection import Rules
from checker.problems import InvalidInputError, Problem
from checker.runs.evidence import digest
from checker.runs.run_folder import InterruptedRun

MOST_OF_A_NAME = 1000
"""Runs of the same inputs and instant that are told apart."""
_AUDIT, _AS_OF = "another audit.yaml", "another --as-of"
_POLICIES, _PARAMS = "other policies", "other parameters (--param)"
_RULES, _FILES = "other rules (--rule, --skip-rule, --tag)", "other files that audit.yaml names"
_OPTIONS = "another --target, --events or --refresh"
_GATE, _WAIVERS, _BASELINE = "another gate (--fail-on, --new-only)", "other waivers", "another --baseline"
_SAME = {
    _POLICIES: "the same policies",
    _RULES: "the same --rule, --skip-rule and --tag",
    _PARAMS: "the same --param",
    _AUDIT: "the same audit.yaml",
    _FILES: "the same files that audit.yaml names",
    _OPTIONS: "the same --target, --events and --refresh",
    _WAIVERS: "the same waivers",
}


def input_hashes(rules: Rules, asked: str) -> dict[str, str]:
    """Hashes that say which of what a run is begun with is another one than when it was; `asked` is `api.input_digest`'."""
    config, *files, options = asked.split(" ") if " " in asked else (asked, "")
    packs, frameworks = (pack.sha256 for pack in rules.policies.packs), rules.policies.frameworks
    return {
        _POLICIES: digest((*packs, *(framework.sha256 for framework in frameworks))),
        _RULES: digest(rule.name for rule in rules.rules),
        _PARAMS: digest(f"{key}={value}" for key, value in sorted(rules.params.items())),
        _AUDIT: config,
        _FILES: digest(files),
        _OPTIONS: options,
    }


def criteria(gate: Gate, waivers: bytes | None = None, baseline: str = "") -> dict[str, str]:
    """What a run is begun with that decides what becomes of its findings, as `given` says the rest: the gate in words, the
    sha256 of its waivers and the run that is named to compare with, each empty where there is none."""
    said = (
        (name, item if isinstance(item, str) else json.dumps(item)) for name, item in gate.plain().items()
    )
    return {
        _GATE: ", ".join(f"{name}: {text}" for name, text in said),
        _WAIVERS: "" if waivers is None else hashlib.sha256(waivers).hexdigest(),
        _BASELINE: baseline,
    }


def refuse_other(begun: InterruptedRun, now: Mapping[str, str], same: str, as_of: datetime) -> None:
    """Refuses to go on with an interrupted run otherwise than it was begun.

    Args:
        begun: the run.
        now: what it would go on with: `given` and `criteria`.
        same: the id that a run with this has, see `run_id`.
        as_of: the instant against which ages are measured.

    Raises:
        InvalidInputError: it was begun with something else.
    """
    then = {**begun.given, _AS_OF: iso(begun.as_of)}
    now = {**now, _AS_OF: iso(as_of)}
    other = [name for name, item in then.items() if now.get(name, item) != item]
    own = (same, *(f"{same}-{number}" for number in range(2, MOST_OF_A_NAME)))
    if not other and begun.name in own:
        return
    message = ", ".join(other) or "other policies, another audit.yaml or other options"
    hint = ", ".join(_as_then(name, then[name], begun) for name in other) or "what it was begun with"
    raise InvalidInputError(
        Problem(
            begun.folder.as_posix(), f"the run was begun with {message}", f"repeat {hint}; or begin a new run"
        )
    )


def _as_then(name: str, value: str, begun: InterruptedRun) -> str:
    """What a run was begun with, as it is to be repeated."""
    if name == _GATE:
        return f"the same gate ({value})"
    if name == _WAIVERS and not value:
        return "the audit without waivers"
    if name == _AS_OF:
        return f"--as-of {value}" if begun.hypothetical else "the command without --as-of"
    if name == _BASELINE:
        return f"--baseline {value}" if value else "the command without --baseline"
    return _SAME.get(name, name)
