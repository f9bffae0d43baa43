"""A run onto disk: what stands beside the evidence, and what the manifest says of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from checker.instants import iso
from checker.judgement.gate import Gate
from checker.judgement.run import Kind, ReferenceRun, RuleResult, Run
from checker.layout import MAPPINGS, POLICIES, TREND, WAIVERS
from checker.model import Acceptance, ChangeNumbers, Pack, Severity, Tally
from checker.policy.parameter_values import bound_values
from checker.policy.policy_files import shipped_files
from checker.policy.rule_digest import rule_digest
from checker.problems import InvalidInputError, Problem
from checker.runs import run_folder
from checker.runs.run_reader import as_json
from checker.values import parse_ratio, parse_time


def write_terms(
    run: Run,
    folder: Path,
    files: Mapping[str, bytes],
    reports: Iterable[tuple[str, str]] = (),
    *,
    signed: bool = False,
) -> dict[str, Any]:
    """Puts beside a run's evidence what it was judged by, and the reports; what the manifest is to say of it.

    Args:
        run: a run whose evidence is in the folder.
        folder: the run folder.
        files: what else the run was judged by, by name: audit.yaml, waivers.yaml, events.
        reports: formats and paths of reports to copy into it; what is no regular file is left out.
        signed: whether the run is going to be.

    Raises:
        InvalidInputError: the run has waivers, and the file that they are of is not among its files; or it is to be signed,
            and nobody has authenticated what it takes from earlier runs.
        RunFolderError: something could not be written.
    """
    if run.waivers and WAIVERS not in files:
        message = "the run has waivers, and their file is not kept with it: it could not be judged again"
        raise InvalidInputError(Problem(run.name, message, f'add it: files={{"{WAIVERS}": its bytes}}'))
    if signed and not run.before.authentic:
        message = "it rests on runs that nobody has authenticated, so that it is not signed"
        raise InvalidInputError(Problem(run.name, message, "give `past` and `reopen` the keys: `keys_of`"))
    for pack in run.criteria.packs:
        run_folder.add_file(folder, f"{POLICIES}{pack.name}.yaml", pack.source)
    for framework in run.criteria.frameworks:
        run_folder.add_file(folder, f"{MAPPINGS}{framework.key}.yaml", framework.content)
    for name, content in files.items():
        run_folder.add_file(folder, name, content)
    if run.trend:
        run_folder.add_file(folder, TREND, (json.dumps(list(run.trend), indent=1) + "\n").encode())
    for name, path in reports:
        run_folder.copy_file(folder, f"reports/{name}", Path(path))
    return manifest_facts(run, folder.name)


def manifest_facts(run: Run, name: str) -> dict[str, Any]:
    """What the manifest of a run says, but for its files and its place among others."""
    return {
        "run": name,
        "name": run.name,
        "as_of": iso(run.as_of),
        "hypothetical": run.hypothetical,
        "source": run.provenance.source,
        "replay_of": run.provenance.replay_of or None,
        "tool_version": run.tool_version,
        "botocore_version": run.provenance.botocore_version,
        "outcome": run.outcome.value,
        "exit_code": run.outcome.exit_code,
        "sentence": run.sentence,
        "policies": [_policy(pack) for pack in run.criteria.packs],
        "frameworks": [
            {"framework": framework.key, "path": framework.path, "sha256": framework.sha256}
            for framework in run.criteria.frameworks
        ],
        "rules": [rule_result.rule.name for rule_result in run.judged],
        "params": _values(run),
        "audit": run.criteria.audit_path or None,
        "waivers": next((use.waiver.where.path for use in run.waivers), None),
        "gate": run.gate.plain(),
        "soon": as_json(run.criteria.soon),
        "left_out": list(run.criteria.left_out),
        "unread_targets": run.unread_targets,
        "notes": list(run.notes),
        "claims": list(run.provenance.claims),
        "deletions_known_since": iso(since) if (since := run.provenance.deletions_known_since) else None,
        "phi": list(run.dicom),
        "inputs": run.provenance.inputs,
        "identities": dict(run.provenance.identities),
        "names": {kind: dict(found) for kind, found in run.provenance.names.items()},
        "calls": dict(run.provenance.calls),
        "traffic": dict(run.provenance.traffic),
        "summary": summary(run),
        "change_by_severity": change_by_severity(run.change.numbers) if run.change else None,
        "baseline": _compared(run.compared),
        "statements": [acceptance._asdict() for acceptance in run.before.statements],
        "candidates": {name: _compared(item) for name, item in run.before.candidates.items()},
    }


def _compared(run: ReferenceRun | None) -> dict[str, Any] | None:
    """A run that another one is compared with, and who accepted it."""
    if run is None:
        return None
    said = run.acceptance
    return {
        "run": run.run,
        "as_of": iso(run.as_of),
        "sha256": run.sha256,
        "kind": run.kind,
        "accepted": {**asdict(said), "at": iso(said.at)} if said else None,
    }


def reference_run_of(plain: Mapping[str, Any] | None) -> ReferenceRun | None:
    """The run to compare with that a manifest names.

    Raises:
        KeyError, ValueError, TypeError, BadValueError: it names none.
    """
    if plain is None:
        return None
    said = plain.get("accepted")
    acceptance = Acceptance(**{**said, "at": parse_time(said["at"])}) if said else None
    if plain["kind"] not in get_args(Kind):
        raise ValueError(plain["kind"])
    return ReferenceRun(
        str(plain["run"]), parse_time(plain["as_of"]), str(plain["sha256"]), plain["kind"], acceptance
    )


def _policy(pack: Pack) -> dict[str, Any]:
    """A pack, and whether it is one of those that come with the checker."""
    own = shipped_files().get(pack.name)
    return {
        "pack": pack.name,
        "path": pack.path,
        "revision": pack.revision,
        "sha256": pack.sha256,
        "shipped": own is not None and pack.source == own.read_bytes(),
    }


def summary(run: Run) -> dict[str, Any]:
    """The numbers of a run: what was read, and its verdicts by rule and by severity."""
    severities: dict[Severity, Tally] = {}
    since = run.change
    for rule_result in run.judged:
        severities[rule_result.rule.severity] = (
            severities.get(rule_result.rule.severity, Tally()) + rule_result.tally
        )
    return {
        "coverage": asdict(run.coverage),
        "rules": [_rule(rule_result) for rule_result in run.judged],
        "severities": {item.value: asdict(tally) for item, tally in sorted(severities.items())},
        "change": {item.value: number for item, number in since.numbers.totals.items()} if since else None,
        "oldest": iso(oldest) if (oldest := run.oldest) else None,
    }


def change_by_severity(numbers: ChangeNumbers) -> dict[str, dict[str, int]]:
    """How many findings of which severity became what since the run compared with; those that there are."""
    return {
        severity.value: {category.value: number for category, number in own.items() if number}
        for severity, own in numbers.severities.items()
    }


def gate_of(plain: Mapping[str, Any]) -> Gate:
    """The gate that a manifest names.

    Raises:
        KeyError, ValueError, TypeError: it names none.
    """
    word, least = plain["fail_on"], plain.get("min_coverage")
    return Gate(
        None if word == "never" else Severity(word),
        plain["on_unknown"],
        bool(plain.get("new_only")),
        {Severity(item): int(number) for item, number in plain.get("max", {}).items()},
        None if least is None else parse_ratio(str(least)),
    )


def _rule(rule_result: RuleResult) -> dict[str, Any]:
    """A rule with its numbers, and by which definition it judged what."""
    rule = rule_result.rule
    asked = {
        "rule": rule.name,
        "severity": rule.severity.value,
        "scope": rule.scope,
        "definition": rule_digest(rule),
    }
    return {**asked, **asdict(rule_result.tally)}


def _values(run: Run) -> dict[str, object]:
    """The values of the parameters of a run's rules, by full name."""
    written = {rule.name: rule for pack in run.criteria.packs for rule in pack.rules}
    return {
        f"{rule_result.rule.name if name in rule_result.rule.params else rule_result.rule.pack}.{name}": as_json(
            value
        )
        for rule_result in run.judged
        for name, value in bound_values(written[rule_result.rule.name], rule_result.rule).items()
    }


def trend_point(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a later run keeps of an earlier one, to show how its numbers went: the run, its instant and its summary."""
    kept = ("run", "as_of", "hypothetical", "outcome", "sealed_at", "summary", "change_by_severity")
    return {name: facts[name] for name in kept if name in facts}
