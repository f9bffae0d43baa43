"""`waive`: findings of a kept run become entries in the file of waivers, or nothing happens."""

from __future__ import annotations

import pytest
import time_machine

from checker import api
from checker.cli import main
from checker.model import Verdict
from checker.waivers.file import read_waivers
from cli.waiver_runs import AUDIT, FORCED, HEALTHY, STORE, TOO, UNREAD, VERSIONS, keep_run, kept_run

__all__ = ["kept_run"]

MEANT = {
    "reason": "Ticket: 4711 # soon",
    "owner": "imaging",
    "approved-by": "quality",
    "expires": "2026-03-01",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, kept_run):
    return kept_run(folder)


def waive(run, *arguments, file="waivers.yaml", **changed):
    meant = {
        "created": "2026-01-02",
        **MEANT,
        **{name.replace("_", "-"): text for name, text in changed.items()},
    }
    options = [part for name, text in meant.items() if text is not None for part in (f"--{name}", text)]
    where = ["--file", file] if file else []
    return main(["waive", *arguments, "--evidence", run, *options, *where])


def read(folder, name="waivers.yaml"):
    found, warnings = read_waivers(folder / name, api.load(["p.yaml"]))
    assert not warnings
    return found


def test_an_image_set_is_waived_in_a_new_file(run, folder, capsys):
    assert waive(run, "forced", FORCED) == 0
    (item,) = read(folder)
    assert (item.rule, item.image_sets, item.version, item.covers) == (
        "p/forced",
        (FORCED,),
        None,
        Verdict.FAIL,
    )
    assert (item.reason, item.owner, item.approved_by) == ("Ticket: 4711 # soon", "imaging", "quality")
    assert (item.created.date().isoformat(), item.expires.date().isoformat()) == ("2026-01-02", "2026-03-01")
    out = capsys.readouterr().out
    text = (folder / "waivers.yaml").read_text()
    head, _, entry = out.partition("\n")
    assert head == "waivers.yaml:5:1: 1 waiver added, of 1 image set"
    assert text.endswith(entry)
    assert text.splitlines()[4] == entry.splitlines()[0] == "  - rule: p/forced"


def test_what_was_waived_passes_the_gate(run, capsys):
    assert waive(run, "forced", FORCED, TOO) == 0
    options = ["-p", "p.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-02", "--rule", "forced", "-q"]
    assert main(["check", *options]) == 1
    assert main(["check", *options, "--waivers", "waivers.yaml"]) == 3  # one could not be read
    assert waive(run, "forced", UNREAD, covers="unknown") == 0
    capsys.readouterr()
    assert main(["check", *options, "--waivers", "waivers.yaml", "--fail-on", "high"]) == 0


def test_the_rest_of_the_file_stays_as_it_is(run, folder):
    assert waive(run, "p/forced", FORCED) == 0
    before = (folder / "waivers.yaml").read_bytes() + b"  # the next one is Ann's\n"
    (folder / "waivers.yaml").write_bytes(before)
    assert waive(run, "forced", TOO) == 0
    assert (folder / "waivers.yaml").read_bytes().startswith(before)
    assert [item.image_sets for item in read(folder)] == [(FORCED,), (TOO,)]


def test_several_image_sets_are_one_waiver(run, folder):
    assert waive(run, "forced", TOO, FORCED, f"recorded/{FORCED}") == 0
    assert [item.image_sets for item in read(folder)] == [(TOO, FORCED)]


def test_all_takes_every_finding_of_the_rule(run, folder, capsys):
    assert waive(run, "forced", "--all") == 0
    assert [item.image_sets for item in read(folder)] == [(FORCED, TOO)]
    assert "1 waiver added, of 2 image sets" in capsys.readouterr().out


def test_all_leaves_out_what_the_file_has_got_since_the_run(run, folder, capsys):
    with time_machine.travel("2026-01-20T12:00:00Z", tick=False):
        assert waive(run, "forced", FORCED, created="2026-01-20") == 0
        assert waive(run, "forced", "--all", created="2026-01-20") == 0
        assert [item.image_sets for item in read(folder)] == [(FORCED,), (TOO,)]
        before = (folder / "waivers.yaml").read_bytes()
        capsys.readouterr()
        assert waive(run, "forced", "--all", created="2026-01-20") == 2
    assert "--all: error: nothing left to waive" in capsys.readouterr().err
    assert (folder / "waivers.yaml").read_bytes() == before


def test_all_takes_again_what_no_waiver_covers_any_more(run, folder):
    assert waive(run, "forced", "--all", expires="2026-01-10") == 0
    with time_machine.travel("2026-01-20T12:00:00Z", tick=False):
        assert waive(run, "forced", "--all", created="2026-01-20") == 0
    assert (folder / "waivers.yaml").read_text().count("rule: p/forced") == 2


def test_all_leaves_out_what_is_waived_already(folder, capsys):
    run = keep_run(folder)
    assert waive(run, "forced", FORCED) == 0
    given = [
        "-p",
        "p.yaml",
        "--image-sets",
        "sets.json",
        "--as-of",
        "2026-01-03",
        "--waivers",
        "waivers.yaml",
    ]
    assert main(["check", *given, "--runs", "later", "-q"]) == 1
    (later,) = (folder / "later").glob("*")
    assert waive(f"later/{later.name}", "forced", "--all") == 0
    assert [item.image_sets for item in read(folder)] == [(FORCED,), (TOO,)]
    assert main(["check", *given, "--runs", "last", "-q"]) in (1, 3)
    (last,) = (folder / "last").glob("*")
    capsys.readouterr()
    assert waive(f"last/{last.name}", "forced", "--all") == 2
    assert "2 fails of p/forced, each of them waived already" in capsys.readouterr().err


def test_this_version_binds_each_one_to_the_version_that_was_judged(run, folder):
    assert waive(run, "forced", "--all", "--this-version") == 0
    assert [(item.image_sets, item.version) for item in read(folder)] == [((FORCED,), 3), ((TOO,), 2)]


def test_a_version_in_the_name_binds_too(run, folder):
    assert waive(run, "forced", f"{TOO}@v2") == 0
    assert waive(run, "forced", f"recorded/{FORCED}@v3") == 0
    assert [(item.rule, item.image_sets, item.version) for item in read(folder)] == [
        ("p/forced", (TOO,), 2),
        ("p/forced", (FORCED,), 3),
    ]


def test_a_rule_on_versions_is_waived_for_one_of_them_or_for_all(folder):
    run = keep_run(folder, VERSIONS)
    assert waive(run, "ever", f"recorded/{FORCED}@v3") == 0
    assert waive(run, "ever", FORCED) == 0
    assert waive(run, "ever", FORCED, "--this-version", file="other.yaml") == 0
    assert [(item.image_sets, item.version) for item in read(folder)] == [((FORCED,), 3), ((FORCED,), None)]
    assert [item.version for item in read(folder, "other.yaml")] == [2, 3]


def test_a_rule_on_data_stores_is_waived_for_the_target(run, folder, capsys):
    assert waive(run, "few", "recorded") == 0
    (item,) = read(folder)
    assert (item.target, item.image_sets) == ("recorded", ())
    assert "of 1 target" in capsys.readouterr().out
    assert waive(run, "few", "--all", "--this-version", file="other.yaml") == 2
    assert not (folder / "other.yaml").exists()


def test_created_is_today_in_utc(run, folder):
    with time_machine.travel("2026-01-05T23:30:00-02:00", tick=False):
        assert waive(run, "forced", FORCED, created=None) == 0
    assert read(folder)[0].created.date().isoformat() == "2026-01-06"


@pytest.mark.parametrize(
    ("arguments", "changed", "messages"),
    [
        (["forced"], {}, ["IMAGE_SET: error: nothing says what is waived"]),
        (["forced", FORCED, "--all"], {}, ["--all: error: takes every finding"]),
        (["forcd", FORCED], {}, ["RULE: error: the run judged no rule called forcd"]),
        (["forced", HEALTHY], {}, [f"{HEALTHY}: error: the run has no fail of p/forced on it", f"each fail is on: {FORCED}, {TOO}"]),
        (["forced", UNREAD], {}, ["it has an unknown: add --covers unknown"]),
        (["forced", FORCED], {"covers": "unknown"}, ["it has a fail: add --covers fail"]),
        (["forced", f"{FORCED}@v2"], {}, [f"{FORCED}@v2: error: the run has no fail"]),
        (["primary", "--all"], {}, ["RULE: error: the run has no fail of p/primary", "it has 1 unknown"]),
        (["few", "archive"], {}, ["each fail is on: recorded"]),
        (["forced", UNREAD, "--this-version"], {"covers": "unknown"}, ["no version of"]),
        (["forced", FORCED], {"covers": "fals"}, ["--covers: error: a waiver covers no fals", "did you mean fail?"]),
        (["forced", FORCED], {"approved_by": " Imaging "}, ["--approved-by: error: Imaging owns the waiver"]),
        (["forced", FORCED], {"expires": "2026-06-01"}, ["--expires: error: a waiver of a rule of severity high lasts at most 90d"]),
        (["forced", FORCED], {"expires": "soon", "created": "2026-02-30"}, ["--expires: error: `soon` is not a date", "--created: error: `2026-02-30` is not a date"]),
        (["forced", FORCED], {"expires": "2026-01-01"}, ["--expires: error: expires before it is created"]),
        (["forced", FORCED], {"reason": " ", "owner": "a\nb"}, ["--reason: error: is empty", "--owner: error: line breaks"]),
        (["forced", FORCED], {"reason": "\udc80"}, ["--reason: error: line breaks and control characters"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_is_written(run, folder, capsys, arguments, changed, messages):
    assert waive(run, *arguments, **changed) == 2
    out, err = capsys.readouterr()
    assert [message for message in messages if message not in err] == []
    assert not out
    assert not (folder / "waivers.yaml").exists()


def test_a_mistake_that_was_there_before_is_told_of_its_place(run, folder, capsys):
    (folder / "waivers.yaml").write_text("version: 1\nwaivers:\n  - {rule: p/forced}\n")
    assert waive(run, "forced", FORCED) == 2
    assert "waivers.yaml:3:5: error: a waiver has no owner" in capsys.readouterr().err
    assert (folder / "waivers.yaml").read_text() == "version: 1\nwaivers:\n  - {rule: p/forced}\n"


def test_a_second_one_of_the_same_is_warned_of(run, folder, capsys):
    assert waive(run, "forced", FORCED) == 0
    assert waive(run, "forced", FORCED) == 0
    assert "RULE: warning: another waiver covers the same findings" in capsys.readouterr().err


def test_audit_yaml_says_which_file_runs_targets_and_limits(run, folder, capsys):
    (folder / "audit.yaml").write_text(AUDIT)
    name = run.removeprefix("runs/")
    assert waive(name, "forced", FORCED, file=None) == 0
    assert len(read(folder)) == 1
    text = AUDIT.replace("waivers: waivers.yaml", "waivers: {file: w.yaml, max_duration: {high: 10d}}")
    (folder / "other.yaml").write_text(text)
    capsys.readouterr()
    assert main(["waive", "forced", FORCED, "--evidence", name, "-c", "other.yaml", *_options()]) == 2
    assert "of severity high lasts at most 10d" in capsys.readouterr().err
    assert not (folder / "w.yaml").exists()


def _options():
    return [part for name, text in {**MEANT, "created": "2026-01-02"}.items() for part in (f"--{name}", text)]


def test_audit_yaml_that_names_no_file(run, folder, capsys):
    assert waive(run, "forced", FORCED, file=None) == 2
    assert "audit.yaml: error: there is no audit.yaml here" in capsys.readouterr().err
    (folder / "audit.yaml").write_text(AUDIT.replace("waivers: waivers.yaml\n", ""))
    assert waive(run, "forced", FORCED, file=None) == 2
    assert "audit.yaml: error: names no file of waivers" in capsys.readouterr().err


def test_a_run_that_was_altered_waives_nothing(run, folder, capsys):
    records = folder / run / "records.jsonl"
    records.write_bytes(records.read_bytes().replace(STORE.encode(), STORE[::-1].encode()))
    assert waive(run, "forced", FORCED) == 2
    assert "was altered after the run" in capsys.readouterr().err
    assert waive("runs/none", "forced", FORCED) == 2
    assert "there is no such run" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_loses_nothing(run, folder, capsys):
    (folder / "taken").write_text("")
    assert waive(run, "forced", FORCED, file="taken/waivers.yaml") == 2
    (folder / "folder.yaml").mkdir()
    assert waive(run, "forced", FORCED, file="folder.yaml") == 2
    err = capsys.readouterr().err
    assert "folder.yaml: error: cannot be read: is a directory" in err
    assert "taken/waivers.yaml: error: cannot be written: a file is where its folder would be" in err
