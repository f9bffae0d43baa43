"""Evidence to a run: the snapshot, the verdicts, and what the gate makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from checker.fields import model
from checker.instants import iso
from checker.judgement.change_summary import change_sentence
from checker.judgement.gate import Gate, Ruling, Tallies, UnreadSets, judge
from checker.judgement.gate_text import sentence
from checker.judgement.run import Criteria, PreviousRuns, Provenance, RuleResult, Run
from checker.layout import FINDINGS, HISTORY
from checker.model import SOON, Coverage, Drift, Duration, Tally, Waiver, utc_now
from checker.policy.rule_selection import Rules
from checker.runs.evidence import Evidence, digest
from checker.snapshot.attestations import attestations, force_flag_remark, search_complete_targets
from checker.snapshot.datastore_coverage import datastore_coverage
from checker.snapshot.drift import drift
from checker.snapshot.record_table import record_table
from checker.snapshot.writer import answered_by, write_tables
from checker.waivers.status import assess_waivers

if TYPE_CHECKING:
    from checker.evaluation.change_totals import ChangeSince
    from checker.waivers.usage import Usage


@dataclass(frozen=True, slots=True)
class Origin:
    """What a kept run says of itself that no evaluation shows; `replay_of` is the run whose evidence is judged again, and
    `tool_version` that of the checker which the run is the work of, where it is another one."""

    hypothetical: bool
    botocore_version: str
    notes: tuple[str, ...]
    replay_of: str = ""
    tool_version: str = ""


def evaluate(
    rules: Rules,
    evidence: Evidence,
    *,
    name: str = "",
    as_of: datetime | None = None,
    gate: Gate | None = None,
    waivers: Sequence[Waiver] = (),
    soon: Duration = SOON,
    left_out: Sequence[str] = (),
    unread_targets: int = 0,
    before: PreviousRuns = PreviousRuns(),  # noqa: B008 - frozen
    audit_path: str = "",
    started: datetime | None = None,
    folder: Path | None = None,
    origin: Origin | None = None,
) -> Run:
    """Judges evidence: the findings, the tallies and what the gate makes of them.

    Args:
        rules: what `choose` returned.
        evidence: what `collect`, `recorded` or `reopen` returned.
        name: the audit's name.
        as_of: the instant against which ages are measured; another one than the start is labelled hypothetical.
        gate: which findings count; every fail from low on unless given.
        waivers: what `waivers` returned: the findings that somebody answers for.
        soon: how long before its end a waiver is listed as ending soon.
        left_out: what the report lists as not looked at, beside the rules that were not chosen.
        unread_targets: how many targets nobody has read, beside those of which the evidence says so.
        before: what is known of earlier runs: `past(...).told`; `remember` put their findings beside the evidence.
        audit_path: how messages call the audit.yaml of the run.
        started: the start of the run; now unless given.
        folder: where the snapshot and the findings go; beside the evidence unless given.
        origin: of a kept run, what it said of itself.
    """
    moment = as_of or started or utc_now()
    where = folder or _free(evidence.folder)
    skipped = (*rules.left_out, *left_out)
    # a replay has its own history beside its tables
    history = next(filter(Path.exists, (place / HISTORY for place in (where, evidence.folder))), None)
    with record_table(evidence.records) as records:
        coverage = write_tables(records, where, rules.policies.labels, rules.needs)
        moved = drift(records, history)
    coverage = replace(coverage, unreadable_targets=coverage.unreadable_targets + unread_targets)
    tallies, used, change = _judged(rules, where, moment, waivers, before)
    pairs = [(rule.severity, tally) for rule, tally in zip(rules.rules, tallies, strict=True)]
    unread = _unread(where, coverage)
    ruling = judge(gate or Gate(), pairs, coverage, unread, interrupted=evidence.interrupted)
    origin = origin or Origin(
        as_of is not None, model().botocore_version, _notes(evidence, where, before.store_notes)
    )
    return Run(
        id=run_id(rules, evidence.digest, moment),
        name=name,
        as_of=moment,
        hypothetical=origin.hypothetical,
        tool_version=origin.tool_version or _version(),
        criteria=_criteria(rules, skipped, audit_path, soon),
        provenance=_provenance(evidence, where, origin, moved),
        judged=tuple(RuleResult(rule, tally) for rule, tally in zip(rules.rules, tallies, strict=True)),
        coverage=coverage,
        ruling=ruling,
        sentence=_sentences(ruling, pairs, coverage, before, change),
        folder=where,
        notes=(*origin.notes, *before.notes),
        waivers=assess_waivers(waivers, used, moment, soon, skipped, interrupted=evidence.interrupted),
        before=before,
        change=change,
        unread_counts=unread,
        unread_targets=unread_targets,
    )


def _notes(evidence: Evidence, where: Path, more: Sequence[str]) -> tuple[str, ...]:
    """The notes of evidence, and what its tables show beside them; evidence that is judged again may have that already."""
    left_out = filter(None, [model().remark])
    return tuple(dict.fromkeys((*evidence.notes, *more, *left_out, *force_flag_remark(where))))


def _sentences(
    ruling: Ruling, tallies: Tallies, coverage: Coverage, before: PreviousRuns, change: ChangeSince | None
) -> str:
    gated = sentence(ruling, tallies, coverage, compared=change is not None)
    changed = change_sentence(before, change, ruling.gate)
    return f"{gated} {changed}" if changed else gated


def _criteria(rules: Rules, left_out: tuple[str, ...], audit_path: str, soon: Duration) -> Criteria:
    policies = rules.policies
    return Criteria(
        policies.packs, rules.params, rules.changes, rules.shortfalls, policies.frameworks, left_out, audit_path, soon
    )  # fmt: skip


def _judged(
    rules: Rules, where: Path, moment: datetime, waivers: Sequence[Waiver], before: PreviousRuns
) -> tuple[tuple[Tally, ...], dict[int, Usage], ChangeSince | None]:
    """The tallies of the rules, how waivers are used, and what changed since the run compared with."""
    from checker.evaluation.change_totals import change_since
    from checker.evaluation.engine import evaluate as run
    from checker.evaluation.finding_change import record_change
    from checker.waivers.usage import usage

    labels = rules.policies.labels
    reference = before.compared.reference(where) if before.compared else None
    tallies = run(rules.rules, where, moment, waivers, labels)
    tallies = record_change(where, rules.rules, moment, reference, tallies)
    used = usage(where, rules.rules, waivers, moment, labels)
    return tallies, used, change_since(where, rules.rules, reference) if reference else None


def _unread(where: Path, coverage: Coverage) -> UnreadSets:
    """What rules say of the image sets that could not be read."""
    if not coverage.unreadable:
        return {}
    from checker.evaluation.unreadable_sets import count_unreadable

    return count_unreadable(where)


def _provenance(evidence: Evidence, where: Path, origin: Origin, drift: Drift | None) -> Provenance:
    """Where the evidence comes from whose tables are in a folder."""
    return Provenance(
        source=evidence.source,
        botocore_version=origin.botocore_version,
        inputs=evidence.digest,
        replay_of=origin.replay_of,
        identities=evidence.identities,
        names=evidence.names,
        reached=datastore_coverage(where, evidence.names),
        calls=evidence.calls,
        traffic=evidence.traffic,
        answered_by=answered_by(where),
        drift=drift,
        interrupted=evidence.interrupted,
        claims=attestations(where, evidence.deletions_known_since),
        deletions_known_since=evidence.deletions_known_since,
        searched=search_complete_targets(where),
    )


def _free(folder: Path) -> Path:
    """The folder of evidence; one in it where it holds findings already."""
    return Path(mkdtemp(dir=folder)) if (folder / FINDINGS).exists() else folder


def run_id(rules: Rules, asked: str, as_of: datetime) -> str:
    """as_of and a hash of the inputs: the same audit has the same id, on whatever machine."""
    stamp = iso(as_of.replace(microsecond=0)).replace("-", "").replace(":", "")
    names = (rule.name for rule in rules.rules)
    packs = (pack.sha256 for pack in rules.policies.packs)
    params = (f"{key}={value}" for key, value in sorted(rules.params.items()))
    changes = (f"{change.rule.name}: {change.what}: {change.reason}" for change in rules.changes)
    frameworks = (framework.sha256 for framework in rules.policies.frameworks)
    return f"{stamp}-{digest((iso(as_of), asked, *packs, *names, *params, *changes, *frameworks))}"


def _version() -> str:
    from checker import __version__

    return __version__
