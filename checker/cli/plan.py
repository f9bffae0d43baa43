"""`plan`: what a check would ask of AWS. Nothing is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import api
from checker.aws.actions import GET_IMAGE_SET, SEARCH
from checker.cli.console import print_line, print_warnings
from checker.cli.rules_schema import write
from checker.instants import iso
from checker.problems import Problem
from checker.reporting.escape import json_text
from checker.snapshot.attestations import BEST_EFFORT
from checker.workflow import options

if TYPE_CHECKING:
    from datetime import datetime

    from checker.collection.estimate import Estimate

SCHEMA = "imageset-checker/plan/1"
PHI = (
    "SearchImageSets answers with DICOM attributes, such as the patient's name, id and birth date: they are dropped as they"
    " arrive, and reach no disk, log or report"
)
NO_PHI = "No call of this plan answers with DICOM attributes."
_KMS = "A data store with a customer managed key may ask for kms:Decrypt and kms:DescribeKey on that key too."
_KMS_OF_RUNS = (
    "The statement on kms is for a bucket that encrypts with a key of KMS; leave it out where yours does not."
)


@dataclass(frozen=True, kw_only=True)
class PlanOptions(options.EvidenceOptions):
    """The options of `plan` as given."""

    rules: list[str]
    skip_rules: list[str]
    tags: list[str]
    sets: int | None
    json: bool
    policy: bool
    out: str | None = None


def run(asked: PlanOptions) -> int:
    """Prints the plan; 0 whatever it is."""
    config = options.config(asked)
    assert config is not None
    policies = options.policies(asked, config)
    assert policies is not None
    rules = api.choose(
        policies,
        params=options.params(asked),
        configured=config.params,
        only=asked.rules,
        skip=asked.skip_rules,
        tags=asked.tags,
        changes=config.rules,
    )
    targets, _, warnings = api.targets(config, policies, only=asked.targets)
    print_warnings([*config.warnings, *policies.warnings, *rules.warnings, *warnings])
    # who asks what to permit may not be permitted yet to read runs
    alone = asked.policy or asked.out is not None
    estimates, documents = api.plan(config, targets, rules.needs, sets=asked.sets, alone=alone)
    if asked.out is not None:
        _write(documents, Path(asked.out))
    elif asked.policy:
        only = next(iter(documents.values())) if len(documents) == 1 else documents
        print_line(json_text(only, indent=2))
        print_warnings(_unfit(documents))
    elif asked.json:
        print_line(json_text(_document(estimates, documents, rules.needs.dicom), indent=2))
    else:
        said = [
            *_text(estimates, documents, rules.needs.dicom),
            *_claim(config.collect.deletions_known_since),
        ]
        print_line("\n".join(said))
    return 0


def _write(documents: Mapping[str, Any], folder: Path) -> None:
    """A file for each set of credentials, several where IAM would not take one."""
    from checker.collection.iam_policy import file_names, split_policy

    for who, name in file_names(documents).items():
        for number, part in enumerate(split_policy(documents[who]), start=1):
            path = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
            write(path, json_text(part, indent=2) + "\n")
            print_line(f"wrote {path.as_posix()}: what IAM must permit {who}")


def _unfit(documents: Mapping[str, Any]) -> Iterator[Problem]:
    """Why what `--policy` prints is none that IAM takes as it is."""
    from checker.collection.iam_policy import LARGEST, split_policy

    hint = "--out DIR writes files that IAM takes"
    if len(documents) > 1:
        message = f"there are {len(documents)} sets of credentials: a policy for each, by name"
        yield Problem("--policy", message, hint, warning=True)
    elif any(len(list(split_policy(document))) > 1 for document in documents.values()):
        message = f"the policy has more than the {LARGEST:,} characters of a managed policy"
        yield Problem("--policy", message, hint, warning=True)


def _document(
    estimates: Sequence[Estimate], documents: Mapping[str, Any], dicom: Sequence[str]
) -> dict[str, Any]:
    from checker.collection.estimate import duration

    return {
        "schema": SCHEMA,
        "targets": [
            {
                "target": estimate.target.name,
                "image_sets": estimate.sets,
                "image_sets_by": estimate.known or "assumed",
                "accounts": estimate.accounts,
                "data_stores": estimate.stores,
                "data_stores_by": estimate.known_stores or "assumed",
                "calls": [
                    {
                        "action": cost.action,
                        "calls": cost.calls,
                        "seconds": round(cost.seconds, 1),
                        "bytes": cost.bytes,
                    }
                    for cost in estimate.costs
                ],
            }
            for estimate in estimates
        ],
        "calls": sum(cost.calls for estimate in estimates for cost in estimate.costs),
        "bytes": sum(cost.bytes for estimate in estimates for cost in estimate.costs),
        "seconds": round(duration(estimates), 1),
        "share_of_quota": round(max((estimate.share for estimate in estimates), default=0.0), 4),
        "phi": [SEARCH] if _phi(estimates) else [],
        "phi_kept": list(dicom) if _phi(estimates) else [],
        "policies": documents,
    }


def _phi(estimates: Sequence[Estimate]) -> bool:
    return any(estimate.plan.search for estimate in estimates)


def _text(estimates: Sequence[Estimate], documents: Mapping[str, Any], dicom: Sequence[str]) -> Iterator[str]:
    from checker.collection.estimate import duration
    from checker.collection.workers import MOST_LANES

    wide = max((len(estimate.target.name) for estimate in estimates), default=0)
    for estimate in estimates:
        by = {"listed": "listed", "given": "given by --sets", "": "assumed; --sets says otherwise"}
        sets = f"{estimate.sets:,} image sets, {by.get(estimate.known, f'as in run {estimate.known}')}"
        yield f"{estimate.target.name:<{wide}}  {sets}{_stores(estimate)}"
        for cost in estimate.costs:
            share = f"{100 * estimate.share:.2g} % of the quota"
            took = f"{_long(cost.seconds)} at {share}" if cost.seconds >= 1 else "at once"
            yield f"{'':<{wide}}  {cost.action:<22}{cost.calls:>12,} calls  {took:<32}{_big(cost.bytes):>10}"
    calls = sum(cost.calls for estimate in estimates for cost in estimate.costs)
    size = sum(cost.bytes for estimate in estimates for cost in estimate.costs)
    yield ""
    together = f"up to {MOST_LANES} accounts and Regions go side by side"
    yield f"In all {calls:,} calls, about {_long(duration(estimates))} and {_big(size)}: {together}."
    if any(estimate.remembers and estimate.plan.search for estimate in estimates):
        yield f"After a kept run only what has moved is asked for again; {GET_IMAGE_SET} also where a search lists a set no more."
    yield f"{PHI}{_but(dicom)}." if _phi(estimates) else NO_PHI
    for who, document in documents.items():
        yield ""
        yield f"The least that IAM must permit {who}:"
        yield json.dumps(document, indent=2)
    yield ""
    yield _KMS
    if any(
        "kms:Decrypt" in item["Action"] for document in documents.values() for item in document["Statement"]
    ):
        yield _KMS_OF_RUNS


def _claim(since: datetime | None) -> Iterator[str]:
    """What a check will rest on that no call of it shows."""
    if since is not None:
        yield f"Rules on deletions rest on collect.deletions_known_since, {iso(since)}: {BEST_EFFORT}."


def _but(dicom: Sequence[str]) -> str:
    """What of the DICOM attributes is kept."""
    if not dicom:
        return ""
    return f", but for those that rules name: {', '.join(dicom)}. A kept run has these, and reports only with --show-phi"


def _long(seconds: float) -> str:
    """A length of time, in two units."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def _big(size: int) -> str:
    """An amount of bytes, about."""
    value = float(size)
    units = ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "B" else f"{value:.1f} {units[0]}"


def _stores(estimate: Estimate) -> str:
    """How many data stores a target is taken to have, where audit.yaml does not say."""
    if estimate.known_stores == "listed":
        return ""
    stores = f"{estimate.stores:,} data store{'s' if estimate.stores != 1 else ''}"
    accounts = f"{estimate.accounts:,} account{'s' if estimate.accounts != 1 else ''}"
    why = (
        f"as in run {estimate.known_stores}"
        if estimate.known_stores
        else "assumed: no kept run says how many"
    )
    return f"; {stores} in {accounts}, {why}"
