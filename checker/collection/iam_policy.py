"""The least that IAM must permit for an audit: each action that it may call, on what it is called on.

Which resource an action is authorized on is in the service authorization reference, "Actions, resources, and condition keys
for AWS HealthImaging": those on image sets on both the data store and the image set, ListDatastores on none. Runs in S3 are
kept with the audit's own credentials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from checker.aws.actions import (
    ACTIONS,
    ANY,
    ASSUME_ROLE,
    BUCKET,
    GET_DATASTORE,
    GET_IMAGE_SET,
    IMAGE_SET,
    LIST_ACCOUNTS,
    LIST_DATASTORES,
    LIST_TAGS,
    LIST_VERSIONS,
    LOCK,
    OBJECT,
    SEARCH,
    STORE,
    on_runs,
)
from checker.collection.plan import Plan, pinned
from checker.config import AuditConfig
from checker.model import Needs, Target
from checker.runs.s3_keys import S3, bucket_and_prefix

OWN = "the credentials of the audit"
ACCOUNT = "{account}"
LARGEST_POLICY = 6144
"""Characters of a managed policy, blanks not counted (IAM quotas)."""
_AT_ONCE = 20
_PARTITIONS = {"us-gov-": "aws-us-gov", "cn-": "aws-cn", "us-isob-": "aws-iso-b", "us-iso-": "aws-iso"}


def iam_policies(
    planned: Iterable[tuple[Target, Plan]],
    needs: Needs,
    config: AuditConfig | None = None,
    *,
    remembers: bool = False,
) -> dict[str, dict[str, Any]]:
    """An IAM policy document for each set of credentials: the audit's own, a profile's, each role that it assumes.

    Args:
        planned: the targets and their plans.
        needs: what the rules read.
        config: the audit, whose runs may be kept in S3.
        remembers: image sets that no search lists may be known all the same, from earlier runs or from events, and are
            asked for.
    """
    granted: dict[str, dict[str, set[str]]] = {}
    partition = ""
    for target, plan in planned:
        partition = partition or _partition(target.region)
        base = f"profile {target.profile}" if target.profile else OWN
        mine = granted.setdefault(base, {})
        if target.organization:
            mine.setdefault(ACTIONS[LIST_ACCOUNTS].permission, set()).add(ANY)
        if target.role_arn:
            role = target.role_arn.replace(ACCOUNT, "*")
            mine.setdefault(ACTIONS[ASSUME_ROLE].permission, set()).add(role)
            mine = granted.setdefault(target.role_arn, {})
        for action, resources in _of(target, plan, needs, remembers=remembers):
            mine.setdefault(ACTIONS[action].permission, set()).update(resources)
    found = {who: _document(actions) for who, actions in granted.items()}
    if config is not None and config.runs is not None and config.runs.path.startswith(S3):
        runs = _of_runs(config.runs.path, partition or "aws", locked=config.runs.object_lock is not None)
        found = {OWN: found.pop(OWN, _document({})), **found}
        found[OWN]["Statement"] += runs
    return found


def split_policy(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A policy document as several, each of which IAM takes for a managed policy; itself where that is not too large."""
    if _size(document) <= LARGEST_POLICY:
        yield dict(document)
        return
    small = [
        {**statement, "Resource": statement["Resource"][start : start + _AT_ONCE]}
        for statement in document["Statement"]
        for start in range(0, len(statement["Resource"]), _AT_ONCE)
    ]
    part: list[dict[str, Any]] = []
    for statement in small:
        if part and _size({**document, "Statement": [*part, statement]}) > LARGEST_POLICY:
            yield {**document, "Statement": part}
            part = []
        part.append(statement)
    yield {**document, "Statement": part}


def _size(document: Mapping[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def policy_file_names(sets: Iterable[str]) -> dict[str, str]:
    """A file name without its ending for each set of credentials."""
    found: dict[str, str] = {}
    for who in sets:
        role = re.fullmatch(r"arn:[a-z-]+:iam::([^:]+):role/(.+)", who)
        name = "audit" if who == OWN else f"role-{role[1]}-{role[2]}" if role else who
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name.replace(ACCOUNT, "each-account"))
        taken = [account for account in found.values() if account == plain or account.startswith(f"{plain}~")]
        found[who] = f"{plain}~{len(taken) + 1}" if taken else plain
    return found


def _of_runs(runs: str, partition: str, *, locked: bool) -> list[dict[str, Any]]:
    """What reading and keeping runs in S3 takes. The bucket may encrypt with a key of KMS, by way of S3 and for its objects
    alone: with a key for each object, or one for the whole bucket (Amazon S3 user guide, SSE-KMS and S3 Bucket Keys)."""
    bucket, prefix = bucket_and_prefix(runs)
    whole = f"arn:{partition}:s3:::{bucket}"
    objects = f"{whole}/{prefix}/*" if prefix else f"{whole}/*"
    actions = [ACTIONS[name] for name in ACTIONS if name in on_runs("write") and (locked or name != LOCK)]

    def permitted(resource: str) -> list[str]:
        return list(dict.fromkeys(action.permission for action in actions if resource in action.resources))

    service = "s3.*.amazonaws.com.cn" if partition == "aws-cn" else "s3.*.amazonaws.com"
    return [
        {"Effect": "Allow", "Action": permitted(BUCKET), "Resource": [whole]},
        {"Effect": "Allow", "Action": permitted(OBJECT), "Resource": [objects]},
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": [f"arn:{partition}:kms:*:*:key/*"],
            "Condition": {
                "StringLike": {
                    "kms:ViaService": service,
                    "kms:EncryptionContext:aws:s3:arn": [whole, objects],
                }
            },
        },
    ]


def _partition(region: str) -> str:
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")


def _of(target: Target, plan: Plan, needs: Needs, *, remembers: bool) -> Iterable[tuple[str, Sequence[str]]]:
    partition = _partition(target.region)
    account = target.role_arn.split(":")[4] if target.role_arn else "*"
    place = f"arn:{partition}:medical-imaging:{target.region}:{'*' if account == ACCOUNT else account}"
    store = f"{place}:datastore/{target.datastore or '*'}"
    arns = {ANY: "*", STORE: store, IMAGE_SET: f"{store}/imageset/*"}
    for action in _calls(target, plan, needs, remembers=remembers):
        yield action, [arns[resource] for resource in ACTIONS[action].resources]
    tagged = [*([IMAGE_SET] if plan.tags else []), *([STORE] if needs.datastore_tags else [])]
    if tagged:  # each kind of resource is asked for by a call of its own
        yield LIST_TAGS, [arns[resource] for resource in ACTIONS[LIST_TAGS].resources if resource in tagged]


def _calls(target: Target, plan: Plan, needs: Needs, *, remembers: bool) -> Iterable[str]:
    """The calls for data stores and image sets, but for their tags."""
    if target.datastores is not None:
        yield LIST_DATASTORES
    yield from (GET_DATASTORE, *needs.calls)
    if plan.search:
        yield SEARCH
    yield from plan.state
    if plan.search and remembers:
        yield GET_IMAGE_SET  # what a search no longer lists is asked for by itself
    if plan.versions:
        alone = pinned(target, plan, needs)
        if alone:
            yield GET_IMAGE_SET
        if plan.search or any(image_set.id not in alone for image_set in target.image_sets):
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
