"""What a check would ask of AWS, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from checker.aws.actions import GET_IMAGE_SET, SEARCH
from checker.instants import iso
from checker.reporting.escape import json_text
from checker.reporting.report_options import Options
from checker.snapshot.attestations import BEST_EFFORT

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class CollectionPlan:
    """What a collection would ask, target by target, and the least that IAM must permit for it: a policy document for each set
    of credentials. `dicom` are the DICOM attributes that rules name; rules on deletions rest on the owner's word that what was
    deleted is known since `deletions_known_since`."""

    estimates: tuple[Estimate, ...]
    documents: Mapping[str, Mapping[str, Any]]
    dicom: tuple[str, ...]
    deletions_known_since: datetime | None


def write(plan: CollectionPlan, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer has them
    """A plan for people."""
    said = [*_text(plan.estimates, plan.documents, plan.dicom), *_claim(plan.deletions_known_since)]
    out.write("\n".join(said) + "\n")


def write_json(plan: CollectionPlan, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer has them
    """A plan as JSON."""
    out.write(json_text(document(plan.estimates, plan.documents, plan.dicom), indent=2) + "\n")


def document(
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
