"""`/__control`: the counts, and the levers, for other processes. It is not a part of the service and counts no calls.

GET gives the counts. POST takes a JSON object with any of these members, and gives the counts as they are then:
`change` (the arguments of `LoadService.change`), `faults` (see `trouble.fault`; they replace those there are), `quotas`
(an object of [rate, burst], "documented", or null for none), `latency`, `jitter`, `policy` (null for none) and
`reset` (true forgets the counts).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checker.simulator.faults import DOCUMENTED_QUOTAS

from .faults import fault
from .iam import Policy
from .messages import Reply, Request, refusal
from .service import LoadService

PATH = "/__control"


def handle(service: LoadService, request: Request) -> Reply:
    """The answer to any request: ours at `PATH`, the service's elsewhere."""
    if request.target != PATH:
        return service.handle(request)
    try:
        if request.method == "POST":
            for name, value in json.loads(request.body).items():
                _do(service, name, value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # what stands before the wrong member has been done
        return refusal("ValidationException", f"{type(error).__name__}: {error}")
    stores = {
        name: {"sets": store.count, "changes": len(store.changes)} for name, store in service.stores.items()
    }
    return Reply(body=json.dumps({"calls": service.gate.to_json(), "stores": stores}).encode())


def _do(service: LoadService, name: str, value: Any) -> None:
    match name:
        case "change":
            _change(service, value)
        case "faults":
            service.gate.faults[:] = [fault(item) for item in value]
        case "quotas":
            service.gate.limit(DOCUMENTED_QUOTAS if value == "documented" else _quotas(value))
        case "latency":
            service.latency = float(value)
        case "jitter":
            service.jitter = float(value)
        case "policy":
            service.policy = None if value is None else Policy(value)
        case "reset":
            if value:
                service.gate.reset()
        case _:
            raise ValueError(f"there is no {name}")


def _change(service: LoadService, value: Mapping[str, Any]) -> None:
    given = dict(value)
    if "at" in given:
        given["at"] = datetime.fromisoformat(given["at"])
    service.change(**given)


def _quotas(value: Mapping[str, Any] | None) -> dict[str, tuple[float, float]] | None:
    return (
        None
        if value is None
        else {action: (float(rate), float(burst)) for action, (rate, burst) in value.items()}
    )
