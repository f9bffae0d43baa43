"""Ctrl-C and SIGTERM at many moments of every command: what exit codes come of it. It measures no time."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.cli.signals import CODES, Commands, Ended, commands


def main() -> int:
    """1 where a signal had another exit code than its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50, help="of each command [default: 50]")
    parser.add_argument("--sets", type=int, default=20_000, help="image sets of each run [default: 20,000]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("command", nargs="*", help="these only")
    given = parser.parse_args()
    wrong = 0
    with TemporaryDirectory() as folder, commands(Path(folder), given.sets) as made:
        for name in given.command or made.given:
            ended = {number: _tried(made, name, number, given.moments, given.seed) for number in CODES}
            wrong += sum(_tell(name, number, found) for number, found in ended.items())
    return 1 if wrong else 0


def _tried(made: Commands, name: str, number: int, count: int, seed: int) -> list[Ended]:
    half = count // len(CODES)
    return [made.end(name, number, after) for after in made.moments(name, half, seed + number)]


def _tell(name: str, number: int, found: list[Ended]) -> int:
    codes = Counter(explanation.code for explanation in found)
    bad = [explanation for explanation in found if explanation.code not in (None, CODES[number])]
    said = ", ".join(f"{'over' if code is None else code}: {count}" for code, count in codes.items())
    print(f"{name:<22} signal {number:>2}  {said}", flush=True)
    for item in bad:
        print(f"    after {item.after:.3f} s: {item.code}\n{item.out[-500:]}{item.err[-2000:]}", flush=True)
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
