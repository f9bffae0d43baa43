"""The run that this one is compared with: which of its findings were there already."""

from __future__ import annotations

from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evidence.runfolder import BASELINE, FINDINGS
from checker.evidence.snapshot import connect, duckdb_path
from checker.model import Severity, Verdict

IDENTITY = ("rule", "target", "datastoreId", "imageSetId", "named")
"""What makes two findings of two runs the same one; the version is part of it where it is part of the subject's name."""
NEW = "new"
DEFINITION = "definition"
_TERMS = ("verdict", "versionId", DEFINITION, "severity")

_SAME = " AND ".join(
    f'found."{name}" IS NOT DISTINCT FROM before."{name}"' for name in (*IDENTITY, "verdict")
)


def write_baseline(earlier: Path, folder: Path) -> None:
    """Keeps what is compared with in a folder: the findings of an earlier run, by identity.

    Args:
        earlier: the folder of that run.
        folder: the folder of this one; `baseline.parquet` is written there.
    """
    with connect() as connection:
        rows = identified(connection.read_parquet(duckdb_path(earlier / FINDINGS)))
        kept = rows.select(*map(Column, (*IDENTITY, *_TERMS)), Column("waiver").isnull().alias("unwaived"))
        kept.order(", ".join(f'"{name}"' for name in (*IDENTITY, "verdict"))).write_parquet(
            str((folder / BASELINE).resolve()), compression="zstd"
        )


def with_new(connection: DuckDBPyConnection, findings: DuckDBPyRelation, folder: Path) -> DuckDBPyRelation:
    """The findings with the column `new`: null where the folder has no baseline.

    A fail that was there waived is new once it is not waived any more: nobody has let it stand. So is one of another
    version of the image set: somebody has written to it since. So is one of a rule that asked something else then, or
    that was of a lower severity.
    """
    columns = [Column(name) for name in findings.columns]
    if not (folder / BASELINE).exists():
        return findings.select(*columns, Constant(None).cast("BOOLEAN").alias(NEW))
    baseline = connection.read_parquet(duckdb_path(folder / BASELINE))
    counts = Column("unwaived") | (Column("verdict") == Constant(Verdict.UNKNOWN.value))
    before = baseline.filter(counts).select(*map(Column, (*IDENTITY, *_TERMS)))
    before = before.select(*map(Column, before.columns), Constant(value=True).alias("before"))
    found = identified(findings).set_alias("found")
    joined = found.join(before.set_alias("before"), _SAME, how="left")
    version, earlier = (Coalesce(Column(side, "versionId"), Constant(0)) for side in ("found", "before"))
    asked = Column("found", DEFINITION) != Column("before", DEFINITION)
    graver = _rank("found") > _rank("before")
    fails = Column("found", "verdict") == Constant(Verdict.FAIL.value)
    other = fails & ((version != earlier) | asked | graver)
    new = Coalesce(~Column("before", "before") | other, Constant(value=True))
    return joined.select(*(Column("found", name).alias(name) for name in findings.columns), new.alias(NEW))


def _rank(side: str) -> Expression:
    """How grave the severity of a finding's rule was."""
    words = Function("list_value", *(Constant(one.value) for one in Severity))
    return Function("list_position", words, Column(side, "severity"))


def identified(findings: DuckDBPyRelation) -> DuckDBPyRelation:
    """Findings with the version that is part of the subject's name, null where none is."""
    named: Expression = Case(Column("exact"), Column("versionId"))
    return findings.select(*map(Column, findings.columns), named.alias("named"))
