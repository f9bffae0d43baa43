"""The index of the answers in runs' records."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from checker.snapshot import answer_index
from checker.snapshot.answer_index import AnswerIndex


def record(image_set_id: str, version: str) -> str:
    return json.dumps({"target": "all", "imageSetId": image_set_id, "versionId": version}) + "\n"


@pytest.fixture
def index():
    made = AnswerIndex()
    yield made
    made.close()


def test_of_an_image_set_in_several_runs_the_last_run_added_first_answers(index, tmp_path):
    for number in (1, 2, 3):
        file = tmp_path / f"{number}.jsonl"
        file.write_text(record("a" * 32, str(number)) + record(f"{number:032x}", "9"))
        index.add(file, f"run {number}")
        assert {answer.run for answer in index.of("all", "a" * 32).values()} == {"run 1"}
        assert {answer.run for answer in index.of("all", f"{number:032x}").values()} == {f"run {number}"}


def test_without_a_run_there_is_no_answer(index):
    assert index.of("all", "a" * 32) == {}


def test_a_signal_while_records_are_read_is_that_and_no_error_of_duckdb(index, tmp_path, monkeypatch):
    slow = "CREATE OR REPLACE TABLE lines AS SELECT sum(sin(range)), $1, $2 FROM range(10000000000)"
    monkeypatch.setattr(answer_index, "_READ", slow)
    (tmp_path / "records.jsonl").write_text(record("a" * 32, "1"))

    def read():
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        index.add(tmp_path / "records.jsonl")

    with pytest.raises(KeyboardInterrupt):
        read()
