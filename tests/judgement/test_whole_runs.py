"""A run says the same of itself however it was made: by `check`, from kept evidence, or again from its folder."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

import checker
from checker.cli import main
from checker.model import Severity
from tests.answers import STORE, answer

FORCED, HEALTHY = (f"{number:032x}" for number in range(1, 3))
POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: primary, title: Primary, severity: low, require: {isPrimary: true}}
"""
WAIVERS = f"""\
version: 1
waivers:
  - {{rule: house/unforced, image_sets: [{FORCED}], reason: why, owner: imaging, approved_by: quality, created: 2026-01-01, expires: 2026-02-20}}
"""
AUDIT = f"""\
version: 1
policies: [../p.yaml]
targets: [{{name: archive, region: us-east-1, datastore: "{STORE}", image_sets: ["{FORCED}"]}}]
rules: {{house/primary: {{severity: medium}}}}
waivers: {{file: ../w.yaml, soon: 60d}}
gate: {{fail_on: high, on_unknown: violation, new_only: true, max: {{medium: 3}}, min_coverage: 99.5%}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "w.yaml").write_text(WAIVERS)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "audit.yaml").write_text(AUDIT)
    sets = [answer(FORCED, isPrimary=True, overrides={"forced": True}), answer(HEALTHY, isPrimary=False)]
    (tmp_path / "sets.json").write_text("\n".join(map(json.dumps, sets)))
    return tmp_path


def check(*options):
    given = [
        "check",
        "-p",
        "p.yaml",
        "--image-sets",
        "sets.json",
        "--waivers",
        "w.yaml",
        "--as-of",
        "2026-01-10",
    ]
    return main([*given, "--runs", "runs", "-q", *options])


def only_run(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def manifest(run):
    return json.loads((run / "manifest.json").read_text())


FORMATS = ("html", "json", "junit", "text")


def reports(prefix):
    return [part for kind in FORMATS for part in ("--report", f"{kind}={prefix}.{kind}")]


def test_reports_of_a_run_with_waivers_are_those_that_it_wrote(folder):
    check(*reports("a"))
    run = only_run(folder / "runs")
    for name in ("p.yaml", "w.yaml", "sets.json"):
        (folder / name).unlink()
    main(["report", str(run), *reports("b")])
    for kind in FORMATS:
        first, again = ((folder / f"{item}.{kind}").read_text() for item in "ab")
        for other in FORMATS:
            again = again.replace(f"b.{other}", f"a.{other}")
        assert first == again
    (waiver,) = json.loads((folder / "a.json").read_text())["run"]["waivers"]
    assert waiver["where"] == "w.yaml:3:5"


def test_kept_evidence_judged_again_is_sealed_with_what_it_was_judged_by(folder):
    check()
    run = only_run(folder / "runs")
    again = ["check", "-c", "config/audit.yaml", "--evidence", str(run), "--as-of", "2026-01-10"]
    main([*again, "--runs", "again", "-q", *reports("a")])
    kept = only_run(folder / "again")
    facts = manifest(kept)
    assert (facts["soon"], facts["audit"], facts["waivers"]) == (
        "60d",
        "config/audit.yaml",
        "config/../w.yaml",
    )
    document = json.loads((folder / "a.json").read_text())
    assert [waiver["expires_soon"] for waiver in document["run"]["waivers"]] == [True]
    main(["report", str(kept), "--report", "json=b.json"])
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()


def test_evidence_judged_again_by_its_own_terms_keeps_their_names(folder):
    check()
    run = only_run(folder / "runs")
    main(["check", "-c", "config/audit.yaml", "--evidence", str(run), "--runs", "again", "-q"])
    kept = only_run(folder / "again")
    main(["check", "--evidence", str(kept), "--runs", "third", "-q", "--report", "json=a.json"])
    third = only_run(folder / "third")
    facts = manifest(third)
    assert (facts["soon"], facts["audit"], facts["waivers"]) == (
        "60d",
        "config/audit.yaml",
        "config/../w.yaml",
    )
    main(["report", str(third), "--report", "json=b.json"])
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()


def test_the_gate_of_the_library_is_all_of_audit_yamls(folder):
    gate = checker.gate(checker.configure("config/audit.yaml"))
    assert gate == checker.Gate(
        Severity.HIGH, "violation", new_only=True, most={Severity.MEDIUM: 3}, min_coverage=Fraction(199, 200)
    )


def test_a_run_of_the_library_is_sealed_as_it_was_made(folder):
    policies = checker.load(["p.yaml"])
    rules = checker.choose(policies)
    config = checker.configure("config/audit.yaml")
    waivers, _ = checker.read_waivers(config, rules)
    evidence = checker.recorded(["sets.json"], policies, needs=rules.needs)
    store = checker.open_store("runs")
    as_of = waivers[0].created
    working = checker.begin(store, rules, evidence.digest, as_of, "mine")
    evidence = checker.move(evidence, working.folder)
    run = checker.evaluate(
        rules,
        evidence,
        name="mine",
        as_of=as_of,
        gate=checker.gate(config),
        waivers=waivers,
        soon=config.soon,
    )
    with pytest.raises(checker.InvalidInputError, match="has waivers, and their file is not kept with it"):
        checker.seal(run, working)
    place = checker.seal(run, working, files={"waivers.yaml": (folder / "w.yaml").read_bytes()})
    again = checker.replay(checker.reopen(place))
    assert (again.criteria.soon, again.gate, again.sentence) == (config.soon, run.gate, run.sentence)


def test_waivers_in_place_of_those_of_a_kept_run_end_as_soon_as_its_audit_says(folder):
    check()
    run = only_run(folder / "runs")
    main(["check", "-c", "config/audit.yaml", "--evidence", str(run), "--runs", "again", "-q"])
    kept = only_run(folder / "again")
    main(["check", "--evidence", str(kept), "--waivers", "w.yaml", "--runs", "third", "-q"])
    assert manifest(only_run(folder / "third"))["soon"] == "60d"
