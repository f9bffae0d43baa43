"""The memory of evaluation and of every report, measured in a process of its own: run by evaluate.py."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from compare import AS_OF, HERE, SCOPES, load_rules

import checker
from checker.api import Gate
from checker.evaluation.engine import evaluate
from checker.judgement.gate import judge
from checker.judgement.gate_text import sentence
from checker.judgement.run import Criteria, Provenance, RuleResult, Run
from checker.model import Coverage, Rule, RuleScope, Tally
from checker.reporting.report_options import Options
from checker.snapshot.writer import connect

REPORTS = ("text", "json", "ndjson", "junit", "html")


def in_child(folder: Path, scopes: Sequence[RuleScope], *reports: str) -> dict[str, float]:
    """Seconds, and the peak of memory so far in bytes after each step, of a process that loads, evaluates and reports."""
    given = [sys.executable, __file__, str(folder), ",".join(scopes), *reports]
    answer: dict[str, float] = json.loads(
        subprocess.run(given, check=True, capture_output=True, text=True).stdout
    )
    return answer


def child(folder: Path, scopes: Sequence[RuleScope], reports: Sequence[str]) -> None:
    rules = load_rules(*scopes)
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    tallies = evaluate(rules, folder, AS_OF)
    seconds["evaluate"] = time.perf_counter() - start
    seconds["after evaluate, bytes"] = peak()
    if reports:
        run = a_run(tallies, rules, folder, scopes)
        for name in reports:
            start = time.perf_counter()
            checker.report(run, {name: folder / f"report.{name}"}, Options(junit_passes="none"))
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


def a_run(tallies: Sequence[Tally], rules: Sequence[Rule], folder: Path, scopes: Sequence[RuleScope]) -> Run:
    """What `checker.evaluate` makes of the tables; it starts from records, which would take far longer to make."""
    policies = checker.load([str(HERE / f"{scope}.yaml") for scope in scopes])
    with connect() as connection:
        counts = connection.execute(
            "SELECT count(DISTINCT (target, imageSetId)), count_if(NOT found), count_if(found IS NULL) FROM read_parquet(?)",
            [str(folder / "image_sets.parquet")],
        ).fetchone()
    assert counts
    coverage, gate = Coverage(*counts), Gate()
    pairs = [(rule.severity, tally) for rule, tally in zip(rules, tallies, strict=True)]
    ruling = judge(gate, pairs, coverage)
    return Run(
        id="benchmark", name="benchmark", as_of=AS_OF, hypothetical=True, tool_version=checker.__version__,
        criteria=Criteria(policies.packs), provenance=Provenance("recorded"), judged=tuple(map(RuleResult, rules, tallies)),
        coverage=coverage, ruling=ruling, sentence=sentence(ruling, pairs, coverage), folder=folder,
    )  # fmt: skip


def print_memory(folder: Path, sets: int) -> None:
    measured = in_child(folder, ["image_set"], *REPORTS)
    print(f"{sets:,} image sets: peak memory {measured['peak'] / 2**20:,.0f} MiB (target: less than 1,024)")
    for name in ("evaluate", *REPORTS):
        print_step(name, measured[name], measured[f"after {name}, bytes"])
    for scopes in (*((scope,) for scope in SCOPES[1:]), SCOPES):
        measured = in_child(folder, scopes)
        print_step(f"evaluate: {', '.join(scopes)}", measured["evaluate"], measured["peak"])


def print_step(name: str, seconds: float, so_far: float) -> None:
    print(f"  {name:<40}{seconds:>8.1f} s, peak so far {so_far / 2**20:,.0f} MiB")


if __name__ == "__main__":
    child(Path(sys.argv[1]), [item for item in SCOPES if item in sys.argv[2].split(",")], sys.argv[3:])
