"""What a check would ask of AWS, by the options of the command line. Nothing is asked."""

from __future__ import annotations

from checker.policy.rule_selection import choose
from checker.reporting.collection_plan import CollectionPlan
from checker.workflow import options, stages
from checker.workflow.audit_options import PlanOptions
from checker.workflow.comparison import Warn, ignore


def plan_collection(asked: PlanOptions, *, alone: bool = False, warn: Warn = ignore) -> CollectionPlan:
    """What `check` would ask by an audit.yaml, and the least that IAM must permit for it.

    Args:
        asked: what is planned.
        alone: no kept run is read, where nothing but the policy documents is wanted.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: with every problem of the options and of all files that they name.
    """
    config = options.config(asked)
    assert config is not None
    policies = options.policies(asked, config)
    assert policies is not None
    rules = choose(
        policies,
        params=options.params(asked),
        configured=config.params,
        only=asked.rules,
        skip=asked.skip_rules,
        tags=asked.tags,
        changes=config.rules,
    )
    targets, _, warnings = stages.targets(config, policies, only=asked.targets)
    warn([*config.warnings, *policies.warnings, *rules.warnings, *warnings])
    return stages.plan(config, targets, rules.needs, sets=asked.sets, alone=alone)
