"""`python -m load_server`: the load server as a process of its own, until it is interrupted or terminated.

It logs the URL to standard error when it answers, and writes it to `--url-file` where that is given.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checker.simulator.faults import DOCUMENTED_QUOTAS
from checker.simulator.state_setup import DEFAULT_ACCOUNT, DEFAULT_REGION

from .faults import WireFault, fault
from .server import serve_load
from .store import SyntheticStore

FAULTS = (
    """a list of faults as JSON, such as '[{"action": "SearchImageSets", "answer": {"code": "ThrottlingException"}, """
    """"times": 3}]'. "action" is needed ("*" for any). "answer" is {"code", "message"} or {"status", "body"}; "breaks" is """
    """reset, truncate or hang; "delay" is in seconds. "match" (parameters), "on" (a list of ordinal numbers), "times" and """
    """"probability" (with "seed") say which calls are hit"""
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves what the command line describes."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with serve_load(_stores(given), host=given.host, port=given.port, **_options(given)) as running:
        logging.getLogger(__name__).info(running.url)
        if given.url_file:
            # in one step, so that whoever waits for the file never reads half a URL
            part = given.url_file.with_suffix(".part")
            part.write_text(running.url)
            part.replace(given.url_file)
        try:
            running.wait()
        except KeyboardInterrupt:
            return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--url-file", type=Path, help="where to write the URL")
    parser.add_argument("--sets", type=int, default=1000, help="image sets of each data store")
    parser.add_argument("--stores", type=int, default=1, help="data stores of each account and Region")
    parser.add_argument("--accounts", nargs="+", default=[DEFAULT_ACCOUNT], help="12 digits each")
    parser.add_argument("--regions", nargs="+", default=[DEFAULT_REGION])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.04, help="seconds")
    parser.add_argument("--jitter", type=float, default=0.0, help="seconds")
    parser.add_argument("--no-quotas", action="store_true")
    parser.add_argument("--quotas-times", type=float, default=1.0, help="of the documented quotas")
    parser.add_argument("--faults", type=_faults, default=[], help=FAULTS)
    parser.add_argument("--policy", type=Path, help="an IAM policy document that every call is held to")
    parser.add_argument("--now", type=datetime.fromisoformat, help="what time it is when the server starts")
    return parser


def _faults(text: str) -> list[WireFault]:
    try:
        documents = json.loads(text)
        if not isinstance(documents, list):
            raise argparse.ArgumentTypeError("this is no list of faults")
        return [fault(document) for document in documents]
    except ValueError as error:  # of JSON too
        raise argparse.ArgumentTypeError(str(error)) from None


def _stores(given: argparse.Namespace) -> list[SyntheticStore]:
    places = [(account, region) for account in given.accounts for region in given.regions]
    return [
        SyntheticStore(
            datastore_id=f"{number:032x}",
            sets=given.sets,
            seed=given.seed + number,
            name=f"synthetic-{number}",
            account=account,
            region=region,
        )
        for number, (account, region) in enumerate(place for place in places for _ in range(given.stores))
    ]


def _options(given: argparse.Namespace) -> dict[str, Any]:
    options: dict[str, Any] = {"latency": given.latency, "jitter": given.jitter, "seed": given.seed}
    options["faults"] = given.faults
    times = given.quotas_times
    options["quotas"] = (
        None
        if given.no_quotas
        else {action: (rate * times, burst * times) for action, (rate, burst) in DOCUMENTED_QUOTAS.items()}
    )
    if given.policy:
        options["policy"] = json.loads(given.policy.read_text())
    if given.now:
        now = given.now if given.now.tzinfo else given.now.replace(tzinfo=UTC)
        offset: timedelta = now - datetime.now(UTC)
        options["clock"] = lambda: datetime.now(UTC) + offset
    return options


if __name__ == "__main__":
    main()
