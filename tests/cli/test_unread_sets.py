"""Image sets that the service would not show, over HTTP: what a check, the run that it keeps, and every command on that say."""

import json
from datetime import UTC, datetime
from pathlib import Path

import junitparser
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
STORE = "0123456789abcdef0123456789abcdee"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [f"{number:032x}" for number in range(3)]
DENIED = IDS[1]
LISTED = f"[{', '.join(IDS)}]"
LABELLED = "[" + ", ".join(f"{{id: {item}, labels: {{hold: true}}}}" for item in IDS) + "]"

RULES = {
    "key": "require: {datastore.kmsKeyArn: {exists: true}}",
    "hold": "deny: {labels.hold: false}",
    "of_versions": "scope: version, require: {datastore.kmsKeyArn: {exists: true}}",
    "of_store": "scope: datastore, require: {datastore.kmsKeyArn: {exists: true}}",
    "count": "scope: datastore, deny: {count: {gt: 9}}",
    "tags": "deny: {tags.PatientName: {exists: true}}",
    "decided": "deny: {all: [{target: elsewhere}, {overrides.forced: true}]}",
    "forced": "deny: {overrides.forced: true}",
    "old": "deny: {createdAt: {older_than: 9999y}}",
    "long_ago": "when: {labels.hold: false}, deny: {createdAt: {older_than: 9999y}}",
}
ASKED = {"of_versions": ["ListImageSetVersions"]}
"""The calls that are denied, where they are not both that give the state of an image set."""
BOTH = ["GetImageSet", "ListImageSetVersions"]


@pytest.fixture(scope="module")
def url():
    with serve() as running:
        put_datastore(ACCOUNT, REGION, PlacedDatastore("s", CREATED, datastore_id=STORE, kms_key_arn=KEY))
        for item in IDS:
            versions = (PlacedVersion(), PlacedVersion())
            put_image_set(ACCOUNT, REGION, STORE, created_at=CREATED, image_set_id=item, versions=versions)
        yield running.url


@pytest.fixture
def audit(url, tmp_path, monkeypatch, aws_env):
    """Runs `check` by some of the rules; its exit code and results.json."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)

    def check(*names, sets=LISTED, deny=DENIED, more="", options=()):
        rules = "".join(
            f"  - {{id: {name.replace('_', '-')}, title: T, severity: high, {RULES[name]}}}\n"
            for name in names
        )
        labels = "labels: {hold: {type: boolean}}"
        Path("p.yaml").write_text(f"version: 1\npack: p\n{labels}\nrules:\n{rules}")
        target = f"{{name: archive, region: {REGION}, datastore: '{STORE}', image_sets: {sets}}}"
        Path("audit.yaml").write_text(
            f"version: 1\nname: nightly\npolicies: [p.yaml]\ntargets:\n  - {target}\nruns: runs/\n"
            f"reports: {{json: out/r.json, junit: out/j.xml}}\n{more}"
        )
        hooks = backend(ACCOUNT, REGION).rehearsal
        hooks.faults.clear()
        hooks.calls.clear()
        error = ModelError("AccessDeniedException", "no")
        calls = {call for name in names for call in ASKED.get(name, BOTH)}
        if deny:
            hooks.faults += [Fault(call, error, match={"imageSetId": deny}) for call in calls]
        code = main(["check", "-q", *options])
        return code, json.loads(Path("out/r.json").read_text())

    yield check
    backend(ACCOUNT, REGION).rehearsal.faults.clear()


def red(path="out/j.xml"):
    """The names of JUnit's red test cases."""
    return [
        case.name
        for suite in junitparser.JUnitXml.fromfile(path)
        for case in suite
        if any(isinstance(item, junitparser.Error | junitparser.Failure) for item in case.result)
    ]


def verdicts(results):
    counts = ("pass", "fail", "unknown", "not_applicable")
    return tuple(results["summary"][name] for name in counts)


@pytest.mark.parametrize(
    ("names", "sets", "expected"),
    [
        (["key"], LISTED, (3, 0, 0, 0)),
        (["hold"], LABELLED, (3, 0, 0, 0)),
        (["long_ago"], LABELLED, (0, 0, 0, 3)),
        (["decided"], LISTED, (3, 0, 0, 0)),
        (["decided"], "all", (3, 0, 0, 0)),
        (["decided"], f"[{IDS[0]}, {{id: {DENIED}, version: 2}}]", (2, 0, 0, 0)),
        (["count", "decided"], "all", (4, 0, 0, 0)),
        (["of_versions"], LISTED, (5, 0, 0, 0)),
        (["key", "of_versions"], LISTED, (8, 0, 0, 0)),
        (["tags"], LISTED, (3, 0, 0, 0)),
        (["forced"], LISTED, (2, 0, 1, 0)),
    ],
    ids=str,
)
def test_one_that_is_denied_makes_the_run_incomplete(audit, names, sets, expected):
    code, results = audit(*names, sets=sets)
    summary = results["summary"]
    assert (code, verdicts(results), summary["unreadable"]) == (3, expected, 1)
    alone = 0 if "forced" in names else 1
    assert summary["unreadable_gated"] == alone
    assert [item["imageSetId"] for item in results["unreadable"] if item["gated"]] == [DENIED] * alone
    assert len(red()) == 1
    assert DENIED in red()[0]


def test_what_nobody_asks_for_is_not_unread_and_the_sentence_says_that_nothing_was(audit, capsys):
    code, results = audit("of_store", options=["--quiet"])
    assert "nothing was read" not in capsys.readouterr().err
    assert {call.action for call in backend(ACCOUNT, REGION).rehearsal.calls} == {"GetDatastore"}
    assert (code, results["summary"]["image_sets"]) == (0, 0)
    assert "no image set was asked for, since no rule needs one" in results["summary"]["sentence"]


def test_rules_that_need_none_do_not_pass_the_evidence_of_a_run_that_could_not_read_one(audit, capsys):
    audit("key")
    (run,) = Path("runs").iterdir()
    rule = f"  - {{id: of-store, title: T, severity: high, {RULES['of_store']}}}\n"
    Path("other.yaml").write_text(f"version: 1\npack: other\nrules:\n{rule}")
    report = ["--report", "json=out/e.json", "--report", "junit=out/e.xml"]
    assert main(["check", "--evidence", str(run), "-p", "other.yaml", *report]) == 3
    summary = json.loads(Path("out/e.json").read_text())["summary"]
    assert (summary["pass"], summary["unknown"], summary["unreadable"]) == (1, 0, 1)
    assert summary["sentence"].endswith("no rule needs an image set, and 1 that is listed could not be read.")
    assert red("out/e.xml") == [f"image set archive/{DENIED} read"]
    assert f"archive/{DENIED}" in capsys.readouterr().out


def test_why_is_said_where_no_summary_is_shown(audit, capsys):
    audit("key")
    assert (
        f"1 image set could not be read: archive/{DENIED}: AccessDeniedException" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("more", "options", "code", "alone"),
    [
        ("gate: {fail_on: never}", [], 3, 1),
        ("gate: {on_unknown: ignore}", [], 0, 0),
        ("gate: {on_unknown: ignore, min_coverage: 70%}", [], 3, 0),
        ("gate: {on_unknown: ignore, min_coverage: 60%}", [], 0, 0),
        ("gate: {on_unknown: violation}", [], 1, 1),
        ("gate: {new_only: true, max: {high: 3}}", [], 3, 1),
        ("", ["--rule", "hold"], 3, 1),
        ("", ["--skip-rule", "key"], 3, 1),
    ],
)
def test_the_gate_may_let_it_go(audit, more, options, code, alone):
    got, results = audit("key", "hold", more=more, options=options)
    assert (got, results["summary"]["unreadable_gated"], bool(red())) == (code, alone, code != 0)


def test_waivers_let_it_go_where_they_cover_all_that_rules_say_of_it(audit):
    waiver = """  - {{rule: p/{rule}, image_sets: [{id}], covers: unknown, reason: R, owner: o, approved_by: a, created: 2026-01-01,
     expires: 2026-01-31}}
"""
    options = ["--as-of", "2026-01-02", "--waivers", "w.yaml"]

    def waived(*rules):
        Path("w.yaml").write_text(
            "version: 1\nwaivers:\n" + "".join(waiver.format(rule=rule, id=DENIED) for rule in rules)
        )
        code, results = audit("key", "forced", "old", options=options)
        return code, results["summary"]["unknown_waived"], results["summary"]["unreadable_gated"]

    assert waived("forced", "old") == (0, 2, 0)
    # one that is not covered counts, and stands for it
    assert waived("forced") == (3, 1, 0)
    # no rule that is judged says a word of it that a waiver could cover
    code, results = audit("key", "forced", options=[*options, "--rule", "key"])
    assert (code, results["summary"]["unreadable_gated"]) == (3, 1)


def test_a_kept_run_verifies_and_says_the_same_again(audit, capsys):
    code, results = audit("key", "hold")
    (run,) = Path("runs").iterdir()
    facts = json.loads((run / "manifest.json").read_text())
    assert (
        (facts["outcome"], facts["exit_code"]) == ("incomplete", 3) == (results["summary"]["outcome"], code)
    )
    assert facts["sentence"] == results["summary"]["sentence"]
    assert main(["verify", "runs"]) == 0
    assert main(["report", str(run), "--report", "junit=out/again.xml"]) == 0
    assert red("out/again.xml") == red()
    assert main(["check", "--evidence", str(run), "-q"]) == 3
    assert main(["trend", "runs", "--json"]) == 0
    capsys.readouterr()
    assert main(["explain", "key", DENIED, "--evidence", str(run)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("p/key: pass")
    assert (
        "the image set could not be read (AccessDeniedException), which this verdict needs no answer of"
        in said
    )
    assert main(["explain", "key", DENIED, "--evidence", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["explanations"][0]["unread"] == "AccessDeniedException"


def test_it_is_no_baseline_until_all_is_read(audit):
    """The fail of the second day is new, since no run has passed; the third run, which reads all, passes."""
    more = "gate: {new_only: true}"
    assert audit("key", more=more)[0] == 3
    assert audit("key", "forced", more=more)[0] == 3
    manifest = max(Path("runs").iterdir()) / "manifest.json"
    assert json.loads(manifest.read_text())["baseline"] is None
    assert audit("key", deny=None, more=more)[0] == 0
    assert audit("key", deny=None, more=more)[0] == 0
    newest = max(
        (path / "manifest.json" for path in Path("runs").iterdir()), key=lambda item: item.stat().st_mtime_ns
    )
    assert json.loads(newest.read_text())["baseline"]["kind"] == "passed"


def test_one_that_is_not_there_was_read(audit):
    code, results = audit("key", sets=f"[{IDS[0]}, {'f' * 32}]", deny=None)
    assert (code, results["summary"]["not_found"], results["summary"]["unreadable_gated"]) == (0, 1, 0)
