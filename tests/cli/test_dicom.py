"""DICOM attributes: data of patients, that nothing keeps unless a rule names them, and no report shows unless it is told to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.cli import main
from tests.cli.scale import POLICY, STORE, Audit, served, store

AS_OF = ("--as-of", "2026-01-01T00:00:00Z")
STUDIES = """
version: 1
pack: scale
rules:
  - id: old-studies
    title: No study is older than twenty years
    severity: low
    deny: {all: [{dicom.DICOMStudyDate: {older_than: 20y}}, {dicom.DICOMPatientName: {exists: true}}]}
    message: "{{ dicom.DICOMPatientName }} of {{ dicom.DICOMStudyDate }}"
  - {id: series, title: Each study has series, severity: low, require: {dicom.DICOMNumberOfStudyRelatedSeries: {gte: 1}}}
  - {id: born, title: A date of birth is known, severity: low, require: {dicom.DICOMPatientBirthDate: {before: 2000-01-01}}}
"""


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    with served(store(60, deleted=0.0)) as server:
        yield Audit(tmp_path / "audit", server.url)


def everything(audit: Audit) -> str:
    """All that an audit left on the disk, as text."""
    return "".join(
        file.read_bytes().decode("utf-8", "replace") for file in audit.folder.rglob("*") if file.is_file()
    )


def reports(audit: Audit) -> list[str]:
    names = {"html": "report.html", "junit": "junit.xml", "text": "report.txt"}
    return [
        part
        for name, file in names.items()
        for part in ("--report", f"{name}={(audit.folder / file).as_posix()}")
    ]


def test_no_attribute_is_on_disk_in_a_log_or_in_a_report(
    audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.write(POLICY)
    audit.check(*AS_OF, *reports(audit), "--debug")
    assert "PHI^" not in everything(audit)
    said = capsys.readouterr()
    assert "PHI^" not in said.out + said.err


def test_a_kept_run_has_those_that_rules_name_and_no_report_shows_them(audit: Audit) -> None:
    audit.write(STUDIES)
    assert audit.check(*AS_OF, *reports(audit)) == 1
    (run,) = audit.runs
    tags = [
        record["DICOMTags"]
        for record in audit.records()
        if record.get("action") == "SearchImageSets" and "DICOMTags" in record
    ]
    assert {tuple(sorted(tag)) for tag in tags} == {
        ("DICOMNumberOfStudyRelatedSeries", "DICOMPatientBirthDate", "DICOMPatientName", "DICOMStudyDate")
    }
    shown = [*audit.folder.glob("*.*"), *(run / "reports").rglob("*.*")]
    assert len(shown) > 6
    for file in shown:
        assert "PHI^" not in file.read_text(encoding="utf-8"), file
    found = {finding["rule"]: finding for finding in audit.findings() if finding["imageSetId"]}
    assert found["old-studies"]["message"] == "(redacted) of (redacted)"
    assert set(found["old-studies"]["observed"].values()) == {"(redacted)"}
    assert (found["born"]["verdict"], found["born"]["reason"]) == (
        "unknown",
        "dicom.DICOMPatientBirthDate absent",
    )
    assert "series" not in found
    manifest = json.loads((run / "manifest.json").read_bytes())
    assert manifest["phi"] == sorted(tags[0])
    assert "PHI^" not in json.dumps(manifest)


def test_show_phi_shows_them(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    audit.write(STUDIES)
    audit.check(*AS_OF)
    (run,) = audit.runs
    for options, shown in (([], False), (["--show-phi"], True)):
        file = audit.folder / "again.json"
        assert main(["report", run.as_posix(), "--report", f"json={file.as_posix()}", *options]) == 0
        text = file.read_text(encoding="utf-8")
        assert ("PHI^NAME" in text) is shown
        assert ("2001-01-09" in text) is shown
        name = next(finding["imageSetId"] for finding in audit.findings() if finding["imageSetId"])
        capsys.readouterr()
        assert main(["explain", "old-studies", f"all/{name}", "--evidence", run.as_posix(), *options]) == 0
        assert ("PHI^NAME" in capsys.readouterr().out) is shown


def test_image_sets_that_are_listed_are_not_searched_so_that_nothing_is_known_of_them(audit: Audit) -> None:
    name = store(60, deleted=0.0).id_of(3)
    audit.write(STUDIES, target=f"image_sets: [{name}]")
    assert audit.check(*AS_OF) == 3
    assert {finding["reason"] for finding in audit.findings()} == {"SearchImageSets NotSearched"}
    assert "SearchImageSets" not in audit.calls()


def test_kept_evidence_without_an_attribute_says_nothing_of_it(audit: Audit) -> None:
    audit.write(POLICY)
    audit.check(*AS_OF)
    (run,) = audit.runs
    policy = audit.folder / "studies.yaml"
    policy.write_text(STUDIES, encoding="utf-8")
    file = audit.folder / "again.json"
    options = ["-p", str(policy), "--quiet", "--report", f"json={file.as_posix()}"]
    assert main(["check", "--evidence", run.as_posix(), *options]) == 3
    found = json.loads(file.read_bytes())["findings"]
    assert {explanation["reason"] for explanation in found if explanation["imageSetId"]} == {
        "SearchImageSets NotSearched"
    }


def test_a_resumed_run_and_recorded_answers_have_them_too(audit: Audit) -> None:
    audit.write(STUDIES)
    audit.check(*AS_OF)
    (run,) = audit.runs
    findings = audit.findings()
    (run / "manifest.json").unlink()
    lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
    (run / "records.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    audit.check("--resume", run.as_posix())
    assert audit.findings() == findings
    file = audit.folder / "recorded.json"
    main(
        [
            "check", "-p", str(audit.folder / "policy.yaml"), "--image-sets", str(run / "records.jsonl"), *AS_OF, "--quiet",
            "--report", f"json={file.as_posix()}",
        ]
    )  # fmt: skip
    again = json.loads(file.read_bytes())["findings"]
    assert [(item["rule"], item["imageSetId"], item["verdict"], item["message"]) for item in again] == [
        (finding["rule"], finding["imageSetId"], finding["verdict"], finding["message"])
        for finding in findings
    ]


def test_the_plan_says_which_are_kept(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    audit.write(STUDIES)
    config = str(audit.folder / "audit.yaml")
    assert main(["plan", "-c", config]) == 0
    assert "but for those that rules name: DICOMNumberOfStudyRelatedSeries, " in capsys.readouterr().out
    assert main(["plan", "-c", config, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["phi_kept"][-1] == "DICOMStudyDate"
    assert STORE in json.dumps(plan)


TESTED = """
version: 1
pack: studies
title: Studies
rules:
  - id: mammograms-kept
    title: No mammogram was deleted early
    severity: high
    why: W
    fix: F
    when: {all: [{imageSetState: DELETED}, {dicom.DICOMSeriesModality: MG}]}
    require: {deletedAt - dicom.DICOMStudyDate: {gte: 10y}}
    tests:
      - {name: early, given: {imageSetState: DELETED, deletedAt: 2025-12-31, dicom: {DICOMSeriesModality: MG, DICOMStudyDate: 2016-01-01}}, expect: fail}
      - {name: in time, given: {imageSetState: DELETED, deletedAt: 2025-12-31, dicom.DICOMSeriesModality: MG, dicom.DICOMStudyDate: 2015-12-31}, expect: pass}
      - {name: another, given: {imageSetState: DELETED, deletedAt: 2025-12-31, dicom: {DICOMSeriesModality: CT}}, expect: not_applicable}
      - {name: no date, given: {imageSetState: DELETED, deletedAt: 2025-12-31, dicom: {DICOMSeriesModality: MG}}, expect: unknown}
      - {name: no search, given: {imageSetState: DELETED, deletedAt: 2025-12-31, errors: {SearchImageSets: AccessDeniedException}}, expect: unknown}
      - {name: active, given: {dicom: {DICOMSeriesModality: MG}}, expect: not_applicable}
"""


def test_policies_test_rules_on_attributes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "studies.yaml"
    policy.write_text(TESTED, encoding="utf-8")
    assert main(["rules", "test", "--mutate", str(policy)]) == 0, capsys.readouterr().out
    assert main(["rules", "validate", "--strict", str(policy)]) == 0, capsys.readouterr().out


def test_an_attribute_is_a_date_without_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "studies.yaml"
    policy.write_text(
        TESTED.replace("DICOMStudyDate: 2016-01-01}", 'DICOMStudyDate: "2016-01-01T10:00:00Z"}')
    )
    assert main(["rules", "validate", str(policy)]) == 2
    assert "is a date, without a time of day" in capsys.readouterr().err
    policy.write_text(TESTED.replace("dicom.DICOMSeriesModality: MG}]", "dicom.DICOMModality: MG}]"))
    assert main(["rules", "validate", str(policy)]) == 2
    assert "did you mean dicom.DICOMSeriesModality?" in capsys.readouterr().err
