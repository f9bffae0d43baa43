"""A target while it is read: its data store looked up once, then one call for each image set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from checker.aws import Clients
from checker.evidence.records import NOT_FOUND, BadAnswerError, Record, normalise
from checker.inventory.asking import Line
from checker.inventory.failures import Failure, Kind
from checker.model import ImageSetRef, Target

UNREADABLE = "TargetUnreadable"
NOT_CONFIRMED = "NotConfirmed"
NO_VERSION = "VersionNotFound"
"""Codes of our own, beside the service's and botocore's: the data store is not there; an image set was not found, but
perhaps only because its data store is not there; the image set is there, but not the version asked for."""


@dataclass
class Site:
    """A target, how it is asked, and what was learnt of its data store.

    `doubt` says why it is not known that the data store is there; while it does, no image set counts as not found.
    """

    target: Target
    line: Line
    now: Callable[[], datetime]
    clients: Clients | None = None
    account: str | None = None
    arn: str | None = None
    doubt: str = ""
    notes: list[str] = field(default_factory=list)

    def refs(self) -> Iterator[tuple[Site, ImageSetRef]]:
        """The image sets to read, with this site."""
        return ((self, ref) for ref in self.target.image_sets)

    def all_notes(self) -> list[str]:
        """The notes, with one on why the target was given up while it was read, if it was."""
        lost = self.line.lost
        if lost is None or lost.code == UNREADABLE:
            return self.notes
        return [*self.notes, f"{self.target.name}: the target was given up: {lost.code}: {lost.message}"]

    def look_up(self) -> None:
        """Asks for the data store. One that is not there loses the target: nothing in it can be "not found"."""
        if self.line.lost:
            return
        status = self.line.ask("GetDatastore", self._datastore_status)
        name, datastore = self.target.name, self.target.datastore
        if isinstance(status, str):
            if status != "ACTIVE":
                self.doubt = f"its data store is {status}"
                self.notes.append(f"{name}: the data store {datastore} is {status}.")
        elif status.kind is Kind.FINAL and status.code == NOT_FOUND:
            message = f"the data store {datastore} was not found in {self.target.region}: {status.message}"
            self.line.lost = Failure(Kind.FINAL, UNREADABLE, message)
            self.notes.append(f"{name}: {message}")
        else:
            self.doubt = f"GetDatastore failed with {status.code}"
            if self.line.lost is None:
                what = f"whether the data store {datastore} is there is not known"
                self.notes.append(f"{name}: {what}, since {self.doubt}: {status.message}")

    def read(self, ref: ImageSetRef) -> Record:
        """What can be learnt of an image set; a failure is a record too.

        Raises:
            StoppedError: the run is being stopped.
        """
        if lost := self.line.lost:
            return self._record(ref, error=(lost.code, f"not asked for: {lost.message}"))
        answer = self._ask(ref)
        if not isinstance(answer, Failure):
            return self._record(ref, answer=answer, collected_at=self.now())
        code, message = answer.code, answer.message
        if code == NOT_FOUND and self.doubt:
            code = NOT_CONFIRMED
            message = f"no such image set was found, but {self.doubt}: {message}"
        return self._record(ref, error=(code, message), collected_at=self.now())

    def _ask(self, ref: ImageSetRef) -> dict[str, object] | Failure:
        """Asks for an image set. The service says the same of a version that is not there as of a set that is not, so
        a version that was not found is told from that by asking for the latest one."""
        answer = self.line.ask("GetImageSet", lambda: self._image_set(ref.id, ref.version))
        if ref.version is None or not isinstance(answer, Failure) or answer.code != NOT_FOUND:
            return answer
        latest = self.line.ask("GetImageSet", lambda: self._image_set(ref.id))
        if isinstance(latest, Failure):
            return latest
        message = f"version {ref.version} was not found; the latest one is {latest['versionId']}"
        return Failure(Kind.FINAL, NO_VERSION, message)

    def _datastore_status(self) -> str:
        assert self.clients is not None
        answer = self.clients.control.get_datastore(datastoreId=self.target.datastore)
        properties = answer["datastoreProperties"]
        if properties["datastoreId"] != self.target.datastore:
            raise BadAnswerError(f"datastoreId is {properties['datastoreId']}")
        status = properties["datastoreStatus"]
        if not isinstance(status, str):
            raise BadAnswerError(f"datastoreStatus is {status!r:.80}")
        return status

    def _image_set(self, name: str, version: int | None = None) -> dict[str, object]:
        assert self.clients is not None
        pinned = {} if version is None else {"versionId": str(version)}
        datastore = self.target.datastore
        answer = self.clients.runtime.get_image_set(datastoreId=datastore, imageSetId=name, **pinned)
        return normalise(answer, datastore_id=datastore, image_set_id=name, version=version)

    def _record(
        self,
        ref: ImageSetRef,
        *,
        answer: dict[str, object] | None = None,
        error: tuple[str, str] | None = None,
        collected_at: datetime | None = None,
    ) -> Record:
        return Record(
            target=self.target.name,
            image_set_id=ref.id,
            datastore_id=self.target.datastore,
            version=ref.version,
            account=self.account,
            region=self.target.region,
            answer=answer,
            error=error,
            collected_at=collected_at,
            labels=ref.labels,
        )
