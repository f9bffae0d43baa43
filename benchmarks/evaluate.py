"""Evaluation against hand-written DuckDB SQL and Cloud Custodian's filters, and its memory: see README.md."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import data
import duckdb

import checker
from checker.api import Gate
from checker.audit.gate import judge, sentence
from checker.audit.run import Judged, Run
from checker.evaluation.evaluate import evaluate
from checker.evidence.snapshot import connect
from checker.model import Coverage, Rule, Tally
from checker.reporting.options import Options
from checker.values import iso, parse_time

HERE = Path(__file__).resolve().parent
CACHE = HERE / ".cache"
POLICY = HERE / "policy.yaml"
AS_OF = parse_time("2026-01-01T00:00:00Z")
SEED = 1
SAMPLE = 50_000
C7N = "c7n==0.9.53"
T = TypeVar("T")
Counts = list[tuple[int, int, int, int]]
"""Passes, fails, unknowns and not applicables of each rule."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1_000_000, help="image sets (%(default)s)")
    parser.add_argument(
        "--repeat", type=int, default=5, help="runs of each, of which the best counts (%(default)s)"
    )
    parser.add_argument("--full", action="store_true", help="Cloud Custodian judges all, and not a sample")
    parser.add_argument("--no-custodian", action="store_true", help="leave Cloud Custodian out")
    parser.add_argument(
        "--memory", action="store_true", help="measure memory only: evaluation and every report"
    )
    parser.add_argument("--child", choices=["evaluate", "reports"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    snapshot = CACHE / f"snapshot-{args.sets}-{SEED}.parquet"
    if args.child:
        child(snapshot, with_reports=args.child == "reports")
        return
    data.make_snapshot(snapshot, args.sets, SEED)
    if args.memory:
        measured = in_child(args.sets, "reports")
        print_memory(args.sets, measured)
        return
    rules = load_rules()
    ours, by_hand = compare_with_sql(rules, snapshot, args.repeat)
    rows = [
        ("ours: best", f"{min(ours):.2f} s", f"median {statistics.median(ours):.2f} s"),
        ("ours: image sets a second", f"{args.sets / min(ours):,.0f}", f"{len(rules)} rules each"),
        ("hand-written SQL: best", f"{min(by_hand):.2f} s", f"median {statistics.median(by_hand):.2f} s"),
        ("ours / hand-written SQL", f"{min(ours) / min(by_hand):.2f}", "target: at most 2.0"),
    ]
    if not args.no_custodian:
        size = args.sets if args.full else min(SAMPLE, args.sets)
        seconds, note = custodian(rules, snapshot, args.sets, size)
        rows += [
            ("Cloud Custodian", f"{seconds:.1f} s", note),
            ("Cloud Custodian / ours", f"{seconds / min(ours):.0f}", "target: at least 60"),
        ]
    peak = in_child(args.sets, "evaluate")["peak"]
    rows.append(("ours: peak memory", f"{peak / 2**20:,.0f} MiB", "a process that loads, evaluates and ends"))
    load = os.getloadavg()[0]
    print(
        f"\n{args.sets:,} image sets x {len(rules)} rules; {os.cpu_count()} cores, load {load:.1f} (doubtful above 1 beside us)"
    )
    for name, number, note in rows:
        print(f"  {name:<28}{number:>12}  {note}")


def load_rules() -> Sequence[Rule]:
    return checker.choose(checker.load([str(POLICY)])).rules


def compare_with_sql(rules: Sequence[Rule], snapshot: Path, repeat: int) -> tuple[list[float], list[float]]:
    """Seconds of each run, ours and the SQL's in turn, so that noise meets both; their results are equal."""
    files = CACHE / "findings.parquet", CACHE / "by_hand.parquet"
    ours: list[float] = []
    by_hand: list[float] = []
    for _ in range(repeat):
        tallies, counts = (
            timed(ours, lambda: evaluate(rules, snapshot, AS_OF, files[0])),
            timed(by_hand, lambda: run_by_hand(snapshot, files[1])),
        )
    check_equal(rules, tallies, counts, *files)
    return ours, by_hand


def timed(seconds: list[float], work: Callable[[], T]) -> T:
    start = time.perf_counter()
    result = work()
    seconds.append(time.perf_counter() - start)
    return result


def run_by_hand(snapshot: Path, findings: Path) -> Counts:
    text = (HERE / "by_hand.sql").read_text(encoding="utf-8")
    text = text.replace("{snapshot}", str(snapshot)).replace("{findings}", str(findings))
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


def check_equal(
    rules: Sequence[Rule], tallies: Sequence[Tally], counts: Counts, ours: Path, by_hand: Path
) -> None:
    """Equal counts; equal columns; equal rows, by their number."""
    assert counts == [(one.passed, one.fail, one.unknown, one.not_applicable) for one in tallies], (
        "counts differ"
    )
    with duckdb.connect() as connection:
        left, right = connection.read_parquet(str(ours)), connection.read_parquet(str(by_hand))
        columns = [(name, str(kind)) for name, kind in zip(left.columns, left.types, strict=True)]
        assert columns == list(zip(right.columns, map(str, right.types), strict=True)), "columns differ"
        different = connection.execute(
            "SELECT count(*) FROM read_parquet(?) a FULL JOIN read_parquet(?) b USING (finding) WHERE a IS DISTINCT FROM b",
            [str(ours), str(by_hand)],
        ).fetchone()
        assert different == (0,), f"{different} findings differ"
    cells = len(rules) * tallies[0].subjects
    fails, unknowns = sum(one.fail for one in tallies), sum(one.unknown for one in tallies)
    print(
        f"equal: {fails:,} fails ({fails / cells:.1%} of the cells) and {unknowns:,} unknowns, counts and rows"
    )


def custodian(rules: Sequence[Rule], snapshot: Path, sets: int, size: int) -> tuple[float, str]:
    """Cloud Custodian's seconds for all image sets, and how that is known; its matches are printed beside our fails."""
    sample, records = CACHE / f"sample-{sets}-{size}.parquet", CACHE / f"sample-{sets}-{size}.jsonl"
    data.make_sample(snapshot, sample, records, sets, size)
    printed = subprocess.run(
        [custodian_python(), HERE / "custodian.py", records, iso(AS_OF)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    answer = json.loads(printed)
    tallies = evaluate(rules, sample, AS_OF, CACHE / "sample-findings.parquet")
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


def in_child(sets: int, what: str) -> dict[str, float]:
    given = [sys.executable, __file__, "--sets", str(sets), "--child", what]
    answer: dict[str, float] = json.loads(
        subprocess.run(given, check=True, capture_output=True, text=True).stdout
    )
    return answer


def child(snapshot: Path, *, with_reports: bool) -> None:
    """Evaluates, and writes every report where asked to; prints seconds, and the peak of memory so far, in bytes."""
    rules, findings = load_rules(), CACHE / f"{snapshot.stem}-findings.parquet"
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    tallies = evaluate(rules, snapshot, AS_OF, findings)
    seconds["evaluate"] = time.perf_counter() - start
    seconds["after evaluate, bytes"] = peak()
    if with_reports:
        run = a_run(tallies, rules, snapshot, findings)
        for name in ("text", "json", "junit", "html"):
            start = time.perf_counter()
            checker.report(run, {name: CACHE / f"report.{name}"}, Options(junit_passes="none"))
            seconds[name] = time.perf_counter() - start
            seconds[f"after {name}, bytes"] = peak()
    json.dump({**seconds, "peak": peak()}, sys.stdout)


def peak() -> int:
    """In bytes. Linux's getrusage counts what the parent had, too, so its own count is read where there is one."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def a_run(tallies: Sequence[Tally], rules: Sequence[Rule], snapshot: Path, findings: Path) -> Run:
    """What `checker.evaluate` makes of the snapshot; it starts from records, which would take far longer to make."""
    policies = checker.load([str(POLICY)])
    with connect() as connection:
        counts = connection.execute(
            "SELECT count(DISTINCT (target, imageSetId)), count_if(NOT found), count_if(found IS NULL) FROM read_parquet(?)",
            [str(snapshot)],
        ).fetchone()
    assert counts
    coverage, gate = Coverage(*counts), Gate()
    pairs = [(rule.severity, tally) for rule, tally in zip(rules, tallies, strict=True)]
    outcome = judge(gate, pairs, coverage)
    return Run(
        id="benchmark", name="benchmark", as_of=AS_OF, hypothetical=True, tool_version=checker.__version__,
        botocore_version="", packs=policies.packs, judged=tuple(map(Judged, rules, tallies)), coverage=coverage,
        gate=gate, outcome=outcome, sentence=sentence(gate, outcome, pairs, coverage), source="recorded",
        snapshot=snapshot, findings_file=findings,
    )  # fmt: skip


def print_memory(sets: int, measured: dict[str, float]) -> None:
    print(f"{sets:,} image sets: peak memory {measured['peak'] / 2**20:,.0f} MiB (target: less than 1,024)")
    for name in ("evaluate", "text", "json", "junit", "html"):
        print(
            f"  {name:<10}{measured[name]:>8.1f} s, peak so far {measured[f'after {name}, bytes'] / 2**20:,.0f} MiB"
        )


if __name__ == "__main__":
    main()
