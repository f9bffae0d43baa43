"""What of the answers on one image set cannot all be true, by what AWS says of the service.

An image set's version never falls, and a version that was there once stays readable. Of one version the flag of a forced
write does not change, nor does the time of creation or the ARN of an image set. What was deleted does not come back. But a
search is late: it may be behind every other call, and never ahead. State, workflow status, `message`, tier, time of the last
access and `isPrimary` change without a new version, so that no two answers contradict each other in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from checker import instants, values
from checker.aws.actions import ACTIONS, GET_IMAGE_SET, LIST_VERSIONS, SEARCH, Form
from checker.snapshot.records import NO_VERSION, NOT_FOUND, VERSIONS, Record

ROUNDED = timedelta(seconds=1)
"""Two calls may round a time of creation each in its own way: those that are no further apart than this are the same."""
SETTLED = timedelta(hours=1)
"""How long after its creation an image set may not be found yet."""
APART = timedelta(minutes=10)
"""By how much later an answer must come than one to another target for it to be sure that it was asked for later."""
_CALLS = tuple(
    name for name, entry in ACTIONS.items() if entry.form in (Form.SUMMARIES, Form.STATE, Form.VERSIONS)
)
"""The calls whose answers are compared, in the order in which one image set is asked about."""
_EVER = datetime.min.replace(tzinfo=UTC)
_DELETED, _LOCKED = "DELETED", "LOCKED"


@dataclass(frozen=True, slots=True)
class Facts:
    """What an answer says of one version that may be compared; None where the call does not say it."""

    created: datetime | None = None
    forced: bool | None = None
    state: str | None = None
    arn: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """An answer on an image set: the call, when it was received, the version asked for if one was, and what it says of
    which versions. Where there are none, `gone` says that the image set is not there; else the version asked for is not.
    By a `witness` nothing is judged."""

    call: str
    target: str
    at: datetime | None
    asked: int | None = None
    versions: Mapping[int, Facts] = field(default_factory=dict)
    gone: bool = False
    witness: bool = False

    @property
    def superseded(self) -> bool:
        """Whether the same call was made again, so that this answer shows no more than what was there."""
        return self.witness and self.call != SEARCH

    @property
    def highest(self) -> int:
        """The highest version that was there; 0 where none was."""
        return max(self.versions, default=0)

    @property
    def latest(self) -> int | None:
        """The latest version by the answer; None where it does not say which one that is."""
        whole = self.asked is None or self.call == LIST_VERSIONS
        return self.highest if self.versions and whole else None

    @property
    def exact(self) -> bool:
        """Whether it says which version is the latest, and is not late."""
        return self.latest is not None and self.call != SEARCH

    @property
    def newest(self) -> Facts:
        """What it says of the highest version."""
        return self.versions.get(self.highest, Facts())

    def says(self, what: str) -> str:
        """The call, what it says, and when it was received."""
        pinned = self.call == GET_IMAGE_SET and self.asked is not None and self.asked not in self.versions
        asked = f" of version {self.asked}" if pinned else ""
        when = f" ({instants.iso(self.at)})" if self.at else ""
        return f"{self.call}{asked} says {what}{when}"


def facts_of(record: Record) -> AnswerFacts | None:
    """What a record says that may be compared; None where it says nothing of an image set."""
    code = record.error[0] if record.error else None
    if (
        record.action not in _CALLS
        or record.image_set_id is None
        or code not in (None, NOT_FOUND, NO_VERSION)
    ):
        return None
    versions = versions_of(record.action, record.answer or {})
    gone = code == NOT_FOUND
    at, asked, witness = record.collected_at, record.version, record.witness
    return AnswerFacts(record.action, record.target, at, asked, versions, gone=gone, witness=witness)


def all_facts(records: Iterable[Record]) -> list[AnswerFacts]:
    """What records say that may be compared."""
    return [item for item in map(facts_of, records) if item is not None]


def versions_of(call: str, answer: Mapping[str, Any]) -> dict[int, Facts]:
    """The versions in an answer as records hold it."""
    items = answer.get(VERSIONS) or [answer]
    number = "version" if call == SEARCH else "versionId"
    return {int(item[number]): _facts(call, item) for item in items if item.get(number) is not None}


def _facts(call: str, item: Mapping[str, Any]) -> Facts:
    created = item.get("createdAt")
    return Facts(
        values.parse_time(created) if isinstance(created, str) else created,
        None if call == SEARCH else bool((item.get("overrides") or {}).get("forced")),
        item.get("imageSetState"),
        item.get("imageSetArn"),
    )


def contradiction(said: Iterable[AnswerFacts]) -> str | None:
    """Two answers on one image set that cannot both be true, as text that names both; None where there are none.

    Args:
        said: all that a run was told of the image set. Where several were received at the same instant, they were
            asked for in the order of `_CALLS`, and those that stand after those that are witnesses.
    """
    ordered = _in_order(said)
    pairs = ((item, two) for at, two in enumerate(ordered) for item in ordered[:at])
    return next(
        (why for item, two in pairs if not (item.witness and two.witness) for why in _against(item, two)),
        None,
    )


def needs_recheck(said: Iterable[AnswerFacts]) -> bool:
    """Whether another answer may tell more: two contradict each other, or what is known of the image set does not fit
    together, though it may have moved between two answers."""
    every = _in_order(said)
    if contradiction(every) is not None:
        return True
    standing = [item for item in every if not item.witness and item.call != SEARCH]
    highest = max((item.highest for item in every), default=0)
    known = {number for item in every for number in item.versions}
    behind = any(item.exact and item.highest < highest for item in standing)
    there = any(item.exact and item.newest.state != _DELETED for item in standing)
    deleted = any(item.exact and item.newest.state == _DELETED for item in standing)
    missing = any(not item.versions and not item.gone and item.asked in known for item in standing)
    return behind or missing or (there and (deleted or any(item.gone for item in standing)))


def _in_order(said: Iterable[AnswerFacts]) -> list[AnswerFacts]:
    def place(item: AnswerFacts) -> tuple[Any, ...]:
        at, created = item.at or _EVER, item.newest.created or _EVER
        return (
            at,
            not item.witness,
            _CALLS.index(item.call),
            item.asked or 0,
            item.highest,
            created,
            item.target,
        )

    return sorted(said, key=place)


def _against(item: AnswerFacts, two: AnswerFacts) -> Iterator[str]:
    """What of two answers contradicts the other, of which the second one was asked for later."""
    if item.call == two.call == SEARCH:
        # searches of two targets may each be late in its own way
        fell = item.highest > two.highest > 0 or (item.at == two.at and item.highest != two.highest)
        if fell and item.target == two.target:
            yield _versions(item, two)
    elif not two.witness and (item.target == two.target or _apart(item, two)):
        if two.exact and item.highest > two.highest:
            yield _versions(item, two)
        yield from _back(item, two)
    if not (item.superseded or two.superseded):
        yield from _after_a_list(item, two)
    # what never changes is compared with answers too that another one of the call has replaced
    yield from _left_out(item, two)
    yield from _of_the_same(item, two)


def _apart(item: AnswerFacts, two: AnswerFacts) -> bool:
    return item.at is not None and two.at is not None and item.at + APART <= two.at


def _versions(item: AnswerFacts, two: AnswerFacts) -> str:
    return f"{two.says(f'version {two.highest}')}, but {item.says(f'version {item.highest}')}"


def _after_a_list(item: AnswerFacts, two: AnswerFacts) -> Iterator[str]:
    """A version that came after the last one of a list: nobody has looked at what lies between."""
    behind = item.target == two.target and item.call == LIST_VERSIONS and two.call != SEARCH
    if behind and two.highest > item.highest > 0:
        yield f"{item.says(f'version {item.highest} is the last')}, but {two.says(f'version {two.highest}')}"


def _left_out(item: AnswerFacts, two: AnswerFacts) -> Iterator[str]:
    """Versions that a list leaves out, though another answer has them."""
    for listed, other in ((item, two), (two, item)):
        if listed.call == LIST_VERSIONS and listed.versions:
            for number in sorted(other.versions):
                if number < listed.highest and number not in listed.versions:
                    yield f"{listed.says(f'there is no version {number}')}, but {other.says(f'version {number}')}"


def _of_the_same(item: AnswerFacts, two: AnswerFacts) -> Iterator[str]:
    """What two answers say of one version, or of the image set itself, that never changes."""
    pairs = [
        (number, item.versions[number], two.versions[number])
        for number in item.versions
        if number in two.versions
    ]
    if item.highest != two.highest:
        mine, other = item.newest, two.newest
        if item.latest is None or two.latest is None:  # it is of an old version
            mine, other = replace(mine, created=None), replace(other, created=None)
        pairs.append((0, mine, other))
    for number, mine, other in pairs:
        of = f"version {number}: " if number else ""
        rounded = timedelta() if item.call == two.call else ROUNDED
        if mine.created and other.created and abs(mine.created - other.created) > rounded:
            times = instants.iso(mine.created), instants.iso(other.created)
            yield _different(item, two, f"{of}createdAt", *times)
        if mine.arn and other.arn and mine.arn != other.arn:
            yield _different(item, two, "imageSetArn", mine.arn, other.arn)
        forced = (mine.forced, other.forced)
        if (
            number
            and None not in forced
            and forced[0] != forced[1]
            and _LOCKED not in (mine.state, other.state)
        ):
            yield _different(item, two, f"{of}overrides.forced", *(str(value).lower() for value in forced))


def _different(item: AnswerFacts, two: AnswerFacts, name: str, mine: str, other: str) -> str:
    return f"{two.says(f'{name} {other}')}, but {item.says(f'{name} {mine}')}"


def _back(item: AnswerFacts, two: AnswerFacts) -> Iterator[str]:
    """What is there, though it was not before, and cannot have been made in between; or is not, though it was."""
    if not two.versions and not two.gone and two.asked in item.versions:
        yield f"{two.says('there is none')}, but {item.says(f'version {two.asked}')}"
    if not two.exact or two.newest.state == _DELETED:
        return
    what = f"version {two.highest}{f' {two.newest.state}' if two.newest.state else ''}"
    if item.exact and item.newest.state == _DELETED:
        yield f"{two.says(what)}, but {item.says(f'version {item.highest} {_DELETED}')}"
    created = two.newest.created
    if item.gone and created and item.at and created + SETTLED <= item.at:
        yield f"{two.says(what)}, but {item.says('there is no such image set')}"
