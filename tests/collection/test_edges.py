"""What may be lost at an edge: of a range, of a page, of this machine's clock, of a search that breaks off."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import replace

import pytest

from checker.collection.collector import Options, collect
from checker.model import ImageSetRef
from checker.snapshot.records import LISTED_SINCE, Record
from collection.service import DATASTORE, OTHER, Service, answer, image_set_id
from tests.collection.test_search import FAST, FORCED, NOW, STATE, every, fill, found, run, summary, target


def test_image_sets_from_a_clock_that_is_ahead_are_found(service: Service) -> None:
    day = 86_400
    ahead = [NOW.timestamp() - 30 * day + n * 60 * day / 3000 for n in range(3000)]
    service.listed[DATASTORE] = [summary(n, createdAt=at) for n, at in enumerate(ahead)]
    records, _ = run(service, target(), workers=8)
    assert found(records) == every(3000)


@pytest.mark.parametrize("seed", range(3))
def test_times_finer_than_a_millisecond_fall_into_no_gap(service: Service, seed: int) -> None:
    dice = random.Random(seed)
    times = [1.7e9 + n // 4 + dice.choice([0, 0.0003, 0.0005, -0.0004]) for n in range(3000)]
    service.listed[DATASTORE] = [summary(n, createdAt=at) for n, at in enumerate(times)]
    records, _ = run(service, target(), workers=8)
    assert found(records) == every(3000)


def test_image_sets_without_a_time_of_creation_are_not_lost_without_a_word(service: Service) -> None:
    fill(service, 2000)
    for item in service.listed[DATASTORE][::20]:
        del item["createdAt"]
    records, _ = run(service, target(), workers=8)
    assert [record.error[0] for record in records if record.error] == ["SearchNotDated"]
    assert not [record for record in records if record.answer and LISTED_SINCE in record.answer]


def test_without_cuts_image_sets_without_a_time_of_creation_are_found(service: Service) -> None:
    fill(service, 120)
    for item in service.listed[DATASTORE][::20]:
        del item["createdAt"]
    records, _ = run(service, target(), workers=1)
    assert found(records) == every(120)
    assert not [record for record in records if record.error]


def test_what_stands_at_the_end_of_a_page_and_at_the_begin_of_the_next_counts_once(service: Service) -> None:
    fill(service, 120)
    items = service.listed[DATASTORE]
    service.listed[DATASTORE] = [*items[:50], items[49], *items[50:]]
    records, done = run(service, target(), needs=FORCED)
    assert found(records) == every(120)
    assert done.calls["GetImageSet"] + done.calls["ListImageSetVersions"] == 120


@pytest.mark.parametrize("page", [3, 50])
@pytest.mark.parametrize("workers", [1, 8])
def test_a_search_that_breaks_off_is_taken_up_where_it_had_got_to(
    service: Service, page: int, workers: int
) -> None:
    service.page = page
    times = [1.7e9 + n // 2 for n in range(400)]
    service.listed[DATASTORE] = [summary(n, createdAt=at) for n, at in enumerate(times)]
    service.deepest = 4 * page
    records, _ = run(service, target(), workers=workers)
    assert found(records) == every(400)
    assert not [record for record in records if record.error]


def test_expired_credentials_are_asked_for_anew(service: Service) -> None:
    service.sets = {image_set_id(n): answer(n, imageSetId=image_set_id(n)) for n in range(60)}
    service.fault = lambda name, attempt: "expired" if int(name, 16) % 7 == 0 and attempt == 1 else None
    listed = tuple(ImageSetRef(image_set_id(n)) for n in range(60))
    records, done = run(
        service, target(discovery=None, image_sets=listed, complete=False), needs=FORCED, workers=4
    )
    read = [record for record in records if record.action == "GetImageSet"]
    assert Counter(field.found for field in read) == {True: 60}
    assert not [note for note in done.notes if "given up" in note]


def test_a_run_that_is_stopped_before_it_searched_every_target_is_interrupted(service: Service) -> None:
    """A second lane waits its turn, and has nothing to count yet."""
    fill(service, 30)
    fill(service, 30, store=OTHER, first=100)
    service.stores[OTHER] = "ACTIVE"
    stop = threading.Event()
    seen: list[Record] = []

    def sink(record: Record) -> None:
        seen.append(record)
        if record.action == "GetDatastore":
            stop.set()

    service.search_fault = lambda name, attempt: "500"
    targets = [target("one"), replace(target("two", datastore=OTHER), region="eu-west-1")]
    options = Options(rates=FAST, attempts=1, pause=lambda seconds: False)
    assert collect(targets, sink, needs=STATE, options=options, stop=stop, now=lambda: NOW).interrupted
