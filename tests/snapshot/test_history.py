"""What earlier runs saw, put together over random runs, against a plain reading of what that means."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from checker.fields import EARLIER, earlier_paths
from checker.model import Needs
from checker.snapshot.deletion_events import Event
from checker.snapshot.history import write_history
from checker.snapshot.record_table import record_table
from checker.snapshot.writer import connect, duckdb_path, write_snapshot
from tests.budgets import examples

EXAMPLES = int(os.environ.get("LANGUAGE_EXAMPLES", examples(10, 60)))
STORES = ["a" * 32, "b" * 32]
SETS = ["1" * 32, "2" * 32]
DAY = datetime(2026, 1, 1, tzinfo=UTC)
END = DAY + timedelta(days=100)
NOT_FOUND = "ResourceNotFoundException"
FIRST = "no earlier run yet; this one is the first"


def at(hour: int) -> str:
    return (DAY + timedelta(hours=hour)).isoformat()


# Evidence: lines of records.jsonl


@st.composite
def answers(draw, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {"versionId": str(number), "imageSetState": draw(st.sampled_from(["ACTIVE", "LOCKED", "DELETED"]))}  # fmt: skip
    if draw(st.booleans()):
        made["createdAt"] = at(draw(st.integers(-3, 3)))
    if draw(st.booleans()):
        made["overrides"] = {"forced": draw(st.booleans())}
    if draw(st.booleans()):
        made["isPrimary"] = draw(st.booleans())
    return made


@st.composite
def lines(draw, run: int) -> list[dict[str, Any]]:
    """One run's records: several targets may list a set, pinned or not, by either call; times are of that run."""
    made = []
    keys = st.tuples(
        st.sampled_from(["t", "u"]),
        st.sampled_from([*STORES, None]),
        st.sampled_from(SETS),
        st.sampled_from([None, None, 1, 10]),
        st.sampled_from(["GetImageSet", "GetImageSet", "ListImageSetVersions"]),
    )
    for target, store, image_set, pinned, action in draw(st.lists(keys, max_size=5, unique=True)):
        line: dict[str, Any] = {"target": target, "imageSetId": image_set}
        if store:
            line["datastoreId"] = store
        if pinned:
            line["requestedVersionId"] = str(pinned)
        if draw(st.integers(0, 3)):
            # each time is one record's own, so that the latest is one
            line["collectedAt"] = at(run * 10 + len(made))
        code = draw(st.sampled_from([None, None, None, NOT_FOUND, "AccessDeniedException"]))
        numbers = draw(st.sampled_from([[9, 10], [2], [1, 10]]))
        if code:
            line["error"] = {"code": code, "message": ""}
        elif action == "GetImageSet":
            line |= draw(answers(pinned or draw(st.sampled_from([1, 2, 9, 10]))))
        else:
            line["imageSetPropertiesList"] = [draw(answers(number)) for number in numbers]
        if action != "GetImageSet":
            line["action"] = action
        made.append(line)
    return made


@st.composite
def events(draw) -> list[Event]:
    """Deletion events at half hours, so that none is at the time of an answer."""
    made = [
        Event(
            draw(st.sampled_from(STORES)),
            draw(st.sampled_from(SETS)),
            DAY + timedelta(hours=draw(st.integers(0, 40)), minutes=30),
            draw(st.sampled_from([None, 3, 11])),
            draw(st.sampled_from([None, True, False])),
            "",
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return list({(domain.datastore_id, domain.image_set_id, domain.at): domain for domain in made}.values())


@st.composite
def histories(draw) -> list[tuple[list[dict[str, Any]], list[Event]]]:
    """Runs one after the other, each with the events that were given to the one after it."""
    return [(draw(lines(run)), draw(events())) for run in range(draw(st.integers(1, 3)))]


# The plain reading


class Remembered:
    """What is known of one image set, or of one pinned version."""

    def __init__(self) -> None:
        self.seen = self.unread = self.answered = self.of_version = False
        self.state: dict[str, Any] | None = None
        self.event: Event | None = None


def when(event: Event) -> tuple[Any, ...]:
    """Of events at one instant the one that says more counts, so that it is always the same."""
    return (event.at, event.version_id or 0, {True: 2, False: 1, None: 0}[event.is_primary])


def highest(best: dict[str, Any]) -> tuple[int, float]:
    """By version, then by time."""
    collected = best["state"].get("collectedAt")
    return (
        best["state"].get("versionId") or 0,
        datetime.fromisoformat(collected).timestamp() if collected else 0,
    )


class Plain:
    """A history as plain objects, one run after the other."""

    def __init__(self) -> None:
        self.kept: dict[Any, Remembered] = {}
        self.run = False

    def after(self, records: list[dict[str, Any]] | None, told: list[Event]) -> None:
        keys = set()
        if records is not None:
            self.run = True
            keys = self.see(records)
        last: dict[Any, Event] = {}
        for event in told:
            key = (event.datastore_id, event.image_set_id, None)
            last[key] = max(last.get(key, event), event, key=when)
        for key in {*last, *(key for key, item in self.kept.items() if item.event)}:
            self.tell(self.kept.setdefault(key, Remembered()), last.get(key), fresh_answer=key in keys)

    def see(self, records: list[dict[str, Any]]) -> set[Any]:
        """Takes a run's records; the keys that got an answer."""
        by_key: dict[Any, list[Any]] = {}
        for line in records:
            key = (line.get("datastoreId"), line["imageSetId"])
            pinned = int(line["requestedVersionId"]) if "requestedVersionId" in line else None
            by_key.setdefault((*key, pinned), []).append(line)
        answered, of_versions = set(), {}
        for key, every in by_key.items():
            best = min(map(self.read, every), key=lambda item: item["rank"])
            self.remember(key, best, of_version=False)
            if best["found"] is not None:
                answered.add(key)
            if key[2] is not None:
                of_versions.setdefault((*key[:2], None), []).append(best)
        for key, bests in of_versions.items():
            # the highest pinned version stands for a set of which nothing else is known
            found = [best for best in bests if best["found"] is not None]
            best = max(found, key=highest, default=bests[0])
            for other in bests:
                self.flags(self.kept.setdefault(key, Remembered()), other)
            if key not in answered and best["found"] is not None:
                item = self.kept[key]
                if item.state is None or item.of_version:
                    self.remember(key, best, of_version=True)
                    answered.add(key)
        return answered

    def flags(self, remembered: Remembered, best: dict[str, Any]) -> None:
        remembered.seen |= best["found"] is True
        remembered.unread |= best["found"] is None

    def remember(self, key: Any, best: dict[str, Any], *, of_version: bool) -> None:
        item = self.kept.setdefault(key, Remembered())
        self.flags(item, best)
        if best["found"] is not None:
            item.state, item.answered, item.of_version = best["state"], best["found"], of_version

    def read(self, line: dict[str, Any]) -> dict[str, Any]:
        """What one record says."""
        code = line.get("error", {}).get("code")
        answer = line
        if "imageSetPropertiesList" in line:
            wanted = line.get("requestedVersionId")
            listed = [item for item in line["imageSetPropertiesList"] if wanted in (None, item["versionId"])]
            answer = max(listed, key=lambda item: int(item["versionId"]), default=None)
            code = code or (None if answer else "VersionNotFound")
        found = True if code is None else False if code == NOT_FOUND else None
        state: dict[str, Any] = {"found": found, "collectedAt": line.get("collectedAt")}
        if found:
            state |= {name: answer.get(name) for name in ("imageSetState", "createdAt", "isPrimary")}
            state |= {"versionId": int(answer["versionId"]), "overrides.forced": answer.get("overrides", {}).get("forced")}  # fmt: skip
        when = datetime.fromisoformat(line["collectedAt"]).timestamp() if "collectedAt" in line else 0
        rank = (found is None, "action" in line, -when, line["target"], found is True)
        return {"found": found, "state": state, "rank": rank}

    def tell(self, remembered: Remembered, event: Event | None, *, fresh_answer: bool) -> None:
        """A deletion event that is later than the last answer changes what was last seen."""
        carried = remembered.event
        later = max((each for each in (event, carried) if each), key=when)
        remembered.seen, remembered.event = True, later
        state = remembered.state
        if state is not None:
            collected = state.get("collectedAt")
            if collected is not None and later.at <= datetime.fromisoformat(collected):
                return
            if collected is None and carried is not None and later.at <= carried.at:
                return
        del fresh_answer
        remembered.state = {
            **(state or {}),
            "found": True,
            "imageSetState": "DELETED",
            "imageSetWorkflowStatus": "DELETED",
        }
        if later.version_id is not None:
            remembered.state["versionId"] = later.version_id
        if later.is_primary is not None:
            remembered.state["isPrimary"] = later.is_primary

    def rows(self) -> dict[Any, tuple[Any, ...]]:
        made: dict[Any, tuple[Any, ...]] = {}
        for key, item in self.kept.items():
            known = True if item.seen else None if item.unread else False
            state = {name: value for name, value in (item.state or {}).items() if value is not None}
            made[key] = (known, item.unread, item.answered, item.of_version, _shown(state))
        made[None, None, None] = (False if self.run else None, None, None, None, {})
        return made


def _shown(state: dict[str, Any]) -> dict[str, Any]:
    times = {"createdAt", "collectedAt"}
    return {
        name: datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None) if name in times else value
        for name, value in state.items()
    }


def read(file: Path) -> dict[Any, tuple[Any, ...]]:
    with connect() as connection:
        table = connection.read_parquet(duckdb_path(file))
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
    paths = ("found", "collectedAt", *earlier_paths())
    made = {}
    for row in rows:
        if row["target"] is not None:
            assert (row["imageSetId"], row["known"]) == (None, False)
            continue
        key = (row["datastoreId"], row["imageSetId"], row["requestedVersionId"])
        assert key not in made
        state = {path: row[EARLIER + path] for path in paths if row[EARLIER + path] is not None}
        made[key] = (row["known"], row["unread"], row["answered"], row["ofVersion"], state)
    return made


def put(folder: Path, records: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "records.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in records), encoding="utf-8")
    return file


def believed(file: Path, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, of which those of image sets whose answers contradict each other were not received."""
    with record_table(file) as table:
        found = table.contradictory
        doubted = {row[:2] for row in found.fetchall()} if found is not None else set()
    said = ("versionId", "imageSetState", "createdAt", "overrides", "isPrimary", "imageSetPropertiesList")
    return [
        {name: value for name, value in line.items() if name not in said}
        | {"error": {"code": "ContradictoryAnswers"}}
        if (line.get("datastoreId", ""), line["imageSetId"]) in doubted
        else line
        for line in records
    ]


@settings(max_examples=EXAMPLES, deadline=None)
@given(events(), histories())
def test_a_history_is_what_a_plain_reading_of_the_earlier_runs_says(first, runs):
    with TemporaryDirectory() as name:
        folder, plain, before = Path(name), Plain(), None
        if first:
            write_history(folder, records=None, before=None, events=first, started=END)
            plain.after(None, first)
            before = folder / "history.parquet"
            assert read(before) == plain.rows()
        for number, (records, told) in enumerate(runs):
            run = folder / str(number)
            file = put(run, records)
            write_history(run, records=file, before=before, events=told, started=END)
            plain.after(believed(file, records), told)
            before = run / "history.parquet"
            assert read(before) == plain.rows()


@settings(max_examples=max(EXAMPLES // 5, examples(4, 20)), deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_records_and_of_events_and_events_given_twice_change_nothing(runs, random):
    with TemporaryDirectory() as name:
        befores: list[Path | None] = [None, None]
        for number, (records, told) in enumerate(runs):
            for way in (0, 1):
                run = Path(name) / f"{number}-{way}"
                listed, sent = list(records), list(told)
                if way:
                    sent += sent
                    random.shuffle(listed)
                    random.shuffle(sent)
                write_history(run, records=put(run, listed), before=befores[way], events=sent, started=END)
                befores[way] = run / "history.parquet"
            assert read(befores[0]) == read(befores[1])
            item, other = (path.read_bytes() for path in befores)
            assert item == other


# What a run sees of it


def rows(folder: Path, records: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    write_snapshot(put(folder, records), folder, {}, Needs(history=True))
    with connect() as connection:
        table = connection.read_parquet(duckdb_path(folder / "image_sets.parquet"))
        every = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
    return [tuple(row[name] for name in names) for row in every if row["imageSetId"] is not None]


def line(number: int, **more: Any) -> dict[str, Any]:
    return {"target": "t", "datastoreId": STORES[0], "imageSetId": f"{number:032}", **more}


ACTIVE = {"versionId": "2", "imageSetState": "ACTIVE"}
SEEN = ("imageSetId", "known", "previous.received", "previous.error", "previous.versionId")


def earlier(folder: Path, *records: dict[str, Any], told: tuple[Event, ...] = ()) -> None:
    run = folder / "earlier"
    write_history(folder, records=put(run, list(records)), before=None, events=told, started=END)


def test_without_a_history_nothing_is_known(tmp_path):
    assert rows(tmp_path, [line(1, **ACTIVE)], *SEEN) == [(f"{1:032}", None, None, FIRST, None)]


def test_a_set_is_joined_with_what_earlier_runs_saw_of_it(tmp_path):
    refused, missing = (
        {"error": {"code": code, "message": ""}} for code in ("AccessDeniedException", NOT_FOUND)
    )
    earlier(tmp_path, line(1, **ACTIVE), line(2, **missing), line(3, **refused))
    found = rows(tmp_path, [line(number, **ACTIVE) for number in (1, 2, 3, 4)], *SEEN)
    assert found == [
        (f"{1:032}", True, True, None, 2),
        (f"{2:032}", False, None, "not seen by an earlier run", None),
        (f"{3:032}", None, None, "unread in earlier runs", None),
        (f"{4:032}", False, None, "not seen by an earlier run", None),
    ]


def test_with_events_alone_a_set_that_none_names_is_unknown(tmp_path):
    event = Event(STORES[0], f"{1:032}", DAY, 7, None, "")
    write_history(tmp_path, records=None, before=None, events=[event], started=END)
    found = rows(tmp_path, [line(1, **ACTIVE), line(2, **ACTIVE)], *SEEN)
    assert found == [
        (f"{1:032}", True, True, "seen by a search or a deletion event only", 7),
        (f"{2:032}", None, None, FIRST, None),
    ]


def test_a_pinned_version_is_compared_with_the_same_version(tmp_path):
    earlier(tmp_path, line(1, **ACTIVE, requestedVersionId="2"))
    pinned = [line(1, **{**ACTIVE, "versionId": number}, requestedVersionId=number) for number in ("1", "2")]
    found = rows(tmp_path, [*pinned, line(1, **ACTIVE)], "requestedVersionId", *SEEN[1:])
    assert sorted(found, key=str) == [
        (1, True, None, "this version not read by an earlier run", None),
        (2, True, True, None, 2),
        (None, True, True, None, 2),
    ]


def test_a_set_of_another_data_store_is_another_one(tmp_path):
    earlier(tmp_path, line(1, **ACTIVE))
    other = {**line(1, **ACTIVE), "datastoreId": STORES[1]}
    nameless = {name: value for name, value in line(1, **ACTIVE).items() if name != "datastoreId"}
    found = rows(tmp_path, [other, {**nameless, "target": "u"}], "known")
    assert found == [(None,), (None,)]


def test_the_folder_s_own_history_counts_before_that_of_the_records(tmp_path):
    earlier(tmp_path, line(1, **ACTIVE))
    out = tmp_path / "out"
    out.mkdir()
    file = put(tmp_path, [line(1, **ACTIVE)])
    for expected in (True, None):
        write_snapshot(file, out, {}, Needs(history=True))
        with connect() as connection:
            table = connection.read_parquet(duckdb_path(out / "image_sets.parquet"))
            assert table.filter('"imageSetId" IS NOT NULL').select("known").fetchall() == [(expected,)]
        write_history(out, records=None, before=None, events=(), started=END)
