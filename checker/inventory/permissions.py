"""The least that IAM must permit for a collection: each action that it may call, on what it is called on.

Which resource an action is authorized on is in the service authorization reference, "Actions, resources, and condition keys
for AWS HealthImaging": those on image sets on both the data store and the image set, ListDatastores on none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checker.evidence.records import (
    GET_DATASTORE,
    GET_IMAGE_SET,
    LIST_DATASTORES,
    LIST_TAGS,
    LIST_VERSIONS,
    SEARCH,
)
from checker.inventory.plan import Plan, pinned
from checker.model import Needs, Target

OWN = "the credentials of the audit"
ACCOUNT = "{account}"
_PARTITIONS = {"us-gov-": "aws-us-gov", "cn-": "aws-cn", "us-isob-": "aws-iso-b", "us-iso-": "aws-iso"}


def permissions(
    planned: Iterable[tuple[Target, Plan]], needs: Needs, *, remembers: bool = False
) -> dict[str, dict[str, Any]]:
    """An IAM policy document for each set of credentials: the audit's own, a profile's, each role that it assumes.

    Args:
        planned: the targets and their plans.
        needs: what the rules read.
        remembers: image sets that no search lists may be known all the same, from earlier runs or from events, and are
            asked for.
    """
    granted: dict[str, dict[str, set[str]]] = {}
    for target, plan in planned:
        base = f"profile {target.profile}" if target.profile else OWN
        mine = granted.setdefault(base, {})
        if target.organization:
            mine.setdefault("organizations:ListAccounts", set()).add("*")
        if target.role_arn:
            role = target.role_arn.replace(ACCOUNT, "*")
            mine.setdefault("sts:AssumeRole", set()).add(role)
            mine = granted.setdefault(target.role_arn, {})
        for action, resources in _of(target, plan, needs, remembers=remembers):
            mine.setdefault(f"medical-imaging:{action}", set()).update(resources)
    return {who: _document(actions) for who, actions in granted.items()}


def _of(target: Target, plan: Plan, needs: Needs, *, remembers: bool) -> Iterable[tuple[str, Sequence[str]]]:
    partition = next((name for start, name in _PARTITIONS.items() if target.region.startswith(start)), "aws")
    account = target.role_arn.split(":")[4] if target.role_arn else "*"
    place = f"arn:{partition}:medical-imaging:{target.region}:{'*' if account == ACCOUNT else account}"
    store = f"{place}:datastore/{target.datastore or '*'}"
    each = f"{store}/imageset/*"
    if target.datastores is not None:
        yield LIST_DATASTORES, ["*"]
    yield GET_DATASTORE, [store]
    if plan.search:
        yield SEARCH, [store]
    for action in _of_each(target, plan, needs, remembers=remembers):
        yield action, [store, each]
    if plan.tags or needs.datastore_tags:
        yield LIST_TAGS, [*([each] if plan.tags else []), *([store] if needs.datastore_tags else [])]


def _of_each(target: Target, plan: Plan, needs: Needs, *, remembers: bool) -> Iterable[str]:
    """The calls for image sets, but for their tags."""
    yield from plan.state
    if plan.search and remembers:
        yield GET_IMAGE_SET  # what a search no longer lists is asked for by itself
    if plan.versions:
        alone = pinned(target, plan, needs)
        if alone:
            yield GET_IMAGE_SET
        if plan.search or any(one.id not in alone for one in target.image_sets):
            yield LIST_VERSIONS


def _document(actions: Mapping[str, set[str]]) -> dict[str, Any]:
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for action, resources in sorted(actions.items()):
        by_resources.setdefault(tuple(sorted(resources)), []).append(action)
    statements = [
        {"Effect": "Allow", "Action": names, "Resource": list(resources)}
        for resources, names in by_resources.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}
