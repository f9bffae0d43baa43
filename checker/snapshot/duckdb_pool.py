"""DuckDB's databases: opening one takes longer than most queries, so one that nothing is left in is used again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from checker import temporary_files
from checker.sql import Connection

Config = Mapping[str, str | int | bool]

MEMORY_OF_FILE = "64MB"
_MOST_IDLE = 4
"""How many are open at the same time at most without being used."""
_idle: list[tuple[Config, Connection]] = []
_users: list[object] = []
"""The databases that may be used again, and the blocks in which they are kept open: a process has one memory."""


@contextmanager
def pool() -> Iterator[None]:
    """While active, a database that is no longer used stays open for the next who wants one like it."""
    user = object()
    _users.append(user)
    try:
        yield
    finally:
        _users.remove(user)
        if not _users:
            close_idle()


def close_idle() -> None:
    """Closes the databases that nobody uses."""
    while _idle:
        _idle.pop()[1].close()


@contextmanager
def empty_database(config: Config, temporary: str) -> Iterator[Connection]:
    """A connection to a database in memory that holds nothing.

    Args:
        config: DuckDB's settings. What is changed by a statement later is not changed back, so what one use needs goes
            in here.
        temporary: a folder for what does not fit into memory; the caller's, to be deleted after it.
    """
    base = _idle_one(config) or _new(config)
    try:
        base.execute("SET temp_directory = $1", [temporary])
        with base.cursor() as connection:
            # what is created goes into a database of its own, so that nothing of it is there for the next one
            connection.execute("ATTACH ':memory:' AS work; USE work")
            yield connection
        base.execute("DETACH work")
    except BaseException:
        base.close()
        raise
    if _users and len(_idle) < _MOST_IDLE and _is_empty(Path(temporary)):
        _idle.append((config, base))
    else:
        base.close()


def _is_empty(temporary: Path) -> bool:
    """Whether nothing was spilled: a database that has keeps to its folder."""
    try:
        return not any(temporary.iterdir())
    except OSError:  # somebody has removed it
        return False


def _idle_one(config: Config) -> Connection | None:
    for entry in [entry for entry in _idle if entry[0] == config]:
        with suppress(ValueError):  # another thread has taken it
            _idle.remove(entry)
            return entry[1]
    return None


def file_database(folder: Path) -> Connection:
    """A connection to a new database in a file, for what is kept and asked for over a long time: it takes little memory. The
    caller closes it, and discards the folder."""
    config: Config = {"threads": 1, "memory_limit": MEMORY_OF_FILE, "temp_directory": str(folder / "spill")}
    with temporary_files.defer_signals():
        import duckdb

    return duckdb.connect(folder / "database", config=dict(config))


def _new(config: Config) -> Connection:
    import duckdb

    return duckdb.connect(config=dict(config))
