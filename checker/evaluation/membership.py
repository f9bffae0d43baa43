"""`image_sets: {where: CONDITION}`: which of the image sets that a search found belong to their target.

The engine decides, as it decides rules. An image set for which the condition is unknown belongs to the target.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from checker.evaluation.condition_compiler import Compiler
from checker.evaluation.field_expressions import NULL, TRUE
from checker.fields import column
from checker.model import Duration, Field, ImageSetRef, Scalar, Source, Target, Type
from checker.policy.condition_tree import fields_of
from checker.snapshot.columns import SQL_TYPES
from checker.sql import Expression, case, coalesce, col, false, func, lit

_SPELLING = {"versionId": "version"}
"""Members of SearchImageSets' answers that are called otherwise there."""


class Members:
    """Says of image sets as searches found them whether they belong; any thread may ask."""

    def __init__(self, as_of: datetime) -> None:
        self._as_of = as_of
        self._lock = threading.Lock()
        self._connection = duckdb.connect(config={"threads": 1})

    def __call__(
        self, target: Target, items: Sequence[Mapping[str, Any]], refs: Sequence[ImageSetRef]
    ) -> list[bool]:
        """One answer for each image set.

        Args:
            target: what was searched.
            items: image sets as records hold them.
            refs: what is known of each beside that, in the same order.
        """
        where = target.discovery.where if target.discovery else None
        if where is None or not items:
            return [True] * len(items)
        fields = [field for field in dict.fromkeys(fields_of(where)) if column(field) != "found"]
        names = ["number", "found", *map(column, fields)]
        rows = [
            (
                lit(number),
                TRUE,
                *(_value(field, target, item, ref) for field in fields),
            )
            for number, (item, ref) in enumerate(zip(items, refs, strict=True))
        ]
        with self._lock:
            named = [col(f"col{at}").alias(name) for at, name in enumerate(names)]
            found = self._connection.values(*rows).select(*named)
            truth = coalesce(Compiler(self._as_of).condition(where), TRUE)
            decided = dict(found.select(col("number"), truth).fetchall())
        return [decided[number] for number in range(len(items))]


def _value(field: Field, target: Target, item: Mapping[str, Any], ref: ImageSetRef) -> Expression:
    if field.path.startswith("labels."):
        return _label(ref.labels.get(field.path.removeprefix("labels.")), field.type)
    if field.path == "target":
        return lit(target.name)
    if field.source is Source.ANSWER and field.path == "datastoreId":
        return lit(target.datastore)
    given = item.get(_SPELLING.get(field.path, field.path))
    return lit(given).cast(SQL_TYPES.get(field.type, "VARCHAR"))


def _label(value: Scalar | None, kind: Type) -> Expression:
    if kind is Type.DURATION:
        lengths = (value.months, value.milliseconds) if isinstance(value, Duration) else (None, None)
        months = lit(lengths[0]).cast("INTEGER").alias("months")
        milliseconds = lit(lengths[1]).cast("BIGINT").alias("milliseconds")
        packed = func("struct_pack", months, milliseconds)
        return packed if value is not None else case(false(), packed)
    if value is None:
        return NULL.cast(SQL_TYPES.get(kind, "VARCHAR"))
    if isinstance(value, datetime):
        return lit(value.astimezone(UTC).replace(tzinfo=None)).cast("TIMESTAMP")
    return lit(value).cast(SQL_TYPES.get(kind, "VARCHAR"))
