"""Commands on targets whose image sets a search finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.cli import main
from tests.cli.scale import STORE, Audit, served, store


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.mark.parametrize(
    ("target", "prefix", "called"),
    [
        ("image_sets: all", "", "all"),
        ("image_sets: all", "all/", "all"),
        ("image_sets: {where: {isPrimary: false}}", "", "all"),
    ],
)
def test_one_image_set_is_explained_without_a_search(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    prefix: str,
    called: str,
) -> None:
    item = store(20, forced=1.0, deleted=0.0)
    with served(item) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        audit = Audit(tmp_path, server.url)
        audit.write(target=target)
        assert main(["explain", "no-force", prefix + item.id_of(3), "-c", str(tmp_path / "audit.yaml")]) == 0
        assert f"{called}/{item.id_of(3)}" in capsys.readouterr().out
        assert "SearchImageSets" not in server.counts()


def test_of_several_data_stores_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = store(20, deleted=0.0)
    with served(item) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        audit = Audit(tmp_path, server.url)
        audit.write()
        text = (tmp_path / "audit.yaml").read_text().replace(f'datastore: "{STORE}"', "datastore: all")
        (tmp_path / "audit.yaml").write_text(text)
        command = ["explain", "no-force", "", "-c", str(tmp_path / "audit.yaml")]
        command[2] = f"all/{STORE}/{item.id_of(3)}"
        assert main(command) == 0
        assert f"all/{STORE}/{item.id_of(3)}" in capsys.readouterr().out
        command[2] = item.id_of(3)
        assert main(command) == 2
        error = capsys.readouterr().err
    assert "is no image set of one data store" in error
    assert "write all/DATASTORE/IMAGE_SET" in error


def test_reports_say_which_call_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiers = "version: 1\npack: scale\nrules:\n  - {id: tier, title: T, severity: low, deny: {storageTier: ARCHIVE_INSTANT_ACCESS}}\n"
    with served(store(60, deleted=0.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(tiers)
        audit.check("--as-of", "2026-01-01")
        assert {tuple(finding["calls"]) for finding in audit.results()["findings"]} == {("SearchImageSets",)}
        capsys.readouterr()
        main(["report", str(audit.runs[0]), "--report", "text=-"])
        text = capsys.readouterr().out
    assert "Rests on   60 by SearchImageSets" in text
    assert "Asked      " in text


def test_every_report_says_which_image_sets_a_condition_left_out(tmp_path: Path) -> None:
    with served(store(60)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(target="image_sets: {where: {isPrimary: true, createdAt: {older_than: 1d}}}")
        page = tmp_path / "report.html"
        audit.check("--report", f"html={page.as_posix()}")
        said = "image sets of all but those where isPrimary is true and createdAt is older than 1d"
        assert json.loads((tmp_path / "results.json").read_bytes())["run"]["left_out"] == [said]
        assert said in page.read_text(encoding="utf-8")
        again = tmp_path / "again.json"
        assert main(
            ["check", "--evidence", str(audit.runs[0]), "--quiet", "--report", f"json={again.as_posix()}"]
        ) in (0, 1, 3)
    assert json.loads(again.read_bytes())["run"]["left_out"] == [said]
