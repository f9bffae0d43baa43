"""Recorded answers that are regular, in bulk: DuckDB reads a large file of them and writes their records as text.

Regular is an answer of GetImageSet whose text says by its form alone what its record is: members of the API and of records,
each once and of its own type, texts of plain ASCII without escapes, times in the two ways in which the AWS CLI prints them,
and the only one of its image set. Everything else is read value by value (`recorded_answers`), with its problem and place.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from checker import temporary_files
from checker.fields import model
from checker.input_files import LARGEST_TABLE
from checker.model import Field, Type
from checker.snapshot.columns import MEMORY_TO_COLLECT, SMALLEST_OBJECT, connect, duckdb_path
from checker.sql import Connection

LEAST_SIZE = 1 << 18
"""Bytes of a file from which on it is read so: before, to begin takes longer than to read it value by value."""
BATCH = 10_000
_SPACE = r"[ \t\r\n]*"
_TEXT = r"[ !#-\[\]-~]"  # of ASCII what JSON has without an escape
_ID = "[0-9a-z]{32}"
_DAY = r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}(?:000)?)?"
_TIME = rf'(?:"{_DAY}T{_CLOCK}(?:Z|\+00:00)"|[1-9]\d{{0,9}}(?:\.\d{{1,3}})?)'
_NUMBER = '"[1-9][0-9]{0,17}"'
_IDS = ("datastoreId", "imageSetId")
_NEEDED = (*_IDS, "versionId", "imageSetState")
_COLLECTED = "collectedAt"
_UNREAD = ("target", "targetAccount", "targetRegion", "account", "region", "reusedFrom")
"""Members of records of earlier runs that say nothing of the image set."""
_ARN = "arn:[^:]*:medical-imaging:([^:]+):([0-9]+):datastore/([0-9a-z]{32})/imageset/([0-9a-z]{32})"
_TYPES: Mapping[Type, str] = {
    Type.STRING: f'"{_TEXT}*"',
    Type.ENUM: f'"{_TEXT}+"',
    Type.TIME: _TIME,
    Type.BOOLEAN: "(?:true|false)",
}


@dataclass(slots=True)
class RegularAnswers:
    """The regular answers of files. `others` has, by file, the numbers of the values that are not regular, from 0 on; a file
    that it does not name is read value by value as a whole."""

    connection: Connection | None = None
    others: dict[str, set[int]] = field(default_factory=dict)

    def leave_out(self, image_sets: Iterable[str]) -> bool:
        """Has no answers of some image sets any more: they are among the others. Whether there were any."""
        if self.connection is None:
            return False
        names = "SELECT unnest($1::VARCHAR[])"
        places = self.connection.execute(
            f"SELECT file, place, image_set FROM answers WHERE image_set IN ({names})",  # noqa: S608 - ours
            [[*image_sets]],
        ).fetchall()
        self.connection.execute(f"INSERT INTO left_out {names}", [[name for *_, name in places]])
        for file, place, _ in places:
            self.others[file].add(place)
        return bool(places)

    def datastores(self) -> set[str]:
        """The ids of their data stores."""
        if self.connection is None:
            return set()
        rows = self.connection.execute("SELECT DISTINCT datastore FROM answers").fetchall()
        return {store for (store,) in rows}

    def write(self, path: Path, others: Sequence[tuple[str, str, str]]) -> None:
        """Writes the lines of their records and of others, sorted by the ids of data store and image set.

        Args:
            path: where to.
            others: the ids and the line of each, sorted.
        """
        if self.connection is not None and not others:
            lines = self.connection.sql("SELECT line FROM answers ORDER BY datastore, image_set")
            lines.write_csv(str(path.resolve()), header=False, sep="\x1f", quotechar="", escapechar="")
            return
        merged = heapq.merge(self._lines(), others, key=lambda item: item[:2])
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(f"{line}\n" for _, _, line in merged)

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        if self.connection is None:
            return
        rows = self.connection.execute(
            "SELECT datastore, image_set, line FROM answers ORDER BY datastore, image_set"
        )
        while batch := rows.fetchmany(BATCH):
            yield from batch


@contextmanager
def regular_answers(files: Sequence[str]) -> Iterator[RegularAnswers]:
    """The regular answers of the files that are large enough, in a database of their own."""
    large = [file for file in dict.fromkeys(files) if _is_large(file) and files.count(file) == 1]
    if not large:
        yield RegularAnswers()
        return
    with temporary_files.temporary_folder() as folder:
        others = dict(_parts(large, folder))
        if not others:
            yield RegularAnswers()
            return
        with connect(MEMORY_TO_COLLECT, threads=1, preserve_insertion_order=False) as connection:
            connection.execute("CREATE TABLE left_out (image_set VARCHAR)")
            parts = [duckdb_path(part) for part in folder.iterdir()]
            connection.read_parquet(parts).create_view("parts")
            connection.execute(
                "CREATE VIEW answers AS FROM parts WHERE line IS NOT NULL AND image_set NOT IN (FROM left_out)"
            )
            found = RegularAnswers(connection, others)
            twice = connection.execute("SELECT image_set FROM answers GROUP BY ALL HAVING count(*) > 1")
            found.leave_out([name for (name,) in twice.fetchall()])
            yield found


def _parts(files: Iterable[str], folder: Path) -> Iterator[tuple[str, set[int]]]:
    """Makes a Parquet file of each file that can be read so; its name, and the numbers of what is not regular."""
    # two threads would hold twice as much
    with connect(MEMORY_TO_COLLECT, threads=1) as connection:
        for number, file in enumerate(files):
            part = folder / f"{number}.parquet"
            if _is_written(connection, file, part):
                places = (
                    connection.read_parquet(duckdb_path(part))
                    .filter("line IS NULL")
                    .select("place")
                    .fetchall()
                )
                yield file, {place for (place,) in places}


def _is_written(connection: Connection, file: str, part: Path) -> bool:
    import duckdb

    for kind in _formats(file):
        given = [file, duckdb_path(Path(file)), kind, SMALLEST_OBJECT]
        try:
            rows = connection.sql(_query(), params=given)
            rows.write_parquet(str(part), compression="lz4", row_group_size=BATCH)
        except duckdb.Error:  # what is wrong, and where, is found value by value
            part.unlink(missing_ok=True)
        else:
            return True
    return False


def _is_large(file: str) -> bool:
    """Whether a file is worth it: a plain one of this machine, no larger than others may be."""
    path = Path(file)
    try:
        return file != "-" and path.is_file() and LEAST_SIZE <= path.stat().st_size <= LARGEST_TABLE
    except (OSError, ValueError):
        return False


def _formats(file: str) -> Collection[str]:
    """The ways in which a file may hold JSON, by its beginning, as DuckDB calls them."""
    try:
        with Path(file).open("rb") as stream:
            first = stream.read(1 << 10).lstrip(b" \t\r\n")[:1]
    except OSError:
        return ()
    return {b"{": ("newline_delimited", "unstructured"), b"[": ("array",)}.get(first, ())


@cache
def _query() -> str:
    """What makes rows of the file $2: with the line of the record, null where the answer is not regular."""
    structure = ", ".join(f'"{head}": {kind}' for head, kind in _structure().items())
    times = {path: f'"at.{path}"' for path in (*_paths(Type.TIME), _COLLECTED)}
    instants = ", ".join(f"{_iso(f'value.{path}')} AS {name}" for path, name in times.items())
    arn = f"regexp_extract(value.imageSetArn, '^{_ARN}$', ['region', 'account', 'datastore', 'image_set'])"
    needed = " AND ".join(f"value.{name} IS NOT NULL" for name in _NEEDED)
    present = " + ".join(f"(value.{name} IS NOT NULL)::BIGINT" for name in _structure())
    days = " AND ".join(f"({at} IS NULL OR try_cast({at}[:10] AS DATE) IS NOT NULL)" for at in times.values())
    return f"""
        WITH texts AS (
            SELECT row_number() OVER () - 1 AS place, json::VARCHAR AS text, json
            FROM read_json_objects($2, format = $3, maximum_object_size = $4, compression = 'none')
        ), values_ AS (
            SELECT place, CASE WHEN regexp_full_match(text, '{_pattern()}')
                THEN json_transform(json, '{{{structure}}}') END AS value, len(json_keys(json)) AS members
            FROM texts
        ), parts AS (SELECT place, value, members, {arn} AS arn, {instants} FROM values_), answers_ AS (
            SELECT *, {needed} AND {days} AND members = {present} AND (value.imageSetArn IS NULL
                OR (arn.datastore = value.datastoreId AND arn.image_set = value.imageSetId)) AS regular
            FROM parts
        )
        SELECT $1 AS file, place, value.datastoreId AS datastore, value.imageSetId AS image_set,
            CASE WHEN regular THEN {_line(times)} END AS line
        FROM answers_
    """  # noqa: S608 - all of it is ours


def _line(times: Mapping[str, str]) -> str:
    """The record of an answer as text: the members in the order in which `Record.to_json` has them."""
    heads: dict[str, list[Field]] = {}
    for path, spec in _known().items():
        heads.setdefault(path.partition(".")[0], []).append(spec)
    members = ["""'{"target":"recorded"'""", *(_member(name, _quoted(f"value.{name}")) for name in _IDS)]
    for head, specs in heads.items():
        if head in _IDS:
            continue
        own = [_member(spec.path.rpartition(".")[2], _value(spec, times)) for spec in specs]
        if specs[0].path != head:
            inner = " || ".join(own)
            own = [f"""CASE WHEN {inner} != '' THEN ',"{head}":{{' || ({inner})[2:] || '}}' ELSE '' END"""]
        members += own
    members += [_member(name, _quoted(f"nullif(arn.{name}, '')")) for name in ("region", "account")]
    return " || ".join([*members, _member(_COLLECTED, _time(times[_COLLECTED])), "'}'"])


def _member(name: str, value: str) -> str:
    """A member as text; nothing where its value is null."""
    return f"""coalesce(',"{name}":' || {value}, '')"""


def _quoted(text: str) -> str:
    return f"""'"' || {text} || '"'"""


def _value(spec: Field, times: Mapping[str, str]) -> str:
    if spec.type is Type.TIME:
        return _time(times[spec.path])
    if spec.type is Type.BOOLEAN:
        return f"value.{spec.path}::VARCHAR"
    return _quoted(f"value.{spec.path}")


def _time(text: str) -> str:
    """An instant, given as ISO 8601 with or without a fraction, as `instants.iso` has it."""
    fraction = f"CASE WHEN {text}[20:20] = '.' AND {text}[21:23] != '000' THEN {text}[20:23] ELSE '' END"
    return f"""'"' || {text}[:19] || {fraction} || 'Z"'"""


def _iso(text: str) -> str:
    """An instant as ISO 8601 where it is given as epoch seconds."""
    since = f"epoch_ms((try_cast({text} AS DECIMAL(13, 3)) * 1000)::BIGINT)"
    return f"CASE WHEN {text} LIKE '%-%' THEN {text} ELSE strftime({since}, '%Y-%m-%dT%H:%M:%S.%g') END"


@cache
def _known() -> dict[str, Field]:
    """The fields that an answer has."""
    return dict(model().fields)


def _paths(kind: Type) -> Iterator[str]:
    return (path for path, spec in _known().items() if spec.type is kind)


def _structure() -> dict[str, str]:
    """The members of an answer, with their types as DuckDB's JSON functions take them."""
    found: dict[str, dict[str, str]] = {}
    for path, spec in _known().items():
        head, _, rest = path.partition(".")
        found.setdefault(head, {})[rest] = '"BOOLEAN"' if spec.type is Type.BOOLEAN else '"VARCHAR"'
    found |= {name: {"": '"VARCHAR"'} for name in (_COLLECTED, *_UNREAD)}
    return {
        head: kinds[""]
        if "" in kinds
        else "{" + ", ".join(f'"{name}": {kind}' for name, kind in kinds.items()) + "}"
        for head, kinds in found.items()
    }


def _pattern() -> str:
    """What the text of a regular answer matches."""
    plain = dict.fromkeys(_IDS, f'"{_ID}"')
    plain |= dict.fromkeys(_UNREAD, f'"{_TEXT}*"')
    plain[_COLLECTED] = f'"{_DAY}T{_CLOCK}(?:Z|\\+00:00)"'
    nested: dict[str, list[str]] = {}
    for path, spec in _known().items():
        head, dot, rest = path.partition(".")
        if spec.path == "versionId":
            plain[path] = _NUMBER
        elif spec.type in _TYPES and dot:
            nested.setdefault(head, []).append(f'"{rest}"{_SPACE}:{_SPACE}{_TYPES[spec.type]}')
        elif spec.type in _TYPES and head not in plain:
            plain[head] = _TYPES[spec.type]
    members = [f'"{name}"{_SPACE}:{_SPACE}{value}' for name, value in plain.items()]
    # an object has one member at most, so that none is there twice
    members += [
        rf'"{head}"{_SPACE}:{_SPACE}\{{{_SPACE}(?:(?:{"|".join(own)}){_SPACE})?\}}'
        for head, own in nested.items()
    ]
    one = f"(?:{'|'.join(members)})"
    return rf"\{{{_SPACE}{one}(?:{_SPACE},{_SPACE}{one})*{_SPACE}\}}"
