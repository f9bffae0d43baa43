"""The service: which action a request is, whether it is let through, and its answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from json import dumps, loads
from typing import Any
from urllib.parse import parse_qsl, unquote

from checker.aws.actions import ACTIONS, COLLECTED
from checker.simulator.faults import DOCUMENTED_QUOTAS, Call, Fault, ModelError, RawAnswer
from checker.simulator.state_setup import DEFAULT_ACCOUNT, DEFAULT_REGION

from . import identity, organizations
from .actions import HANDLERS
from .errors import RefusedError
from .faults import Break, Gate, Place, Quotas
from .iam import Policy
from .messages import Reply, Request, refusal
from .store import SyntheticStore

_CREDENTIAL = re.compile(r"Credential=([^/]+)/[0-9]+/([^/]+)/")
_ACCOUNT = re.compile(r"A[KS]IA([0-9]{12})")


def _route(request: str) -> tuple[str, re.Pattern[str]]:
    """The method of requests, and the pattern of their path; an ARN may have slashes."""
    method, path = request.split()
    path = path.replace("{resourceArn}", "(?P<resourceArn>.+)")
    return method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


_ROUTES = {name: _route(ACTIONS[name].request) for name in COLLECTED}
"""How requests of each action are told from others."""

_QUERY = {"version": "versionId"}
"""Parameters of the query whose names are not those of the wire."""


class LoadService:
    """Synthetic data stores behind the API of AWS HealthImaging.

    An access key that is `AKIA` or `ASIA` and twelve digits is of the account that the digits name, any other one
    of `DEFAULT_ACCOUNT`. Signatures are not checked.

    Args:
        stores: the data stores, of any accounts and Regions.
        quotas: calls per second, and burst, of each action in each account and Region; None throttles nothing.
        latency: seconds that every answer takes.
        jitter: seconds, of which a random share is added to each answer's latency.
        faults: tried in order; the first one that strikes decides. See `WireFault`.
        policy: the IAM policy document of every caller; None allows all.
        clock: what time it is for changes that name none.
        seed: of the jitter.
        organization: the accounts of the organization and their states; those of the data stores, all ACTIVE, if left
            out.
    """

    def __init__(
        self,
        stores: Iterable[SyntheticStore] = (),
        *,
        quotas: Quotas | None = DOCUMENTED_QUOTAS,
        latency: float = 0.04,
        jitter: float = 0.0,
        faults: Iterable[Fault] = (),
        policy: Mapping[str, Any] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seed: int = 0,
        organization: Mapping[str, str] | None = None,
    ) -> None:
        self.stores = {store.datastore_id: store for store in stores}
        self.gate = Gate(quotas, faults)
        self.latency = latency
        self.jitter = jitter
        self.policy = None if policy is None else Policy(policy)
        self.clock = clock
        every = (store.account for store in self.stores.values())
        self.organization = dict.fromkeys(every, "ACTIVE") if organization is None else dict(organization)
        # not for secrets: the same seed must give the same run
        self._dice = random.Random(seed)

    def handle(self, request: Request) -> Reply:
        """The answer to a request."""
        account, region = place = _place(request.authorization)
        try:
            action, params = _routed(request)
        except RefusedError as error:
            return refusal(error.code, error.message)
        delay = self.latency + (self.jitter * self._dice.random() if self.jitter else 0.0)
        count = self.gate.count(place, action)
        wait, breaks, given = self._trouble(place, Call(action, params))
        if given is None:
            try:
                reply = self._answer(action, params, account, region)
                if not breaks:
                    count.served += 1
            except RefusedError as error:
                given = ModelError(error.code, error.message)
        if isinstance(given, RawAnswer):
            reply = Reply(given.status, given.body, given.headers)
            count.refused[str(given.status)] += 1
        elif given is not None:
            reply = _refused(action, given)
            count.refused[given.code] += 1
        if breaks:
            count.refused[breaks] += 1
        reply.delay, reply.breaks = delay + wait, breaks
        return reply

    def change(
        self,
        share: float,
        *,
        gone: float = 0.1,
        added: int = 0,
        at: datetime | None = None,
        datastore_id: str = "",
    ) -> None:
        """Moves a share of the image sets of one data store, or of all.

        Raises:
            ValueError: `at` (now, if left out) is not after all that happened before.
        """
        now = at or self.clock()
        for name, store in list(self.stores.items()):
            if datastore_id in ("", name):
                self.stores[name] = store.changed(share, now, gone, added)

    def _trouble(self, place: Place, call: Call) -> tuple[float, Break, ModelError | RawAnswer | None]:
        if not self.gate.receive(place, call.action):
            return 0.0, "", ModelError("ThrottlingException", "Rate exceeded")
        for fault in self.gate.faults:
            if fault.strikes(call):
                return fault.delay, getattr(fault, "breaks", ""), fault.answer
        return 0.0, "", None

    def _check_role(self, action: str, params: Mapping[str, Any]) -> None:
        """A role is assumed by whom a policy lets; who they are, everybody may ask (IAM, GetCallerIdentity)."""
        role = str(params.get("RoleArn", ""))
        if action == "AssumeRole" and self.policy and not self.policy.allows(f"sts:{action}", role):
            message = f"The caller is not authorized to perform: sts:{action} on resource: {role}"
            raise RefusedError("AccessDenied", message)

    def _answer(self, action: str, params: dict[str, Any], account: str, region: str) -> Reply:
        if action in identity.ACTIONS:
            self._check_role(action, params)
            return identity.answer(action, params, account, self.clock())
        if action in organizations.ACTIONS:
            self._allow(f"organizations:{action}", "*")
            return organizations.answer(params, self.organization, account)
        self._check_policy(action, params, f"arn:aws:medical-imaging:{region}:{account}:datastore/")
        mine = {
            name: store
            for name, store in self.stores.items()
            if (store.account, store.region) == (account, region)
        }
        return Reply(body=dumps(HANDLERS[action](mine, params), separators=(",", ":")).encode())

    def _check_policy(self, action: str, params: Mapping[str, Any], prefix: str) -> None:
        """An image set's actions need both ARNs, the data store's and the set's (service authorization reference)."""
        if self.policy is None:
            return
        arns = [params.get("resourceArn") or "*"]
        if "datastoreId" in params:
            arns = [f"{prefix}{params['datastoreId']}"]
        if "imageSetId" in params:
            arns.append(f"{arns[0]}/imageset/{params['imageSetId']}")
        for arn in arns:
            self._allow(f"medical-imaging:{action}", arn)

    def _allow(self, name: str, arn: str) -> None:
        if self.policy is not None and not self.policy.allows(name, arn):
            message = f"The caller is not authorized to perform: {name} on resource: {arn}"
            raise RefusedError("AccessDeniedException", message)


def _refused(action: str, error: ModelError) -> Reply:
    """An error in the protocol of the action's service."""
    if action in identity.ACTIONS:
        return identity.refusal(error)
    if action in organizations.ACTIONS:
        return organizations.refusal(error)
    return refusal(error.code, error.message)


def _place(authorization: str) -> Place:
    found = _CREDENTIAL.search(authorization)
    if found is None:
        return DEFAULT_ACCOUNT, DEFAULT_REGION
    account = _ACCOUNT.match(found[1])
    return account[1] if account else DEFAULT_ACCOUNT, found[2]


def _routed(request: Request) -> tuple[str, dict[str, Any]]:
    path, _, query = request.target.partition("?")
    operation = request.operation.removeprefix(organizations.TARGET)
    if path == "/" and operation in organizations.ACTIONS:
        return operation, loads(request.body or b"{}")
    if path == "/":
        params: dict[str, Any] = dict(parse_qsl(request.body.decode()))
        if params.get("Action") in identity.ACTIONS:
            return params["Action"], params
    routes = (
        (name, way.fullmatch(path.rstrip("/")))
        for name, (method, way) in _ROUTES.items()
        if method == request.method
    )
    action, found = next(((name, match) for name, match in routes if match), ("", None))
    if found is None:
        raise RefusedError(
            "NotSimulated", f"{request.method} {path} is not simulated; only {', '.join(HANDLERS)} are"
        )
    params = {_QUERY.get(name, name): value for name, value in parse_qsl(query)} if query else {}
    params |= {name: unquote(value) for name, value in found.groupdict().items()}
    if request.body:
        params["searchCriteria"] = request.body
    return action, params
