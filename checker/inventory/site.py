"""A target while it is read: its data store looked up once, then the calls that the rules need for each image set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from checker import values
from checker.aws import Clients
from checker.evidence.records import (
    GET_DATASTORE,
    GET_IMAGE_SET,
    LIST_TAGS,
    LIST_VERSIONS,
    LISTED_SINCE,
    NO_VERSION,
    NOT_FOUND,
    PROPERTIES,
    SEARCH,
    VERSIONS,
    Record,
)
from checker.inventory import questions
from checker.inventory.asking import Line
from checker.inventory.failures import Failure, Kind
from checker.inventory.found import Found
from checker.inventory.plan import Plan
from checker.inventory.pushdown import OPEN, Bounds
from checker.model import ImageSetRef, Needs, Target

UNREADABLE = "TargetUnreadable"
NOT_CONFIRMED = "NotConfirmed"
NO_ARN = "ArnNotKnown"
"""Codes of our own, beside the service's, botocore's and those of records: the data store is not there; an image set was
not found, but perhaps only because its data store is not there; tags are asked for by an ARN, and that is not known."""

Answer = dict[str, Any]
Said = TypeVar("Said")
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
BEYOND = timedelta(days=1)
"""Between these lies whatever was created: the service is younger, and its clock may be ahead of this machine's."""
Refs = tuple[ImageSetRef, ...]
"""What a target lists of one image set: itself, versions of it, or both."""
Belongs = Callable[[Target, Sequence[Answer], Sequence[ImageSetRef]], Sequence[bool]]
"""Says of image sets that a search found which of them belong to a target (`Discovery.where`)."""
Member = tuple[Answer, ImageSetRef]
"""An image set as a search found it, and what is known of it beside that."""


class _NotAsked(Failure):
    """Why no call was made."""


@dataclass
class Site:
    """A target, how it is asked, and what was learnt of its data store.

    `doubt` says why it is not known that the data store is there; while it does, no image set counts as not found.
    `arn` is of the caller, `store_arn` of the data store, so far as they are known. `belongs` says which of the image sets
    that are found are the target's: every one without it; `created` and `updated` bound when these were.
    """

    target: Target
    line: Line
    now: Callable[[], datetime]
    needs: Needs = field(default_factory=Needs)
    plan: Plan = field(default_factory=Plan)
    found: Found | None = None
    belongs: Belongs | None = None
    created: Bounds = OPEN
    updated: Bounds = OPEN
    clients: Clients | None = None
    account: str | None = None
    arn: str | None = None
    store_arn: str | None = None
    doubt: str = ""
    notes: list[str] = field(default_factory=list)
    store: Record | None = None

    def refs(self) -> Iterator[tuple[Site, Refs]]:
        """The image sets to ask about, with this site; none where the rules need no call for an image set."""
        if not self.plan.each:
            return iter(())
        if self.found is not None:
            return ((self, (ref,)) for ref in self.found.refs())
        by_id: dict[str, list[ImageSetRef]] = {}
        for ref in self.target.image_sets:
            by_id.setdefault(ref.id, []).append(ref)
        return ((self, tuple(same)) for same in by_id.values())

    def all_notes(self) -> list[str]:
        """The notes, with one on why the target was given up while it was read, if it was."""
        lost = self.line.lost
        if lost is None or lost.code == UNREADABLE:
            return self.notes
        return [*self.notes, f"{self.target.name}: the target was given up: {lost.code}: {lost.message}"]

    def look_up(self) -> Iterator[Record]:
        """Asks for the data store, and its tags. One that is not there loses the target: nothing in it can be "not
        found".

        Raises:
            StoppedError: the run is being stopped.
        """
        if self.found is not None:
            self.found.since = self.now()
        answer = self._ask(
            GET_DATASTORE, lambda clients: questions.datastore(clients.control, self.target.datastore)
        )
        if self.line.lost is None:
            self._learn(answer)
        self.store = self._record(GET_DATASTORE, answer)
        if self.needs.datastore_tags:
            yield self._record(LIST_TAGS, self._tags(self.store_arn or self._built_arn("")))

    def search_page(
        self, after: datetime | None, until: datetime | None, token: str
    ) -> tuple[list[Answer], str] | Failure:
        """A page of the image sets created between two instants, either of which may be open.

        Raises:
            StoppedError: the run is being stopped.
        """
        filters = []
        for name, low, high in (
            ("createdAt", after, until),
            ("updatedAt", self.updated.after, self.updated.until),
        ):
            if low is not None or high is not None:
                filters.append(questions.between(name, low or FIRST, high or self.now() + BEYOND))
        return self._ask(
            SEARCH,
            lambda clients: questions.search_page(clients.runtime, self.target.datastore, filters, token),
        )

    def members(self, found: list[Answer]) -> list[Member]:
        """Those of the image sets that a search found that belong to the target."""
        assert self.found is not None
        refs = [self.found.ref(item["imageSetId"]) for item in found]
        self.found.matched(ref.id for ref in refs)
        pairs = zip(found, refs, strict=True)
        if self.belongs is None:
            return list(pairs)
        chosen = self.belongs(self.target, found, refs)
        return [pair for pair, one in zip(pairs, chosen, strict=True) if one]

    def take(self, found: list[Member] | Failure) -> Iterator[Record]:
        """What a search found of the target, as records; or that it failed, so that there may be more."""
        assert self.found is not None
        if isinstance(found, Failure):
            self.found.failed = True
            self.notes.append(
                f"{self.target.name}: not every image set was found: {found.code}: {found.message}"
            )
            yield self._record(SEARCH, found)
            return
        self.found.add([ref for _, ref in found])
        for item, ref in found:
            yield self._record(SEARCH, item, ref)

    def end_of_search(self) -> Iterator[Record]:
        """What is known once the image sets are found: the record of the data store, which says whether these are all."""
        found = self.found
        if found is not None and found.unmatched and not found.failed:
            some = ", ".join(sorted(found.unmatched)[:3])
            what = f"the inventory gives labels to {len(found.unmatched)} image sets that no search found"
            self.notes.append(f"{self.target.name}: {what}, such as {some}")
        if found is not None and not found.failed and self.line.lost is None:
            yield self._record(SEARCH, {LISTED_SINCE: values.iso(found.since or self.now())})
        if self.store is not None:
            known = self.target.discovery is None or (found is not None and not found.failed)
            whole = self.target.complete and known
            yield replace(self.store, complete=whole)

    def _learn(self, answer: Answer | Failure) -> None:
        name, datastore = self.target.name, self.target.datastore
        if not isinstance(answer, Failure):
            status = answer[PROPERTIES]["datastoreStatus"]
            self.store_arn = _fitting(answer[PROPERTIES].get("datastoreArn"), f"datastore/{datastore}")
            if status != "ACTIVE":
                self.doubt = f"its data store is {status}"
                self.notes.append(f"{name}: the data store {datastore} is {status}.")
        elif answer.kind is Kind.FINAL and answer.code == NOT_FOUND:
            message = f"the data store {datastore} was not found in {self.target.region}: {answer.message}"
            self.line.lost = Failure(Kind.FINAL, UNREADABLE, message)
            self.notes.append(f"{name}: {message}")
        else:
            self.doubt = f"GetDatastore failed with {answer.code}"
            what = f"whether the data store {datastore} is there is not known"
            self.notes.append(f"{name}: {what}, since {self.doubt}: {answer.message}")

    def read(self, refs: Refs, state: str = GET_IMAGE_SET) -> Iterator[Record]:
        """What can be learnt of an image set; a failure is a record too. `state` is the call to ask for its latest state
        by, of those that its plan has.

        Raises:
            StoppedError: the run is being stopped.
        """
        name = refs[0].id
        plan = self.plan
        state = state if state in plan.state else next(iter(plan.state), "")
        listing = plan.versions and (self.needs.previous_version or any(ref.version is None for ref in refs))
        listing = listing or state == LIST_VERSIONS
        arn, gone = None, False
        for ref in refs:
            if state == GET_IMAGE_SET or (plan.versions and not listing):
                answer = self._image_set(ref)
                gone |= _is_gone(answer)
                if not isinstance(answer, Failure):
                    arn = _fitting(answer.get("imageSetArn"), self._path(name)) or arn
                yield self._record(GET_IMAGE_SET, answer, ref)
        if listing:
            answer = self._versions(name)
            gone |= _is_gone(answer)
            for ref in refs:
                yield self._record(LIST_VERSIONS, _with_version(answer, ref.version), ref)
        if plan.tags and not gone:
            yield self._record(LIST_TAGS, self._tags(arn or self._built_arn(name)), image_set_id=name)

    def _ask(self, action: str, call: Callable[[Clients], Said]) -> Said | Failure:
        if lost := self.line.lost:
            return _NotAsked(lost.kind, lost.code, f"not asked for: {lost.message}")
        assert self.clients is not None
        clients = self.clients
        return self.line.ask(action, lambda: call(clients))

    def _image_set(self, ref: ImageSetRef) -> Answer | Failure:
        """Asks for an image set. The service says the same of a version that is not there as of a set that is not, so
        a version that was not found is told from that by asking for the latest one."""
        store = self.target.datastore

        def get(version: int | None) -> Answer | Failure:
            return self._ask(
                GET_IMAGE_SET, lambda clients: questions.image_set(clients.runtime, store, ref.id, version)
            )

        answer = get(ref.version)
        if ref.version is None or not _is_gone(answer):
            return answer
        latest = get(None)
        return latest if isinstance(latest, Failure) else _no_version(ref.version, latest["versionId"])

    def _versions(self, name: str) -> Answer | Failure:
        """Asks for the versions of an image set, page by page; anew where the pages do not fit each other, as when a
        version was written in between."""
        store = self.target.datastore
        wrong: Answer | Failure
        for _ in range(questions.READINGS):
            items: list[Any] = []
            token = ""
            while True:
                page = self._ask(
                    LIST_VERSIONS,
                    lambda clients, token=token: questions.versions_page(clients.runtime, store, name, token),  # type: ignore[misc]
                )
                if isinstance(page, Failure):
                    return page
                items += page[VERSIONS]
                token = page["nextToken"]
                if not token:
                    break
            wrong = questions.joined(items, name)
            if not isinstance(wrong, Failure):
                break
        return wrong

    def _tags(self, arn: str | None) -> Answer | Failure:
        if arn is None and self.line.lost is None:
            message = "the ARN to ask for is not known: neither an answer nor the identity names the account"
            return _NotAsked(Kind.FINAL, NO_ARN, message)
        return self._ask(LIST_TAGS, lambda clients: questions.tags(clients.control, arn or ""))

    def _built_arn(self, image_set_id: str) -> str | None:
        """An ARN of which no answer said it: by the data store's, else by the account, if that is known."""
        rest = f"/imageset/{image_set_id}" if image_set_id else ""
        if self.store_arn:
            return self.store_arn + rest
        if self.account is None or self.clients is None:
            return None
        partition = self.clients.control.meta.partition
        head = f"arn:{partition}:medical-imaging:{self.target.region}:{self.account}"
        return f"{head}:datastore/{self.target.datastore}{rest}"

    def _path(self, image_set_id: str) -> str:
        return f"datastore/{self.target.datastore}/imageset/{image_set_id}"

    def _record(
        self,
        action: str,
        answer: Answer | Failure,
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
            answer=None if isinstance(answer, Failure) else answer,
            error=self._error(answer, action) if isinstance(answer, Failure) else None,
            collected_at=None if isinstance(answer, _NotAsked) else self.now(),
            labels=ref.labels if ref else {},
            label_places=ref.label_places if ref else {},
        )

    def _error(self, wrong: Failure, action: str) -> tuple[str, str]:
        if wrong.code == NOT_FOUND and self.doubt and action in (GET_IMAGE_SET, LIST_VERSIONS):
            return NOT_CONFIRMED, f"no such image set was found, but {self.doubt}: {wrong.message}"
        return wrong.code, wrong.message


def _is_gone(answer: Answer | Failure) -> bool:
    return isinstance(answer, Failure) and answer.code == NOT_FOUND


def _with_version(answer: Answer | Failure, version: int | None) -> Answer | Failure:
    """The list of versions, or that the one asked for is not in it."""
    if version is None or isinstance(answer, Failure):
        return answer
    numbers = [item["versionId"] for item in answer[VERSIONS]]
    return answer if str(version) in numbers else _no_version(version, numbers[-1])


def _no_version(version: int, latest: str) -> Failure:
    message = f"version {version} was not found; the latest one is {latest}"
    return Failure(Kind.FINAL, NO_VERSION, message)


def _fitting(arn: str | None, path: str) -> str | None:
    """An ARN that an answer gave, if it is of what was asked for."""
    return arn if arn and arn.endswith(f":{path}") else None
