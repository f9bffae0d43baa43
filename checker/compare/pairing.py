"""Two runs' findings side by side: what became of each, columnar, and written as one row for each change.

What makes two findings the same is the rule, the target, the data store, the image set, and the version where that is
part of the subject's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.compare.causes import Ways, with_causes
from checker.compare.flapping import with_flapping
from checker.evaluation.change_category import (
    category_of,
    has_same_terms,
    is_category,
    stated_causes,
    verdict_changed,
)
from checker.evaluation.condition_compiler import tree
from checker.evaluation.finding_change import with_earlier_knowledge
from checker.evaluation.finding_states import (
    ENTRY,
    FINDINGS,
    FOUND,
    KEY,
    NO_FINDING,
    WAIVED,
    ComparedRule,
    EvaluationTerms,
    recorded_states,
    states,
    with_state,
)
from checker.evaluation.open_findings import (
    DEFINITION,
    FIRST,
    IDENTITY,
    JUDGED,
    read_open_findings,
    with_cover,
    with_identity,
    with_lists,
)
from checker.evaluation.scope_tables import SUBJECT
from checker.layout import HISTORY
from checker.model import Category, Factor, Rule, RuleScope, Verdict
from checker.snapshot.writer import connect, duckdb_path
from checker.sql import (
    Connection,
    Expression,
    Relation,
    case,
    coalesce,
    col,
    false,
    func,
    lit,
    null,
    same,
    true,
)

SLICE = 20_000
_IDENTITY = (ENTRY, *KEY)
_WHO = (*SUBJECT, "named")


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """How many findings of a rule have a category and the same causes."""

    entry: int
    category: Category
    causes: tuple[Factor, ...]
    number: int


@dataclass(frozen=True, slots=True)
class RecordedFindings:
    """The findings that runs kept: of the old and the new one, and of those before and between them, oldest first,
    each with the names of the rules that it judged. `open` has those that were open after the old run, `run` is its name."""

    old: Path
    new: Path
    open: Path
    run: str
    before: Sequence[tuple[Path, frozenset[str]]] = ()
    between: Sequence[tuple[Path, frozenset[str]]] = ()


def compare(
    ways: Ways, factors: frozenset[Factor], entries: Sequence[ComparedRule], kept: RecordedFindings, out: Path
) -> list[ChangeCount]:
    """Compares two runs, and writes what changed.

    Args:
        ways: how the old run judged, with some factors as the new one had them: none of them for the old run itself,
            all of them for the new one.
        factors: those in which the runs differ.
        entries: the rules of both.
        kept: the findings that the runs kept.
        out: the Parquet file for the changes, by category, severity, rule, target, image set and version.

    Returns:
        The counts, of what persists too.
    """
    sides = ways(frozenset()), ways(factors)
    with connect() as connection:
        pairs = _with_kept(connection, _pairs(connection, entries, sides), entries, sides, kept)
        terms = _with_terms(connection, pairs, entries, kept, sides[1])
        category = category_of("was", "now", has_same_terms()).alias("category")
        terms.select(*map(col, terms.columns), category).to_table("sorted_out")
        persisting = is_category("category", Category.PERSISTING)
        _caused(connection, ways, factors, entries, pairs.columns).to_table("caused")
        names = [entry.name for entry in entries]
        changes = with_flapping(connection, connection.table("caused"), names, kept.before, kept.between)
        changes.to_table("changes")
        counted = _counts(connection.table("changes"))
        counted += _counts(
            connection.table("sorted_out")
            .filter(persisting)
            .select(col(ENTRY), col("category"), lit("").alias("causes"))
        )
        _write(connection, names, kept, out)
    return counted


def _with_terms(
    connection: Connection,
    pairs: Relation,
    entries: Sequence[ComparedRule],
    kept: RecordedFindings,
    now: EvaluationTerms,
) -> Relation:
    """The pairs with the terms of the finding of then and of now, and whether the old run did not tell of it itself. What
    neither of the two runs has looked at has not changed."""
    names = func("list_value", *(lit(entry.name) for entry in entries))
    rule = func("list_extract", names, col(ENTRY) + lit(1)).alias("rule")
    rows = pairs.select(rule, *map(col, pairs.columns))
    opened = read_open_findings(connection, kept.open).filter(col("verdict") != lit(JUDGED))
    told = (col("judged_run") == lit(kept.run)) & col("unknown_at").isnull()
    terms = ("versionId", DEFINITION, "severity", "judged_before")
    then = [col(name).alias(f"was_{name}") for name in terms]
    before = opened.select(*map(col, IDENTITY), *then, col("judged_run"), (~told).alias("carried"))
    findings = with_identity(connection.read_parquet(duckdb_path(kept.new)))
    after = findings.select(*map(col, (*IDENTITY, DEFINITION, "severity")))
    for name, other in (("before", before), ("after", after)):
        joined = rows.set_alias("pairs").join(
            other.set_alias(name), same("pairs", name, IDENTITY), how="left"
        )
        more = [col(name, column).alias(column) for column in other.columns if column not in IDENTITY]
        rows = joined.select(*(col("pairs", column).alias(column) for column in rows.columns), *more)
    rows = _looked_at(connection, rows, kept)
    versions = [entry.name for entry in entries if entry.scope == "version" and entry.rule(now)]
    rows = with_cover(with_lists(connection, rows, kept.new.parent, versions), findings)
    gone = col("now").isnull()
    state = case(gone & col("listed"), lit(NO_FINDING))
    state = state.when(gone & col("covered"), lit(FOUND[1])).otherwise(col("now"))
    others = [col(name) for name in rows.columns if name != "now"]
    rows = rows.select(*others, state.cast("TINYINT").alias("now"))
    not_told = coalesce(col("judged_run") != lit(kept.run), false())
    return rows.filter(~(col("now").isnull() & not_told))


def _looked_at(connection: Connection, rows: Relation, kept: RecordedFindings) -> Relation:
    """With whether the old run, or one before it, has looked at each; the history of the new one says so."""
    if not (kept.new.parent / HISTORY).exists():
        return rows.select(*map(col, rows.columns), false().alias("looked_at"))
    rows = with_earlier_knowledge(connection, rows, kept.new.parent)
    marks = read_open_findings(connection, kept.open).filter(col("verdict") == lit(JUDGED))
    judged = marks.select(col("rule"), col("target")).set_alias("judged")
    joined = rows.set_alias("pairs").join(judged, same("pairs", "judged", ("rule", "target")), how="left")
    looked_at = (col("judged", "rule").isnotnull() & col("pairs", "known")).alias("looked_at")
    return joined.select(*(col("pairs", name).alias(name) for name in rows.columns), looked_at)


def _caused(
    connection: Connection,
    ways: Ways,
    factors: frozenset[Factor],
    entries: Sequence[ComparedRule],
    columns: Sequence[str],
) -> Relation:
    """What changed, with the causes. Where a finding is another one than then, its terms say why; where a verdict is
    another one, judging again does."""
    changes = connection.table("sorted_out").filter(~is_category("category", Category.PERSISTING))
    carried = coalesce(col("carried"), false())
    judged = changes.filter(verdict_changed() & ~carried).select(*map(col, (*columns, "category")))
    again = with_causes(connection, judged, ways, factors, entries)
    now = ways(factors)
    there = [lit(index) for index, entry in enumerate(entries) if entry.rule(now)]
    has_rule = col(ENTRY).isin(*there) if there else false()
    # what the old run could not tell, and the new one can, is data
    said = case(verdict_changed(), lit(Factor.DATA.value)).otherwise(stated_causes(has_rule))
    others = changes.filter(~verdict_changed() | carried).select(
        *map(col, (*columns, "category")), said.alias("causes")
    )
    return again.select(*map(col, others.columns)).union(others)


def _pairs(
    connection: Connection, entries: Sequence[ComparedRule], sides: tuple[EvaluationTerms, EvaluationTerms]
) -> Relation:
    """Every entry and subject that is a finding on one side at least, with the state on both."""
    parts = []
    for scope in dict.fromkeys(entry.scope for entry in entries):
        indexes = [index for index, entry in enumerate(entries) if entry.scope == scope]
        chosen = {
            side: {i: rule for i in indexes if (rule := entries[i].rule(way)) is not None}
            for side, way in zip("on", sides, strict=True)
        }
        wide = _beside(connection, scope, dict(zip("on", sides, strict=True)), chosen)
        for index in indexes:
            was, now = (
                (col(f"{side}{index}") if index in rules else lit(None)).cast("TINYINT").alias(name)
                for (side, rules), name in zip(chosen.items(), ("was_again", "now_again"), strict=True)
            )
            entry = lit(index).cast("INTEGER").alias(ENTRY)
            both = wide.select(entry, *map(col, _WHO), was, now)
            parts.append(both.filter(_is_finding("was_again") | _is_finding("now_again")))
    tree(lambda left, right: left.union(right), parts).to_table("pairs")
    return connection.table("pairs")


def _beside(
    connection: Connection,
    scope: RuleScope,
    ways: Mapping[str, EvaluationTerms],
    chosen: Mapping[str, Mapping[int, Rule]],
) -> Relation:
    """The subjects of a scope with the states of both sides; those of which no rule found anything are left out."""
    wide = {
        side: states(connection, ways[side], scope, rules, side) for side, rules in chosen.items() if rules
    }
    subject = {f"{side}{name}" for side in wide for name in _WHO}
    if len(wide) == 1:
        ((side, rows),) = wide.items()
        named = [col(f"{side}{name}").alias(name) for name in _WHO]
    else:
        rows = (
            wide["o"]
            .set_alias("old")
            .join(wide["n"].set_alias("new"), same("old.o", "new.n", KEY), how="outer")
        )
        # a row of one side alone has nulls in place of the other's
        there = col("ntarget").isnotnull()
        named = [case(there, col(f"n{name}")).otherwise(col(f"o{name}")).alias(name) for name in _WHO]
    judged = [name for name in rows.columns if name not in subject]
    found = tree(lambda left, right: left | right, [_is_finding(name) for name in judged])
    rows.filter(found).select(*named, *map(col, judged)).to_table(f"beside_{scope}")
    return connection.table(f"beside_{scope}")


def _is_finding(column: str) -> Expression:
    return coalesce(col(column).isin(*map(lit, FINDINGS)), false())


def _with_kept(
    connection: Connection,
    pairs: Relation,
    entries: Sequence[ComparedRule],
    sides: tuple[EvaluationTerms, EvaluationTerms],
    kept: RecordedFindings,
) -> Relation:
    """The pairs with the states that the runs kept as `was` and `now`: where judging again gives something else,
    another version of the program judged."""
    names = [entry.name for entry in entries]
    told = {
        "was": _open_states(connection, kept.open, names),
        "now": recorded_states(connection, kept.new, names),
    }
    others = {side: _otherwise(connection, pairs, side, rows) for side, rows in told.items()}
    plain = [col(f"{side}_again").alias(side) for side in others]
    if not any(other.limit(1).fetchall() for other in others.values()):
        return pairs.select(*map(col, pairs.columns), *plain)
    columns = [col(name) for name in (ENTRY, *_WHO)]
    every = tree(lambda left, right: left.union(right), list(others.values())).set_alias("other")
    lacking = every.join(pairs.set_alias("pairs"), same("other", "pairs", _IDENTITY), how="anti")
    again = lacking.select(*columns).distinct()
    for way, column in zip(sides, ("was_again", "now_again"), strict=True):
        again = with_state(connection, again, way, entries, column)
    pairs = pairs.union(again.select(*map(col, pairs.columns)))
    for side, other in others.items():
        joined = pairs.set_alias("pairs").join(
            other.set_alias("other"), same("pairs", "other", _IDENTITY), how="left"
        )
        said = coalesce(col("other", "code"), col("pairs", f"{side}_again")).alias(side)
        pairs = joined.select(*(col("pairs", name).alias(name) for name in pairs.columns), said)
    return pairs


def _open_states(
    connection: Connection, path: Path, names: Sequence[str], more: Sequence[str] = ()
) -> Relation:
    """The findings that were open after the old run, as `kept_states` has those that a run kept."""
    rows = read_open_findings(connection, path).filter(col("verdict") != lit(JUDGED))
    listed = func("list_value", *map(lit, names))
    number = (func("list_position", listed, col("rule")) - lit(1)).cast("INTEGER").alias(ENTRY)
    fail = case(col("verdict") == lit(Verdict.FAIL.value), lit(FOUND[0])).otherwise(lit(FOUND[1]))
    code = case(col("unwaived"), fail).otherwise(fail + lit(WAIVED)).cast("TINYINT").alias("code")
    none = [null("VARCHAR").alias(name) for name in ("account", "region")]
    exact = col("named").isnotnull().alias("exact")
    who = {"account": none[0], "region": none[1], "exact": exact}
    return rows.select(
        number, code, *(who.get(name, col(name)) for name in SUBJECT), col("named"), *map(col, more)
    )


def _otherwise(connection: Connection, pairs: Relation, side: str, kept: Relation) -> Relation:
    """What a run kept of a subject, where judging it again gives something else."""
    again = pairs.filter(_is_finding(f"{side}_again")).set_alias("again")
    joined = again.join(
        kept.filter(col(ENTRY).isnotnull()).set_alias("kept"),
        same("again", "kept", _IDENTITY),
        how="outer",
    )
    there = col("kept", ENTRY).isnotnull()
    columns = [
        case(there, col("kept", name)).otherwise(col("again", name)).alias(name) for name in (ENTRY, *_WHO)
    ]
    code = coalesce(col("kept", "code"), lit(NO_FINDING)).cast("TINYINT").alias("code")
    differs = coalesce(col("kept", "code") != col("again", f"{side}_again"), true())
    beside = joined.select(*columns, code, differs.alias("differs")).filter(col("differs"))
    beside.select(*map(col, (ENTRY, *_WHO, "code"))).to_table(f"kept_{side}")
    return connection.table(f"kept_{side}")


def _counts(rows: Relation) -> list[ChangeCount]:
    keys = [col(name) for name in (ENTRY, "category", "causes")]
    found = rows.aggregate([*keys, func("count_star").alias("number")])
    categories = list(Category)
    return [
        ChangeCount(entry, categories[code], factors(causes), number)
        for entry, code, causes, number in found.order("entry, category, causes").fetchall()
    ]


def factors(text: str) -> tuple[Factor, ...]:
    """The causes that a column of them holds."""
    return tuple(map(Factor, filter(None, text.split(","))))


def _write(connection: Connection, names: Sequence[str], kept: RecordedFindings, out: Path) -> None:
    """The changes with what findings show: the new run's finding, else the old one's, or the one that was open before."""
    shown = ("verdict", "reason", "fields")
    sides = {
        "new": (recorded_states(connection, kept.new, names, (*shown, *FIRST)), (*shown, *FIRST)),
        "old": (recorded_states(connection, kept.old, names, shown), shown),
        "open": (_open_states(connection, kept.open, names, FIRST), FIRST),
    }
    changes = connection.table("changes").set_alias("changes")
    for side, (rows, more) in sides.items():
        joined = changes.join(rows.set_alias("kept"), same("changes", "kept", _IDENTITY), how="left")
        named = [col("kept", name).alias(f"{side}_{name}") for name in more]
        columns = [col("changes", name).alias(name) for name in changes.columns]
        changes = joined.select(*columns, *named).set_alias("changes")
    order = ("category", ENTRY, "target", "imageSetId", "named", "datastoreId")
    number = func("row_number").over(order_by=[col(name).asc().nulls_first() for name in order])
    numbered = changes.select(number.alias("n"), *map(col, changes.columns)).order("n")
    numbered.write_parquet(str(out.resolve()), compression="zstd", row_group_size=SLICE)
