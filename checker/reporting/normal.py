"""The normal form, from which every other format is derived (docs/results-1.schema.json describes it)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from typing import Any

from checker import values
from checker.audit.gate import Total
from checker.audit.run import Judged, Run, Unread
from checker.model import Change, Duration, Finding, Framework, Gap, Numbers, Pack, Rule, Subject, Tally
from checker.reporting import looking_back, wording
from checker.reporting.controls import ControlResult, FrameworkResult, control_results
from checker.snapshot.datastore_coverage import Reached

SCHEMA = "imageset-checker/results/1"


def header(run: Run) -> dict[str, Any]:
    """The members `schema`, `run` and `summary`."""
    return {"schema": SCHEMA, "run": _run(run), "summary": _summary(run)}


def finding(one: Finding, as_of: datetime) -> dict[str, Any]:
    """A fail or an unknown of a run at an instant."""
    subject = one.subject
    return {
        "id": finding_id(one.rule, subject),
        "rule": one.rule.id,
        "pack": one.rule.pack,
        "severity": one.rule.severity.value,
        "verdict": one.verdict.value,
        "waived": one.waived,
        "waiver": looking_back.brief(one.waiver) if one.waiver else None,
        "new": one.new,
        "change": one.change.value if one.change else None,
        "causes": list(one.causes),
        **first_seen(one, as_of),
        "gated": one.gated,
        **_subject(subject),
        "scope": one.rule.scope,
        "reason": one.reason,
        **answers(one),
        "message": one.message,
        "observed": {path: plain(value) for path, value in one.observed.items()},
        "where": str(one.rule.where),
    }


def first_seen(one: Finding, as_of: datetime) -> dict[str, Any]:
    """Since when it is one."""
    first = one.first_seen
    return {
        "first_seen": values.iso(first) if first else None,
        "first_seen_run": one.first_run,
        "age_days": wording.age_days(first, as_of) if first else None,
    }


def answers(one: Finding) -> dict[str, Any]:
    """What a verdict rests on."""
    return {
        "calls": list(one.calls),
        "collectedAt": values.iso(one.collected_at) if one.collected_at else None,
        "reusedFrom": one.reused_from,
    }


def unreadable(one: Unread) -> dict[str, Any]:
    """An image set that could not be read, with the error's code and message."""
    return {**_subject(one.subject), "code": one.code, "message": one.message, "gated": one.gated}


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


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "target": subject.target,
        "account": subject.account,
        "region": subject.region,
        "datastoreId": subject.datastore_id,
        "imageSetId": subject.image_set_id,
        "versionId": None if subject.version_id is None else str(subject.version_id),
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "as_of": values.iso(run.as_of),
        "hypothetical": run.hypothetical,
        "tool_version": run.tool_version,
        "botocore_version": run.botocore_version,
        "source": run.source,
        "gate": run.gate.plain(),
        "policies": [_policy(pack) for pack in run.packs],
        "mappings": [_mapping(one) for one in run.frameworks],
        "changes": [_change(one) for one in run.changes],
        "params": dict(run.params),
        "identities": dict(run.identities),
        "calls": dict(run.calls),
        "traffic": dict(run.traffic) or None,
        "claims": list(run.claims),
        "searched": list(run.searched),
        "replay_of": run.replay_of or None,
        "waivers": [looking_back.waiver(one, run) for one in run.waivers],
        "left_out": list(run.left_out),
        "notes": wording.caveats(run),
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


def _mapping(one: Framework) -> dict[str, Any]:
    return {
        "framework": one.key,
        "title": one.title,
        "path": one.path,
        "sha256": one.sha256,
        "source": one.source,
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "pack": one.rule.pack,
        "what": one.what,
        "reason": one.reason,
        "controls": wording.controls(one.rule),
        "where": str(one.where),
    }


def _framework(one: FrameworkResult) -> dict[str, Any]:
    framework = one.framework
    return {
        "framework": framework.key,
        "title": framework.title,
        "source": framework.source,
        "note": framework.note,
        "controls": [_control(control) for control in one.controls],
        "not_shown": list(one.not_shown),
    }


def _control(one: ControlResult) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "state": one.state.value,
        "reasons": list(one.reasons),
        "not_loaded": list(one.unloaded),
        "rules": [
            {
                "rule": mapped.rule.id,
                "pack": mapped.rule.pack,
                "state": mapped.state,
                "subjects": mapped.tally.subjects,
                **counts(mapped.tally),
                "does_not_prove": mapped.control.does_not_prove,
            }
            for mapped in one.rules
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
        "answered_by": dict(run.answered_by),
        "moved": asdict(run.moved) if run.moved else None,
        "since": looking_back.since_plain(run, run.change),
        **counts(run.total),
        "severities": [_total(one) for one in run.totals],
        "targets": [_target(one) for one in run.reached],
        "rules": [_rule(judged) for judged in run.judged],
        "controls": [_framework(one) for one in control_results(run)],
    }


def _total(one: Total) -> dict[str, Any]:
    return {
        "severity": one.severity.value,
        "fail": one.fail,
        "unknown": one.unknown,
        "waived": one.waived,
        "gated": {"fail": one.gated_fail, "unknown": one.gated_unknown},
    }


def _target(one: Reached) -> dict[str, Any]:
    return {
        "target": one.target,
        "account": one.account,
        "account_name": one.account_name or None,
        "region": one.region,
        "datastoreId": one.datastore,
        "datastore_name": one.name or None,
        "image_sets": one.image_sets,
        "evaluated": one.image_sets - one.unreadable,
        "not_found": one.not_found,
        "unreadable": one.unreadable,
        **{kind: one.verdicts.get(kind, 0) for kind in ("fail", "waived", "unknown")},
    }


def _rule(judged: Judged) -> dict[str, Any]:
    rule, tally = judged.rule, judged.tally
    return {
        "id": rule.id,
        "pack": rule.pack,
        "title": rule.title,
        "severity": rule.severity.value,
        "scope": rule.scope,
        "subjects": tally.subjects,
        **counts(tally),
        "expected": wording.expected(rule),
        "why": rule.why,
        "fix": rule.fix,
        "caveat": rule.caveat,
        "controls": wording.controls(rule),
        "tags": list(rule.tags),
        "where": str(rule.where),
    }
