"""The whole line, from a file of recorded answers to verdicts and findings, beside a hand-written DuckDB script that reads the
same file and writes the same findings. `--help` has the options."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from answers import NUMBERED, Kind, make_answers, read_by_hand
from compare import AS_OF, CACHE, HERE, load_rules, run_by_hand
from data import make_tables
from memory import peak

import checker
from checker.api import AuditOptions
from checker.instants import iso

SEED = 1
TARGETS: Mapping[Kind, float] = {"image_set": 5, "version": 8}
MOST_MEMORY = 512


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds by the clock and of the processors, MiB of memory at most; and the verdicts of each rule."""

    seconds: float
    cpu: float
    memory: float
    counts: Sequence[Sequence[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, nargs="+", default=[1_000_000], help="image sets (%(default)s)")
    parser.add_argument(
        "--kind", choices=get_args(Kind), nargs="+", default=get_args(Kind), help="which rules (%(default)s)"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="runs of each, of which the best counts (%(default)s)"
    )
    args = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"{'answers':<22}{'sets':>10}{'MB':>7}{'ours':>9}{'CPU':>9}{'memory':>10}{'by hand':>9}{'CPU':>9}{'memory':>10}{'ratio':>7}{'of CPU':>8}  target"
    )
    for kind in args.kind:
        for sets in args.sets:
            print_line(kind, sets, args.repeat)


def print_line(kind: Kind, sets: int, repeat: int) -> None:
    """Both best runs of a size, whose counts are equal."""
    tables, answers = CACHE / f"tables-{sets}-{SEED}", CACHE / f"answers-{kind}-{sets}-{SEED}.jsonl"
    if kind == "image_set":
        make_tables(tables, sets, SEED)
    make_answers(kind, answers, tables, sets, SEED)
    ours, by_hand = [], []
    for _ in range(repeat):
        ours.append(in_child("ours", kind, answers))
        by_hand.append(in_child("by-hand", kind, answers))
        assert ours[-1].counts == by_hand[-1].counts, (
            f"counts differ:\n{ours[-1].counts}\n{by_hand[-1].counts}"
        )
    best, hand = (min(costs, key=lambda cost: cost.cpu) for costs in (ours, by_hand))
    name = "get-image-set" if kind == "image_set" else f"{NUMBERED} versions a set"
    print(
        f"{name:<22}{sets:>10,}{answers.stat().st_size / 1e6:>7,.0f}"
        + "".join(
            f"{cost.seconds:>7.1f} s{cost.cpu:>7.1f} s{cost.memory:>6,.0f} MiB" for cost in (best, hand)
        )
        + f"{best.seconds / hand.seconds:>7.1f}{best.cpu / hand.cpu:>8.1f}  {TARGETS[kind]:g}, {MOST_MEMORY} MiB"
    )


def in_child(who: str, kind: Kind, answers: Path) -> Cost:
    start = time.perf_counter()
    given = [sys.executable, __file__, "--child", who, kind, str(answers)]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([*given, folder], stdout=subprocess.PIPE)
        assert process.stdout
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"{who} failed"
    answer = json.loads(printed)
    return Cost(
        time.perf_counter() - start,
        usage.ru_utime + usage.ru_stime,
        answer["memory"] / 2**20,
        answer["counts"],
    )


def child(who: str, kind: Kind, answers: Path, folder: Path) -> None:
    counts: Sequence[Sequence[int]]
    if who == "ours":
        options = AuditOptions(
            policies=[str(HERE / f"{kind}.yaml")], image_sets=[str(answers)], as_of=iso(AS_OF)
        )
        with checker.audit(None, options) as result:
            rules = [rule.name for rule in load_rules(kind)]
            by_rule = {item.rule.name: item.tally for item in result.run.judged}
            tallies = [by_rule[name] for name in rules]
        counts = [(item.passed, item.fail, item.unknown, item.not_applicable) for item in tallies]
    else:
        read_by_hand(kind, answers, folder)
        counts = run_by_hand(kind, folder)
    json.dump({"counts": counts, "memory": peak()}, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], cast("Kind", sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
