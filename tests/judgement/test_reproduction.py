"""Whatever of a run its evidence gives is made again by verify: a table, a report or a number that somebody changed is named,
though every hash fits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import checker
from checker.cli import main
from checker.runs.first_difference import table_difference, text_difference
from checker.runs.local_store import open_store
from tests.judgement.test_replay import ANSWERS, POLICY
from tests.judgement.test_verification import reseal

SCOPES = """\
  - {id: steady, title: Steady, severity: low, scope: version, deny: {overrides.forced: true}}
  - {id: some, title: Some, severity: low, scope: datastore, require: {count: {of: {found: true}, gt: 0}}}
"""
CHECK = ["check", "-q", "-p", "p.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-10"]
REPORTS = [
    "html=out/page.html",
    "json=out/results.json",
    "ndjson=out/results.ndjson",
    "junit=out/junit.xml",
    "text=out/summary.txt",
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run with every table that evidence alone gives, and every report."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "p.yaml").write_text(POLICY + SCOPES)
        (folder / "sets.json").write_text(json.dumps(ANSWERS))
        reports = [part for item in REPORTS for part in ("--report", item)]
        assert main([*CHECK, "--runs", "runs", *reports]) == 1
        yield folder


@pytest.fixture
def run(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    (name,) = open_store("runs").sealed()
    return tmp_path / "runs" / name


def table(path: Path, sql: str) -> None:
    rows = path.with_name("rows.parquet")
    duckdb.sql(f"COPY ({sql.format(path)}) TO '{rows}' (FORMAT parquet)")
    rows.replace(path)


def member(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    change(manifest)
    (run / "manifest.json").write_text(json.dumps(manifest))


def said(capsys: pytest.CaptureFixture[str], run: Path, code: int) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["verify", str(run)]) == code
    return tuple(capsys.readouterr())  # type: ignore[return-value]


def test_what_nothing_else_speaks_for_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, run, 0)
    assert out.startswith(f"ok       {run.name}: ")
    assert "by hash only: policies/house.yaml, records.jsonl, started.json\n" in out


TABLES = {
    "another value": ("SELECT * REPLACE ('DELETED' AS \"imageSetState\") FROM '{}'", "row 1 has another imageSetState"),
    "rows in another order": ('SELECT * FROM \'{}\' ORDER BY "row" DESC', "row 1 has another row"),
    "a row twice": ("FROM '{0}' UNION ALL FROM '{0}'", "has 8 rows, not 4"),
    "no rows": ("FROM '{}' WHERE false", "has 0 rows, not 4"),
    "a column more": ("SELECT *, 1 AS passed FROM '{}'", "has the column passed"),
    "a column less": ("SELECT * EXCLUDE (\"imageSetState\") FROM '{}'", "has no column imageSetState"),
    "another type": ("SELECT * REPLACE (found::VARCHAR AS found) FROM '{}'", "the column found is VARCHAR, not BOOLEAN"),
    "other columns": ("SELECT 1 AS x", "has no column row"),
    "null for a value": ("SELECT * REPLACE (NULL::VARCHAR AS target) FROM '{}'", "row 1 has another target"),
    "columns in another order": ("SELECT found, * EXCLUDE (found) FROM '{}'", "its columns in another order"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_what_differs_of_a_table_is_told(kept: Path, tmp_path: Path, name: str) -> None:
    ((made),) = kept.glob("runs/*/image_sets.parquet")
    sql, what = TABLES[name]
    shutil.copyfile(made, tmp_path / "altered.parquet")
    table(tmp_path / "altered.parquet", sql)
    assert what in table_difference(tmp_path / "altered.parquet", made)


def test_tables_that_the_records_do_not_give_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(run / "image_sets.parquet", TABLES["another value"][0])
    (run / "versions.parquet").write_bytes(b"garbage")
    (run / "datastores.parquet").write_bytes(b"PAR1" + bytes(50) + b"PAR1")
    reseal(run)
    _, err = said(capsys, run, 1)
    assert f"{run.name}/image_sets.parquet: error: row 1 has another imageSetState" in err
    for name in ("versions", "datastores"):
        assert f"{run.name}/{name}.parquet: error: cannot be read as Parquet" in err


def test_what_findings_show_is_compared_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(run / "findings.parquet", "SELECT * REPLACE ('created' AS unreceived) FROM '{}'")
    reseal(run)
    _, err = said(capsys, run, 1)
    assert f"{run.name}/findings.parquet: error: row 1 has another unreceived" in err


PAGES = {
    "html/page.html": ("Gate failed", "Gate passed"),
    "json/results.json": ('"outcome": "violation"', '"outcome": "passed"'),
    "junit/junit.xml": ("<failure", "<skipped"),
    "text/summary.txt": ("Unforced", "Forced"),
}


def test_reports_that_the_records_do_not_give_are_named_with_their_line(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = {}
    for name, (was, now) in PAGES.items():
        path = run / "reports" / name
        text = path.read_text()
        path.write_text(text.replace(was, now))
        lines[name] = text[: text.index(was)].count("\n") + 1
    reseal(run)
    _, err = said(capsys, run, 1)
    for name, line in lines.items():
        assert f"{run.name}/reports/{name}: error: line {line} differs from what the records give" in err


def test_reports_that_end_otherwise_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, add in (("html/page.html", "\n"), ("json/results.json", "[]"), ("junit/junit.xml", None)):
        path = run / "reports" / name
        path.write_text("" if add is None else path.read_text() + add)
    reseal(run)
    _, err = said(capsys, run, 1)
    assert all(f"/{name}: error: line " in err for name in ("page.html", "results.json", "junit.xml"))


def test_a_file_that_no_run_writes_is_named_though_the_manifest_has_it(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = ["reports/pdf/page.pdf", "reports/html/other/page.html", "passed.txt", "policies/readme.md"]
    for name in extra:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("passed")
    member(run, lambda manifest: manifest["files"].update(dict.fromkeys(extra, "")))
    reseal(run)
    _, err = said(capsys, run, 1)
    assert all(f"{run.name}/{name}: error: is no " in err for name in extra)


def test_a_table_that_was_taken_out_with_its_hash_is_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "versions.parquet").unlink()
    member(run, lambda manifest: manifest["files"].pop("versions.parquet"))
    reseal(run)
    assert f"{run.name}/versions.parquet: error: is not there" in said(capsys, run, 1)[1]


MEMBERS: dict[str, object] = {
    "outcome": "passed",
    "sentence": "Gate passed.",
    "claims": ["everything is well"],
    "phi": ["dicom.PatientName"],
}


def test_a_manifest_that_says_otherwise_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    member(run, lambda manifest: manifest.update(MEMBERS))
    reseal(run)
    _, err = said(capsys, run, 1)
    for name in MEMBERS:
        assert f"{run.name}/manifest.json: error: `{name}` is not what the evidence gives" in err


def test_what_another_version_made_otherwise_is_not_called_altered_nor_intact(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    member(run, lambda manifest: manifest.update(tool_version="0.0.9"))
    path = run / "reports" / "html" / "page.html"
    path.write_text(path.read_text().replace("Gate failed", "Gate passed"))
    reseal(run)
    out, _ = said(capsys, run, 3)
    assert out.startswith(f"unknown  {run.name}: ")
    assert "reports/html/page.html not compared: made by version 0.0.9" in out
    (item,) = checker.verify(str(run))
    assert (item.intact, item.altered) == (False, False)


def test_what_another_version_made_alike_is_intact(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    member(run, lambda manifest: manifest.update(tool_version="0.0.9"))
    for path in run.glob("reports/*/*"):
        path.write_text(path.read_text().replace(checker.__version__, "0.0.9"))
    reseal(run)
    out, _ = said(capsys, run, 0)
    assert "judged by version 0.0.9" in out


@pytest.mark.parametrize("told", [True, False], ids=["the manifest says how", "it does not"])
def test_reports_are_compared_however_they_were_written(
    run: Path, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*CHECK, "--runs", "more", "--report", "junit=j.xml", "--junit-passes", "none", "--show-phi"])
    (name,) = open_store("more").sealed()
    item = Path("more") / name
    if not told:
        member(item, lambda manifest: manifest.pop("reports"))
        reseal(item)
    said(capsys, item, 0)


def test_junit_is_written_again_as_the_run_wrote_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    way = ["--junit-for", "github", "--junit-skipped", "none", "--junit-passes", "aggregate"]
    main([*CHECK, "--runs", "more", "--report", "junit=j.xml", *way])
    (name,) = open_store("more").sealed()
    said(capsys, Path("more") / name, 0)
    assert main(["report", f"more/{name}", "--report", "junit=again.xml"]) == 0
    assert Path("again.xml").read_bytes() == Path("j.xml").read_bytes()
    assert main(["report", f"more/{name}", "--report", "junit=other.xml", "--junit-for", "strict"]) == 0
    assert Path("other.xml").read_bytes() != Path("j.xml").read_bytes()


def test_where_two_texts_differ_is_told_to_the_line(tmp_path: Path) -> None:
    item, other = tmp_path / "one", tmp_path / "other"
    long = "a line\n" * 40_000
    for was, now, what in (
        (long, long, ""),
        (long, long[:-2] + "x\n", "line 40000 differs"),
        (long, long + "more\n", "line 40001 ends otherwise"),
        ("", "x", "line 1 ends otherwise"),
    ):
        item.write_text(was)
        other.write_text(now)
        assert text_difference(item, other) == what


def test_where_two_tables_differ_is_told_to_the_row(tmp_path: Path) -> None:
    item, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    rows = "SELECT i AS a, MAP {{'x': i}} AS b, i % 7 AS c FROM range(50_000) AS t(i)"
    duckdb.sql(f"COPY ({rows.format()}) TO '{item}' (FORMAT parquet)")
    changed = "SELECT * REPLACE (CASE WHEN a = 41_999 THEN MAP {{'x': 0::BIGINT}} ELSE b END AS b) FROM '{}'"
    duckdb.sql(f"COPY ({changed.format(item)}) TO '{other}' (FORMAT parquet, ROW_GROUP_SIZE 4096)")
    assert table_difference(item, item) == ""
    assert table_difference(other, item) == "row 42000 has another b"


def test_a_few_bytes_that_stand_for_millions_of_rows_are_refused_before_they_are_read(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(run / "findings.parquet", "SELECT t.* FROM (SELECT rule FROM '{}' LIMIT 1) AS t, range(3_000_000)")
    reseal(run)
    _, err = said(capsys, run, 1)
    assert f"{run.name}/findings.parquet: error: has 3,000,000 rows in " in err
    assert main(["report", str(run), "--report", "json=-"]) == 2
    assert "findings.parquet: error: has 3,000,000 rows in " in capsys.readouterr().err
