"""The rows of a snapshot that a user means by an id, a version of it, or a target's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

from checker.evaluation.condition_compiler import CODES
from checker.evaluation.scope_tables import subject
from checker.evaluation.target_rows import OF_TARGET
from checker.model import Rule, Subject, Verdict
from checker.problems import SHORTEST_BEGUN, InvalidInputError, Problem, nearest, suggest
from checker.snapshot.writer import ROW
from checker.sql import Expression, Relation, col, func, lit

MOST = 10
"""Rows that are explained at once."""
WHERE = "IMAGE_SET"

_Row = tuple[int, Subject, Verdict]


def find(rows: Relation, rule: Rule, wanted: str, targets: Sequence[str], code: Expression) -> list[int]:
    """The numbers of the rows that a text names, in order.

    Args:
        rows: what the rule judges.
        rule: the rule.
        wanted: what the user wrote.
        targets: patterns of targets' names; every one unless given.
        code: the verdict on each row.

    Raises:
        InvalidInputError: there is none, or too many.
    """
    matched = (
        _stores(rows, rule, wanted, code) if rule.scope == "datastore" else _sets(rows, rule, wanted, code)
    )
    found = [item for item in matched if _in(item[1], targets)]
    if not found:
        names = sorted({item[1].target for item in matched})
        raise _problem(f"{wanted} is not in a target that --target names", f"it is in {', '.join(names)}")
    names = sorted({explanation[1].target for explanation in found})
    if len(names) > 1 and rule.scope != "datastore":
        raise _problem(
            f"several targets have {wanted}: {', '.join(names)}",
            f"write {names[0]}/{wanted}, or add --target",
        )
    if len(found) > MOST:
        raise _problem(f"{wanted} is judged in {len(found):,} versions", _name_one(wanted, found))
    return [number for number, _, _ in found]


def _fetch(rows: Relation, rule: Rule, code: Expression) -> list[_Row]:
    columns = [col(ROW).alias("n"), code.alias("code"), *subject(rule.scope)]
    words = list(CODES)
    return [
        (number, Subject(*who), words[word])
        for number, word, *who in rows.select(*columns).order("n").fetchall()
    ]


def _sets(rows: Relation, rule: Rule, wanted: str, code: Expression) -> list[_Row]:
    if of_target := _target(rows, rule, wanted, code):
        return of_target
    target, _, last = wanted.rpartition("/")
    image_set_id, at, version = last.partition("@v")
    every = _fetch(rows.filter(col("imageSetId") == lit(image_set_id)), rule, code)
    if not every:
        raise _problem(
            f"the image set {image_set_id} is not among the evidence",
            _nearest(rows, "imageSetId", image_set_id),
        )
    here = [total for total in every if target in ("", total[1].target)]
    if not here:
        names = list(dict.fromkeys(total[1].target for total in every))
        hint = nearest(target, names) or f"it is in {', '.join(names)}"
        raise _problem(f"the image set {image_set_id} is not in the target {target}", hint)
    found = [item for item in here if not at or str(item[1].version_id) == version]
    if not found:
        known = [f"v{item[1].version_id}" for item in here if item[1].version_id is not None]
        some = f"the evidence has {', '.join(known)}" if 0 < len(known) <= 20 else ""
        what = f"no version {version}" if version else "no such version"
        raise _problem(f"of the image set {image_set_id} {what} is judged", some)
    return found


def _target(rows: Relation, rule: Rule, wanted: str, code: Expression) -> list[_Row]:
    """The row of a target whose image sets a search found, of the rules that it concerns."""
    own = rows.filter(OF_TARGET & (col("target") == lit(wanted)))
    if not own.limit(1).fetchall():
        return []
    found = _fetch(own.filter(code.isnotnull()), rule, code)
    if not found:
        message = f"{rule.name} judges each image set of {wanted}, and leaves nothing open beside them"
        raise _problem(message, "name an image set")
    return found


def _stores(rows: Relation, rule: Rule, wanted: str, code: Expression) -> list[_Row]:
    every = _fetch(rows, rule, code)
    found = [
        total
        for total in every
        if wanted
        in (
            total[1].target,
            total[1].name,
            total[1].datastore_id,
            f"{total[1].target}/{total[1].datastore_id}",
        )
    ]
    if not found:
        names = list(dict.fromkeys(total[1].target for total in every))
        hint = suggest(wanted, names, what="targets are")
        raise _problem(
            f"no target of the evidence is called {wanted}, and {rule.name} judges data stores", hint
        )
    return found


def _in(who: Subject, targets: Sequence[str]) -> bool:
    return not targets or any(fnmatchcase(who.target, pattern) for pattern in targets)


def _nearest(rows: Relation, column: str, word: str) -> str:
    """A hint at the nearest value of a column, or at those that begin so; the engine compares, since there may be
    millions."""
    begins = func("starts_with", col(column), lit(word))
    begun = rows.filter(begins).select(col(column)).distinct().order(f'"{column}"').limit(MOST).fetchall()
    if begun and len(word) >= SHORTEST_BEGUN:
        return suggest(word, [item[0] for item in begun], what="")
    distance = func("levenshtein", col(column), lit(word)).alias("distance")
    near = rows.filter(col(column).isnotnull()).select(col(column), distance).order(f'distance, "{column}"')
    return nearest(word, [item[0] for item in near.limit(1).fetchall()])


def _name_one(wanted: str, found: Sequence[_Row]) -> str:
    """How to ask for one of many, those that are no pass first."""
    told = [(f"v{who.version_id}", word) for _, who, word in found if word in (Verdict.FAIL, Verdict.UNKNOWN)]
    counts = Counter(word for _, word in told)
    said = [
        f"{word}: {', '.join([name for name, other in told if other is word][:5])}{' ..' if count > 5 else ''}"
        for word, count in counts.items()
    ]
    return "; ".join([f"name one, such as {wanted}@v{found[-1][1].version_id}", *said])


def _problem(message: str, hint: str = "") -> InvalidInputError:
    return InvalidInputError(Problem(WHERE, message, hint))
