"""Runs whose files were malformed and sealed again, so that every hash fits: the file is named, and nothing ends in an error
of ours."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from checker.cli import main
from checker.runs.local_store import open_store
from tests.answers import answer
from tests.budgets import examples
from tests.judgement.test_replay import ANSWERS, DELETED, HEALTHY, POLICY
from tests.judgement.test_verification import digests, reseal

HISTORY = """\
  - {id: stays, title: Stays, severity: low, when: {previous.found: true}, require: {found: true}}
"""
SETS = [*ANSWERS, answer(f"{9:032x}", labels={"ward": "adult"})]
INPUTS = ("records.jsonl", "history.parquet", "findings.parquet", "trend.json", "manifest.json")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs, of which the second has everything that a run can have from one before."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "p.yaml").write_text(POLICY + HISTORY)
        for day, sets in ((10, SETS), (11, SETS[1:])):
            (folder / "sets.json").write_text(json.dumps(sets))
            given = ["check", "-q", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs"]
            assert main([*given, "--as-of", f"2026-01-{day}"]) in (0, 1)
        yield folder


@pytest.fixture
def runs(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return [tmp_path / "runs" / name for name in open_store("runs").sealed()]


CHECK = ["check", "-q", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs"]


def every_command(old: Path, new: Path) -> dict[str, int]:
    """The exit codes of what reads the new run."""
    given = {
        "verify": ["verify", str(new)],
        "verify all": ["verify", "runs"],
        "diff": ["diff", str(old), str(new)],
        "evidence": ["check", "-q", "--evidence", str(new)],
        "check": [*CHECK, "--as-of", "2026-01-12"],
        "report": ["report", str(new), "--report", "html=out.html", "--report", "json=out.json"],
        "forecast": ["forecast", str(new)],
        "explain": ["explain", "recent", DELETED, "--evidence", str(new)],
        "trend": ["trend", "runs"],
        "list": ["runs", "list", "runs"],
    }
    return {name: main(command) for name, command in given.items()}


def line(change: Callable[[dict[str, Any]], object], image_set: str = HEALTHY) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        documents = [json.loads(item) for item in content.splitlines()]
        for document in documents:
            if document.get("imageSetId") == image_set:
                change(document)
        return b"".join(json.dumps(document).encode() + b"\n" for document in documents)

    return changed


def alter(run: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    (run / name).write_bytes(change((run / name).read_bytes()))
    reseal(run)


RECORDS = {
    "a version beyond all": line(lambda item: item.update(versionId="9" * 30)),
    "a number for a version": line(lambda item: item.update(versionId=3)),
    "a bad time": line(lambda item: item.update(createdAt="2026-13-45T00:00:00Z")),
    "an object for a time": line(lambda item: item.update(createdAt={})),
    "text for a boolean": line(lambda item: item.update(overrides={"forced": "true"})),
    "a number for a boolean": line(lambda item: item.update(overrides={"forced": 1})),
    "text for an object": line(lambda item: item.update(overrides="forced")),
    "no state": line(lambda item: item.pop("imageSetState")),
    "another case": line(lambda item: item.update(imagesetstate="ACTIVE")),
    "an id of another form": line(lambda item: item.update(imageSetId="X")),
    "a list for a target": line(lambda item: item.update(target=["recorded"])),
    "labels that are no object": line(lambda item: item.update(labels=["adult"])),
    "a label that is a number": line(lambda item: item.update(labels={"ward": 1})),
    "a label that is none of its words": line(lambda item: item.update(labels={"ward": "cellar"})),
    "a time of collection that is none": line(lambda item: item.update(collectedAt="yesterday")),
    "a pin that is none": line(lambda item: item.update(requestedVersionId="latest")),
    "an action that is none": line(lambda item: item.update(action="DeleteImageSet")),
    "an error that is text": line(lambda item: item.update(error="denied")),
    "a NUL": lambda content: content.replace(b"ACTIVE", b"ACT\0VE", 1),
    "bytes that are no UTF-8": lambda content: content.replace(b"ACTIVE", b"ACT\xffVE", 1),
    "a member twice": lambda content: content.replace(
        b'"versionId":"1"', b'"versionId":"1","versionId":"2"', 1
    ),
    "a line cut off": lambda content: content[: len(content) // 2],
    "a line that is a list": lambda content: content + b"[]\n",
    "an empty line": lambda content: b"\n" + content,
    "no JSON": lambda content: b"forced\n" + content,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_malformed_record_is_named_with_its_line(
    runs: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, new = runs
    alter(new, "records.jsonl", RECORDS[name])
    assert main(["verify", str(new)]) == 1
    assert f"{new.name}/records.jsonl:" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a version beyond all", "a bad time", "a line cut off"])
def test_no_command_takes_a_malformed_record_for_an_error_of_ours(
    runs: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = runs
    alter(new, "records.jsonl", RECORDS[name])
    codes = every_command(old, new)
    assert (codes["verify"], codes["verify all"]) == (1, 1)
    assert set(codes.values()) <= {0, 1, 2}, codes
    assert "internal error" not in capsys.readouterr().err


def table(sql: str) -> Callable[[Path], None]:
    def changed(path: Path) -> None:
        rows = path.with_name("rows.parquet")
        duckdb.sql(f"COPY ({sql.format(path)}) TO '{rows}' (FORMAT parquet)")
        rows.replace(path)

    return changed


@pytest.mark.parametrize("name", ["history.parquet", "findings.parquet"])
@pytest.mark.parametrize(
    "change",
    [
        table("SELECT 1 AS imageSetId FROM '{}'"),
        table("SELECT * REPLACE ([1] AS datastoreId) FROM '{}'"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PAR1" + bytes(100) + b"PAR1"),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
    ],
    ids=[
        "other columns",
        "a list for text",
        "empty",
        "no Parquet",
        "cut off",
    ],
)
def test_a_malformed_table_is_named(
    runs: list[Path], name: str, change: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = runs
    change(new / name)
    reseal(new)
    assert main(["verify", str(new)]) == 1
    assert f"{new.name}/{name}: error: " in capsys.readouterr().err
    assert main(["diff", str(old), str(new)]) in (0, 2)
    assert main([*CHECK, "--baseline", new.name]) in (1, 2, 3)
    err = capsys.readouterr().err
    assert "internal error" not in err
    assert "could not be completed" not in err


def member(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return changed


ODD = (
    None,
    1,
    -1,
    1.5,
    10**30,
    True,
    "x",
    "\ud800",
    "",
    [],
    [[]],
    {},
    {"x": []},
    ["../x"],
    "2026-99-99T00:00:00Z",
)


def places(value: object, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member of a document, however deep."""
    yield way
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*way, key))


def put(document: Any, way: tuple[Any, ...], value: object) -> None:
    for key in way[:-1]:
        document = document[key]
    document[way[-1]] = value


def test_whatever_is_put_into_json_that_was_sealed_again_is_no_error_of_ours(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(13)
    monkeypatch.chdir(tmp_path)
    for number in range(examples(6, 40)):
        folder = tmp_path / str(number)
        shutil.copytree(kept, folder)
        monkeypatch.chdir(folder)
        old, new = (folder / "runs" / name for name in open_store("runs").sealed())
        name = dice.choice(["manifest.json", "trend.json", "records.jsonl", "started.json"])
        lines = (
            (new / name).read_text().splitlines() if name == "records.jsonl" else [(new / name).read_text()]
        )
        at = dice.randrange(len(lines))
        document = json.loads(lines[at])
        way, odd = dice.choice(list(places(document))[1:]), dice.choice(ODD)
        put(document, way, odd)
        lines[at] = json.dumps(document)
        (new / name).write_text("\n".join(lines) + "\n")
        try:
            reseal(new)
        except (KeyError, TypeError, AttributeError, OSError, ValueError):
            continue  # a manifest that names no files
        verify, *others = (
            main(["verify", "runs"]),
            main(["diff", str(old), str(new)]),
            main(
                dice.choice(
                    [["report", str(new)], ["trend", "runs"], ["check", "-q", "--evidence", str(new)]]
                )
            ),
        )
        err = capsys.readouterr().err
        assert verify in (0, 1), (name, way, odd, err)
        assert set(others) <= {0, 1, 2, 3}, (name, way, odd, others, err)
        assert "internal error" not in err, (name, way, odd)


VALUES = {
    "an instant beyond all years": ("findings.parquet", "SELECT * REPLACE ('infinity'::TIMESTAMP AS first_at) FROM '{}'"),
    "a verdict that is none": ("findings.parquet", "SELECT * REPLACE ('maybe' AS verdict) FROM '{}'"),
    "no rule": ("findings.parquet", "SELECT * REPLACE (NULL::VARCHAR AS rule) FROM '{}'"),
    "fields that are no object": ("findings.parquet", "SELECT * REPLACE ('[' AS fields) FROM '{}'"),
    "rows twice": ("history.parquet", "FROM '{0}' UNION ALL FROM '{0}'"),
    "a time before all years": ("history.parquet", "SELECT * REPLACE ('-infinity'::TIMESTAMP AS \"seenAt\") FROM '{}'"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_no_run_writes_is_named(
    runs: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = runs
    file, sql = VALUES[name]
    table(sql)(new / file)
    reseal(new)
    assert main(["verify", str(new)]) == 1
    assert f"{new.name}/{file}: error: " in capsys.readouterr().err
    assert main(["diff", str(old), str(new)]) in (0, 2)
    assert "internal error" not in capsys.readouterr().err


STARTED = {
    "a list for an instant": {"as_of": [{}]},
    "an object for the version": {"tool_version": {"a": {}}},
    "a number for a boolean": {"hypothetical": -1},
    "text for an instant": {"started_at": "../x"},
    "no such instant": {"started_at": "2026-13-45T00:00:00Z"},
    "null for an instant": {"started_at": None},
    "a number for a hash": {"given": {"other policies": 1.5}},
    "a list for what was given": {"given": []},
    "another schema": {"schema": "x"},
    "no name of a run": {"run": "../x"},
    "a number for a name": {"name": 1},
}


@pytest.mark.parametrize("name", STARTED)
def test_what_a_run_says_as_it_begins_is_of_its_form(
    runs: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = runs
    alter(old, "started.json", member(lambda item: item.update(STARTED[name])))
    assert main(["verify", str(old)]) == 1
    assert f"{old.name}/started.json: error: " in capsys.readouterr().err
    # so it is where the run was interrupted
    for path in old.glob("manifest.json*"):
        path.unlink()
    assert main([*CHECK, "--resume", str(old)]) == 2
    assert f"{old.name}/started.json: error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda item: item["gate"].update(on_unknown="incompletex"),
            "gate.on_unknown is none of incomplete, violation",
        ),
        (
            lambda item: item["reports"]["names"].update(text="../x"),
            "reports.names.text is no name of a file",
        ),
        (lambda item: item["reports"]["names"].update(text=".."), "reports.names.text is no name of a file"),
    ],
)
def test_a_member_that_no_run_has_is_told(
    runs: list[Path], change: Callable[[Any], object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, new = runs
    reports = {"junit_passes": "full", "color": False, "show_phi": False, "names": {}}
    alter(new, "manifest.json", member(lambda item: (item.update(reports=reports), change(item))))
    assert main(["verify", str(new)]) == 1
    assert f"{new.name}/manifest.json: error: the manifest is damaged: {message}" in capsys.readouterr().err


def test_what_another_run_said_as_it_began_is_told(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = runs
    alter(old, "started.json", lambda _: (new / "started.json").read_bytes())
    assert main(["verify", str(old)]) == 1
    message = f"is of run {new.name}: it was put here"
    assert f"{old.name}/started.json: error: {message}" in capsys.readouterr().err


def test_a_run_that_does_not_say_when_it_began_is_none(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = runs
    (old / "started.json").unlink()
    manifest = json.loads((old / "manifest.json").read_text())
    del manifest["files"]["started.json"]
    (old / "manifest.json").write_text(json.dumps(manifest))
    reseal(old)
    assert main(["verify", str(old)]) == 1
    assert f"{old.name}/started.json: error: does not say when the run began" in capsys.readouterr().err


def test_numbers_of_an_earlier_run_that_its_manifest_has_not_are_named(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = runs
    alter(new, "trend.json", member(lambda points: points[0].update(outcome="passed")))
    assert main(["verify", str(new)]) == 1
    message = f"does not say of run {old.name} what its manifest says"
    assert f"{new.name}/trend.json: error: {message}" in capsys.readouterr().err


def test_verify_goes_on_with_the_others_where_a_run_cannot_be_read(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = runs
    for content in (b"null", b"[" * 100_000, b"\xff"):
        (old / "manifest.json").write_bytes(content)
        assert main(["verify", "runs"]) == 1
        out, err = capsys.readouterr()
        assert f"ALTERED  {old.name}" in out
        assert f"ALTERED  {new.name}" in out  # its link leads to another manifest
        assert f"{old.name}/manifest.json: error: " in err


def test_a_name_twice_in_a_document_is_refused(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, new = runs
    for name, before in (("trend.json", b'"outcome"'), ("manifest.json", b'"outcome"')):
        was = (new / name).read_bytes()
        (new / name).write_bytes(was.replace(before, b'"outcome": "passed", "outcome"', 1))
        if name == "manifest.json":
            (new / "manifest.json.sha256").write_bytes(digests((new / name).read_bytes(), None))
        else:
            reseal(new)
        assert main(["verify", str(new)]) == 1
        assert f"{new.name}/{name}: error: " in capsys.readouterr().err
        (new / name).write_bytes(was)


def test_whatever_is_put_into_a_table_that_was_sealed_again_is_no_error_of_ours(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(20)
    for number in range(examples(3, 100)):
        folder = tmp_path / str(number)
        shutil.copytree(kept, folder)
        monkeypatch.chdir(folder)
        old, new = (folder / "runs" / name for name in open_store("runs").sealed())
        file = new / dice.choice(["findings.parquet", "history.parquet", "image_sets.parquet"])
        column = dice.choice(duckdb.read_parquet(str(file)).columns)
        value = dice.choice(["NULL", "-1", "'x'", "[1]", "'infinity'::TIMESTAMP", "1e300", "MAP([1], [2])"])
        table(f"SELECT * REPLACE ({value} AS \"{column}\") FROM '{{}}'")(file)
        reseal(new)
        codes = [main(["verify", str(new)]), main(["diff", str(old), str(new)]), main(["report", str(new)])]
        err = capsys.readouterr().err
        assert set(codes) <= {0, 1, 2}, (file.name, column, value, codes, err)
        assert "internal error" not in err, (file.name, column, value)
