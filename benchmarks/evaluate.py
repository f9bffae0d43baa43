"""Evaluation of every scope against hand-written DuckDB SQL and Cloud Custodian's filters, and its memory: see README.md."""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import data
from compare import CACHE, SCOPES, Measured, compare_with_sql, custodian
from memory import in_child, print_memory

SEED = 1
SAMPLE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sets", type=int, default=1_000_000, help="image sets, and about as many versions (%(default)s)"
    )
    parser.add_argument(
        "--repeat", type=int, default=5, help="runs of each, of which the best counts (%(default)s)"
    )
    parser.add_argument("--full", action="store_true", help="Cloud Custodian judges all, and not a sample")
    parser.add_argument("--no-custodian", action="store_true", help="leave Cloud Custodian out")
    parser.add_argument(
        "--memory", action="store_true", help="measure memory only: evaluation and every report"
    )
    args = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    folder = CACHE / f"tables-{args.sets}-{SEED}"
    data.make_tables(folder, args.sets, SEED)
    if args.memory:
        print_memory(folder, args.sets)
        return
    measured = [compare_with_sql([scope], folder, args.repeat) for scope in SCOPES]
    measured.append(compare_with_sql(SCOPES, folder, args.repeat))
    print_speed(measured, folder)
    if not args.no_custodian:
        size = args.sets if args.full else min(SAMPLE, args.sets)
        seconds, note = custodian(folder, args.sets, size)
        ratio = seconds / min(measured[0].ours)
        print(f"\nCloud Custodian, the rules on image sets: {seconds:.1f} s, {note}")
        print(f"Cloud Custodian / ours: {ratio:.0f} (target: at least 60)")


def print_speed(measured: Sequence[Measured], folder: Path) -> None:
    """Both best times of each scope, and their ratio; the fails and unknowns are equal, counts and rows."""
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} (doubtful above 1 beside us)")
    print(
        f"{'scope':<12}{'subjects':>10}{'rules':>6}{'fails':>9}{'unknowns':>9}{'ours':>9}{'median':>9}{'SQL':>9}"
        f"{'median':>9}{'ours/SQL':>9}{'memory':>11}"
    )
    for item in measured:
        name = item.scopes[0] if len(item.scopes) == 1 else "all"
        subjects = sum(
            {
                rule.scope: tally.subjects for rule, tally in zip(item.rules, item.tallies, strict=True)
            }.values()
        )
        ours, by_hand = min(item.ours), min(item.by_hand)
        peak = in_child(folder, item.scopes)["peak"] / 2**20
        print(
            f"{name:<12}{subjects:>10,}{len(item.rules):>6}{item.fails:>9,}{item.unknowns:>9,}"
            f"{ours:>7.2f} s{statistics.median(item.ours):>7.2f} s"
            f"{by_hand:>7.2f} s{statistics.median(item.by_hand):>7.2f} s{ours / by_hand:>9.2f}{peak:>7,.0f} MiB"
        )


if __name__ == "__main__":
    main()
