"""Audits of a hostile service: what passed that was not seen. It measures no time."""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from collection import hostile
from collection.service import Running, Service

from checker.collection.retry import TargetHealth


def main() -> int:
    """1 where something passed that was not seen, or what the audit says contradicts itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--audits", type=int, default=20, help="with a fault for each of 30 image sets [default: 20]"
    )
    parser.add_argument("--alone", type=int, default=100, help="with one fault of all answers [default: 100]")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    dice, found, count = random.Random(given.seed), 0, 0
    with TemporaryDirectory() as name, _served() as service:
        good = hostile.good_answers(service)
        for number in range(given.audits + given.alone):
            alone = number >= given.audits
            actions = hostile.OF_ALL if alone else hostile.OF_ONE
            sets = [""] if alone else hostile.SETS
            faults = {cell: hostile.fault(dice, actions, good, alone=alone) for cell in sets}
            target = dice.choice(list(hostile.TARGETS)) if alone else "listed"
            count += len(faults)
            hostile.spoil(service, faults)
            wrong = hostile.judged(Path(name), hostile.POLICY, target)
            hostile.spoil(service, faults)
            right = hostile.judged(Path(name), hostile.opposite(hostile.POLICY), target)
            for text in hostile.suspicions(faults, wrong, right):
                found += 1
                print(f"{number} {target} {faults.get('', '')}: {text}", flush=True)
    print(f"{count} faults in {given.audits + given.alone} audits, {found} suspicions")
    return 1 if found else 0


@contextmanager
def _served() -> Iterator[Service]:
    service = Service()
    hostile.truth(service)
    running = Running(service)
    environment = {
        "AWS_ENDPOINT_URL": service.url,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def patient(_pause: object, **given: object) -> TargetHealth:
        return TargetHealth(lambda _seconds: False, **given)

    with (
        mock.patch.dict(os.environ, environment),
        mock.patch("checker.collection.collector.TargetHealth", patient),
        mock.patch(
            "botocore.endpoint.time.sleep", lambda seconds: threading.Event().wait(min(seconds, 0.002))
        ),
    ):
        yield service
    running.stop()


if __name__ == "__main__":
    sys.exit(main())
