"""Labels of kept records, beside policies that may declare them otherwise than those of their day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from checker.model import Label
from checker.problems import InvalidInputError, Problem
from checker.snapshot.columns import LABELS, REFERENCE, connect, read_lines
from checker.sql import col, func, lit
from checker.values import BadValueError, parse_scalar


def check_labels(records: Path, labels: Mapping[str, Label]) -> None:
    """Whether the labels in records are values of the types that policies declare.

    Args:
        records: the JSON lines.
        labels: what the policies declare.

    Raises:
        InvalidInputError: with every value that is none.
    """
    with connect() as connection:
        lines = read_lines(connection, records, {**REFERENCE, **LABELS})
        entries = func("unnest", func("map_entries", col("labels"))).alias("entry")
        pairs = lines.select(entries).select(
            func("struct_extract", col("entry"), lit("key")).alias("name"),
            func("struct_extract", col("entry"), lit("value")).alias("text"),
        )
        found = pairs.distinct().order("name, text").fetchall()
    problems = [problem for name, text in found if name in labels for problem in _misfit(labels[name], text)]
    if problems:
        raise InvalidInputError(problems)


def _misfit(label: Label, text: str) -> Iterator[Problem]:
    hint = "the evidence was kept under another declaration of the label"
    try:
        parse_scalar(text, label.type)
    except BadValueError as error:
        yield Problem(label.where, f"the label {label.name} in the evidence: {error}", hint)
        return
    if label.one_of and text not in label.one_of:
        yield Problem(label.where, f"the label {label.name} is `{text}` in the evidence", hint)
