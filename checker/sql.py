"""DuckDB's expressions under short names. DuckDB takes 150 ms to import, so it is imported by the first that makes one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection
    from duckdb import DuckDBPyRelation as Relation
    from duckdb import Expression
    from duckdb.sqltypes import DuckDBPyType
else:  # names in annotations, which nobody evaluates
    Connection = Relation = Expression = object

__all__ = [
    "Connection",
    "Expression",
    "Relation",
    "case",
    "coalesce",
    "col",
    "false",
    "func",
    "lambda_",
    "lit",
    "null",
    "or_empty",
    "same",
    "true",
]


def col(*path: str) -> Expression:
    """A column, after the alias of its relation where there are several."""
    from duckdb import ColumnExpression

    return ColumnExpression(*path)


def lit(value: object) -> Expression:
    """A value."""
    from duckdb import ConstantExpression

    return ConstantExpression(value)


def true() -> Expression:
    """The boolean true."""
    return lit(value=True)


def false() -> Expression:
    """The boolean false."""
    return lit(value=False)


def null(kind: str | DuckDBPyType) -> Expression:
    """No value, of a type of SQL."""
    return lit(None).cast(kind)


def func(name: str, *arguments: Expression) -> Expression:
    """A function of DuckDB's, called."""
    from duckdb import FunctionExpression

    return FunctionExpression(name, *arguments)


def case(condition: Expression, value: Expression) -> Expression:
    """A value where a condition holds; `when` and `otherwise` add others, and without them it is null."""
    from duckdb import CaseExpression

    return CaseExpression(condition, value)


def coalesce(*values: Expression) -> Expression:
    """The first of several values that is not null."""
    from duckdb import CoalesceOperator

    return CoalesceOperator(*values)


def lambda_(name: str, body: Expression) -> Expression:
    """A function of one argument, for those that take lists."""
    from duckdb import LambdaExpression

    return LambdaExpression(name, body)


def or_empty(name: str) -> Expression:
    """A column of texts to join by: null is a value of its own there, which no text is, and joins would not find it."""
    return coalesce(col(name), lit(""))


def same(left: str, right: str, names: Iterable[str]) -> str:
    """The condition of a join: two relations have the same values in these columns, null being one of them.

    Args:
        left: the alias of a relation; with `ALIAS.PREFIX` its columns have the prefix.
        right: the other one, likewise.
        names: the columns.
    """
    (alias, _, before), (other, _, after) = left.partition("."), right.partition(".")
    return " AND ".join(
        f'"{alias}"."{before}{name}" IS NOT DISTINCT FROM "{other}"."{after}{name}"' for name in names
    )
