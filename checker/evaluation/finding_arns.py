"""The ARNs of what findings are of, as answers of the service gave them: none is made up of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from checker.evaluation.scope_tables import TABLES, read_table
from checker.model import RuleScope
from checker.snapshot.columns import SET
from checker.sql import Connection, Expression, Relation, col, func, null, same

ARN = "arn"
"""The column of findings that has the ARN of their image set or data store."""
_SOURCES: Mapping[RuleScope, str] = {"image_set": "imageSetArn", "datastore": "datastore.datastoreArn"}


def arn(rows: Relation, scope: RuleScope) -> Expression:
    """The ARN of the subject of each row, as the answer on it gave it: a search and a list of versions give none."""
    name = _SOURCES.get(scope, "")
    return (col(name) if name in rows.columns else null("VARCHAR")).alias(ARN)


def with_arns(connection: Connection, folder: Path, findings: Relation, scope: RuleScope) -> Relation:
    """Findings on versions with the ARN that GetImageSet gave of their image set, where it was asked; others as they are."""
    if scope != "version" or not (folder / TABLES["image_set"]).exists():
        return findings
    source = col(_SOURCES["image_set"])
    sets = read_table(connection, folder, "image_set").filter(source.isnotnull())
    names = [col(name).alias(f"of {name}") for name in SET]
    arns = sets.aggregate(
        [*names, func("max", source).alias("given")], ", ".join(f'"{name}"' for name in SET)
    )
    on = same("found", "arns.of ", SET)
    joined = findings.set_alias("found").join(arns.set_alias("arns"), on, how="left")
    return joined.select(
        *(col("given").alias(ARN) if name == ARN else col(name) for name in findings.columns)
    )
