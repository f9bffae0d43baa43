"""The normal form, from which every other format is derived (docs/results-1.schema.json describes it)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from typing import Any

from checker import instants, values
from checker.judgement.gate import SeverityTotal
from checker.judgement.run import RuleResult, Run, UnreadableImageSet
from checker.model import Duration, Finding, Framework, Gap, Numbers, Pack, Rule, Subject, Tailoring, Tally
from checker.reporting import change, condition_text, finding_text, run_text, waivers
from checker.reporting.control_matrix import ControlResult, FrameworkResult, control_results
from checker.snapshot.datastore_coverage import DatastoreCoverage

SCHEMA = "imageset-checker/results/1"


def header(run: Run, *, show_phi: bool = False) -> dict[str, Any]:
    """The members `schema`, `run` and `summary`."""
    return {"schema": SCHEMA, "run": _run(run, show_phi=show_phi), "summary": _summary(run)}


def findings(run: Run, *, show_phi: bool = False) -> Iterator[dict[str, Any]]:
    """The fails and unknowns of a run, the worst first."""
    owners = {pack.name: pack.owner for pack in run.criteria.packs}
    controls = {result.rule.name: finding_text.controls(result.rule) for result in run.judged}
    for item in run.findings(show_phi=show_phi):
        own = {"controls": controls[item.rule.name], "owner": _owner(item, owners)}
        yield _finding(item, run.as_of, own)


def unread(run: Run) -> Iterator[dict[str, Any]]:
    """The image sets of a run that could not be read."""
    return map(_unreadable, run.unread())


def _owner(item: Finding, owners: Mapping[str, str]) -> str | None:
    """Who answers for a finding: the owner of the waiver that covers it, else that of the rule's pack."""
    return item.waiver.owner if item.waived and item.waiver else owners.get(item.rule.pack) or None


def _finding(item: Finding, as_of: datetime, own: Mapping[str, Any]) -> dict[str, Any]:
    subject = item.subject
    return {
        "id": finding_id(item.rule, subject),
        "rule": item.rule.id,
        "pack": item.rule.pack,
        "title": item.rule.title,
        "severity": item.rule.severity.value,
        "verdict": item.verdict.value,
        "waived": item.waived,
        "waiver": waivers.brief(item.waiver) if item.waiver else None,
        "new": item.new,
        "change": item.change.value if item.change else None,
        "causes": list(item.causes),
        **first_seen(item, as_of),
        "gated": item.gated,
        **subject_members(subject),
        "arn": item.arn,
        "scope": item.rule.scope,
        **own,
        "reason": item.reason,
        **answers(item),
        "message": item.message,
        "observed": {path: plain(value) for path, value in item.observed.items()},
        "where": str(item.rule.where),
    }


def first_seen(item: Finding, as_of: datetime) -> dict[str, Any]:
    """Since when it is one."""
    first = item.first_seen
    return {
        "first_seen": instants.iso(first) if first else None,
        "first_seen_run": item.first_run,
        "age_days": finding_text.age_days(first, as_of) if first else None,
    }


def answers(item: Finding) -> dict[str, Any]:
    """What a verdict rests on."""
    return {
        "calls": list(item.calls),
        "collectedAt": instants.iso(item.collected_at) if item.collected_at else None,
        "reusedFrom": item.reused_from,
    }


def _unreadable(image_set: UnreadableImageSet) -> dict[str, Any]:
    """An image set that could not be read, with the error's code and message."""
    return {
        **subject_members(image_set.subject),
        "code": image_set.code,
        "message": image_set.message,
        "gated": image_set.gated,
    }


def finding_id(rule: Rule, subject: Subject) -> str:
    """A stable name for a rule's verdict on a subject: free of severity, message and time.

    The version is part of it only where one is pinned or the rule judges every version, so that a finding keeps its
    name when the image set moves on.
    """
    version = subject.version_id if subject.exact else None
    # as JSON, so that no two different subjects give the same text
    identity = [rule.name, subject.target, subject.datastore_id, subject.image_set_id, version]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def plain(value: object) -> object:
    """A value as JSON holds it: booleans, numbers and null as they are, what an aggregate came to as an object,
    anything else as text."""
    if isinstance(value, Numbers):
        return value.plain()
    if isinstance(value, Gap):
        return None
    return values.show(value) if isinstance(value, datetime | Duration | Fraction) else value


def counts(tally: Tally) -> dict[str, int]:
    """The five verdict counts, under the names that results use."""
    return {
        "pass": tally.passed,
        "fail": tally.fail,
        "waived": tally.waived,
        "unknown": tally.unknown,
        "unknown_waived": tally.unknown_waived,
        "not_applicable": tally.not_applicable,
    }


def subject_members(subject: Subject) -> dict[str, Any]:
    """Where a subject is, and what it is, by the names that AWS's API has for that."""
    return {
        "target": subject.target,
        "account": subject.account,
        "region": subject.region,
        "datastoreId": subject.datastore_id,
        "imageSetId": subject.image_set_id,
        "versionId": None if subject.version_id is None else str(subject.version_id),
    }


def _run(run: Run, *, show_phi: bool) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "as_of": instants.iso(run.as_of),
        "hypothetical": run.hypothetical,
        "tool_version": run.tool_version,
        "botocore_version": run.provenance.botocore_version,
        "source": run.provenance.source,
        "gate": run.gate.plain(),
        "policies": [_policy(pack) for pack in run.criteria.packs],
        "mappings": [_mapping(framework) for framework in run.criteria.frameworks],
        "changes": [_change(item) for item in run.criteria.changes],
        "params": dict(run.criteria.params),
        "identities": dict(run.provenance.identities),
        "calls": dict(run.provenance.calls),
        "traffic": dict(run.provenance.traffic) or None,
        "claims": list(run.provenance.claims),
        "searched": list(run.provenance.searched),
        "replay_of": run.provenance.replay_of or None,
        "waivers": [waivers.document(use, run) for use in run.waivers],
        "left_out": list(run.criteria.left_out),
        "notes": run_text.caveats(run, show_phi=show_phi),
    }


def _policy(pack: Pack) -> dict[str, Any]:
    texts = ("revision", "owner", "approved_by", "review_by")
    return {
        "path": pack.path,
        "sha256": pack.sha256,
        "pack": pack.name,
        "title": pack.title,
        **{name: getattr(pack, name) for name in texts if getattr(pack, name)},
    }


def _mapping(framework: Framework) -> dict[str, Any]:
    return {
        "framework": framework.key,
        "title": framework.title,
        "path": framework.path,
        "sha256": framework.sha256,
        "source": framework.source,
    }


def _change(item: Tailoring) -> dict[str, Any]:
    return {
        "rule": item.rule.id,
        "pack": item.rule.pack,
        "what": item.what,
        "reason": item.reason,
        "controls": finding_text.controls(item.rule),
        "where": str(item.where),
    }


def _framework(framework_result: FrameworkResult) -> dict[str, Any]:
    framework = framework_result.framework
    return {
        "framework": framework.key,
        "title": framework.title,
        "source": framework.source,
        "note": framework.note,
        "controls": [_control(control) for control in framework_result.controls],
        "not_shown": list(framework_result.not_shown),
    }


def _control(control_result: ControlResult) -> dict[str, Any]:
    return {
        "id": control_result.id,
        "title": control_result.title,
        "state": control_result.state.value,
        "reasons": list(control_result.reasons),
        "not_loaded": list(control_result.unloaded),
        "rules": [
            {
                "rule": mapped.rule.id,
                "pack": mapped.rule.pack,
                "state": mapped.state,
                "subjects": mapped.tally.subjects,
                **counts(mapped.tally),
                "does_not_prove": mapped.control.does_not_prove,
            }
            for mapped in control_result.rules
        ],
    }


def _summary(run: Run) -> dict[str, Any]:
    coverage = run.coverage
    return {
        "outcome": run.outcome.value,
        "exit_code": run.outcome.exit_code,
        "sentence": run.sentence,
        "complete": run.complete,
        "image_sets": coverage.expected,
        "evaluated": coverage.evaluated,
        "not_found": coverage.not_found,
        "unreadable": coverage.unreadable,
        "unreadable_targets": coverage.unreadable_targets,
        "unlisted_targets": coverage.unlisted_targets,
        "versions_unread": coverage.versions_unread,
        "unreadable_gated": run.ruling.unread,
        "answered_by": dict(run.provenance.answered_by),
        "moved": asdict(run.provenance.drift) if run.provenance.drift else None,
        "since": change.document(run),
        **counts(run.total),
        "gated": asdict(run.counted),
        "severities": [_total(total) for total in run.totals],
        "targets": [_target(item) for item in run.provenance.reached],
        "rules": [_rule(judged) for judged in run.judged],
        "controls": [_framework(framework_result) for framework_result in control_results(run)],
    }


def _total(total: SeverityTotal) -> dict[str, Any]:
    return {
        "severity": total.severity.value,
        "fail": total.fail,
        "unknown": total.unknown,
        "waived": total.waived,
        "pass": total.passed,
        "not_applicable": total.not_applicable,
        "gated": {"fail": total.gated_fail, "unknown": total.gated_unknown},
    }


def _target(store: DatastoreCoverage) -> dict[str, Any]:
    return {
        "target": store.target,
        "account": store.account,
        "account_name": store.account_name or None,
        "region": store.region,
        "datastoreId": store.datastore,
        "datastore_name": store.name or None,
        "image_sets": store.image_sets,
        "evaluated": store.image_sets - store.unreadable,
        "not_found": store.not_found,
        "unreadable": store.unreadable,
        "unlisted": store.unlisted,
        **{kind: store.verdicts.get(kind, 0) for kind in ("fail", "waived", "unknown")},
    }


def _rule(judged: RuleResult) -> dict[str, Any]:
    rule, tally = judged.rule, judged.tally
    return {
        "id": rule.id,
        "pack": rule.pack,
        "title": rule.title,
        "severity": rule.severity.value,
        "scope": rule.scope,
        "subjects": tally.subjects,
        **counts(tally),
        "expected": condition_text.expected(rule),
        "why": rule.why,
        "fix": rule.fix,
        "caveat": rule.caveat,
        "controls": finding_text.controls(rule),
        "tags": list(rule.tags),
        "where": str(rule.where),
    }
