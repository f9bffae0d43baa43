"""Data stores worth trying: mixtures of image sets that the rules' aggregates tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from functools import cache, partial
from itertools import combinations, islice, pairwise

from checker.evaluation.condition_compiler import Columns, Compiler
from checker.evaluation.count_bounds import TruthCounts, decide
from checker.evaluation.field_expressions import TRUE
from checker.model import Aggregate
from checker.policy.condition_tree import fields_of
from checker.policy.test_input import MOST_SETS
from checker.policytest.answer_grid import KEY, AnswerGrid
from checker.sql import Connection, Relation, col, lit

MOST_KINDS = 16
MOST_MIXED = 4_000
MOST_UNDECIDED = 200
ANY_NUMBER = 2**64
"""Of image sets: as many as a count may be compared with."""
MOST_ROWS = 20_000
"""Of the data stores' own answers those that differ least from a healthy one stand beside the mixtures."""

Truth = bool | None
Mixture = tuple[tuple[int, int], ...]
"""Kinds of image sets by index, each with how many there are of it."""


class DatastoreMixtures:
    """Mixtures of kinds of image sets; two image sets of a kind are alike to every aggregate."""

    base = 10**14
    """Numbers of answers are below it."""
    every: bool
    """Whether the mixtures stand for all that there can be: of aggregates that count different things they do not."""

    undecided: bool
    """Whether they do so where some image sets are undecided too."""

    def __init__(
        self,
        connection: Connection,
        inner: AnswerGrid,
        aggregates: Sequence[Aggregate],
        as_of: datetime,
        *,
        name: str,
        most_sets: int = MOST_SETS,
    ) -> None:
        self.connection = connection
        self.aggregates = aggregates
        self.name = name
        self.most_sets = most_sets
        kinds = self._kinds(inner, as_of)
        self.kinds = kinds[:MOST_KINDS]
        mixtures = filter(self._decidable, dict.fromkeys(self._mixtures()))
        ordered = sorted(mixtures, key=lambda mixture: (sum(count for _, count in mixture), mixture))
        small = [item for item in ordered if all(count <= most_sets for _, count in item)]
        self.every = self._every(inner, len(kinds)) and len(ordered) == len(small) <= MOST_MIXED
        known = self._proves(inner) or any(None in truths for _, kind in self.kinds for truths in kind)
        self.undecided = self.every and known and all(aggregate.kind == "count" for aggregate in aggregates)
        self.mixtures: list[tuple[Mixture, bool]] = [(mixture, True) for mixture in small[:MOST_MIXED]]
        self.mixtures.append(((), False))

    def _every(self, inner: AnswerGrid, kinds: int) -> bool:
        """Whether one thing is counted, of which there are all kinds that matter, or all kinds that there can be."""
        if len({aggregate_measure(aggregate) for aggregate in self.aggregates}) > 1:
            return False
        both = {(True, True)} | ({(True, False)} if self.aggregates[0].kind == "ratio" else set())
        if both <= {kind[1][0] for kind in self.kinds}:
            return True
        return kinds <= MOST_KINDS and self._proves(inner)

    def _proves(self, inner: AnswerGrid) -> bool:
        read = [
            field
            for aggregate in self.aggregates
            for part in (aggregate.of, aggregate.among)
            for field in fields_of(part)
        ]
        return inner.proves(read)

    def mixed(self, key: int) -> tuple[list[tuple[int, int]], bool]:
        """The mixture in an answer: the number of an image set's answer with how many there are; and whether the target
        covers the whole data store."""
        mixture, complete = self.mixtures[key // self.base]
        return [(self.kinds[kind][0], count) for kind, count in mixture], complete

    def beside(self, rows: Relation) -> tuple[Relation, Columns]:
        """The answers on data stores, each with each mixture; and the columns of the aggregates."""
        names: Columns = {aggregate: f"aggregate {index}" for index, aggregate in enumerate(self.aggregates)}
        truths: list[list[Truth]] = [
            [truth(self._counts(index, mixture)) if complete else None for mixture, complete in self.mixtures]
            for index, truth in enumerate(cache(partial(decide, aggregate)) for aggregate in self.aggregates)
        ]
        columns = ", ".join(f"unnest(${index + 2}::BOOLEAN[]) AS a{index}" for index in range(len(truths)))
        self.connection.execute(
            f"CREATE TEMP TABLE {self.name} AS SELECT unnest(range($1::BIGINT)) AS number, {columns}",
            [len(self.mixtures), *truths],
        )
        most = max(1, MOST_ROWS // len(self.mixtures))
        few = len(rows.select(KEY).limit(most + 1).fetchall()) <= most
        self.every, self.undecided = self.every and few, self.undecided and few
        first = rows.order(KEY).limit(most)
        joined = first.set_alias("rows").join(
            self.connection.table(self.name).set_alias("mixed"), lit(1) == lit(1)
        )
        key = (col("number") * lit(self.base) + col(KEY)).alias(KEY)
        kept = [col(name) for name in rows.columns if name != KEY]
        selected = [col(f"a{index}").alias(name) for index, name in enumerate(names.values())]
        return joined.select(key, *kept, *selected), names

    def _kinds(self, inner: AnswerGrid, as_of: datetime) -> list[tuple[int, tuple[tuple[Truth, Truth], ...]]]:
        """Image sets of which the aggregates' conditions have different truths: the number of an answer, and for each
        aggregate whether it is among the others and whether it counts."""
        compiler = Compiler(as_of)
        parts = [part for aggregate in self.aggregates for part in (aggregate.among, aggregate.of)]
        truths = [compiler.condition(part) if part else TRUE.cast("BOOLEAN") for part in parts]
        named = [truth.alias(f"t{index}") for index, truth in enumerate(truths)]
        groups = ", ".join(f"t{index}" for index in range(len(truths)))
        found = inner.rows.select(col(KEY), *named).aggregate(f"min({KEY}) AS least, {groups}", groups)
        rows = found.order("least").limit(MOST_KINDS + 1).fetchall()
        return [(row[0], tuple(zip(row[1::2], row[2::2], strict=True))) for row in rows]

    def _decidable(self, mixture: Mixture) -> bool:
        """Whether few enough image sets are undecided for a share: each number of them is tried. What holds where some
        are undecided holds however they turn out, so that no proof hangs on them."""
        undecided = sum(
            count for kind, count in mixture if any(None in truths for truths in self.kinds[kind][1])
        )
        return undecided <= MOST_UNDECIDED or all(aggregate.kind == "count" for aggregate in self.aggregates)

    def _mixtures(self) -> Iterator[Mixture]:
        yield ()
        counts, pairs = self._sizes()
        kinds = range(len(self.kinds))
        for kind in kinds:
            yield from (((kind, count),) for count in counts)
        for item, other in combinations(kinds, 2):
            for left, right in pairs:
                yield ((item, left), (other, right))
                yield ((item, right), (other, left))
        for three in islice(combinations(kinds, 3), 200):
            yield tuple((kind, 1) for kind in three)
        yield from self._ranges()

    def _sizes(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Numbers of image sets on both sides of each constant, alone and beside another kind."""
        counts, pairs = {1, 2}, {(1, 1), (1, 2), (2, 2)}
        shares = {Fraction(0), Fraction(1)}
        for value in self._constants():
            if isinstance(value, Fraction):
                pairs |= set(_shares(value))
                shares.add(value)
            else:
                counts |= {value + by for by in (-1, 0, 1, 2)}
                pairs |= {(value + by, more) for by in (-1, 0, 1) for more in (1, 2)}
        if len(shares) > 2:
            # between two that are close no round number of image sets need lie
            middles = [(low + high) / 2 for low, high in pairwise(sorted(shares))]
            pairs |= {(share.numerator, share.denominator - share.numerator) for share in middles}
        return (
            sorted(count for count in counts if count > 0),
            sorted(pair for pair in pairs if min(pair) > 0),
        )

    def _constants(self) -> Iterator[Fraction | int]:
        for aggregate in self.aggregates:
            for test in aggregate.tests:
                for value in test.value if isinstance(test.value, tuple) else (test.value,):
                    if isinstance(value, Fraction | int) and not isinstance(value, bool):
                        yield value

    def _ranges(self) -> Iterator[Mixture]:
        """From how many to how many image sets a count may be of: each pair of numbers beside the constants."""
        if (
            len({aggregate_measure(aggregate) for aggregate in self.aggregates}) > 1
            or self.aggregates[0].kind != "count"
        ):
            return
        by_truth = {truths[0][1]: at for at, (_, truths) in reversed([*enumerate(self.kinds)])}
        if True not in by_truth or None not in by_truth:
            return
        numbers = {0, *(int(value) + by for value in self._constants() for by in (-1, 0, 1))}
        for low, high in combinations(sorted(number for number in numbers if number >= 0), 2):
            undecided = (by_truth[None], high - low)
            yield tuple(sorted([(by_truth[True], low), undecided])) if low else (undecided,)

    def _counts(self, index: int, mixture: Mixture) -> TruthCounts:
        numbers = {"tt": 0, "tf": 0, "tu": 0, "ut": 0, "uf": 0, "uu": 0}
        for kind, count in mixture:
            among, of = self.kinds[kind][1][index]
            if among is not False:
                numbers[_letter(among) + _letter(of)] += count
        return TruthCounts(**numbers)


def aggregate_measure(aggregate: Aggregate) -> tuple[object, ...]:
    """What an aggregate counts; its tests are of that number."""
    return aggregate.kind, aggregate.of, aggregate.among


def _letter(truth: Truth) -> str:
    return "u" if truth is None else "t" if truth else "f"


def _shares(share: Fraction) -> Iterator[tuple[int, int]]:
    """Numbers of two kinds of which the first has exactly this share, a little less and a little more."""
    whole = share.denominator * (1 if share.denominator > 2 else 4)
    matched = int(share * whole)
    for by in (-1, 0, 1):
        yield matched + by, whole - matched - by
    yield matched, whole - matched + 1
