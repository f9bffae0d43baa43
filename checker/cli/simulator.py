"""`simulator`: a HealthImaging service on 127.0.0.1."""

from __future__ import annotations

import threading

from checker.cli.console import print_line
from checker.cli.signals import stop_event
from checker.model import utc_now
from checker.problems import CheckerError, InvalidInputError, Problem, suggest


def run(port: int, seed: str | None, debug: bool) -> int:
    """Serves until Ctrl-C or SIGTERM."""
    from checker.simulator import SEEDS, SimulatorMissingError, serve

    if seed is not None and seed not in SEEDS:
        raise InvalidInputError(
            Problem("--seed", f"no seed is called {seed}", suggest(seed, SEEDS, what="seeds are"))
        )
    try:
        with serve(port=port, verbose=debug) as server, stop_event() as stop:
            print_line(f"HealthImaging is simulated at {server.url}")
            print_line(
                f"  export AWS_ENDPOINT_URL={server.url} AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo"
            )
            if seed is not None:
                store = SEEDS[seed](utc_now())
                there = len(store.image_set_ids) - len(store.vanished_ids)
                print_line(
                    f"  data store {store.datastore_id} with {there} image sets, such as {store.image_set_ids[0]}"
                )
            print_line("Ctrl-C stops it")
            _wait(stop)
    except SimulatorMissingError as error:
        raise CheckerError(f"imageset-checker simulator: error: {error}") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInputError(
            Problem("--port", f"cannot listen on {port}: {reason}", "--port 0 takes a free one")
        ) from None
    return 0


def _wait(stop: threading.Event) -> None:
    # a wait without end cannot be interrupted on every platform
    while not stop.wait(1.0):
        pass
