"""A kept run judged again, offline: by what it was judged by, or by other policies, parameters, waivers, another instant."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import yamlsource
from checker.judgement.baseline import as_strict
from checker.judgement.gate import Gate
from checker.judgement.run import BaselineStatement, PreviousRuns, ReferenceRun, Run
from checker.judgement.run_evaluation import Origin, evaluate
from checker.judgement.seal import gate_of, reference_run_of
from checker.layout import AUDIT, BASELINE, HISTORY, MANIFEST, NAMED, PRIOR, RECORDS, TREND, WAIVERS
from checker.model import LONGEST, NO_RENAMES, SOON, Duration, Renames, Severity, Waiver
from checker.policy.load import Policies, load
from checker.policy.rule_selection import Rules, choose
from checker.policy.tailoring import Override, read_overrides
from checker.problems import InvalidInputError, Problem
from checker.runs.authenticity import authenticity_note
from checker.runs.run_reader import RecordedRun
from checker.snapshot.label_check import check_labels
from checker.temporary_files import result_folder
from checker.values import BadValueError, parse_duration
from checker.yaml_nodes import Node

if TYPE_CHECKING:
    from checker.waivers.limits import WaiverLimits


_TOLD = (HISTORY, PRIOR, BASELINE, NAMED)
_INPUTS = (RECORDS, *_TOLD, TREND)


@dataclass(frozen=True)
class JudgementTerms:
    """What a run was judged by: its rules, its gate, its waivers, and the run that it was compared with."""

    rules: Rules
    gate: Gate
    waivers: tuple[Waiver, ...]
    soon: Duration
    compared: ReferenceRun | None
    candidates: Mapping[str, ReferenceRun | None]


def judgement_terms(kept: RecordedRun) -> JudgementTerms:
    """What a kept run was judged by.

    Raises:
        InvalidInputError: its copies of policies, waivers or configuration cannot be read by this version.
    """
    policies = load(kept.policies)
    rules = choose(policies, configured=kept.params, only=kept.rules, changes=recorded_overrides(kept))
    compared, candidates, gate = _comparison(kept)
    try:
        soon = parse_duration(str(kept.facts.get("soon"))) if kept.facts.get("soon") else SOON
    except BadValueError as error:
        raise _damaged(kept, error) from None
    left_out = tuple(map(str, kept.facts.get("left_out", ())))
    own = recorded_waivers(kept, policies)
    return JudgementTerms(replace(rules, left_out=left_out), gate, own, soon, compared, candidates)


def _comparison(kept: RecordedRun) -> tuple[ReferenceRun | None, dict[str, ReferenceRun | None], Gate]:
    """What a run was compared with, what else it may be, and its gate."""
    try:
        others = dict(kept.facts.get("candidates") or {}).items()
        candidates = {str(name): reference_run_of(item) for name, item in others}
        return reference_run_of(kept.facts.get("baseline")), candidates, gate_of(kept.facts["gate"])
    except (KeyError, TypeError, AttributeError, ValueError, BadValueError) as error:
        raise _damaged(kept, error) from None


def _damaged(kept: RecordedRun, error: Exception) -> InvalidInputError:
    where = (kept.folder / MANIFEST).as_posix()
    return InvalidInputError(Problem(where, f"the manifest is damaged: {type(error).__name__}: {error}"))


def waiver_limits(kept: RecordedRun) -> WaiverLimits:
    """What the run's audit.yaml holds waivers to."""
    from checker.waivers.limits import WaiverLimits

    severities = {
        override.rule: override.severity for override in recorded_overrides(kept) if override.severity
    }
    longest = dict(LONGEST)
    root = _audit(kept)
    entry = root.at(("waivers", "max_duration")) if root else None
    if entry is not None and entry is not root and isinstance(entry.value, dict):
        for name, override in entry.value.items():
            if name in list(Severity) and isinstance(override.node.value, str):
                longest[Severity(name)] = parse_duration(override.node.value)
    return WaiverLimits(longest, severities)


def recorded_overrides(kept: RecordedRun) -> tuple[Override, ...]:
    """What the run's audit.yaml changed of the policies' rules."""
    root = _audit(kept)
    entry = root.value.get("rules") if root else None
    return read_overrides(entry.node, []) if entry else ()


def _audit(kept: RecordedRun) -> Node | None:
    """The run's audit.yaml, where it had one."""
    if not kept.has(AUDIT):
        return None
    root = yamlsource.read(kept.folder / AUDIT, str(kept.facts.get("audit") or AUDIT)).root
    return root if isinstance(root.value, dict) else None


def recorded_waivers(kept: RecordedRun, policies: Policies) -> tuple[Waiver, ...]:
    """The waivers of a run."""
    if not kept.has(WAIVERS):
        return ()
    from checker.waivers.file import recorded_waivers

    return recorded_waivers(kept.folder / WAIVERS, policies, str(kept.facts.get("waivers") or WAIVERS))


def replay(kept: RecordedRun, *, tool_version: str = "") -> Run:
    """A kept run as it was: every verdict is reached again from its evidence. It calls itself the work of this version of the
    checker, unless another one is given.

    Raises:
        InvalidInputError: see `terms`.
    """
    by = judgement_terms(kept)
    with result_folder() as folder:
        return evaluate(
            by.rules,
            kept.evidence,
            name=kept.audit,
            as_of=kept.as_of,
            gate=by.gate,
            waivers=by.waivers,
            soon=by.soon,
            before=PreviousRuns(by.compared, by.candidates, _trend(kept), _statements(kept), kept.authentic),
            audit_path=_audit_path(kept),
            unread_targets=int(kept.facts.get("unread_targets") or 0),
            folder=_copied(kept, folder, *_TOLD),
            origin=_origin(kept, tool_version),
        )


def rejudge(
    kept: RecordedRun,
    rules: Rules,
    *,
    as_of: datetime | None = None,
    gate: Gate | None = None,
    waivers: Sequence[Waiver] = (),
    soon: Duration = SOON,
    left_out: Sequence[str] = (),
    name: str = "",
    baseline: RecordedRun | None = None,
    baseline_stands: bool = True,
    renames: Renames = NO_RENAMES,
    audit_path: str = "",
    folder: Path | None = None,
    notes: Sequence[str] = (),
) -> Run:
    """The evidence of a kept run, judged by something else. Ages are measured against the run's own instant unless
    another one is given.

    Args:
        kept: the run.
        rules: what `choose` returned.
        as_of: another instant, which makes the run hypothetical.
        gate: which findings count.
        waivers: the findings that somebody answers for.
        soon: how long before its end a waiver is listed as ending soon.
        left_out: targets that nobody has looked at: of live evidence, they leave the run incomplete.
        name: the audit's name; that of the run unless given.
        baseline: a run to compare with; the one that the run was compared with unless given.
        baseline_stands: whether the baseline that the run had is one still.
        renames: what is called otherwise now than in the run to compare with.
        audit_path: how messages call the audit.yaml that it is judged by; as they called that of the run unless given.
        folder: a folder of a new run, which gets the evidence too; a temporary one unless given.
        notes: what else there is to say of where it is kept.
    """
    check_labels(kept.evidence.records, rules.policies.labels)
    # what the run did not look at is not in its evidence either
    before = [text for text in map(str, kept.facts.get("left_out", ())) if not text.startswith("rule ")]
    other = as_of is not None and as_of != kept.as_of
    own, authentic = _origin(kept), kept.authentic and (baseline is None or baseline.authentic)
    unsigned = () if authentic else (authenticity_note(f"Run {kept.name}"),)
    said = (*own.notes, f"The evidence of run {kept.name}, judged again.", *unsigned, *notes)
    with result_folder(folder) as where:
        _copied(kept, where, *(_INPUTS if folder else _TOLD))
        compared, candidates = _compared(kept, where, gate, baseline, renames, stands=baseline_stands)
        return evaluate(
            rules,
            kept.evidence,
            name=name or kept.audit,
            as_of=as_of or kept.as_of,
            gate=gate,
            waivers=waivers,
            soon=soon,
            left_out=(*before, *left_out),
            # recorded answers are of no target that audit.yaml names
            unread_targets=len(left_out) if kept.evidence.source == "live" else 0,
            before=PreviousRuns(compared, candidates, _trend(kept), authentic=authentic),
            audit_path=audit_path or _audit_path(kept),
            folder=where,
            origin=Origin(other or own.hypothetical, own.botocore_version, said, kept.name),
        )


def _compared(
    kept: RecordedRun,
    folder: Path,
    gate: Gate | None,
    baseline: RecordedRun | None,
    renames: Renames,
    *,
    stands: bool,
) -> tuple[ReferenceRun | None, dict[str, ReferenceRun | None]]:
    """The run to compare with where evidence is judged again, whose findings are put into the folder, and what else it may be."""
    from checker.evaluation.open_findings import write_open_findings
    from checker.judgement.previous_runs import reference_run, run_findings

    compared, candidates, was = _comparison(kept)
    if baseline is not None:
        write_open_findings(run_findings(baseline, PRIOR), folder / NAMED, renames)
        compared = reference_run(baseline, "named")
    elif gate is not None and not (compared and compared.named):
        if gate.new_only != was.new_only:
            compared = candidates.get("baseline" if gate.new_only else "last")
        # the baseline of then passed the gate of then
        if gate.new_only and not (stands and as_strict(kept.facts, gate)):
            compared = None
    return compared, candidates


def _copied(kept: RecordedRun, folder: Path, *names: str) -> Path:
    """The folder, with files of a run: a run folder itself is never written to."""
    for name in names:
        if kept.has(name):
            shutil.copyfile(kept.folder / name, folder / name)
    return folder


def _origin(kept: RecordedRun, tool_version: str = "") -> Origin:
    facts = kept.facts
    return Origin(
        bool(facts.get("hypothetical")),
        str(facts.get("botocore_version", "")),
        tuple(map(str, facts.get("notes", ()))),
        str(facts.get("replay_of") or ""),
        tool_version,
    )


def _statements(kept: RecordedRun) -> tuple[BaselineStatement, ...]:
    named = kept.facts.get("statements")
    every = named if isinstance(named, list) else ()
    return tuple(
        BaselineStatement(**total)
        for total in every
        if isinstance(total, dict) and set(total) == {*BaselineStatement._fields}
    )


def _trend(kept: RecordedRun) -> tuple[Mapping[str, Any], ...]:
    return tuple(json.loads((kept.folder / TREND).read_bytes())) if kept.has(TREND) else ()


def _audit_path(kept: RecordedRun) -> str:
    return str(kept.facts.get("audit") or "")
