"""Why a verdict is as it is: asked of the service, of recorded answers, or of a kept run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from checker.fields import SUPERSEDED_BY
from checker.file_modes import private
from checker.model import Param, Target, utc_now
from checker.policy.load import Policies, load
from checker.policy.rule_selection import Rules, choose, param_text, rule_names
from checker.problems import InvalidInputError, Problem, suggest
from checker.reporting.explanation import ExplainedVerdicts
from checker.runs.evidence import Evidence
from checker.workflow import options, stages
from checker.workflow.audit_options import ExplainOptions
from checker.workflow.comparison import Warn, ignore
from checker.workflow.run_lookup import find
from checker.workflow.stages import collect, explain, recorded

if TYPE_CHECKING:
    from checker.config import AuditConfig

_ID = re.compile(r"[0-9a-z]{32}")


@dataclass(frozen=True)
class _Ready:
    """What is explained, and where the values of parameters come from."""

    rules: Rules
    evidence: Evidence
    as_of: datetime
    sources: Mapping[str, str]


@private()
def explain_verdicts(asked: ExplainOptions, warn: Warn = ignore) -> ExplainedVerdicts:
    """Why a rule judges an image set, a version of it, or a data store as it does: asked of the service, or of recorded answers
    or a kept run.

    Args:
        asked: which rule and subject, and what is looked at.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: options that do not go together, or there is no such rule or subject.
    """
    _refuse(asked)
    ready = (_kept if asked.evidence else _recorded if asked.image_sets else _live)(asked, warn)
    with ready.evidence as evidence:
        found = explain(
            ready.rules,
            evidence,
            asked.subject,
            as_of=ready.as_of,
            only=asked.targets,
            show_phi=asked.show_phi,
        )
    return ExplainedVerdicts(found, ready.rules.policies.packs, ready.sources)


def _refuse(asked: ExplainOptions) -> None:
    problems = []
    if asked.evidence:
        problems += [
            Problem(flag, "does not go with --evidence, which has its own")
            for flag, given in (
                ("-c", asked.config),
                ("-p", asked.policies),
                ("--image-sets", asked.image_sets),
            )
            if given
        ]
    if asked.policies and asked.config:
        problems.append(Problem("-p", "audit.yaml names its own policies", "leave out -p or -c"))
    if asked.policies and not asked.image_sets and not asked.evidence:
        problems.append(Problem("-p", "policies alone say nothing of an image set", "add --image-sets FILE"))
    if asked.image_sets and not asked.policies and not asked.config:
        problems.append(Problem("--image-sets", "no policy to judge them by", "add -p POLICY"))
    if asked.complete and not asked.image_sets:
        problems.append(Problem("--complete", "goes with --image-sets"))
    if problems:
        raise InvalidInputError(problems)


def _kept(asked: ExplainOptions, warn: Warn) -> _Ready:
    """The evidence of a run folder, judged by the policies and the values in it."""
    assert asked.evidence is not None
    _, kept = find(asked.evidence)
    policies = load(kept.policies)
    given = options.params(asked)
    name = _name(policies, asked.rule)
    rules = choose(policies, params=given, configured=kept.params, only=[name])
    if name not in kept.rules:
        message = f"the run did not judge by {name}"
        warn(
            [
                Problem(
                    asked.evidence, message, "what the rule reads may not have been asked for", warning=True
                )
            ]
        )
    as_of = options.as_of(asked) or kept.as_of
    # a run keeps the value of every parameter, whether it was given one or not
    usual = _defaults(rules)
    sources = _sources(rules, given, kept.params, "the run")
    changed = {
        key: source
        for key, source in sources.items()
        if source != "the run" or rules.params[key] != usual.get(key)
    }
    return _Ready(rules, kept.evidence, as_of, changed)


def _recorded(asked: ExplainOptions, warn: Warn) -> _Ready:
    rules, sources, as_of, _, _ = _asked(asked, warn)
    evidence = recorded(asked.image_sets, rules.policies, needs=rules.needs, complete=asked.complete)
    warn(evidence.warnings)
    return _Ready(rules, evidence, as_of, sources)


def _live(asked: ExplainOptions, warn: Warn) -> _Ready:
    """Asks the service for what is explained, and nothing else."""
    rules, sources, as_of, config, chosen = _asked(asked, warn)
    assert config is not None
    if rules.rules[0].scope == "datastore":
        narrow = [
            item
            for item in chosen
            if asked.subject in (item.name, item.datastore, f"{item.name}/{item.datastore}")
        ]
        known = [item.name for item in chosen]
        message = f"audit.yaml has no target {asked.subject}, and {rules.rules[0].name} judges data stores"
    else:
        target, _, last = asked.subject.rpartition("/")
        wanted = last.partition("@v")[0]
        here = [item for item in chosen if target in ("", item.name)]
        narrow = _narrowed(here, chosen, wanted, successor=rules.needs.successor)
        narrow += filter(None, (_alone(item, target, wanted) for item in chosen))
        known = [ref.id for item in here for ref in item.image_sets] or [item.name for item in chosen]
        message = f"audit.yaml lists no image set {asked.subject}"
        if any(item.discovery for item in here):
            message = f"{asked.subject} is no image set of one data store"
        if asked.subject in (item.name for item in chosen if item.discovery):
            message = f"what a search may have left out of {asked.subject} is known once it was audited"
            hint = "explain it of a kept run: --evidence RUN"
            raise InvalidInputError(Problem("IMAGE_SET", message, hint))
    if not narrow:
        several = [item.name for item in chosen if item.discovery and item.datastores is not None]
        hint = f"write {several[0]}/DATASTORE/IMAGE_SET" if several else ""
        hint = hint or suggest(asked.subject, known, what="there are")
        raise InvalidInputError(Problem("IMAGE_SET", message, hint))
    return _Ready(rules, collect(config, narrow, needs=rules.needs), as_of, sources)


def _asked(
    asked: ExplainOptions, warn: Warn
) -> tuple[Rules, Mapping[str, str], datetime, AuditConfig | None, Sequence[Target]]:
    """The rule, where its values come from, the instant, and audit.yaml with its targets, where there is one."""
    config = options.config(asked)
    policies = options.policies(asked, config)
    assert policies is not None
    given = options.params(asked)
    configured = config.params if config else {}
    name = _name(policies, asked.rule)
    rules = choose(policies, params=given, configured=configured, only=[name])
    targets: Sequence[Target] = ()
    if config and not asked.image_sets:
        targets, _, warnings = stages.targets(config, policies, only=asked.targets)
        warn([*config.warnings, *warnings])
    as_of = options.as_of(asked) or utc_now()
    return rules, _sources(rules, given, configured, "audit.yaml"), as_of, config, targets


def _narrowed(
    here: Sequence[Target], every: Sequence[Target], image_set_id: str, *, successor: bool
) -> list[Target]:
    """The targets with one image set, and with the set that superseded it where a rule looks for that."""
    found = {target.name: [ref for ref in target.image_sets if ref.id == image_set_id] for target in here}
    later = {
        (target.datastore, str(ref.labels[SUPERSEDED_BY]))
        for target in here
        for ref in found[target.name]
        if successor and SUPERSEDED_BY in ref.labels
    }
    narrow = []
    for target in every if any(found.values()) else ():
        refs = found.get(target.name, [])
        refs += [ref for ref in target.image_sets if (target.datastore, ref.id) in later and ref not in refs]
        if refs:
            # these are not all image sets of the data store any more
            narrow.append(replace(target, image_sets=tuple(refs), complete=False))
    return narrow


def _alone(target: Target, named: str, image_set_id: str) -> Target | None:
    """One image set of a target whose image sets a search would find; None where it can be none of it. Of a target of several
    data stores its name has to say which."""
    if target.discovery is None or target.organization or not _ID.fullmatch(image_set_id):
        return None
    store = target.datastore
    if target.datastores is not None:
        head, _, store = named.rpartition("/")
        if head != target.name or not _ID.fullmatch(store):
            return None
    elif named not in ("", target.name):
        return None
    ref = target.discovery.ref(image_set_id)
    return replace(
        target,
        name=named or target.name,
        datastore=store,
        datastores=None,
        discovery=None,
        image_sets=(ref,),
        complete=False,
    )


def _name(policies: Policies, wanted: str) -> str:
    """The full name of the rule that is called so."""
    names = sorted(rule_names(policies, [wanted], "RULE"))
    if len(names) > 1:
        raise InvalidInputError(
            Problem("RULE", f"several packs have a rule {wanted}", f"write one of {', '.join(names)}")
        )
    return names[0]


def _defaults(rules: Rules) -> dict[str, str]:
    """The defaults of parameters as reports show them, by full name."""
    declared: dict[str, Param] = {}
    for pack in rules.policies.packs:
        declared |= {f"{pack.name}.{name}": param for name, param in pack.params.items()}
        for rule in pack.rules:
            declared |= {f"{rule.name}.{name}": param for name, param in rule.params.items()}
    return {key: param_text(param.default) for key, param in declared.items() if param.default is not None}


def _sources(
    rules: Rules, given: Mapping[str, str], configured: Mapping[str, object], configured_by: str
) -> dict[str, str]:
    """Where the value of each parameter comes from, by full name; the defaults are left out."""

    def named(key: str, names: Mapping[str, object]) -> bool:
        return key in names or key.rpartition(".")[2] in names

    keys = {key: "--param" for key in rules.params if named(key, given)}
    return {key: configured_by for key in rules.params if named(key, configured)} | keys
