"""`explain` on recorded answers, on a run folder and over HTTP."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checker.cli import main
from checker.simulator import PlacedDatastore, backend, put_datastore, put_image_set, serve

GOLDEN = Path(__file__).parents[1] / "golden" / "explain"
ACCOUNT, REGION = "123456789012", "us-east-1"
STORE = "0123456789abcdef0123456789abcdef"
ONE, TWO, THREE = (f"{number:032}" for number in range(1, 4))
POLICY = """\
version: 1
pack: p
labels:
  class: {type: string, one_of: [mammography, adult]}
  legal_hold: {type: boolean}
  study_date: {type: date}
  retention: {type: duration}
  superseded_by: {type: string}
params:
  review_window: {type: duration, default: 30d, description: Reviewed.}
  words: {type: {list: string}, default: [none]}
rules:
  - id: no-recent-deletions
    title: No image set was deleted within the review window
    severity: medium
    deny:
      imageSetState: DELETED
      deletedAt: {younger_than: $review_window}
  - id: kept-long-enough
    title: No image set was deleted before its retention ended
    severity: critical
    when:
      any:
        - imageSetState: DELETED
        - not: {labels.legal_hold: true}
    require:
      deletedAt - labels.study_date: {gte: {field: labels.retention}}
  - id: few-old-ones
    title: Few image sets are old
    severity: low
    scope: datastore
    require:
      ratio: {of: {createdAt: {older_than: 10d}}, among: {imageSetState: ACTIVE}, lte: 40%}
  - id: worded
    title: Words
    severity: low
    deny: {message: {in: $words}}
  - id: never-forced
    title: No version was forced
    severity: low
    scope: version
    deny: {overrides.forced: true}
  - id: superseded
    title: What superseded it is there
    severity: low
    require: {successor.found: true}
"""
ANSWERS = [
    {
        "imageSetId": ONE, "datastoreId": STORE, "versionId": "1", "imageSetState": "DELETED",
        "createdAt": "2025-12-01T00:00:00Z", "deletedAt": "2026-01-01T00:00:00Z", "message": "a, b",
        "labels": {"class": "mammography", "study_date": "2020-01-01"},
        "labelPlaces": {"class": "inventory.csv:12", "study_date": "inventory.csv:12"},
    },
    {"imageSetId": TWO, "datastoreId": STORE, "versionId": "2", "imageSetState": "ACTIVE", "createdAt": "2026-01-01T00:00:00Z"},
    {"imageSetId": THREE, "datastoreId": STORE, "error": {"code": "AccessDeniedException", "message": "no"}},
]  # fmt: skip
RECORDED = ("-p", "p.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-10")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sets.json").write_text("\n".join(map(json.dumps, ANSWERS)))
    return tmp_path


def golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REGENERATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fail", ["no-recent-deletions", ONE]),
        ("unknown", ["p/kept-long-enough", f"recorded/{ONE}"]),
        ("datastore", ["few-old-ones", "recorded", "--complete"]),
    ],
)
def test_what_is_printed(name, arguments, folder, capsys):
    assert main(["explain", *arguments, *RECORDED]) == 0
    golden(name, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["no-recent-deltions", ONE],
            "RULE: error: no loaded rule is called no-recent-deltions",
            "did you mean no-recent-deletions?",
        ),
        (
            ["worded", ONE[:-1] + "7"],
            f"IMAGE_SET: error: the image set {ONE[:-1]}7 is not among the evidence",
            f"did you mean {ONE}?",
        ),
        (
            ["worded", ONE[:8]],
            f"IMAGE_SET: error: the image set {ONE[:8]} is not among the evidence",
            f"so begin {ONE}, {TWO}, {THREE}",
        ),
        (
            ["worded", f"archive/{ONE}"],
            f"IMAGE_SET: error: the image set {ONE} is not in the target archive",
            "it is in recorded",
        ),
        (
            ["worded", f"{ONE}@v7"],
            f"IMAGE_SET: error: of the image set {ONE} no version 7 is judged",
            "the evidence has v1",
        ),
        (
            ["few-old-ones", "record"],
            "IMAGE_SET: error: no target of the evidence is called record, and p/few-old-ones judges data stores",
            "did you mean recorded?",
        ),
        (
            ["worded", ONE, "--target", "other"],
            f"IMAGE_SET: error: {ONE} is not in a target that --target names",
            "it is in recorded",
        ),
    ],
)
def test_what_is_not_there_is_an_error_with_the_nearest_name(arguments, message, hint, folder, capsys):
    assert main(["explain", *arguments, *RECORDED]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{message}\nhelp: {hint}\n")


def test_a_rule_of_several_packs_has_to_be_named_in_full(folder, capsys):
    (folder / "q.yaml").write_text(POLICY.replace("pack: p", "pack: q"))
    assert main(["explain", "worded", ONE, "-p", "q.yaml", *RECORDED]) == 2
    assert "help: write one of p/worded, q/worded" in capsys.readouterr().err
    assert main(["explain", "q/worded", ONE, "-p", "q.yaml", *RECORDED]) == 0


def test_versions_are_explained_each_the_newest_last(folder, capsys):
    listed = [
        {"versionId": str(n), "imageSetState": "ACTIVE", "ImageSetWorkflowStatus": "UPDATED"}
        for n in (2, 1, 3)
    ]
    listed[0]["overrides"] = {"forced": True}
    document = {"imageSetPropertiesList": [{"imageSetId": ONE, **waiver} for waiver in listed]}
    (folder / "sets.json").write_text(json.dumps(document))
    assert main(["explain", "never-forced", ONE, *RECORDED, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "imageset-checker/explain/1"
    names = [(explanation["subject"]["name"], explanation["verdict"]) for explanation in told["explanations"]]
    assert names == [
        (f"recorded/{ONE}@v1", "pass"),
        (f"recorded/{ONE}@v2", "fail"),
        (f"recorded/{ONE}@v3", "pass"),
    ]
    assert main(["explain", "never-forced", f"{ONE}@v2", *RECORDED]) == 0
    assert capsys.readouterr().out.startswith("p/never-forced: fail\n")


def test_of_many_versions_one_has_to_be_named(folder, capsys):
    listed = [{"imageSetId": ONE, "versionId": str(n), "imageSetState": "ACTIVE"} for n in range(1, 13)]
    listed[4]["overrides"] = {"forced": True}
    (folder / "sets.json").write_text(json.dumps({"imageSetPropertiesList": listed}))
    assert main(["explain", "never-forced", ONE, *RECORDED]) == 2
    assert capsys.readouterr().err == (
        f"IMAGE_SET: error: {ONE} is judged in 12 versions\nhelp: name one, such as {ONE}@v12; fail: v5\n"
    )


@pytest.fixture
def run(folder, capsys):
    """A kept run in which a parameter has a value with a comma."""
    (folder / "p2.yaml").write_text(POLICY.replace("default: [none]", 'default: ["a, b", "$$x"]'))
    arguments = ["-p", "p2.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-10", "--runs", "runs"]
    assert main(["check", *arguments, "--param", "review_window=5d", "-q"]) == 1
    (run,) = (folder / "runs").iterdir()
    for file in ("p.yaml", "p2.yaml", "sets.json"):
        (folder / file).unlink()
    capsys.readouterr()
    return run.relative_to(folder)


def test_a_run_folder_is_judged_as_the_run_did(run, capsys):
    assert main(["explain", "no-recent-deletions", ONE, "--evidence", str(run), "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["explanations"]
    assert (item["verdict"], item["as_of"]) == ("pass", "2026-01-10T00:00:00Z")
    assert item["params"] == [{"name": "review_window", "value": "5d", "from": "the run"}]
    assert item["where"] == "p2.yaml:13:5"


def test_a_list_of_texts_is_read_back_as_it_was(run, capsys):
    assert main(["explain", "worded", ONE, "--evidence", str(run), "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["explanations"]
    assert (item["verdict"], item["params"][0]["value"]) == ("fail", ["a, b", "$x"])


def test_a_value_that_a_run_kept_as_the_default_is_said_to_be_the_default(folder, run, capsys):
    arguments = ["-p", "p3.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-10", "--runs", "more"]
    (folder / "p3.yaml").write_text(POLICY)
    (folder / "sets.json").write_text("\n".join(map(json.dumps, ANSWERS)))
    assert main(["check", *arguments, "-q"]) == 1
    capsys.readouterr()
    (usual,) = (folder / "more").iterdir()
    assert main(["explain", "no-recent-deletions", ONE, "--evidence", str(usual), "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["explanations"]
    assert item["params"] == [{"name": "review_window", "value": "30d", "from": "default"}]


def test_another_instant_and_another_value_may_be_tried(run, capsys):
    arguments = ["no-recent-deletions", ONE, "--evidence", str(run), "--as-of", "2026-01-20", "--json"]
    assert main(["explain", *arguments, "--param", "review_window=20d"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["explanations"]
    assert (item["verdict"], item["params"][0]["from"]) == ("fail", "--param")
    assert item["next"] == {
        "at": "2026-01-21T00:00:00Z",
        "verdict": "pass",
        "looked_until": item["next"]["looked_until"],
    }


@pytest.mark.parametrize("name", ["records.jsonl", "policies/p.yaml"])
def test_an_altered_file_is_an_error_that_names_it(run, name, capsys):
    with (run / name).open("a") as file:
        file.write("\n")
    assert main(["explain", "worded", ONE, "--evidence", str(run)]) == 2
    assert f"{run.as_posix()}/{name}: error: was altered after the run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "nowhere: error: there is no such run folder"),
        ("runs", "runs: error: this folder holds runs\nhelp: name one run, such as {run}"),
        (".", ".: error: no complete run: it has no manifest.json"),
    ],
)
def test_what_is_no_run_folder_is_told(run, path, message, capsys):
    assert main(["explain", "worded", ONE, "--evidence", path]) == 2
    assert capsys.readouterr().err.startswith(message.format(run=run.as_posix()) + "\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--evidence", "x", "-p", "p.yaml"], "-p: error: does not go with --evidence"),
        (["-p", "p.yaml"], "-p: error: policies alone say nothing of an image set"),
        (["--image-sets", "sets.json"], "--image-sets: error: no policy to judge them by"),
        ([], "audit.yaml: error: there is no audit.yaml here"),
        (["--complete", "-c", "audit.yaml"], "--complete: error: goes with --image-sets"),
        ([*RECORDED, "--as-of", "soon"], "--as-of: error: `soon` is not a time"),
    ],
)
def test_options_that_do_not_go_together(folder, options, message, capsys):
    assert main(["explain", "worded", ONE, *options]) == 2
    assert capsys.readouterr().err.startswith(message)


AUDIT = """\
version: 1
name: live
policies: [p.yaml]
params: {{p.review_window: 90d}}
targets:
  - name: archive
    region: us-east-1
    datastore: "{store}"
    image_sets:
      - {{id: "{one}", labels: {{class: adult, superseded_by: "{two}"}}}}
      - "{two}"
      - "{three}"
"""


@pytest.fixture
def archive(folder, monkeypatch):
    with serve() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-key")
        created = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=10)
        put_datastore(ACCOUNT, REGION, PlacedDatastore("s", created, datastore_id=STORE))
        for image_set_id in (ONE, TWO, THREE):
            put_image_set(ACCOUNT, REGION, STORE, created_at=created, image_set_id=image_set_id)
        (folder / "audit.yaml").write_text(AUDIT.format(store=STORE, one=ONE, two=TWO, three=THREE))
        rehearsal = backend(ACCOUNT, REGION).rehearsal
        rehearsal.calls.clear()
        yield rehearsal
        rehearsal.calls.clear()


def _asked(rehearsal):
    return sum(call.action == "GetImageSet" for call in rehearsal.calls)


def test_the_service_is_asked_for_that_image_set_alone(archive, capsys):
    assert main(["explain", "no-recent-deletions", ONE, "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["explanations"]
    assert (item["verdict"], item["subject"]["name"]) == ("pass", f"archive/{ONE}")
    assert item["params"] == [{"name": "review_window", "value": "90d", "from": "audit.yaml"}]
    assert _asked(archive) == 1


def test_and_for_the_one_that_superseded_it_where_the_rule_reads_that(archive, capsys):
    assert main(["explain", "superseded", ONE, "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["explanations"]
    assert item["verdict"] == "pass"
    assert item["labels"] == [{"name": "labels.superseded_by", "value": TWO, "from": "audit.yaml:10:88"}]
    assert _asked(archive) == 2


def test_what_audit_yaml_does_not_list_is_not_asked_for(archive, capsys):
    assert main(["explain", "worded", ONE[:-1] + "9"]) == 2
    assert "audit.yaml lists no image set" in capsys.readouterr().err
    assert _asked(archive) == 0
