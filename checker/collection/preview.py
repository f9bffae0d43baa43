"""What an audit would ask and take, before anything is asked: the estimate, and the IAM policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checker.collection.estimate import Estimate, estimate
from checker.collection.iam_policy import iam_policies
from checker.config import AuditConfig
from checker.model import Needs, Target
from checker.runs.evidence import sizes_in
from checker.runs.local_store import open_store
from checker.runs.run_reader import last_collected


def preview(
    config: AuditConfig, chosen: Sequence[Target], needs: Needs, *, sets: int | None, alone: bool
) -> tuple[tuple[Estimate, ...], dict[str, dict[str, Any]]]:
    """See `api.plan`.

    Raises:
        InvalidInputError: the store of runs cannot be read, or the last run was altered.
    """
    last, remembers = None, bool(config.runs or config.events)
    found_later = any(target.organization or target.datastores is not None for target in chosen)
    unknown = found_later or (sets is None and any(target.discovery for target in chosen))
    if config.runs is not None and unknown and not alone:
        store = open_store(config.runs.path, config.root)
        last = last_collected(store, config.name, [f"target {target.name}" for target in chosen])
    estimates = estimate(
        chosen,
        needs,
        evidence=config.collect.evidence,
        rates=config.rates,
        share=config.collect.share,
        sizes=sizes_in(last.evidence.records) if last else None,
        run=last.name if last else "",
        sets=sets,
        remembers=remembers,
    )
    planned = ((item.target, item.plan) for item in estimates)
    return estimates, iam_policies(planned, needs, config, remembers=remembers)
