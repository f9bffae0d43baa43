"""Recorded answers about one image set, put together: what agrees counts once, what contradicts is a problem."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.aws.actions import GET_IMAGE_SET, LIST_VERSIONS
from checker.problems import Problem
from checker.snapshot.answers import normalise_versions
from checker.snapshot.contradiction import AnswerFacts, all_facts, contradiction
from checker.snapshot.records import CONTRADICTORY, NO_VERSION, VERSIONS, VERSIONS_NOT_RECORDED, Record
from checker.snapshot.version_pages import is_single_version, missing_versions, version_ranges_text


@dataclass(frozen=True, slots=True)
class PlacedAnswer:
    """A record and its place. `version` is None for what was learnt of the image set as a whole: it is not there, or
    its latest version could not be read."""

    record: Record
    where: str
    listed: bool  # in list-image-set-versions, which leaves members out
    pinned: bool  # asked for by its version
    whole: bool = False  # with every other version of its image set
    asked: bool = (
        False  # by this program, which reads a list to its end: what it leaves out, the service leaves out
    )

    @property
    def version(self) -> int | None:
        answer = self.record.answer
        return int(answer["versionId"]) if answer else self.record.version


def merge_answers(
    same_id: list[PlacedAnswer],
    unlisted: list[PlacedAnswer],
    problems: list[Problem],
    *,
    versions: bool,
    witnesses: Sequence[PlacedAnswer] = (),
) -> Iterator[Record]:
    """The image sets of an id, one for each data store. What names none, such as a list of versions, joins it.

    Args:
        same_id: what was recorded of the image set and of its versions, at least one.
        unlisted: failed calls of ListImageSetVersions.
        problems: takes contradictions.
        versions: whether to give the list of versions too, or why it is not known.
        witnesses: answers that are only there to be compared.
    """
    stores = sorted({answer.record.datastore_id for answer in same_id if answer.record.datastore_id})
    if len(stores) > 1:
        problems += [
            Problem(answer.where, f"which data store's {answer.record.image_set_id} this is, is not said")
            for answer in same_id
            if answer.record.datastore_id is None
        ]
    for store in stores or (None,):
        kept: dict[int | None, PlacedAnswer] = {}
        for new in same_id:
            if new.record.datastore_id in (store, None):
                _keep(kept, new, problems)
        highest = kept[max(kept, key=_last_if_none)]
        here = [answer for answer in (*same_id, *witnesses) if answer.record.datastore_id in (store, None)]
        if len(here) > 1 and (why := contradiction(_statements(here))) is not None:
            unread = replace(
                highest.record, datastore_id=store, version=None, answer=None, error=(CONTRADICTORY, why)
            )
            yield from (unread, replace(unread, action=LIST_VERSIONS)) if versions else (unread,)
            continue
        # labels are of the image set, whichever version they stand beside; those beside the last version win
        ascending = [kept[version].record for version in sorted(kept, key=_last_if_none)]
        labels = {name: value for record in ascending for name, value in record.labels.items()}
        places = {name: place for record in ascending for name, place in record.label_places.items()}
        merged = replace(highest.record, datastore_id=store, labels=labels, label_places=places)
        yield merged
        if versions:
            failed = [answer for answer in unlisted if answer.record.datastore_id in (store, None)]
            whole = [
                answer for answer in same_id if answer.whole and answer.record.datastore_id in (store, None)
            ]
            listed = max((answer.version or 0 for answer in whole), default=0)
            known = _list_of(kept, merged, listed, failed)
            sure = max((answer.version or 0 for answer in whole if answer.asked), default=0)
            yield replace(known, gaps=_unrecorded(known, sure))


def _statements(seen: Iterable[PlacedAnswer]) -> Iterator[AnswerFacts]:
    """What recorded answers say that may be compared. What has no time was printed by the AWS CLI: its answers do not say
    whether a version was asked for, another SDK may have dropped members, and a file may hold a part of a list."""
    lists: dict[str, AnswerFacts] = {}
    asked: list[AnswerFacts] = []
    for answer in seen:
        record = answer.record
        said = next(iter(all_facts([replace(record, action=GET_IMAGE_SET)])), None)
        if said is not None and answer.whole:
            # what has no time may be a page, so that all of it is one list
            place = answer.where if said.at is not None else ""
            other = lists.get(place, replace(said, call=LIST_VERSIONS, versions={}, asked=None))
            lists[place] = replace(other, versions={**other.versions, **said.versions})
        elif said is not None and not answer.listed:
            asked.append(_surely(said, pinned=answer.pinned))
    parts = [statement for statement in lists.values() if statement.at is None]
    yield from lists.values()
    for said in asked:
        number = said.highest
        if not any(number < part.highest and number not in part.versions for part in parts):
            yield said


def _surely(said: AnswerFacts, *, pinned: bool) -> AnswerFacts:
    """What a recorded answer of GetImageSet says for sure."""
    if said.at is not None:
        return replace(said, asked=said.highest or said.asked) if pinned else said
    versions = {
        number: own if own.forced else replace(own, forced=None) for number, own in said.versions.items()
    }
    return replace(said, versions=versions, asked=said.highest or said.asked)


def _last_if_none(version: int | None) -> float:
    return math.inf if version is None else version


def _list_of(
    kept: dict[int | None, PlacedAnswer], highest: Record, listed: int, failed: list[PlacedAnswer]
) -> Record:
    """The versions of an image set as ListImageSetVersions would give them, or why they are not known.

    `listed` is the highest version in a list: what is missing below it leaves the others known.
    """
    records = [kept[version].record for version in sorted(kept, key=_last_if_none)]
    answers = {int(record.answer["versionId"]): record.answer for record in records if record.answer}
    record = replace(
        highest,
        version=None,
        action=LIST_VERSIONS,
        answer=None,
        error=None,
    )
    whole = kept.get(None)
    if not listed and failed:
        return replace(record, error=failed[0].record.error)
    if whole and whole.record.error and (not listed or whole.record.found is False):
        return replace(record, error=whole.record.error)
    if not answers:
        return replace(record, error=highest.error)
    known = max(
        answer.version or 0 for answer in kept.values() if (answer.record.error or ("",))[0] != NO_VERSION
    )
    if missing := list(missing_versions(sorted(answers), listed, known)):
        return replace(record, error=(VERSIONS_NOT_RECORDED, _missing(missing, known)))
    return replace(record, answer=normalise_versions(list(answers.values())))


def _unrecorded(record: Record, sure: int) -> tuple[int, ...]:
    """The versions above `sure` whose number before is missing: a file may hold a part of a list."""
    listed = record.answer[VERSIONS] if record.answer else ()
    numbers = {int(waiver["versionId"]) for waiver in listed}
    return tuple(number for number in sorted(numbers) if number > max(sure, 1) and number - 1 not in numbers)


def _missing(runs: list[tuple[int, int]], highest: int) -> str:
    return f"{version_ranges_text(runs)} of 1..{highest} {'was' if is_single_version(runs) else 'were'} not recorded"


def _keep(kept: dict[int | None, PlacedAnswer], new: PlacedAnswer, problems: list[Problem]) -> None:
    """Adds a record: the same version twice counts once where the answers agree, and is a problem else."""
    beside = kept.values() if new.version is None else filter(None, map(kept.get, (new.version, None)))
    for other in beside:
        if what := _contradiction(other, new):
            message = f"two different {what}s for the image set {new.record.image_set_id}"
            problems.append(Problem(new.where, message, f"the other {what} is at {other.where}"))
            return
    pair = [kept.get(new.version, new), new]
    best = min(
        pair, key=lambda item: (bool(item.record.error), item.listed, item.pinned, item.record.to_json())
    )
    answer = best.record.answer
    if answer is not None:
        # a list may say what an answer of another SDK dropped
        answer = _joined(answer, *(item.record.answer for item in pair))
    record = replace(
        best.record,
        answer=answer,
        labels=dict(sorted({**pair[0].record.labels, **new.record.labels}.items())),
        label_places=dict(sorted({**new.record.label_places, **pair[0].record.label_places}.items())),
    )
    kept[new.version] = replace(best, record=record)


def _joined(answer: Any, *others: Any) -> dict[str, Any]:
    more = {name: value for other in others if other for name, value in other.items() if name not in answer}
    return {**answer, **more}


def _contradiction(answer: PlacedAnswer, two: PlacedAnswer) -> str:
    """What of two records cannot both be true, if anything. When they were collected does not matter."""
    if answer.version != two.version:
        whole, version = (answer, two) if answer.version is None else (two, answer)
        # the latest version could not be read, one asked for by its number or in a list could
        both = version.record.error or ((version.pinned or version.listed) and whole.record.found is None)
        return "" if both else "answer"
    first, second = answer.record.labels, two.record.labels
    if any(first[name] != second[name] for name in first.keys() & second.keys()):
        return "label"
    if answer.record.answer is None or two.record.answer is None:
        # a version that could be read once is read
        codes = {seen.record.error[0] for seen in (answer, two) if seen.record.error}
        return "answer" if len(codes) > 1 else ""
    mine, other = answer.record.answer, two.record.answer
    # members that ListImageSetVersions never gives are no contradiction
    names = mine.keys() & other.keys() if answer.listed or two.listed else mine.keys() | other.keys()
    return "answer" if any(mine.get(name) != other.get(name) for name in names) else ""


def latest_search_answers(seen: Iterable[PlacedAnswer]) -> Iterator[Record]:
    """What searches said of each image set last: it changes without a new version, so nothing of it contradicts. What ended
    or failed is of the data store; a failure comes before an end, and of several ends the last one holds."""
    kept: dict[tuple[str, str], Record] = {}
    for answer in sorted(
        seen, key=lambda item: (item.record.error is not None, _when(item.record), item.record.to_json())
    ):
        if answer.record.witness:
            yield answer.record
        else:
            kept[answer.record.datastore_id or "", answer.record.image_set_id or ""] = answer.record
    for _, record in sorted(kept.items()):
        yield record


def _when(record: Record) -> float:
    return record.collected_at.timestamp() if record.collected_at else -math.inf


def unique(seen: Iterable[PlacedAnswer], what: str, problems: list[Problem]) -> Iterator[Record]:
    """Records of another call, each key once: an answer before an error, and a problem where two answers differ."""
    kept: dict[tuple[str, str], PlacedAnswer] = {}
    for new in seen:
        key = (new.record.datastore_id or "", new.record.image_set_id or "")
        other = kept.setdefault(key, new)
        if other.record.answer and new.record.answer and other.record.answer != new.record.answer:
            of = new.record.image_set_id or new.record.datastore_id
            message = f"two different answers on {what} {of}"
            problems.append(Problem(new.where, message, f"the other answer is at {other.where}"))
        best = min(other, new, key=lambda item: (item.record.answer is None, item.record.to_json()))
        kept[key] = best
    for _, item in sorted(kept.items()):
        yield item.record
