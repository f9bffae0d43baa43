"""The run that this one is compared with: which of its findings were there already."""

from __future__ import annotations

from pathlib import Path

from duckdb import CaseExpression as Case
from duckdb import CoalesceOperator as Coalesce
from duckdb import ColumnExpression as Column
from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

from checker.evidence.runfolder import BASELINE, FINDINGS
from checker.evidence.snapshot import connect, duckdb_path
from checker.model import Verdict

IDENTITY = ("rule", "target", "datastoreId", "imageSetId", "named")
"""What makes two findings of two runs the same one; the version is part of it where it is part of the subject's name."""
NEW = "new"

_SAME = " AND ".join(
    f'found."{name}" IS NOT DISTINCT FROM before."{name}"' for name in (*IDENTITY, "verdict")
)
_UNWAIVED = Column("waiver").isnull()


def write_baseline(earlier: Path, folder: Path) -> None:
    """Keeps what is compared with in a folder: the findings of an earlier run, by identity.

    Args:
        earlier: the folder of that run.
        folder: the folder of this one; `baseline.parquet` is written there.
    """
    with connect() as connection:
        rows = identified(connection.read_parquet(duckdb_path(earlier / FINDINGS)))
        kept = rows.select(*map(Column, (*IDENTITY, "verdict", "versionId")), _UNWAIVED.alias("unwaived"))
        kept.order(", ".join(f'"{name}"' for name in (*IDENTITY, "verdict"))).write_parquet(
            str((folder / BASELINE).resolve()), compression="zstd"
        )


def with_new(connection: DuckDBPyConnection, findings: DuckDBPyRelation, folder: Path) -> DuckDBPyRelation:
    """The findings with the column `new`: null where the folder has no baseline.

    A fail that was there waived is new once it is not waived any more: nobody has let it stand. So is one of another
    version of the image set: somebody has written to it since.
    """
    columns = [Column(name) for name in findings.columns]
    if not (folder / BASELINE).exists():
        return findings.select(*columns, Constant(None).cast("BOOLEAN").alias(NEW))
    baseline = connection.read_parquet(duckdb_path(folder / BASELINE))
    counts = Column("unwaived") | (Column("verdict") == Constant(Verdict.UNKNOWN.value))
    before = baseline.filter(counts).select(*map(Column, (*IDENTITY, "verdict", "versionId")))
    before = before.select(*map(Column, before.columns), Constant(value=True).alias("before"))
    found = identified(findings).set_alias("found")
    joined = found.join(before.set_alias("before"), _SAME, how="left")
    version, earlier = (Coalesce(Column(side, "versionId"), Constant(0)) for side in ("found", "before"))
    written = (Column("found", "verdict") == Constant(Verdict.FAIL.value)) & (version != earlier)
    new = Coalesce(~Column("before", "before") | written, Constant(value=True))
    return joined.select(*(Column("found", name).alias(name) for name in findings.columns), new.alias(NEW))


def identified(findings: DuckDBPyRelation) -> DuckDBPyRelation:
    """Findings with the version that is part of the subject's name, null where none is."""
    named: Expression = Case(Column("exact"), Column("versionId"))
    return findings.select(*map(Column, findings.columns), named.alias("named"))
