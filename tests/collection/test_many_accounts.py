"""Many accounts in one run, over real HTTP: what one of them holds is freed once it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from load_server.server import serve_load
from load_server.store import SyntheticStore

from checker.aws import ATTEMPTS
from checker.aws.actions import GET_DATASTORE, GET_IMAGE_SET
from checker.collection import search_results
from checker.collection.collector import Options, collect
from checker.collection.workers import MOST_LANES
from checker.config import Rate
from checker.model import Discovery, Needs, Target
from checker.snapshot.records import Record

ACCOUNTS = [f"{100000000000 + number}" for number in range(24)]
REGIONS = ("us-east-1", "eu-west-1")
QUICK = dict.fromkeys((GET_DATASTORE, GET_IMAGE_SET, "SearchImageSets"), Rate(10_000, 10_000))
SOCKETS = 5
"""Of a lane with a thread to search and one to read: who we are, the role, the data store, and the two threads."""
OPEN = Path("/proc/self/fd")


def opened(what: str) -> int:
    """Descriptors of this process whose target contains a text."""
    count = 0
    for path in OPEN.iterdir():
        try:
            count += what in str(path.readlink())
        except OSError:  # closed meanwhile
            continue
    return count


@pytest.mark.skipif(not OPEN.is_dir(), reason="descriptors are counted as Linux shows them")
def test_descriptors_do_not_grow_with_the_number_of_accounts(
    aws_env: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_results, "IN_MEMORY", 1)
    places = [(account, region) for account in ACCOUNTS for region in REGIONS]
    stores = {place: f"{number:032x}" for number, place in enumerate(places)}
    made = [
        SyntheticStore(name, 2, account=account, region=region, deleted=0.0)
        for (account, region), name in stores.items()
    ]
    targets = [
        Target(
            f"{account}/{region}",
            region,
            name,
            role_arn=f"arn:aws:iam::{account}:role/A",
            discovery=Discovery(),
        )
        for (account, region), name in stores.items()
    ]
    sockets, files, records = [0], [0], list[Record]()
    with serve_load(made, quotas=None, latency=0.0) as server:
        aws_env.setenv("AWS_ENDPOINT_URL", server.url)
        before = {what: opened(what) for what in ("socket:", "(deleted)")}

        def sink(record: Record) -> None:
            records.append(record)
            sockets.append(opened("socket:") - before["socket:"])
            files.append(opened("(deleted)") - before["(deleted)"])

        options = Options(rates=QUICK, workers=1, attempts=ATTEMPTS)
        done = collect(targets, sink, needs=Needs(fields=frozenset({"imageSetArn"})), options=options)
    assert not [item.error for item in records if item.error]
    assert done.calls[GET_IMAGE_SET] == 2 * len(places)
    # the service has the other end of each connection in the same process
    assert max(sockets) <= MOST_LANES * 2 * SOCKETS < len(places) * SOCKETS
    assert max(files) <= MOST_LANES < len(places)
