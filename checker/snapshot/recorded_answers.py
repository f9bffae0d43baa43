"""Recorded answers: files with what the AWS CLI prints, to records.

A file is any sequence of JSON values: `get-image-set` answers, arrays of them, `list-image-set-versions` and
`get-datastore` answers, and objects with an `error` for what could not be read, so that a records.jsonl can be read too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from checker.aws.actions import (
    FINDING,
    GET_DATASTORE,
    GET_IMAGE_SET,
    LIST_TAGS,
    LIST_VERSIONS,
    RECORDED,
    SEARCH,
    STATES,
)
from checker.fields import model
from checker.model import Label, Needs
from checker.problems import InvalidInputError, Problem
from checker.snapshot.answer_files import answer_files
from checker.snapshot.answer_reader import TARGET, AnswerReader
from checker.snapshot.answers import (
    BadAnswerError,
)
from checker.snapshot.duplicate_answers import PlacedAnswer, latest_search_answers, merge_answers, unique
from checker.snapshot.json_files import PlacedValue, json_lines, json_values
from checker.snapshot.records import (
    NOT_RECORDED,
    Record,
)
from checker.snapshot.regular_answers import RegularAnswers, regular_answers
from checker.snapshot.version_pages import incomplete_pages
from checker.values import BadValueError

_REST = tuple(name for name in RECORDED if name not in (*STATES, *FINDING, GET_DATASTORE, LIST_TAGS))


def read_recorded(
    paths: Sequence[str],
    labels: Mapping[str, Label],
    warnings: list[Problem] | None = None,
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    complete: bool = False,
) -> list[Record]:
    """The records in the files: GetImageSet's, one for each image set, of several versions the highest; where they are
    needed the versions of each; what was recorded of data stores and of tags. Sorted, so that the order of the files
    does not matter.

    Args:
        paths: the files as the user wrote them, and folders of them; `-` is standard input.
        labels: the declared labels, which an answer may carry under `labels`.
        warnings: takes what is odd but no error: labels that are not declared, files without an image set.
        needs: what the rules read.
        complete: the user says that the files hold every image set of their data stores.

    Raises:
        InvalidInputError: with every record that is malformed, or that contradicts another one.
    """
    told: list[Problem] = [] if warnings is None else warnings
    files = answer_files(paths, told)
    reader, seen, problems = _placed(files, labels, told, needs, RegularAnswers())
    sets, others = _records(seen, reader, problems, needs, complete=complete)
    return [*sets, *others]


def write_recorded(
    path: Path,
    paths: Sequence[str],
    labels: Mapping[str, Label],
    warnings: list[Problem],
    *,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    complete: bool = False,
) -> None:
    """Writes the records in files as JSON lines: those that `read_recorded` gives, in its order.

    Args:
        path: where to.
        paths: as in `read_recorded`, as all that follows.
        labels: likewise.
        warnings: likewise.
        needs: likewise.
        complete: likewise.

    Raises:
        InvalidInputError: likewise; nothing is written.
    """
    files = answer_files(paths, warnings)
    with regular_answers(files, versions=needs.versions) as regular:
        while True:
            told: list[Problem] = []
            reader, seen, problems = _placed(files, labels, told, needs, regular)
            if not regular.leave_out({answer.record.image_set_id or "" for answer in seen}):
                break
        warnings += told
        sets, others = _records(
            seen, reader, problems, needs, complete=complete, datastores=regular.datastores()
        )
        regular.write(
            path, [(item.datastore_id or "", item.image_set_id or "", item.to_json()) for item in sets]
        )
    with path.open("a", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{record.to_json()}\n" for record in others)


def _placed(
    files: Sequence[str],
    labels: Mapping[str, Label],
    warnings: list[Problem],
    needs: Needs,
    regular: RegularAnswers,
) -> tuple[AnswerReader, list[PlacedAnswer], list[Problem]]:
    """What is read value by value: what is not among the regular answers."""
    problems: list[Problem] = []
    reader = AnswerReader(labels, warnings, needs.dicom)
    seen: list[PlacedAnswer] = []
    for path in files:
        for item in _irregular(path, regular, problems, warnings):
            try:
                seen += reader.read(item.value, item.where)
            except (BadAnswerError, BadValueError) as error:
                problems.append(Problem(item.where, str(error), getattr(error, "hint", "")))
    return reader, seen, problems


def _irregular(
    path: str, regular: RegularAnswers, problems: list[Problem], warnings: list[Problem]
) -> Iterator[PlacedValue]:
    """The values of a file that are not among the regular answers."""
    numbers = regular.others.get(path)
    if numbers is None:
        return json_values(path, problems, warnings)
    if path in regular.lines:
        return json_lines(path, numbers, problems, warnings) if numbers else iter(())
    return (
        (item for item in json_values(path, problems, warnings) if item.number in numbers)
        if numbers
        else iter(())
    )


def _records(
    seen: list[PlacedAnswer],
    reader: AnswerReader,
    problems: list[Problem],
    needs: Needs,
    *,
    complete: bool,
    datastores: Collection[str | None] = (),
) -> tuple[list[Record], list[Record]]:
    """The records of image sets, and all others.

    Args:
        seen: what was read value by value.
        reader: what read it.
        problems: what was wrong with it.
        needs: what the rules read.
        complete: whether the files hold every image set of their data stores.
        datastores: more data stores that image sets are of.
    """
    problems += incomplete_pages(reader.pages)
    sets = sorted(
        _image_sets(seen, problems, versions=needs.versions),
        key=lambda record: (record.datastore_id or "", record.image_set_id or "", record.action),
    )
    stores = list(unique(_of(seen, GET_DATASTORE), "the data store", problems))
    tags = list(unique(_of(seen, LIST_TAGS), "the tags of", problems))
    listings = (
        answer.record for answer in seen if answer.record.action in FINDING and answer.record.action != SEARCH
    )
    found = [*latest_search_answers(_of(seen, SEARCH)), *listings]
    others = [
        record for action in _REST for record in unique(_of(seen, action), f"what {action} says of", problems)
    ]
    if problems:
        raise InvalidInputError(problems)
    if needs.datastores:
        names = {record.datastore_id for record in sets} | {*datastores}
        stores = _each_store(stores, names, complete=complete)
    return [*_filled(sets, found)], [*stores, *tags, *others, *found]


def _filled(sets: list[Record], found: list[Record]) -> Iterator[Record]:
    """The image sets with what only a search said of the same version: a list of versions leaves that out."""
    said = {(item.datastore_id, item.image_set_id): item.answer or {} for item in found}
    for record in sets:
        more = said.get((record.datastore_id, record.image_set_id), {})
        if (
            record.action == GET_IMAGE_SET
            and record.answer
            and str(more.get("version")) == record.answer["versionId"]
        ):
            more = {name: value for name, value in more.items() if name in model().searched}
            yield replace(record, answer={**more, **record.answer})
        else:
            yield record


def _of(seen: Iterable[PlacedAnswer], action: str) -> list[PlacedAnswer]:
    return [answer for answer in seen if answer.record.action == action]


def _image_sets(seen: list[PlacedAnswer], problems: list[Problem], *, versions: bool) -> Iterator[Record]:
    by_id: dict[str, tuple[list[PlacedAnswer], list[PlacedAnswer], list[PlacedAnswer]]] = {}
    for answer in seen:
        if answer.record.action in STATES:
            same = by_id.setdefault(answer.record.image_set_id or "", ([], [], []))
            same[2 if answer.record.witness else answer.record.action == LIST_VERSIONS].append(answer)
    for _, (of_the_set, unlisted, witnesses) in sorted(by_id.items()):
        # where nothing else was recorded, the failed list is all that is known of the image set
        known = of_the_set or [_as_image_set(answer) for answer in unlisted]
        if known:
            yield from merge_answers(known, unlisted, problems, versions=versions, witnesses=witnesses)


def _as_image_set(answer: PlacedAnswer) -> PlacedAnswer:
    return replace(answer, record=replace(answer.record, action=GET_IMAGE_SET, version=None))


def _each_store(stores: list[Record], names: Collection[str | None], *, complete: bool) -> list[Record]:
    """A record for each data store that is named or that one is about, with what the user says of its image sets."""
    by_id = {record.datastore_id: replace(record, complete=complete) for record in stores}
    missing = (NOT_RECORDED, "no get-datastore answer was recorded")
    for name in names:
        if name not in by_id:
            by_id[name] = Record(TARGET, None, name, action=GET_DATASTORE, error=missing, complete=complete)
    return [by_id[name] for name in sorted(by_id, key=lambda name: name or "")]
