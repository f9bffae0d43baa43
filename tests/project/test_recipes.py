"""The recipes of CONTRIBUTING, followed in a copy of the project: what they name is enough."""

from __future__ import annotations

import filecmp
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import botocore
import pytest

from project.source import ROOT

OPERATOR = """    Operator(
        "inside", STRINGS, "text", "a part of the text", ("is inside", "is not inside"), None,
        truth=lambda text, whole: text in whole, sql=lambda text, whole: _function("contains")(whole, text),
        neighbours=("contains",),
    ),
"""
RULE = """\
  - id: few-versions
    title: No image set has thousands of versions
    severity: low
    why: Each version is kept, and paid for.
    fix: Find out what writes so often.
    caveat: It says nothing of how fast they were written.
    controls: {nist-800-53r5: [SI-7]}
    when: {found: true}
    deny: {versionId: {gt: 1000}}
    tests:
      - {name: the thousandth version passes, given: {versionId: 1000}, expect: pass}
      - {name: the next one is one too many, given: {versionId: 1001}, expect: fail}
      - {name: a set that could not be read, given: {error: AccessDeniedException}, expect: unknown}
"""


FORMAT = '    "csv": Format("a row for each finding, for spreadsheets", {"run": "csv:write"}),\n'
CSV = '''"""`csv`: a row for each finding."""

from __future__ import annotations

from csv import writer
from typing import TextIO

from checker.judgement.run import Run
from checker.reporting.report_options import Options


def write(run: Run, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """A head, then the findings."""
    rows = writer(out, lineterminator="\\n")
    rows.writerow(("rule", "subject", "verdict"))
    for finding in run.findings():
        rows.writerow((finding.rule.name, finding.subject.name, finding.verdict.value))
'''
CSV_TEST = """\
import io

from checker.reporting import Options, writer
from report_runs import ordinary


def test_csv_has_a_row_for_each_finding():
    out = io.StringIO()
    writer("csv").write(run := ordinary(), out, Options())
    assert len(out.getvalue().splitlines()) == 1 + len(list(run.findings()))
"""


def recipe(title: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.fixture
def project(tmp_path):
    """A copy of what a recipe touches, and of what reads it."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("checker", "rules", "reports", "docs", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def insert(path: Path, before: str, text: str) -> None:
    source = path.read_text()
    assert source.count(before) == 1, f"{path} has {before!r} {source.count(before)} times"
    path.write_text(source.replace(before, text + before))


def run(project: Path, module: str, *arguments: str, **environment: str) -> None:
    environment = {**os.environ, **environment, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def pytests(project: Path, *tests: str, **environment: str) -> None:
    run(
        project,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(project / "tmp"),
        *tests,
        **environment,
    )
    shutil.rmtree(project / "tmp", ignore_errors=True)


def changed(project: Path) -> set[str]:
    """The files that are not as in the project."""
    files = [path.relative_to(project) for path in project.rglob("*") if path.is_file()]
    return {
        path.as_posix()
        for path in files
        if "__pycache__" not in path.parts
        and not ((ROOT / path).is_file() and filecmp.cmp(ROOT / path, project / path, shallow=False))
    }


def test_an_operator_is_one_record_and_its_test(project):
    by_hand = re.findall(r"`((?:checker|tests)/[\w/]+\.py)`", recipe("Add an operator"))
    record, oracle, strategies, walk = by_hand
    insert(project / record, '    Operator(\n        "ends_with"', OPERATOR)
    insert(project / oracle, '    "ends_with": lambda', '    "inside": lambda text, whole: text in whole,\n')
    insert(project / strategies, '"ends_with", "matches"]\n', '"inside", ')
    insert(project / strategies, '"ends_with": [member', '"inside": [member, member + "x"], ')
    pytests(project, "tests/project/test_reference.py", REGENERATE_GOLDEN="1")
    policy = """{version: 1, pack: p, rules: [{id: a, title: A, severity: low, deny: {message: {inside: reason}}, tests: [
        {name: t, given: {message: eas}, expect: fail}, {name: u, given: {message: other}, expect: pass}]}]}"""
    (project / "p.yaml").write_text(policy)
    run(project, "checker", "rules", "test", "p.yaml")
    (project / "p.yaml").unlink()
    pytests(project, walk, "tests/project/test_reference.py")
    assert changed(project) == {record, oracle, strategies, "docs/policies.md"}


def test_a_rule_is_one_entry_and_its_tests_are_in_it(project):
    assert "rules/healthimaging/" in recipe("Add a rule")
    pack = "rules/healthimaging/integrity.yaml"
    insert(project / pack, next(iter(re.findall(r"(?m)^  - id: .*\n", (project / pack).read_text()))), RULE)
    run(project, "checker", "rules", "validate", "--strict")
    run(project, "checker", "rules", "test", "--require-tests", "--rule", "few-versions")
    pytests(project, "tests/project/test_reference.py", REGENERATE_GOLDEN="1")
    run(project, "checker", "rules", "docs", "pack:", "--out", "docs/packs")
    pytests(project, "tests/project/test_reference.py", "tests/cli/test_docs.py", "-k", "not init")
    assert changed(project) == {pack, "docs/policies.md", "docs/packs/healthimaging-integrity.md"}


ACTION = """    Action(
        name="ListDICOMImportJobs", request="GET /listDICOMImportJobs/datastore/{datastoreId}", quota=(5, 10),
        resources=(STORE,), per_datastore=True,
        form=Form.LIST, result="jobSummaries", shape="DICOMImportJobSummary", paging=Paging(), bytes=50 * 400,
        healthy={"jobId": "0123456789abcdef0123456789abcdef", "jobName": "nightly", "jobStatus": "COMPLETED"},
    ),
"""
COLLECTED = """

def test_import_jobs_are_counted_permitted_asked_for_recorded_and_read_back(tmp_path: Any, monkeypatch: Any) -> None:
    from checker.collection.collector import Options, collect
    from checker.collection.estimate import estimate
    from checker.collection.iam_policy import iam_policies
    from checker.collection.plan import plan
    from checker.model import Needs, Target
    from checker.snapshot.recorded_answers import read_recorded
    from load_server import serve_load

    jobs = "ListDICOMImportJobs"
    target = Target("archive", "us-east-1", DATASTORE.datastore_id)
    needs = Needs(image_sets=False, calls=(jobs,))
    ((cost, _),) = [[cost for cost in one.costs if cost.action == jobs] + [one] for one in estimate([target], needs)]
    assert (cost.calls, cost.bytes) == (1, 20_000)
    (document,) = iam_policies([(target, plan(target, needs))], needs).values()
    statements = document["Statement"]
    (resources,) = [one["Resource"] for one in statements if f"medical-imaging:{jobs}" in one["Action"]]
    assert [one.partition(":datastore/")[2] for one in resources] == [DATASTORE.datastore_id]

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server, found = serve_load([DATASTORE], latency=0), []
    try:
        done = collect([target], found.append, needs=needs, options=Options(endpoint_url=server.url))
    finally:
        server.stop()
    assert done.calls[jobs] == 1
    (record,) = [one for one in found if one.action == jobs]
    healthy = {**ACTIONS[jobs].healthy, "datastoreId": DATASTORE.datastore_id}
    assert record.answer == {"jobSummaries": [healthy]}
    path = tmp_path / "records.jsonl"
    write_records(found, path)
    (again,) = [one for one in read_recorded([str(path)], {}, needs=needs) if one.action == jobs]
    assert (again.answer, again.datastore_id) == (record.answer, record.datastore_id)
"""


def test_an_action_is_one_record_and_its_test(project):
    record, walk = re.findall(r"`((?:checker|tests)/[\w/]+\.py)`", recipe("Add an API action"))
    insert(project / record, "    Action(\n        name=LIST_TAGS", ACTION)
    insert(project / walk, "}\nDATASTORE = ", '    "ListDICOMImportJobs": (5, 10),\n')
    (project / walk).write_text((project / walk).read_text() + COLLECTED)
    pytests(project, walk, "tests/simulator/test_conformance.py", "tests/simulator/test_rehearsal.py")
    assert changed(project) == {record, walk}


FIELD = '    "legalHold": Fact(absence=Absence.FALSE),\n'
HOLD = """{version: 1, pack: p, rules: [{id: a, title: A, severity: low, deny: {legalHold: true}, tests: [
    {name: t, given: {legalHold: true}, expect: fail}, {name: absence means that there is none, given: {}, expect: pass}]}]}"""


MEANT = """def test_an_image_set_without_a_legal_hold_is_not_held():
    assert fields.model().fields["legalHold"].absence is Absence.FALSE


"""


def newer_botocore(project: Path) -> Path:
    """A botocore in which GetImageSet answers with one more member, in the place of the installed one."""
    installed = Path(botocore.__file__).parent
    kept = {"medical-imaging", *(path.name for path in (installed / "data").glob("*.json*"))}

    def others(folder: str, names: list[str]) -> set[str]:
        return set(names) - kept if Path(folder).name == "data" else {"__pycache__"}

    newer = shutil.copytree(installed, project / "botocore", ignore=others)
    (packed,) = newer.glob("data/medical-imaging/*/service-2.json.gz")
    model = json.loads(gzip.decompress(packed.read_bytes()))
    model["shapes"]["GetImageSetResponse"]["members"]["legalHold"] = {"shape": "Boolean"}
    packed.write_bytes(gzip.compress(json.dumps(model).encode()))
    return newer


def test_a_field_is_one_record_and_its_test(project):
    record, test = re.findall(r"`((?:checker|tests)/[\w/]+\.py)`", recipe("Add a field"))
    newer = newer_botocore(project)
    (project / "p.yaml").write_text(HOLD)
    with pytest.raises(AssertionError, match=r"got unknown \(legalHold absent\)"):
        run(project, "checker", "rules", "test", "p.yaml")
    insert(project / record, '    "overrides.forced": Fact', FIELD)
    insert(project / test, "def test_labels_are_fields", MEANT)
    run(project, "checker", "rules", "test", "p.yaml")
    pytests(project, test)
    shutil.rmtree(newer)
    (project / "p.yaml").unlink()
    assert changed(project) == {record, test}


def test_a_format_is_a_module_its_record_and_its_test(project):
    module, registry = re.findall(r"`(checker/reporting/\w+\.py)`", recipe("Add a report format"))[::2]
    module, test = module.replace("NAME", "csv"), "tests/reporting/test_report_csv.py"
    (project / module).write_text(CSV)
    (project / test).write_text(CSV_TEST)
    insert(project / registry, '    "html": Format(', FORMAT)
    reference = ("tests/project/test_reference.py", "tests/project/test_help.py")
    pytests(project, *reference, REGENERATE_GOLDEN="1")
    pytests(
        project,
        test,
        "tests/reporting/test_report_formats.py",
        "tests/project/test_architecture.py",
        *reference,
    )
    (project / "set.json").write_text(
        json.dumps(
            {"datastoreId": "0" * 32, "imageSetId": "1" * 32, "versionId": "1", "imageSetState": "ACTIVE"}
        )
    )
    check = (
        "check",
        "-p",
        "pack:healthimaging-integrity",
        "--image-sets",
        "set.json",
        "--report",
        "csv=out.csv",
    )
    run(project, "checker", *check, "--fail-on", "never", "--quiet")
    assert (project / "out.csv").read_text().startswith("rule,subject,verdict\n")
    (project / "set.json").unlink()
    (project / "out.csv").unlink()
    assert changed(project) == {module, registry, test, "docs/reports.md", "docs/commands.md"}
