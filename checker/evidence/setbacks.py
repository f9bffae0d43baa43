"""Image sets of which an answer cannot be true if those of earlier runs, or a deletion event, were: its version fell, or it was
created at another time. The answers of this run agree with each other, and rules that compare with the past judge them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checker.evidence.contradiction import ROUNDED
from checker.evidence.history import read_history
from checker.evidence.records import SEARCH
from checker.evidence.tables import CALL, COLLECTED, DOUBT, PINNED
from checker.fields import EARLIER

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

_TIME = "%Y-%m-%dT%H:%M:%S.%gZ"


def with_setbacks(
    connection: DuckDBPyConnection, rows: DuckDBPyRelation, history: Path | None
) -> DuckDBPyRelation:
    """The rows of image sets; where there is any that cannot be true beside the history, with the column `DOUBT`, a text that
    names both answers."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    if history is None:
        return rows
    kept = read_history(connection, history).filter(
        Column("imageSetId").isnotnull() & Column(PINNED).isnull()
    )
    then = kept.select(
        _store("datastoreId").alias("then.store"),
        Column("imageSetId").alias("then.id"),
        *(
            Column(name).alias(f"then.{name}")
            for name in ("event.at", "event.versionId", *(EARLIER + one for one in _SAID))
        ),
    )
    same = (_store("datastoreId") == Column("then.store")) & (Column("imageSetId") == Column("then.id"))
    own = duckdb.CoalesceOperator(Column(PINNED).isnull() & Column("found"), Constant(value=False))
    joined = rows.set_alias("rows").join(then.set_alias("then"), same & own, how="left")
    doubted = joined.select(*map(Column, rows.columns), _why().alias(DOUBT))
    return doubted if doubted.filter(Column(DOUBT).isnotnull()).limit(1).fetchall() else rows


_SAID = ("versionId", "createdAt", "collectedAt")


def _why() -> Expression:
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    version, created, at = (Column(f"then.{EARLIER}{name}") for name in _SAID)
    event, sent = Column("then.event.versionId"), Column("then.event.at")
    exact = Column(CALL) != Constant(SEARCH)  # a search may be late
    number = Column("versionId")
    fell = (
        exact & (version > number) & (duckdb.CoalesceOperator(at <= Column(COLLECTED), Constant(value=True)))
    )
    deleted = exact & (event > number) & (sent <= Column(COLLECTED))
    apart = Column("createdAt") - created
    other = (apart > Constant(ROUNDED)) | (apart < Constant(-ROUNDED))
    now = [Column(CALL), Constant(" says version "), number.cast("VARCHAR"), *_when(Column(COLLECTED))]
    earlier = [Constant(", but an earlier run was told version "), version.cast("VARCHAR"), *_when(at)]
    told = [Constant(", but a deletion event names version "), event.cast("VARCHAR"), *_when(sent)]
    times = [
        *(Column(CALL), Constant(" says createdAt "), _text(Column("createdAt")), *_when(Column(COLLECTED))),
        *(Constant(", but an earlier run was told createdAt "), _text(created), *_when(at)),
    ]
    return (
        duckdb.CaseExpression(deleted, _joined(now + told))
        .when(fell, _joined(now + earlier))
        .when(other, _joined(times))
    )


def _joined(parts: list[Expression]) -> Expression:
    from duckdb import FunctionExpression as Function

    return Function("concat", *parts)


def _when(at: Expression) -> list[Expression]:
    import duckdb
    from duckdb import ConstantExpression as Constant

    there = _joined([Constant(" ("), _text(at), Constant(")")])
    return [duckdb.CaseExpression(at.isnotnull(), there)]


def _text(at: Expression) -> Expression:
    from duckdb import ConstantExpression as Constant
    from duckdb import FunctionExpression as Function

    return Function("strftime", at, Constant(_TIME))


def _store(name: str) -> Expression:
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    return duckdb.CoalesceOperator(Column(name), Constant(""))
