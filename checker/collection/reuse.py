"""What need not be asked: what an interrupted run has already, and what has not moved since an earlier run asked.

An image set is as it was where the search says of it what it said then: `FACTS`. Three kinds are asked for again all the
same. LOCKED ones are changing, and a search may not tell. Those that were DELETED, or not found, are asked for once more,
and from then on every so often. And those that no search lists any more have been deleted, or are about to be found by
nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.aws.actions import GET_IMAGE_SET, LIST_VERSIONS, SEARCH
from checker.collection.plan import Plan
from checker.fields import model
from checker.instants import add_duration
from checker.layout import RECORDS
from checker.model import Duration, Target
from checker.runs.run_reader import MOST_EARLIER, RecordedRun
from checker.snapshot.answer_index import AnswerIndex, Key, PriorAnswer
from checker.snapshot.deletion_events import Event
from checker.snapshot.records import LISTED_SINCE, NOT_FOUND, SEARCHED_SINCE, VERSIONS
from checker.values import parse_time

if TYPE_CHECKING:
    from checker.config.models import Collect

FACTS = ("version", "updatedAt", "createdAt", "isPrimary")
"""What a search says of an image set that changes when the image set does (AWS, SearchImageSets). Its tier and the time of
the last access change too, and are taken from the search itself."""
_DELETED, _LOCKED = "DELETED", "LOCKED"
NEVER = Duration(0, 0)


@dataclass(frozen=True, slots=True)
class PriorAnswers:
    """What is known before anything is asked.

    `own` are the records that an interrupted run has already, `earlier` those of earlier runs. Image sets that were seen
    DELETED are asked for again after `recheck`. The user says that what was deleted from `known_since` on is known.
    """

    own: AnswerIndex | None = None
    earlier: AnswerIndex | None = None
    recheck: Duration = NEVER
    known_since: datetime | None = None

    def close(self) -> None:
        """Frees the disk."""
        for answer in (self.own, self.earlier):
            if answer is not None:
                answer.close()


def prior_answers(
    how: Collect,
    targets: Sequence[Target],
    earlier: Iterable[RecordedRun],
    events: Iterable[Event],
    *,
    own: Path | None = None,
    refresh: bool = False,
) -> PriorAnswers:
    """What is known before anything is asked.

    Args:
        how: what audit.yaml says of collecting.
        targets: what is collected.
        earlier: complete runs of the audit, from the last one back; no more are looked at than it takes to find a whole
            search of every target.
        events: deletions that are known of.
        own: the records of the interrupted run that goes on.
        refresh: no earlier answer stands.

    Raises:
        InvalidInputError: an earlier run was altered.
    """
    here = then = None
    if own is not None:
        here = AnswerIndex()
        here.add(own)
    if any(target.discovery or target.organization for target in targets):
        then = AnswerIndex()
        for kept in islice(earlier, MOST_EARLIER):
            then.add(
                kept.folder / RECORDS,
                kept.name,
                reusable=how.incremental and not refresh and _same_tools(kept),
            )
            if then.whole and not any(
                str(item).startswith("target ") for item in kept.facts.get("left_out", ())
            ):
                break
        by_store: dict[str, list[str]] = {}
        for event in events:
            by_store.setdefault(event.datastore_id, []).append(event.image_set_id)
        for store, image_sets in by_store.items():
            then.name(store, image_sets)
    return PriorAnswers(here, then, how.recheck_deleted, how.deletions_known_since)


def _same_tools(kept: RecordedRun) -> bool:
    """Whether answers were read as they are now: another botocore may know members that this one drops, or the reverse."""
    from checker import __version__

    facts = kept.facts
    return (
        facts.get("botocore_version") == model().botocore_version and facts.get("tool_version") == __version__
    )


@dataclass(frozen=True, slots=True)
class Reuse:
    """What is known of one target. `place` are its account, Region and data store: what is of another one is not its."""

    prior: PriorAnswers = field(default_factory=PriorAnswers)
    target: str = ""
    place: tuple[str | None, str, str] = (None, "", "")

    @classmethod
    def of(cls, prior: PriorAnswers, target: Target, account: str | None) -> Reuse:
        """What is known of a target of an account."""
        return cls(prior, target.name, (account, target.region, target.datastore))

    @property
    def remembers(self) -> bool:
        """Whether image sets may be known that no search lists."""
        return self.prior.own is not None or self.prior.earlier is not None

    def done(self, image_set_id: str) -> Mapping[Key, PriorAnswer]:
        """The records of an image set that this run has already."""
        own = self.prior.own
        return {} if own is None else self._here(own.of(self.target, image_set_id))

    @property
    def searched(self) -> datetime | None:
        """From when on the image sets of the target are known, if this run has found them already."""
        return self._since(self.prior.own)

    def found(self) -> Iterator[str]:
        """The image sets that this run has found already."""
        own = self.prior.own
        if own is None:
            return
        for name in own.image_sets(self.target):
            if (SEARCH, None) in self.done(name):
                yield name

    def searched_since(self, start: datetime) -> datetime:
        """From when on searches have seen every image set, the last of which began at an instant.

        An earlier run knows of all image sets that were there then only if it was a search for all: which ones a
        condition chooses may change with time.
        """
        before = self._since(self.prior.earlier, SEARCHED_SINCE)
        return start if before is None else min(start, before)

    def known_since(self, searched: datetime) -> datetime:
        """From when on no image set can have been deleted unseen, by searches and by what the owner says."""
        said = self.prior.known_since
        return searched if said is None else min(searched, said)

    def see(self, image_sets: Iterable[str]) -> None:
        """Takes image sets that a search has listed."""
        names = list(image_sets)
        for answer in (self.prior.own, self.prior.earlier):
            if answer is not None:
                answer.see(self.target, names)

    def vanished(self, plan: Plan) -> Iterator[str]:
        """Image sets that were there, in an earlier run or before this one was interrupted, and that no search has listed."""
        own, earlier = self.prior.own, self.prior.earlier
        if own is not None and plan.each:
            for name, _ in own.unseen(self.target, self.place[2]):
                if (SEARCH, None) in (done := self.done(name)) and len(done) == 1:
                    self.see([name])  # an earlier run may know it too, and it is asked about once
                    yield name
        if earlier is not None:
            for name, named in earlier.unseen(self.target, self.place[2]):
                if named or self._earlier(name):
                    yield name

    def reusable(self, item: Mapping[str, Any], plan: Plan, now: datetime) -> Sequence[PriorAnswer] | None:
        """The earlier answers that stand in the place of a plan's calls, of an image set as a search lists it now; None
        where it is to be asked for."""
        if not plan.state and not plan.versions:
            return ()
        if plan.fresh:
            return None
        known = self._earlier(str(item["imageSetId"]))
        then = known.get((SEARCH, None))
        if then is None or any(then.document.get(name) != item.get(name) for name in FACTS):
            return None
        answers = _answers(known, plan)
        if answers is None or not all(
            answer.run == then.run and _of_version(answer, item) for answer in answers
        ):
            return None
        return answers if self._stand(answers, now) else None

    def still_gone(self, image_set_id: str, plan: Plan, now: datetime) -> Sequence[PriorAnswer] | None:
        """The earlier answers on an image set that no search lists, if it need not be asked for yet."""
        answers = _answers(self._earlier(image_set_id), plan)
        if not answers or not all(_is_gone(answer) for answer in answers):
            return None
        return answers if self._stand(answers, now) else None

    def was_gone(self, image_set_id: str) -> bool:
        """Whether an image set was DELETED or not found when it was last asked for."""
        return any(_is_gone(answer) for answer in self._earlier(image_set_id).values())

    def created(self, image_set_id: str) -> datetime | None:
        """When an image set was created, by an earlier run. It never changes."""
        for answer in self._earlier(image_set_id).values():
            for said in answer.document.get(VERSIONS) or [answer.document]:
                if created := said.get("createdAt"):
                    return parse_time(str(created))
        return None

    def _stand(self, answers: Sequence[PriorAnswer], now: datetime) -> bool:
        for answer in answers:
            if not answer.reusable or _state(answer) == _LOCKED:
                return False
            if _is_gone(answer) and not (
                answer.document.get("confirmed")
                and add_duration(parse_time(str(answer.document["collectedAt"])), self.prior.recheck) > now
            ):
                return False
        return True

    def _earlier(self, image_set_id: str) -> Mapping[Key, PriorAnswer]:
        earlier = self.prior.earlier
        return {} if earlier is None else self._here(earlier.of(self.target, image_set_id))

    def _here(self, records: Mapping[Key, PriorAnswer]) -> Mapping[Key, PriorAnswer]:
        return {key: item for key, item in records.items() if self._fits(item.document)}

    def _fits(self, document: Mapping[str, Any]) -> bool:
        account, region, store = self.place
        place = (document.get("targetAccount"), document.get("targetRegion"), document.get("datastoreId"))
        return place[1:] == (region, store) and (None in (account, place[0]) or place[0] == account)

    def _since(self, stored: AnswerIndex | None, member: str = LISTED_SINCE) -> datetime | None:
        end = stored.end(self.target) if stored is not None else None
        known = end is not None and self._fits(end) and member in end
        return parse_time(str(end[member])) if end is not None and known else None


def _answers(known: Mapping[Key, PriorAnswer], plan: Plan) -> Sequence[PriorAnswer] | None:
    """The records that give what a plan's calls would: None where one is missing or failed."""
    whole = known.get((GET_IMAGE_SET, None))
    versions = known.get((LIST_VERSIONS, None))
    state = whole or (versions if LIST_VERSIONS in plan.state else None)
    wanted = [item for item, needed in ((state, plan.state or state), (versions, plan.versions)) if needed]
    answers = [answer for answer in wanted if answer is not None]
    if len(answers) < len(wanted) or not all(_answered(answer) for answer in answers):
        return None
    return answers if len(answers) < 2 or answers[0] is not answers[1] else answers[:1]


def _of_version(answer: PriorAnswer, item: Mapping[str, Any]) -> bool:
    """Whether an answer is of the version that a search lists: what says no version shows nothing."""
    number = _latest(answer).get("versionId")
    return number is not None and int(number) == item.get("version")


def _answered(answer: PriorAnswer) -> bool:
    error = answer.document.get("error")
    return error is None or error["code"] == NOT_FOUND


def _latest(answer: PriorAnswer) -> Mapping[str, Any]:
    """An answer on an image set, or what one has of its latest version."""
    versions = answer.document.get(VERSIONS)
    return max(versions, key=lambda version: int(version["versionId"])) if versions else answer.document


def _state(answer: PriorAnswer) -> str | None:
    """The state of an image set by an answer."""
    return _latest(answer).get("imageSetState")


def _is_gone(answer: PriorAnswer) -> bool:
    error = answer.document.get("error")
    return (error is not None and error["code"] == NOT_FOUND) or _state(answer) == _DELETED
