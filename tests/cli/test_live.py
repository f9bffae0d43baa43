"""`check` over HTTP, with unmodified boto3, against the simulator: what a nightly job does."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from checker.cli import main
from checker.simulator import (
    Fault,
    ModelError,
    PlacedDatastore,
    PlacedVersion,
    backend,
    put_datastore,
    put_image_set,
    serve,
)

ACCOUNT, REGION = "123456789012", "us-east-1"
STORE = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = """\
version: 1
pack: p
rules:
  - {id: forced, title: Not forced, severity: high, deny: {overrides.forced: true}}
  - {id: exists, title: Exists, severity: high, require: {found: true}}
"""
AUDIT = """\
version: 1
name: live
policies: [p.yaml]
targets:
  - name: archive
    region: us-east-1
    datastore: "{store}"
    image_sets: {{file: ids.csv}}
reports: {{json: out/results.json, junit: out/junit.xml}}
rates: {{GetImageSet: {{rate: {rate}, burst: 1}}}}
"""


@pytest.fixture(scope="module")
def server():
    with serve() as running:
        yield running


@pytest.fixture
def archive(server, tmp_path, monkeypatch):
    """A data store with three image sets, and the audit of it: the one variable that is set is the endpoint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-key")
    created = NOW - timedelta(days=10)
    put_datastore(ACCOUNT, REGION, PlacedDatastore("s", created, datastore_id=STORE))
    ids = [
        put_image_set(ACCOUNT, REGION, STORE, created_at=created, image_set_id=f"{number:032}")
        for number in range(2)
    ]
    forced = (PlacedVersion(overrides={"forced": True}),)
    ids.append(
        put_image_set(ACCOUNT, REGION, STORE, created_at=created, image_set_id=f"{2:032}", versions=forced)
    )
    (tmp_path / "p.yaml").write_text(POLICY)
    write(tmp_path, ids)
    yield tmp_path
    backend(ACCOUNT, REGION).rehearsal.faults.clear()
    backend(ACCOUNT, REGION).rehearsal.calls.clear()


def write(folder, ids, rate=1000, store=STORE):
    (folder / "ids.csv").write_text("imageSetId\n" + "".join(f"{id_}\n" for id_ in ids))
    (folder / "audit.yaml").write_text(AUDIT.format(rate=rate, store=store))


def results(folder):
    return json.loads((folder / "out/results.json").read_text())


def test_a_live_audit_finds_the_forced_version(archive):
    assert main(["check", "-q"]) == 1
    document = results(archive)
    (finding,) = document["findings"]
    assert (finding["rule"], finding["imageSetId"], finding["verdict"]) == ("forced", f"{2:032}", "fail")
    assert (finding["account"], finding["region"], finding["target"]) == (ACCOUNT, REGION, "archive")
    assert document["run"]["source"] == "live"
    assert document["run"]["identities"]["archive"].startswith("arn:aws:")


def test_one_get_image_set_a_set_and_one_get_datastore_a_target_and_no_writing_call(archive):
    main(["check", "-q"])
    actions = [call.action for call in backend(ACCOUNT, REGION).rehearsal.calls]
    assert sorted(actions) == ["GetDatastore", "GetImageSet", "GetImageSet", "GetImageSet"]


def test_a_set_that_is_not_there_is_not_found_and_one_that_is_denied_is_unread(archive):
    denied = Fault("GetImageSet", ModelError("AccessDeniedException", "no"), match={"imageSetId": f"{1:032}"})
    backend(ACCOUNT, REGION).rehearsal.faults.append(denied)
    write(archive, [f"{0:032}", f"{1:032}", f"{9:032}"])
    assert main(["check", "-q"]) == 1
    document = results(archive)
    verdicts = {
        (finding["rule"], finding["imageSetId"]): (finding["verdict"], finding["reason"])
        for finding in document["findings"]
    }
    assert verdicts == {
        ("forced", f"{1:032}"): ("unknown", "AccessDeniedException"),
        ("forced", f"{9:032}"): ("unknown", "ResourceNotFoundException"),
        ("exists", f"{1:032}"): ("unknown", "AccessDeniedException"),
        ("exists", f"{9:032}"): ("fail", None),
    }
    summary = document["summary"]
    assert (summary["image_sets"], summary["not_found"], summary["unreadable"]) == (3, 1, 1)


def test_a_data_store_that_is_not_there_makes_the_target_unreadable_and_nothing_not_found(archive):
    write(archive, [f"{0:032}"], store="f" * 32)
    assert main(["check", "-q"]) == 3
    summary = results(archive)["summary"]
    assert (summary["not_found"], summary["unreadable"], summary["unreadable_targets"]) == (0, 1, 1)


def test_no_endpoint_at_all_is_incomplete_not_passed(archive, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert main(["check", "-q", "--fail-on", "never"]) == 3


def test_the_run_folder_keeps_the_records_the_configuration_and_no_secret(archive):
    assert main(["check", "-q", "--runs", "runs"]) == 1
    (run,) = (archive / "runs").iterdir()
    kept = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert {"manifest.json", "records.jsonl", "audit.yaml", "policies/p.yaml", "image_sets.parquet"} <= kept
    assert all(b"test-secret-key" not in (run / name).read_bytes() for name in kept)
    # what was recorded is itself recorded input, with the same verdicts
    assert main(["check", "-q", "-p", "p.yaml", "--image-sets", str(run / "records.jsonl")]) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("kept", [True, False], ids=["runs", "no-runs"])
def test_an_interrupt_keeps_what_was_collected_and_judges_nothing(archive, number, code, kept):
    write(archive, [f"{item:032}" for item in range(500)], rate=20)
    command = [sys.executable, "-m", "checker", "check", *(["--runs", "runs"] if kept else [])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen = backend(ACCOUNT, REGION).rehearsal.calls
    deadline = time.monotonic() + 20
    while sum(call.action == "GetImageSet" for call in seen) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert not out
    pattern = "runs/*/records.jsonl" if kept else "interrupted-*.jsonl"
    (records,) = archive.glob(pattern)
    lines = records.read_text().splitlines()
    assert lines
    assert all(json.loads(line)["target"] == "archive" for line in lines)
    assert f"{len(lines)} answers are kept in" in err
    assert not list(archive.glob("runs/*/manifest.json"))
    assert not (archive / "out").exists()


def test_an_unknown_profile_is_invalid_and_leaves_no_run_folder(archive, capsys):
    text = (archive / "audit.yaml").read_text().replace("region:", "profile: nobody\n    region:")
    (archive / "audit.yaml").write_text(text)
    assert main(["check", "--runs", "runs"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert not list((archive / "runs").iterdir()) if (archive / "runs").exists() else True


def test_the_time_zone_of_the_machine_changes_nothing(archive):
    findings = set()
    for zone in ("UTC", "Asia/Tokyo"):
        command = [
            sys.executable,
            "-m",
            "checker",
            "check",
            "-q",
            "--as-of",
            "2026-01-01",
            "--report",
            "json=r.json",
        ]
        subprocess.run(command, env={**os.environ, "TZ": zone}, check=False, capture_output=True)
        document = json.loads((archive / "r.json").read_text())
        # when an answer was received differs, by less than time zones do
        instants = [datetime.fromisoformat(finding.pop("collectedAt")) for finding in document["findings"]]
        assert instants
        assert all(abs(datetime.now(UTC) - instant) < timedelta(hours=1) for instant in instants)
        findings.add(json.dumps([document["findings"], document["summary"]]))
    assert len(findings) == 1


def test_the_demo_leaves_three_reports_and_exits_with_0(demo):
    assert {"report.html", "junit.xml", "results.json"} <= {path.name for path in demo.folder.iterdir()}
    summary = json.loads((demo.folder / "results.json").read_text())["summary"]
    assert summary["image_sets"] >= 200
    assert summary["not_found"]
    assert summary["unreadable"]
    out = demo.out
    assert "A gate would see exit code 1" in out
    assert "Open demo/report.html" in out


def test_the_simulator_serves_until_it_is_stopped():
    command = [sys.executable, "-m", "checker", "simulator", "--port", "0", "--seed", "demo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = [process.stdout.readline()]
    while "Ctrl-C" not in said[-1]:
        assert process.poll() is None
        said.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert said[0].startswith("HealthImaging is simulated at http://127.0.0.1:")
    assert "with 240 image sets" in said[2]  # two more of the inventory are not there
    assert process.returncode == 130, err


def test_debug_tells_each_call_and_no_secret(archive):
    command = [sys.executable, "-m", "checker", "check", "-q", "--debug"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("GetImageSet in us-east-1: 200") == 3
    assert "test-secret-key" not in done.stderr
    assert "Signature" not in done.stderr
