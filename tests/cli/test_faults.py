"""Whole audits through a service where calls fail in every way: nothing is lost, and nothing passes that was not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from load_server.faults import WireFault

from checker.cli import main
from checker.simulator.faults import ANY_ACTION, ModelError, RawAnswer
from tests.cli.scale import POLICY, STORE, Audit, served, store

AS_OF = ("--as-of", "2026-01-01T00:00:00Z")
CODES = ("ThrottlingException", "InternalServerException", "ConflictException")


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


def of_all(**how: Any) -> list[WireFault]:
    """Three of ten calls fail, each kind as often as the others."""
    kinds: list[dict[str, Any]] = [{"answer": ModelError(code, "rehearsed")} for code in CODES]
    kinds += [
        {"breaks": "reset"},
        {"breaks": "truncate"},
        {"answer": RawAnswer(200, b"<html>no JSON</html>", {})},
    ]
    return [
        # two kinds are broken answers, which are asked for three times again: no call may meet four of them by chance
        WireFault(ANY_ACTION, probability=0.015 if kind in kinds[-2:] else 0.057, seed=seed, **kind, **how)
        for seed, kind in enumerate(kinds)
    ]


def read(audit: Audit) -> dict[str, Any]:
    return dict(json.loads((audit.folder / "results.json").read_bytes())["summary"])


def test_thirty_of_a_hundred_calls_fail_and_nothing_is_lost(tmp_path: Path) -> None:
    item = store(150)
    with served(item) as server:
        audit = Audit(tmp_path / "calm", server.url)
        audit.write()
        audit.check(*AS_OF)
    with served(item, faults=of_all()) as server:
        stormy = Audit(tmp_path / "stormy", server.url)
        stormy.write()
        stormy.check(*AS_OF)
        failed = sum(
            sum(count["refused"].values())
            for actions in server.ask(lambda service: service.gate.to_json()).values()
            for count in actions.values()
        )
    assert failed > 30
    assert stormy.findings() == audit.findings()
    assert read(stormy)["image_sets"] == read(audit)["image_sets"]
    assert read(stormy)["unreadable"] == 0
    manifest = json.loads((stormy.runs[0] / "manifest.json").read_bytes())
    assert manifest["traffic"]["retried"] > 20


def test_what_stays_denied_is_counted_and_never_passes(tmp_path: Path) -> None:
    item = store(60, deleted=0.0)
    lost = {item.id_of(number) for number in range(0, 60, 3)}
    faults = [
        WireFault(action, ModelError("AccessDeniedException", "no"), match={"imageSetId": name})
        for name in lost
        for action in ("GetImageSet", "ListImageSetVersions")
    ]
    with served(item, faults=faults) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        assert audit.check(*AS_OF) in (1, 3)
    summary = read(audit)
    assert (summary["image_sets"], summary["evaluated"], summary["unreadable"]) == (60, 40, 20)
    unknown = {
        (finding["rule"], finding["imageSetId"])
        for finding in audit.findings()
        if finding["verdict"] == "unknown" and finding["imageSetId"]
    }
    rules = ("no-force", "no-failure", "at-hand", "not-locked", "not-deleted", "found")
    assert unknown == {(rule, name) for rule in rules for name in lost}


def test_one_data_store_that_is_denied_does_not_stop_the_others(tmp_path: Path) -> None:
    other = store(30, deleted=0.0, seed=2).__class__("6" * 32, 30, seed=2, deleted=0.0)
    denied = WireFault(
        "SearchImageSets", ModelError("AccessDeniedException", "no"), match={"datastoreId": STORE}
    )
    with served(store(30, deleted=0.0), other, faults=[denied]) as server:
        audit = Audit(tmp_path, server.url)
        audit.write()
        text = (tmp_path / "audit.yaml").read_text().replace(f'datastore: "{STORE}"', "datastore: all")
        (tmp_path / "audit.yaml").write_text(text)
        assert audit.check(*AS_OF) in (1, 3)
    summary = read(audit)
    assert (summary["image_sets"], summary["unreadable_targets"]) == (30, 1)
    of_target = [finding for finding in audit.findings() if finding["target"] == f"all/{STORE}"]
    assert {item["reason"] for item in of_target} == {"AccessDeniedException"}
    assert len(of_target) == len(POLICY.split("- {id:")) - 1


def test_a_search_that_breaks_off_is_no_end_of_the_search(tmp_path: Path) -> None:
    broken = WireFault("SearchImageSets", ModelError("InternalServerException", "no"), on=range(3, 1000))
    with served(store(200, deleted=0.0), faults=[broken]) as server:
        audit = Audit(tmp_path, server.url)
        audit.write(more="gate: {fail_on: never, on_unknown: ignore, min_coverage: 1%}\n")
        reports = {"html": "report.html", "junit": "junit.xml", "text": "summary.txt"}
        options = [f"--report={kind}={(tmp_path / name).as_posix()}" for kind, name in reports.items()]
        assert audit.check(*AS_OF, *options) == 3
    summary = read(audit)
    assert 0 < summary["image_sets"] < 200
    assert (summary["unreadable_targets"], summary["unlisted_targets"]) == (1, 1)
    assert summary["sentence"].endswith(
        "image sets read; of 1 target it is not known which image sets there are."
    )
    for name in ("report.html", "junit.xml", "summary.txt"):
        text = (tmp_path / name).read_text(encoding="utf-8").lower()
        assert "of 1 target it is not known which image sets there are" in text
        assert "listed image sets read" not in text
        assert "nothing was read" not in text
    assert not [record for record in audit.records() if "listedSince" in record]
    assert [
        finding["reason"]
        for finding in audit.findings()
        if finding["rule"] == "no-force" and finding["imageSetId"] is None
    ] == ["InternalServerException"]


def test_the_service_throttles_and_every_call_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quotas = {"GetImageSet": (40.0, 5.0), "ListImageSetVersions": (40.0, 5.0), "SearchImageSets": (10.0, 2.0)}
    with served(store(100, deleted=0.0)) as server:
        server.ask(lambda service: service.gate.limit(quotas))
        audit = Audit(tmp_path, server.url)
        audit.write(
            rates="rates: {GetImageSet: {rate: 60, burst: 20}, ListImageSetVersions: {rate: 60, burst: 20}}\n"
        )
        audit.check(*AS_OF)
    assert read(audit)["evaluated"] == 100
    capsys.readouterr()
    main(["report", str(audit.runs[0]), "--report", "text=-"])
    assert " throttled" in capsys.readouterr().out
