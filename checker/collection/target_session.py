"""A target while it is read: its data store looked up once, then the calls that the rules need for each image set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from checker import values
from checker.aws import Clients, UnusableError
from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET, LIST_TAGS, STATES
from checker.collection import requests
from checker.collection.call_errors import CallFailure, ErrorKind
from checker.collection.plan import Plan
from checker.collection.retry import TargetHealth
from checker.collection.reuse import PriorAnswers, Reuse
from checker.collection.search_filters import OPEN, Bounds
from checker.collection.search_results import RemainingCalls, SearchResults
from checker.model import ImageSetRef, Needs, Target
from checker.snapshot.answer_index import PriorAnswer
from checker.snapshot.contradiction import AnswerFacts
from checker.snapshot.records import BESIDE, CONTRADICTORY, NOT_FOUND, PROPERTIES, VERSIONS, Record, arn_parts

AGAIN = 2
"""How often is asked again what answers do not fit each other."""
UNREADABLE = "TargetUnreadable"
NOT_CONFIRMED = "NotConfirmed"
NO_ARN = "ArnNotKnown"
"""Codes of our own, beside the service's, botocore's and those of records: the data store is not there; an image set was
not found, but perhaps only because its data store is not there; tags are asked for by an ARN, and that is not known."""

Answer = dict[str, Any]
Said = TypeVar("Said")
Refs = tuple[ImageSetRef, ...]
"""What a target lists of one image set: itself, versions of it, or both."""
Belongs = Callable[[Target, Sequence[Mapping[str, Any]], Sequence[ImageSetRef]], Sequence[bool]]
"""Says of image sets that a search found which of them belong to a target (`Discovery.where`)."""
Job = tuple["TargetSession", Refs, RemainingCalls, AnswerFacts | None]
"""Image sets to ask about, whose they are, what is left to ask, and what a search said of them."""
NOTHING_KNOWN = PriorAnswers()
_STUCK = {
    ErrorKind.THROTTLED: "each was throttled for an hour",
    ErrorKind.CONNECTION: "none was answered any more",
    ErrorKind.ENDLESS: "no answer had an end",
}


class _NotAsked(CallFailure):
    """Why no call was made."""


class RenewableClients:
    """The clients that targets share, made anew where their credentials have expired."""

    def __init__(self, clients: Clients, make: Callable[[], Clients]) -> None:
        self.clients, self._make = clients, make
        self._lock = threading.Lock()

    def renew(self, used: Clients) -> None:
        """Makes new clients, unless those that were used are others already; where none can be made they stay."""
        with self._lock:
            if self.clients is used:
                with suppress(UnusableError):
                    self.clients = self._make()


@dataclass
class TargetSession:
    """A target, how it is asked, and what was learnt of its data store.

    `doubt` says why it is not known that the data store is there; while it does, no image set counts as not found.
    `arn` is of the caller, `store_arn` of the data store, so far as they are known. `belongs` says which of the image sets
    that are found are the target's: every one without it; `prior` is what is known before anything is asked; `created` and `updated` bound when these were.
    """

    target: Target
    line: TargetHealth
    now: Callable[[], datetime]
    needs: Needs = field(default_factory=Needs)
    plan: Plan = field(default_factory=Plan)
    found: SearchResults | None = None
    prior: PriorAnswers = NOTHING_KNOWN
    belongs: Belongs | None = None
    created: Bounds = OPEN
    updated: Bounds = OPEN
    signed: RenewableClients | None = None
    account: str | None = None
    arn: str | None = None
    store_arn: str | None = None
    doubt: str = ""
    notes: list[str] = field(default_factory=list)
    store: Record | None = None
    called: str = ""
    """What ListDatastores called the data store, where that found it."""
    unsure: bool = False
    """Whether image sets may have vanished that nobody has asked about yet."""

    def __post_init__(self) -> None:
        self.unsure = self.found is not None and self.reuse.remembers

    @property
    def reuse(self) -> Reuse:
        """What is known of the target before anything is asked."""
        return Reuse.of(self.prior, self.target, self.account)

    @property
    def store_name(self) -> str:
        """What the data store is called, if that is known."""
        answer = (self.store.answer if self.store else None) or {}
        return str(answer.get(PROPERTIES, {}).get("datastoreName") or "")

    @property
    def store_created(self) -> datetime | None:
        """When the data store was made, if that is known."""
        answer = (self.store.answer if self.store else None) or {}
        created = answer.get(PROPERTIES, {}).get("createdAt")
        return values.parse_time(created) if created else None

    def jobs(self, stopped: Callable[[], bool]) -> Iterator[Job]:
        """The image sets to ask about, with this site, as they are found; none where the rules need no call for an image
        set, but for those that no search lists any more."""
        if self.found is not None:
            for ref, left, said in self.found.refs(stopped, self.target.name):
                yield self, (ref,), left, said
            if not stopped() and not self.found.failed and self.line.lost is None:
                for name in self.reuse.vanished(self.plan):
                    if self.created.exclude(self.reuse.created(name)):
                        continue  # it is not the target's any more, and no search was to list it
                    self.found.count += 1
                    yield self, (self.found.discovery.ref(name),), RemainingCalls.VANISHED, None
            self.unsure = self.unsure and stopped()
        elif self.plan.each:
            by_id: dict[str, list[ImageSetRef]] = {}
            for ref in self.target.image_sets:
                by_id.setdefault(ref.id, []).append(ref)
            yield from ((self, tuple(same), RemainingCalls.ALL, None) for same in by_id.values())

    @property
    def clients(self) -> Clients | None:
        """The clients to ask with, once there are any."""
        return self.signed.clients if self.signed else None

    def all_notes(self) -> list[str]:
        """The notes, with one on why the target was given up while it was read, if it was."""
        lost, name = self.line.lost, self.target.name
        stuck = [
            f"{name}: no more {action} calls were made: {_STUCK.get(item.kind, '')} ({item.message})"
            for action, item in self.line.stuck.items()
        ]
        stuck += [
            f"{name}: {host} was not asked any more, since it does not answer: {item.code}: {item.message}"
            for host, item in self.line.silent.items()
            if lost is None
        ]
        if lost is None or lost.code == UNREADABLE:
            return [*self.notes, *stuck]
        return [*self.notes, *stuck, f"{name}: the target was given up: {lost.code}: {lost.message}"]

    def look_up(self) -> Iterator[Record]:
        """Asks for the data store, and its tags. One that is not there loses the target: nothing in it can be "not
        found".

        Raises:
            StoppedError: the run is being stopped.
        """
        if self.found is not None:
            self.found.since = self.now()
        answer = self._datastore()
        for _ in range(AGAIN):
            if not isinstance(answer, CallFailure) or answer.code != CONTRADICTORY:
                break
            answer = self._datastore()
        if self.line.lost is None:
            self._learn(answer)
        self.store = self.record(GET_DATASTORE, answer)
        for action in self.needs.calls:
            yield self.record(action, self._ask_whole(action, datastoreId=self.target.datastore))
        if self.needs.datastore_tags:
            yield self.record(LIST_TAGS, self.tags(self.store_arn or self.built_arn("")))

    def _datastore(self) -> Answer | CallFailure:
        """The data store; a failure where it is called otherwise than where it was listed: no call renames one."""
        answer = self._ask_whole(GET_DATASTORE, datastoreId=self.target.datastore)
        if isinstance(answer, CallFailure) or not self.called:
            return answer
        name = str(answer[PROPERTIES].get("datastoreName"))
        if name == self.called:
            return answer
        message = f"GetDatastore says datastoreName {name}, but ListDatastores says {self.called}"
        return CallFailure(ErrorKind.FINAL, CONTRADICTORY, message)

    def _learn(self, answer: Answer | CallFailure) -> None:
        name, datastore = self.target.name, self.target.datastore
        if not isinstance(answer, CallFailure):
            status = answer[PROPERTIES]["datastoreStatus"]
            self.store_arn = matching_arn(answer[PROPERTIES].get("datastoreArn"), f"datastore/{datastore}")
            self.account = self.account or arn_parts(self.store_arn or "").get("account")
            if status != "ACTIVE":
                self.doubt = f"its data store is {status}"
                self.notes.append(f"{name}: the data store {datastore} is {status}.")
        elif answer.kind is ErrorKind.FINAL and answer.code == NOT_FOUND:
            message = f"the data store {datastore} was not found in {self.target.region}: {answer.message}"
            self.line.lost = CallFailure(ErrorKind.FINAL, UNREADABLE, message)
            self.notes.append(f"{name}: {message}")
        else:
            self.doubt = f"GetDatastore failed with {answer.code}"
            what = f"whether the data store {datastore} is there is not known"
            self.notes.append(f"{name}: {what}, since {self.doubt}: {answer.message}")

    def ask(self, action: str, call: Callable[[Clients], Said]) -> Said | CallFailure:
        host = self.signed.clients.host(action) if self.signed else ""
        if lost := self.line.given_up(host):
            return _NotAsked(lost.kind, lost.code, f"not asked for: {lost.message}")
        signed = self.signed
        assert signed is not None
        used = signed.clients

        def once() -> Said:
            nonlocal used
            used = signed.clients
            return call(used)

        return self.line.ask(action, once, lambda: signed.renew(used), host)

    def tags(self, arn: str | None) -> Answer | CallFailure:
        if arn is None and self.line.lost is None:
            message = "the ARN to ask for is not known: neither an answer nor the identity names the account"
            return _NotAsked(ErrorKind.FINAL, NO_ARN, message)
        return self._ask_whole(LIST_TAGS, resourceArn=arn or "")

    def _ask_whole(self, action: str, **asked: str) -> Answer | CallFailure:
        return self.ask(action, lambda clients: requests.request(clients.of(action), action, **asked))

    def built_arn(self, image_set_id: str) -> str | None:
        """An ARN of which no answer said it: by the data store's, else by the account, if that is known."""
        rest = f"/imageset/{image_set_id}" if image_set_id else ""
        if self.store_arn:
            return self.store_arn + rest
        if self.account is None or self.clients is None:
            return None
        partition = self.clients.control.meta.partition
        head = f"arn:{partition}:medical-imaging:{self.target.region}:{self.account}"
        return f"{head}:datastore/{self.target.datastore}{rest}"

    def path(self, image_set_id: str) -> str:
        return f"datastore/{self.target.datastore}/imageset/{image_set_id}"

    def record(
        self,
        action: str,
        answer: Mapping[str, Any] | CallFailure,
        ref: ImageSetRef | None = None,
        *,
        image_set_id: str | None = None,
    ) -> Record:
        return Record(
            target=self.target.name,
            image_set_id=ref.id if ref else image_set_id,
            datastore_id=self.target.datastore or None,
            version=ref.version if ref else None,
            account=self.account,
            region=self.target.region,
            action=action,
            answer=None if isinstance(answer, CallFailure) else answer,
            error=self._error(answer, action) if isinstance(answer, CallFailure) else None,
            collected_at=None if isinstance(answer, _NotAsked) else self.now(),
            labels=ref.labels if ref else {},
            label_places=ref.label_places if ref else {},
            confirmed=ref is not None and is_gone(answer) and self.reuse.was_gone(ref.id),
        )

    def again(self, answer: PriorAnswer, ref: ImageSetRef) -> Record:
        """An earlier answer that still stands, as a record of this run."""
        known = answer.document
        error, collected = known.get("error"), known.get("collectedAt")
        beside = BESIDE | ({"datastoreId", "imageSetId"} if VERSIONS in known else set())
        return Record(
            target=self.target.name,
            image_set_id=ref.id,
            datastore_id=self.target.datastore,
            account=self.account,
            region=self.target.region,
            action=known.get("action", GET_IMAGE_SET),
            answer=None if error else {name: value for name, value in known.items() if name not in beside},
            error=(error["code"], error["message"]) if error else None,
            collected_at=values.parse_time(collected) if collected else None,
            labels=ref.labels,
            label_places=ref.label_places,
            reused_from=known.get("reusedFrom", answer.run),
            confirmed=bool(known.get("confirmed")),
        )

    def _error(self, wrong: CallFailure, action: str) -> tuple[str, str]:
        if wrong.code == NOT_FOUND and self.doubt and action in STATES:
            return NOT_CONFIRMED, f"no such image set was found, but {self.doubt}: {wrong.message}"
        return wrong.code, wrong.message


def is_gone(answer: Mapping[str, Any] | CallFailure) -> bool:
    """Whether an image set is DELETED, or not there at all."""
    if isinstance(answer, CallFailure):
        return not_there(answer)
    last = answer[VERSIONS][-1] if answer.get(VERSIONS) else answer
    return last.get("imageSetState") == "DELETED"


def not_there(answer: Mapping[str, Any] | CallFailure) -> bool:
    return isinstance(answer, CallFailure) and answer.code == NOT_FOUND


def matching_arn(arn: str | None, path: str) -> str | None:
    """An ARN that an answer gave, if it is of what was asked for."""
    return arn if arn and arn.endswith(f":{path}") else None
