"""What the tables of a snapshot share: their connection, the names of their columns, and records read as rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from checker import temporary_files
from checker.aws.actions import ACTIONS, GET_IMAGE_SET, Action, Form
from checker.fields import answer_fields
from checker.model import Field, Label, Type
from checker.snapshot.duckdb_pool import empty_database
from checker.snapshot.records import NOT_FOUND, WITNESS
from checker.sql import Connection, Expression, Relation, case, coalesce, col, false, func, lit, same, true

# Columns that are no fields.
ROW = "row"
PINNED = "requestedVersionId"
TARGET_ACCOUNT = "target.account"
TARGET_REGION = "target.region"
ERROR_CODE = "error.code"
ERROR_MESSAGE = "error.message"
LABEL_PLACES = "labels.places"
CALL = "call"
COLLECTED = "collectedAt"
REUSED = "reusedFrom"
SEARCHED_AT = "search.collectedAt"
FILLED_AT = "search.filledAt"
"""When a search said what moves without a new version, and what it filled in."""
LISTED_SINCE = "listed.since"

_FEW_THREADS = 2
MEMORY_TO_JUDGE = "700MB"
MEMORY_TO_COLLECT = "300MB"
MEMORY_AT_MOST = "2GB"
"""What DuckDB may take: for 500 rules over 5,000,000 image sets; for 1,000,000 records into tables within 512 MiB of process;
and where that was not enough."""
SMALLEST_OBJECT = 1 << 20
DEEPEST = 10_000
"""How deep DuckDB takes a query: 500 rules and long lists are deeper than its own 1,000."""

SQL_TYPES = {Type.TIME: "TIMESTAMP", Type.BOOLEAN: "BOOLEAN", Type.INTEGER: "BIGINT"}
ERROR = {"error": "STRUCT(code VARCHAR, message VARCHAR)"}
REFERENCE = {
    **dict.fromkeys(
        ("action", "target", "targetAccount", "targetRegion", "datastoreId", "imageSetId"), "VARCHAR"
    ),
    "requestedVersionId": "BIGINT",
    COLLECTED: "TIMESTAMP",
    REUSED: "VARCHAR",
    **ERROR,
}
"""Members that records of every call have, and their types for DuckDB's JSON reader."""
SET = ("target", "datastoreId", "imageSetId")
"""What tells the image sets of records apart."""
LABELS = {"labels": "MAP(VARCHAR, VARCHAR)", "labelPlaces": "MAP(VARCHAR, VARCHAR)"}

_INTERRUPTED = "Query interrupted"
_open: list[Connection] = []


@contextmanager
def connect(memory: str = MEMORY_TO_JUDGE, **more: int) -> Iterator[Connection]:
    """A DuckDB connection whose memory is bounded, with these more settings; what does not fit goes into a temporary folder."""
    with (
        temporary_files.defer_signals()
    ):  # a signal in the middle of what a library sets up is whatever error it makes of it
        import duckdb  # noqa: F401

    with temporary_files.temporary_folder() as folder:
        spill = str(folder)
        config: dict[str, str | int | bool] = {
            "memory_limit": memory,
            "max_expression_depth": DEEPEST,
            **({"threads": _FEW_THREADS} if has_memory_limit() else {}),
            **more,
        }
        with interruptible(), empty_database(config, spill) as connection:
            _open.append(connection)
            try:
                yield connection
            finally:
                _open.remove(connection)


@contextmanager
def interruptible() -> Iterator[None]:
    """While active, what a signal's handler raises is that: while a query runs, DuckDB takes it and gives it back as an error
    of its own."""
    import duckdb

    try:
        yield
    except (RuntimeError, duckdb.InterruptException) as error:
        if isinstance(error, duckdb.InterruptException) or str(error) == _INTERRUPTED:
            raise KeyboardInterrupt from error
        raise


@contextmanager
def more_memory(connection: Connection) -> Iterator[None]:
    """While active, DuckDB may take what it may at most."""
    ((memory,),) = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    connection.execute(f"SET memory_limit = '{MEMORY_AT_MOST}'")
    try:
        yield
    finally:
        connection.execute(f"SET memory_limit = '{memory}'")


def has_memory_limit() -> bool:
    """Whether this process may have so much virtual memory and no more: each thread takes some, used or not."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit
    except ImportError:  # Windows has no such limits
        return False
    return getrlimit(RLIMIT_AS)[0] != RLIM_INFINITY


def cancel() -> None:
    """Ends the queries that run, each with a KeyboardInterrupt where it is waited for. Called by another thread."""
    for connection in _open.copy():
        connection.interrupt()


def duckdb_path(path: Path) -> str:
    """A path as DuckDB reads it: it would take `*`, `?` and `[` for patterns, and `~` for the home folder."""
    return re.sub(r"([*?\[])", r"[\1]", str(path.resolve()))


def read_lines(
    connection: Connection,
    records: Path,
    columns: Mapping[str, str],
    *actions: str,
    witnesses: bool = False,
) -> Relation:
    """The records of some calls, of all unless any is named, with these members of them: those that stand, unless those that
    are only there to be compared are asked for too."""
    lines = connection.read_json(
        duckdb_path(records),
        columns=dict(columns) | {WITNESS: "BOOLEAN"},
        format="newline_delimited",
        maximum_object_size=object_size(records),
    )
    if not witnesses:
        lines = lines.filter(col(WITNESS).isnull()).select(*map(col, columns))
    if not actions:
        return lines
    action = coalesce(col("action"), lit(GET_IMAGE_SET))
    return lines.filter(action.isin(*map(lit, actions)))


def object_size(records: Path) -> int:
    """The size of the objects that DuckDB is to expect. It takes twice that for every thread of every scan at once, so it is
    no more than the file needs."""
    facts = records.stat()
    return _longest_line(str(records), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=8)
def _longest_line(records: str, size: int, changed: int) -> int:  # noqa: ARG001 - a file that has changed is another one
    with Path(records).open("rb") as lines:
        return max(SMALLEST_OBJECT, 2 * max(map(len, lines), default=0))


def spill_rows(connection: Connection, rows: Relation, row_group_size: int | None = None) -> Relation:
    """The same rows from a file in the connection's temporary folder."""
    ((spill,),) = connection.sql("SELECT current_setting('temp_directory')").fetchall()
    Path(spill).mkdir(exist_ok=True)
    file = Path(spill) / f"{uuid4().hex}.parquet"
    rows.write_parquet(str(file), compression="zstd", row_group_size=row_group_size)
    return connection.read_parquet(duckdb_path(file))


def write(rows: Relation, order: tuple[str, ...], file: Path) -> None:
    """Writes rows to a Parquet file, sorted (nulls first) and numbered from 1."""
    by = [col(name).asc().nulls_first() for name in order]
    # numbered by an explicit order: what an earlier sort did may not be counted on
    number = func("row_number").over(order_by=by).alias(ROW)
    numbered = rows.select(number, *map(col, rows.columns)).order(ROW)
    numbered.write_parquet(str(file.resolve()), compression="zstd")


def member(path: str, head: Expression | None = None) -> Expression:
    """A member of a record by its path; of the struct `head` where one is given."""
    steps = path.split(".")
    value = head if head is not None else col(steps.pop(0))
    for step in steps:
        value = func("struct_extract", value, lit(step))
    return value


def member_types(fields: Mapping[str, Field]) -> dict[str, str]:
    """The members of an answer and their types, by name. None of it comes from a user."""
    types: dict[str, str] = {}
    nested: dict[str, dict[str, str]] = {}
    for path, spec in fields.items():
        head, _, rest = path.partition(".")
        kind = SQL_TYPES.get(spec.type, "VARCHAR")
        if rest:
            nested.setdefault(head, {})[rest] = kind
        else:
            types[head] = kind
    return types | {name: struct(members) for name, members in nested.items()}


def struct(members: Mapping[str, str]) -> str:
    """The type of an object with these members."""
    return f"STRUCT({', '.join(f'{name} {kind}' for name, kind in members.items())})"


def answer_columns(action: str) -> dict[str, str]:
    """The member that holds what an action answers, and its type: one that every record of it has."""
    record = ACTIONS[action]
    return {record.result: _COLUMNS[record.form](record)}


def _object(action: Action) -> str:
    return struct(member_types(answer_fields(action.name)))


def _versions(action: Action) -> str:
    """Lists are sorted by the first member."""
    types = member_types(answer_fields(action.name))
    types.pop("imageSetId", None)  # REFERENCE has it
    return struct({"versionId": types.pop("versionId")} | types) + "[]"


_COLUMNS: Mapping[Form | None, Callable[[Action], str]] = {
    Form.VERSIONS: _versions, Form.OBJECT: _object, Form.LIST: lambda action: f"{_object(action)}[]", Form.MAP: lambda _: "MAP(VARCHAR, VARCHAR)",
}  # fmt: skip


def reference(found: Expression, code: Expression, message: Expression) -> list[Expression]:
    """The columns of a row that say what it is of and whether it was read."""
    return [
        col("target"),
        col("targetAccount").alias(TARGET_ACCOUNT),
        col("targetRegion").alias(TARGET_REGION),
        col(PINNED),
        found.alias("found"),
        code.alias(ERROR_CODE),
        message.alias(ERROR_MESSAGE),
        col(COLLECTED),
        col(REUSED),
    ]


def is_found_code(code: Expression) -> Expression:
    """Whether what was asked for is there, by the error's code."""
    found = case(code.isnull(), true())
    return found.when(code == lit(NOT_FOUND), false())


def search_failed() -> Expression:
    """Of the row of a target: whether what should have found its image sets failed, so that there may be more."""
    return col(LISTED_SINCE).isnull() & col(ERROR_CODE).isnotnull()


def map_value(name: str, key: str) -> Expression:
    """The value of a key in a column that is a map, null where there is none."""
    return func("list_extract", func("map_extract", col(name), lit(key)), lit(1))


def label_columns(labels: Mapping[str, Label]) -> list[Expression]:
    """The labels, each a column of its type, and where they were given."""
    columns = [_label(label).alias(f"labels.{label.name}") for label in labels.values()]
    return [*columns, col("labelPlaces").alias(LABEL_PLACES)]


def _label(label: Label) -> Expression:
    """A label's canonical text (records.label_text) as a column of its type."""
    text = map_value("labels", label.name)
    if label.type is not Type.DURATION:
        return text.cast(SQL_TYPES.get(label.type, "VARCHAR"))

    def number(pattern: str) -> Expression:
        found = func("regexp_extract", text, lit(pattern), lit(1)).try_cast("DECIMAL(18,3)")
        return coalesce(found, lit(0))

    months = number(r"P(\d+)M").cast("INTEGER").alias("months")
    milliseconds = (number(r"T(\d+(?:\.\d+)?)S") * lit(1000)).cast("BIGINT").alias("milliseconds")
    return case(text.isnotnull(), func("struct_pack", months, milliseconds))


def exclude_rows(rows: Relation, taken: Relation, *more: str) -> Relation:
    """The rows but for those of which others have the target, data store, image set and these columns."""
    return rows.set_alias("rows").join(
        taken.set_alias("taken"), same("rows", "taken", (*SET, *more)), how="anti"
    )
