"""What reports say of a run after another one: how its image sets have moved, what its verdicts rest on, and what the owner
claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.cli import main
from tests.cli.scale import Audit, move, served, store
from tests.cli.test_incremental import again

MORE = """
  - {id: tier, title: Forced ones are at hand, severity: low, deny: {all: [{imageSetState: ACTIVE}, {storageTier: ARCHIVE_INSTANT_ACCESS}]}}
  - {id: few, title: Few are not primary, severity: low, scope: datastore, deny: {ratio: {of: {isPrimary: false}, gt: 0%}}}
"""
CLAIM = "every image set that was deleted since 2019-12-31T00:00:00Z is known (collect.deletions_known_since)"


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def second(instant: str) -> str:
    return instant[: len("2026-01-01T00:00:00")] + "Z"


def report(run: Path, kind: str, out: Path) -> bytes:
    assert main(["report", str(run), "--report", f"{kind}={out.as_posix()}"]) == 0
    return out.read_bytes()


@pytest.mark.parametrize("options", [(), ("--refresh",)])
def test_reports_say_how_many_image_sets_are_new_changed_unchanged_and_gone(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with served(store(120, deleted=0.0, deleted_found=False)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        again(audit, 1)
        assert audit.results()["summary"]["moved"] is None
        before = {record["imageSetId"]: record for record in audit.records() if "version" in record}
        move(server, 0.1, gone=0.3, added=7)
        again(audit, 2, *options)
        text = tmp_path / "results.json"
        kept = text.read_bytes()
        after = {record["imageSetId"]: record for record in audit.records() if "version" in record}
        changed = [
            name for name in before.keys() & after.keys() if before[name]["version"] != after[name]["version"]
        ]
        vanished = before.keys() - after.keys()
        assert changed
        assert vanished
        moved = audit.results()["summary"]["moved"]
        reused = {record["imageSetId"] for record in audit.records() if "reusedFrom" in record} & after.keys()
        assert moved == {
            "new": 7,
            "changed": len(changed),
            "unchanged": len(after) - 7 - len(changed),
            "reused": len(reused),
            "vanished": len(vanished),
        }
        assert bool(reused) is not bool(options)
        run = audit.runs[-1]
        said = f"7 new, {len(changed)} changed, {moved['unchanged']} unchanged, {len(vanished)} vanished"
        assert said in report(run, "text", tmp_path / "again.txt").decode()
        assert said in report(run, "html", tmp_path / "again.html").decode()
        # what is gone has vanished once
        again(audit, 3, *options)
        assert audit.results()["summary"]["moved"]["vanished"] == 0
        assert audit.results()["summary"]["moved"]["new"] == 0
    assert report(run, "json", tmp_path / "again.json") == kept


def test_a_finding_names_the_run_that_asked_and_every_call(tmp_path: Path) -> None:
    from tests.cli.scale import POLICY

    with served(store(60, deleted=0.0, forced=1.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(POLICY + MORE)
        again(audit, 1)
        again(audit, 2)
    first, _ = audit.runs
    asked = {
        record["imageSetId"]: second(record["collectedAt"])
        for record in audit.records(0)
        if "imageSetId" in record and record.get("action") != "SearchImageSets"
    }
    findings = audit.results()["findings"]
    forced = [
        finding for finding in findings if finding["rule"] == "no-force" and finding["verdict"] == "fail"
    ]
    assert forced
    for item in forced:
        if item["reusedFrom"]:
            assert (item["reusedFrom"], item["collectedAt"]) == (first.name, asked[item["imageSetId"]])
            assert item["calls"] in (["GetImageSet"], ["ListImageSetVersions"])
    assert any(item["reusedFrom"] for item in forced)
    tier = [finding for finding in findings if finding["rule"] == "tier"]
    assert any(item["reusedFrom"] for item in tier)
    assert all(item["calls"][-1] == "SearchImageSets" for item in tier if item["reusedFrom"])
    (few,) = [finding for finding in findings if finding["rule"] == "few"]
    assert {"GetImageSet", "SearchImageSets"} <= set(few["calls"])
    assert (few["reusedFrom"], few["collectedAt"]) == (first.name, min(asked.values()))


def test_the_owners_word_on_deletions_is_in_every_report_of_a_run_that_rests_on_it(tmp_path: Path) -> None:
    recent = (
        "version: 1\npack: scale\nrules:\n  - {id: r, title: T, severity: low, "
        "deny: {all: [{imageSetState: DELETED}, {deletedAt: {after: 2020-01-01}}]}}\n"
    )
    with served(store(20, deleted=0.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(recent, more="collect: {deletions_known_since: 2019-12-31}\n")
        assert again(audit, 1) == 0
        audit.write(recent)
        assert again(audit, 2) == 3
    kinds = ("text", "html", "json", "junit")
    for run, said in zip(audit.runs, (True, False), strict=True):
        reports = [f"--report={kind}={(tmp_path / kind).as_posix()}" for kind in kinds]
        assert main(["report", str(run), *reports]) == 0
        for kind in kinds:
            told = CLAIM if kind not in ("junit", "text") else "2019-12-31T00:00:00Z"
            assert (told in (tmp_path / kind).read_text(encoding="utf-8")) is said


def test_a_search_is_no_claim_of_the_owner(tmp_path: Path) -> None:
    rule = f"version: 1\npack: scale\nrules:\n{MORE.strip().splitlines()[1]}\n"
    with served(store(20, deleted=0.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(rule)
        again(audit, 1)
    run = audit.results()["run"]
    assert run["claims"] == []
    assert [text.split(";")[0] for text in run["searched"]] == [
        "all: SearchImageSets listed its image sets in the data store " + "5" * 32
    ]
    text = report(audit.runs[0], "text", tmp_path / "out.txt").decode()
    assert "complete: true" not in text
    assert "Searched   all: SearchImageSets listed" in text


def test_what_a_search_may_have_missed_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(store(20, deleted=0.0)) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        again(audit, 1)
    run = str(audit.runs[0])
    capsys.readouterr()
    assert main(["explain", "not-deleted", "all", "--evidence", run]) == 0
    text = capsys.readouterr().out
    assert text.startswith("scale/not-deleted: unknown\n")
    assert "cannot be discovered" in text
    assert "rests on   SearchImageSets" in text
    assert main(["explain", "no-force", "all", "--evidence", run]) == 2
    assert "leaves nothing open beside them" in capsys.readouterr().err
    assert main(["explain", "not-deleted", "all", "-c", str(tmp_path / "audit.yaml")]) == 2
    assert "--evidence RUN" in capsys.readouterr().err
