"""What a run may be called: the same in every command."""

from __future__ import annotations

import pytest

from checker.problems import InvalidInputError
from checker.runs.local_store import LocalStore
from checker.runs.run_names import find_run, locate, run_name
from runs.folders import add, add_at

FIRST, SECOND, THIRD = (f"200{number}0101T000000Z-0123abcd" for number in (1, 2, 3))


@pytest.fixture
def store(tmp_path):
    """Three runs of one audit, and one of another between them."""
    made = LocalStore(tmp_path / "runs")
    for year in (2001, 2002, 2003):
        add_at(made, (year, 1, 1))
    add_at(made, (2002, 6, 1), audit="other")
    return made


@pytest.mark.parametrize(
    ("text", "run"),
    [
        (FIRST, FIRST),
        ("2001", FIRST),
        (FIRST[:-1], FIRST),
        ("latest", THIRD),
        ("latest~0", THIRD),
        ("previous", SECOND),
        ("latest~1", SECOND),
        ("latest~2", FIRST),
        ("previous~1", FIRST),
    ],
)
def test_a_run_is_named_by_its_name_its_beginning_or_its_place_in_the_order(store, tmp_path, text, run):
    assert run_name(store, text, "archive") == run
    assert locate(text, "runs", tmp_path, "archive")[1] == run
    assert find_run(store, text, "archive") == (store, run)


def test_the_beginning_of_a_name_is_no_beginning_where_it_is_a_whole_name(store):
    second = add(store, FIRST)
    assert second == f"{FIRST}-2"
    assert run_name(store, FIRST) == FIRST


def test_a_run_is_found_by_its_folder_and_in_s3(store, tmp_path, monkeypatch):
    found, run = locate((store.folder / FIRST).as_posix())
    assert (found.shown, run) == (store.shown, FIRST)
    monkeypatch.chdir(store.folder / FIRST)
    assert locate(".")[1] == FIRST
    found, run = locate("s3://bucket/a/b/" + FIRST)
    assert (found.shown, run) == ("s3://bucket/a/b", FIRST)
    with pytest.raises(InvalidInputError, match="names a bucket and no run in it"):
        locate("s3://bucket")


def test_a_path_may_end_in_what_names_a_run(store, monkeypatch):
    monkeypatch.chdir(store.folder.parent)
    assert locate("runs/2001")[1] == FIRST
    assert locate("runs/latest", audit="archive")[1] == THIRD
    assert find_run(store, "runs/2002060", "archive")[1].startswith("20020601")


def test_runs_that_judged_kept_evidence_again_are_not_counted(store):
    add_at(store, (2004, 1, 1), replay_of={"run": THIRD})
    assert run_name(store, "latest", "archive") == THIRD


def test_latest_is_of_the_audit_at_hand_or_of_the_only_one(tmp_path):
    store = LocalStore(tmp_path / "runs")
    only = add_at(store, (2001, 1, 1), audit="recorded")
    assert run_name(store, "latest") == run_name(store, "latest", "archive") == only


def test_of_interrupted_runs_latest_is_the_last_interrupted_one(store):
    working = store.claim("20000101T000000Z-0123abcd", {})
    assert run_name(store, "latest", begun=True) == working.name


@pytest.mark.parametrize(
    ("text", "audit", "said"),
    [
        (
            "200",
            "",
            "200: error: 4 runs begin so\nhelp: 20010101T000000Z-0123abcd, 20020101T000000Z-0123abcd, 2002",
        ),
        ("latest", "", "there are runs of several audits here\nhelp: they are of: archive, other"),
        (
            "latest",
            "gone",
            "there are runs of several audits here, and none of gone\nhelp: they are of: archive, other",
        ),
        ("latest~3", "archive", "latest~3: error: there are only 3 complete runs in"),
        ("previous", "other", "there is only 1 complete run in"),
        ("lates", "archive", "help: did you mean latest?"),
        (f"{FIRST}x", "archive", f"help: did you mean {FIRST}?"),
        ("../runs", "archive", "there is no such run folder"),
    ],
)
def test_what_names_no_run_or_several_is_told(store, tmp_path, monkeypatch, text, audit, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError) as caught:
        find_run(store, text, audit) if text != "../runs" else locate("../none/x")
    assert said in str(caught.value)
