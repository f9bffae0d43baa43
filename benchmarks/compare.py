"""The same verdicts by hand-written SQL and, for image sets, by Cloud Custodian's filters: each timed beside ours."""

from __future__ import annotations

import json
import subprocess
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import data
import duckdb

import checker
from checker.evaluation.engine import evaluate
from checker.instants import iso
from checker.layout import FINDINGS
from checker.model import Rule, RuleScope, Tally
from checker.snapshot.writer import connect
from checker.values import parse_time

HERE = Path(__file__).resolve().parent
CACHE = HERE / ".cache"
SCOPES: tuple[RuleScope, ...] = ("image_set", "version", "datastore")
AS_OF = parse_time("2026-01-01T00:00:00Z")
C7N = "c7n==0.9.53"
T = TypeVar("T")
Counts = list[tuple[int, int, int, int]]
"""Passes, fails, unknowns and not applicables of each rule."""


@dataclass
class Measured:
    """Seconds of each run over the subjects of some scopes, and how many fails and unknowns both found."""

    scopes: Sequence[RuleScope]
    rules: Sequence[Rule]
    tallies: Sequence[Tally] = ()
    ours: list[float] = field(default_factory=list)
    by_hand: list[float] = field(default_factory=list)

    @property
    def fails(self) -> int:
        return sum(tally.fail for tally in self.tallies)

    @property
    def unknowns(self) -> int:
        return sum(tally.unknown for tally in self.tallies)


def load_rules(*scopes: RuleScope) -> Sequence[Rule]:
    """The rules of scopes, in their order."""
    policies = checker.load([str(HERE / f"{scope}.yaml") for scope in scopes])
    rules = checker.choose(policies).rules
    return sorted(rules, key=lambda rule: scopes.index(rule.scope))


def compare_with_sql(scopes: Sequence[RuleScope], folder: Path, repeat: int) -> Measured:
    """Runs ours and the SQL of the scopes in turn, so that noise meets both; their results are equal, or it stops."""
    measured = Measured(scopes, load_rules(*scopes))
    counts: Counts = []
    for _ in range(repeat):
        measured.tallies = timed(measured.ours, lambda: evaluate(measured.rules, folder, AS_OF))
        counts = timed(
            measured.by_hand, lambda: [item for scope in scopes for item in run_by_hand(scope, folder)]
        )
    check_equal(measured, counts, folder)
    return measured


def timed(seconds: list[float], work: Callable[[], T]) -> T:
    start = time.perf_counter()
    result = work()
    seconds.append(time.perf_counter() - start)
    return result


def run_by_hand(scope: RuleScope, folder: Path) -> Counts:
    text = (HERE / f"{scope}.sql").read_text(encoding="utf-8")
    text = text.replace("{folder}", str(folder)).replace("{findings}", str(by_hand_file(scope, folder)))
    counts: Counts = []
    with connect() as connection:
        for statement in text.split("\n;\n"):
            row = connection.execute(statement).fetchone() if statement.strip() else None
            if row and statement.lstrip().startswith("-- counts"):
                each = len(row) // 4
                counts = list(
                    zip(*(row[start : start + each] for start in range(0, len(row), each)), strict=True)
                )
    return counts


def by_hand_file(scope: RuleScope, folder: Path) -> Path:
    return folder / f"by-hand-{scope}.parquet"


def check_equal(measured: Measured, counts: Counts, folder: Path) -> None:
    """Equal counts; equal columns; equal rows, by their number, which goes on from scope to scope."""
    ours = [(tally.passed, tally.fail, tally.unknown, tally.not_applicable) for tally in measured.tallies]
    assert counts == ours, "counts differ"
    total = 0
    with duckdb.connect() as connection:
        every = connection.read_parquet(str(folder / FINDINGS))
        for scope in measured.scopes:
            by_hand = connection.read_parquet(str(by_hand_file(scope, folder)))
            # of waivers and of an earlier run there is nothing here; what a verdict rests on is ours alone
            findings = every.select(*by_hand.columns)
            assert columns(findings) == columns(by_hand), f"columns of {scope} differ"
            number = len(by_hand)
            moved = by_hand.project(f"finding + {total} AS finding, * EXCLUDE (finding)")
            part = findings.filter(f"finding > {total} AND finding <= {total + number}")
            different = part.except_(moved).count("*").fetchall()[0][0]
            assert (different, len(part)) == (0, number), f"{different} findings of {scope} differ"
            total += number
        assert total == len(every) == measured.fails + measured.unknowns, "more findings than by hand"


def columns(rows: duckdb.DuckDBPyRelation) -> list[tuple[str, str]]:
    return [(name, str(kind)) for name, kind in zip(rows.columns, rows.types, strict=True)]


def custodian(folder: Path, sets: int, size: int) -> tuple[float, str]:
    """Cloud Custodian's seconds for all image sets, and how that is known; its matches are printed beside our fails."""
    rules, sample = load_rules("image_set"), CACHE / f"sample-{sets}-{size}"
    records = data.make_sample(folder, sample, sets, size)
    printed = subprocess.run(
        [custodian_python(), HERE / "custodian.py", records, iso(AS_OF)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    answer = json.loads(printed)
    tallies = evaluate(rules, sample, AS_OF)
    print(f"\n{C7N} on {answer['records']:,} answers: matches beside our fails")
    for rule, tally in zip(rules, tallies, strict=True):
        matched, exact = answer["matched"][rule.id], rule.id in answer["exact"]
        says = "cannot be said exactly" if not exact else "equal" if matched == tally.fail else "DIFFERENT"
        print(f"  {rule.id:<32}{matched:>9,}{tally.fail:>9,}  {says}")
    note = "measured on all" if size >= sets else f"extrapolated from {size:,} linearly"
    return answer["seconds"] * sets / size, note


def custodian_python() -> Path:
    """The interpreter of a virtual environment with Cloud Custodian, made once: its pins clash with ours."""
    folder = CACHE / "c7n"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", C7N], check=True)
        (folder / "complete").touch()
    return python
