"""A database that is used again is as a new one: of what was in it before nothing is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from checker.snapshot import duckdb_pool
from checker.snapshot.columns import connect
from checker.snapshot.duckdb_pool import pool


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The databases that were opened. None that another test has left is used."""
    made: list[object] = []
    real = duckdb.connect

    def counted(**given: object) -> object:
        made.append(real(**given))
        return made[-1]

    monkeypatch.setattr(duckdb, "connect", counted)
    monkeypatch.setattr(duckdb_pool, "_idle", [])
    monkeypatch.setattr(duckdb_pool, "_users", [])
    yield made
    duckdb_pool.close_idle()


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> object:
    return connection.execute("SELECT current_setting($1)", [name]).fetchall()[0][0]


def test_nothing_that_was_made_is_there_for_the_next_one(opened: list[object]) -> None:
    with pool():
        for _ in range(2):
            with connect() as connection:
                connection.sql("SELECT 1 AS a").to_table("places")
                connection.execute("CREATE TEMP TABLE others AS SELECT 1; CREATE VIEW seen AS SELECT 1")
    assert len(opened) == 1


def test_settings_that_one_wants_are_not_the_next_ones(opened: list[object]) -> None:
    with pool():
        for wanted in (True, False, True):
            with connect(preserve_insertion_order=wanted) as connection:
                assert setting(connection, "preserve_insertion_order") is wanted
        with connect("300MB") as small:
            assert setting(small, "memory_limit") == "286.1 MiB"
            assert setting(small, "max_expression_depth") == 10_000
    assert len(opened) == 3


def test_two_at_the_same_time_have_nothing_in_common(opened: list[object]) -> None:
    with pool(), connect() as item, connect() as other:
        item.execute("CREATE TABLE a AS SELECT 1")
        other.execute("CREATE TABLE a AS SELECT 2")
        assert item.sql("FROM a").fetchall() == [(1,)]
    assert len(opened) == 2


def test_one_in_which_something_failed_is_not_used_again(opened: list[object]) -> None:
    with pool():
        with pytest.raises(ZeroDivisionError), connect():
            raise ZeroDivisionError
        with connect() as connection:
            connection.execute("CREATE TABLE a AS SELECT 1")
    assert len(opened) == 2


def test_one_that_has_spilled_is_not_used_again_and_leaves_nothing_behind(opened: list[object]) -> None:
    with pool():
        with connect("40MB") as connection:
            folder = Path(str(setting(connection, "temp_directory")))
            connection.execute("CREATE TEMP TABLE t AS SELECT hash(range) AS a FROM range(8000000)")
            assert any(folder.iterdir())
        assert not folder.exists()
        with connect("40MB") as connection:
            assert setting(connection, "temp_directory") != str(folder)
    assert len(opened) == 2


def test_none_stays_open_longer_than_it_was_to(opened: list[duckdb.DuckDBPyConnection]) -> None:
    with pool():
        with pool(), connect():
            pass
        assert len(duckdb_pool._idle) == 1
    with connect():
        pass
    assert duckdb_pool._idle == []
    for base in opened:
        with pytest.raises(duckdb.ConnectionException):
            base.execute("SELECT 1")
