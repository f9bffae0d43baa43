"""The page for auditors, by how many findings a run has: its size, what of the findings it holds, and how fast Chromium is
with it. `--help` has the options."""

from __future__ import annotations

import argparse
import sys
import time

from compare import AS_OF, HERE, load_rules
from data import make_tables
from memory import a_run

import checker
from checker.evaluation.engine import evaluate
from checker.judgement.run import Run

FINDINGS_PER_SET = 0.447
"""How many findings the rules of image_set.yaml have of an image set of the tables."""
SIZES = (12, 100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, nargs="*", default=SIZES, help="about so many findings each")
    parser.add_argument("--repeat", type=int, default=3, help="how often the page is opened")
    options = parser.parse_args()
    for number in options.findings:
        run = run_of(number)
        path = HERE / ".cache" / f"page-{number}.html"
        start = time.perf_counter()
        checker.report(run, {"html": path})
        seconds = time.perf_counter() - start
        print(f"{number:,} findings asked for: {path.stat().st_size:,} bytes, written in {seconds:.1f} s")
        sys.stdout.flush()


def run_of(number: int) -> Run:
    """A run of about so many findings."""
    rules = load_rules("image_set")
    sets = max(1, round(number / FINDINGS_PER_SET))
    folder = HERE / ".cache" / f"page-{sets}"
    make_tables(folder, sets, 1)
    return a_run(evaluate(rules, folder, AS_OF), rules, folder, ["image_set"])


if __name__ == "__main__":
    main()
