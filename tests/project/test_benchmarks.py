"""The benchmarks run, and what they compare is equal: how long it takes says nothing here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks"


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no benchmarks beside these tests")
@pytest.mark.parametrize(
    ("script", "options", "says"),
    [
        # with fewer a store has no locked ones to take a share of, which the SQL takes for a share of 0
        ("evaluate.py", ["--sets", "20000", "--repeat", "1", "--no-custodian"], "ours/SQL"),
        ("line.py", ["--sets", "1000"], "4 versions a set"),
        ("report.py", ["--findings", "300"], "ratio"),
        ("growth.py", ["--findings", "300", "--rules", "2"], "validate: many comparisons"),
        ("start.py", ["--repeat", "1"], "3 / Python"),
    ],
)
def test_a_benchmark_compares_equal_results(script, options, says):
    ran = subprocess.run(
        [sys.executable, FOLDER / script, *options], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr
    assert says in ran.stdout
