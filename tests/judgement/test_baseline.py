"""The baseline of `new_only`, over weeks: retries, outages, other options, other names, somebody's word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.cli import main
from tests.answers import answer, failure
from tests.copies import run_or_copy

ONE, TWO, THREE = (f"{number:032x}" for number in (1, 2, 3))
FORCED = {"overrides": {"forced": True}}
POLICY = """\
version: 1
pack: house
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: active, title: Active, severity: low, require: {imageSetState: ACTIVE}}
"""


class Audit:
    """An audit of recorded answers whose runs are kept."""

    def __init__(self, folder):
        self.folder = folder
        self.policy(POLICY)

    def policy(self, text):
        (self.folder / "p.yaml").write_text(text)

    def __call__(self, *answers, options=("--new-only",)):
        (self.folder / "sets.json").write_text(json.dumps(answers))
        given = ["check", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q", *options]
        return run_or_copy(self.folder, *given, "--report", "json=r.json")

    @property
    def results(self):
        return json.loads((self.folder / "r.json").read_text())

    @property
    def runs(self):
        return sorted(
            (path for path in (self.folder / "runs").iterdir()),
            key=lambda path: (path / "manifest.json").stat().st_mtime_ns,
        )

    def manifest(self):
        return json.loads((self.runs[-1] / "manifest.json").read_text())


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    yield Audit(tmp_path)
    capsys.readouterr()


def accept(run="latest", *more):
    return main(["baseline", "accept", f"runs/{run}", "--reason", "agreed", "--by", "Ada", *more])


def test_a_violation_stays_red_however_often_the_audit_is_repeated(check):
    assert [check(answer(ONE)), *(check(answer(ONE, **FORCED)) for _ in range(3))] == [0, 1, 1, 1]


def test_a_violation_stays_red_until_it_is_fixed(check):
    check(answer(ONE))
    check(answer(ONE, **FORCED))
    assert [check(answer(ONE, versionId="2")), check(answer(ONE, versionId="3", **FORCED))] == [0, 1]


def test_without_a_baseline_all_findings_count_and_the_message_says_how_to_accept(check, capsys):
    assert [check(answer(ONE, **FORCED)), check(answer(ONE, **FORCED))] == [1, 1]
    assert "baseline accept RUN --reason TEXT --by NAME" in capsys.readouterr().err
    told = check.results["summary"]["sentence"]
    assert "No baseline yet: all findings count." in told
    assert "new" not in told
    assert any("baseline accept" in note for note in check.results["run"]["notes"])


def test_an_outage_is_no_baseline_and_takes_nothing_from_it(check):
    check(answer(ONE, **FORCED), answer(TWO))
    accept()
    assert [check(failure(ONE), failure(TWO)), check(answer(ONE, **FORCED), answer(TWO))] == [3, 0]
    assert check(answer(ONE, **FORCED), answer(TWO, **FORCED)) == 1


def test_an_outage_that_a_gate_let_pass_is_a_baseline_of_what_it_judged_alone(check):
    check(answer(ONE, **FORCED), answer(TWO))
    accept()
    (check.folder / "audit.yaml").write_text("")
    lenient = check.folder / "lenient"
    lenient.mkdir()
    # one of two could not be read, and the gate ignores that
    config = (
        "version: 1\nname: recorded\npolicies: [p.yaml]\ngate: {new_only: true, on_unknown: ignore}\n"
        "targets: [{name: recorded, region: us-east-1, datastore: 0123456789abcdef0123456789abcdef, image_sets: all}]\n"
    )
    (check.folder / "lenient.yaml").write_text(config)
    (check.folder / "sets.json").write_text(json.dumps([failure(ONE), answer(TWO)]))
    code = main(["check", "-c", "lenient.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q"])
    assert code == 0
    assert check(answer(ONE, **FORCED), answer(TWO)) == 0


@pytest.mark.parametrize(
    "options", [("--rule", "active"), ("--skip-rule", "unforced"), ("--fail-on", "never")], ids=" ".join
)
def test_a_run_that_looked_at_less_launders_nothing(check, options):
    check(answer(ONE))
    assert check(answer(ONE, **FORCED)) == 1
    assert check(answer(ONE, **FORCED), options=("--new-only", *options)) == 0
    assert check(answer(ONE, **FORCED)) == 1


@pytest.mark.parametrize("options", [("--rule", "active"), ("--skip-rule", "unforced")], ids=" ".join)
def test_a_run_that_looked_at_less_forgets_nothing(check, options):
    check(answer(ONE, **FORCED))
    accept()
    assert check(answer(ONE, **FORCED), options=("--new-only", *options)) == 0
    assert check(answer(ONE, **FORCED)) == 0


def test_another_pack_in_between_changes_nothing(check):
    check(answer(ONE, **FORCED))
    accept()
    check.policy(POLICY.replace("pack: house", "pack: guest").replace("high, deny: {overrides.forced: true}", "high, deny: {imageSetState: DELETED}"))  # fmt: skip
    assert check(answer(ONE, **FORCED)) == 0
    check.policy(POLICY)
    assert check(answer(ONE, **FORCED)) == 0


def test_a_gate_that_counts_more_than_the_one_that_passed_has_no_baseline_in_it(check):
    assert check(answer(ONE, imageSetState="DELETED"), options=("--new-only", "--fail-on", "high")) == 0
    assert check(answer(ONE, imageSetState="DELETED")) == 1
    assert any("counted less than this one" in note for note in check.results["run"]["notes"])


def test_an_acceptance_is_named_in_reports_and_manifests_and_can_be_revoked(check, capsys):
    check(answer(ONE, **FORCED))
    accepted = check.runs[-1].name
    accept()
    assert check(answer(ONE, **FORCED)) == 0
    since = check.results["summary"]["since"]
    assert (since["run"], since["kind"], since["accepted"]["by"], since["accepted"]["reason"]) == (accepted, "accepted", "Ada", "agreed")  # fmt: skip
    assert "accepted by Ada" in check.results["summary"]["sentence"]
    named = check.manifest()["baseline"]
    statement = (check.folder / "runs" / accepted / "baseline-1.json").read_bytes()
    import hashlib

    assert named["accepted"]["sha256"] == hashlib.sha256(statement).hexdigest()
    # the run that passed since has the accepted findings, and stays one to compare with
    assert main(["baseline", "revoke", f"runs/{accepted}", "--reason", "too early", "--by", "Bob"]) == 0
    out = capsys.readouterr().out
    assert "by Bob: too early" in out
    assert main(["verify", "runs"]) == 0


def test_what_was_revoked_before_anything_passed_is_no_baseline_any_more(check):
    check(answer(ONE, **FORCED))
    accept()
    main(["baseline", "revoke", "runs/latest", "--reason", "too early", "--by", "Bob"])
    assert check(answer(ONE, **FORCED)) == 1
    accept(check.runs[0].name)
    assert check(answer(ONE, **FORCED)) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["accept", "runs/latest", "--reason", " ", "--by", "Ada"], "--reason: error: says nothing"),
        (["revoke", "runs/latest", "--reason", "r", "--by", "Ada"], "nobody has accepted it"),
        (["accept", "runs/nope", "--reason", "r", "--by", "Ada"], "there is no such run"),
    ],
)
def test_what_cannot_be_said_of_a_run_is_refused(check, capsys, arguments, said):
    check(answer(ONE, **FORCED))
    assert main(["baseline", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(Path("runs").glob("*/baseline-*"))


def test_a_statement_that_was_altered_is_told(check, capsys):
    check(answer(ONE, **FORCED))
    accept()
    path = check.runs[-1] / "baseline-1.json"
    path.write_text(path.read_text().replace('"manifest": "', '"manifest": "0'))
    assert check(answer(ONE, **FORCED)) == 2
    assert "baseline-1.json" in capsys.readouterr().err


def test_baseline_show_says_which_run_it_is_and_who_accepted_it(check, capsys):
    check(answer(ONE, **FORCED))
    main(["baseline", "show", "runs"])
    assert "No baseline yet" in capsys.readouterr().out
    accept()
    capsys.readouterr()
    main(["baseline", "show", "runs"])
    out = capsys.readouterr().out
    assert check.runs[-1].name in out
    assert "by Ada: agreed" in out


def test_a_renamed_pack_is_told_once_and_renamed_by_audit_yaml(check, capsys):
    check(answer(ONE, **FORCED))
    accept()
    check.policy(POLICY.replace("pack: house", "pack: home"))
    assert check(answer(ONE, **FORCED)) == 1
    assert "1 finding of the pack house" in "".join(check.results["run"]["notes"])
    assert "renamed: {packs: {home: house}}" in capsys.readouterr().err
    assert check(answer(ONE, **FORCED)) == 1
    assert "of the pack house" not in "".join(check.results["run"]["notes"])
    (check.folder / "renamed.yaml").write_text(
        "version: 1\nname: recorded\npolicies: [p.yaml]\ngate: {new_only: true}\nrenamed: {packs: {home: house}}\n"
        "targets: [{name: recorded, region: us-east-1, datastore: 0123456789abcdef0123456789abcdef, image_sets: all}]\n"
    )
    given = ["check", "-c", "renamed.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q"]
    assert main(given) == 0


FIRST_SEEN = ("first_seen", "first_seen_run")


def seen(check, name=ONE, rule="unforced"):
    (item,) = (
        finding
        for finding in check.results["findings"]
        if (finding["imageSetId"], finding["rule"]) == (name, rule)
    )
    return item["first_seen"], item["first_seen_run"]


def test_a_finding_is_first_seen_where_it_first_failed_without_a_break(check):
    check(answer(ONE), options=())
    check(answer(ONE, **FORCED), options=())
    first = check.manifest()
    assert seen(check) == (first["as_of"], check.results["run"]["id"])
    for answers in (
        [answer(ONE, **FORCED)],
        [failure(ONE)],
        [answer(TWO)],
        [answer(ONE, versionId="2", **FORCED)],
    ):
        check(*answers, options=())
    assert seen(check) == (first["as_of"], first["run"])
    check(answer(ONE), options=())
    check(answer(ONE, **FORCED), options=())
    assert seen(check)[0] == check.manifest()["as_of"]


def test_an_unknown_says_since_when_it_is_unknown(check):
    check(answer(ONE, **FORCED), options=())
    check(failure(ONE), options=())
    unknown = check.manifest()
    check(failure(ONE), options=())
    assert seen(check) == (unknown["as_of"], unknown["run"])


def test_where_no_run_is_kept_a_finding_is_first_seen_now(check, tmp_path):
    (tmp_path / "sets.json").write_text(json.dumps([answer(ONE, **FORCED)]))
    main(["check", "-p", "p.yaml", "--image-sets", "sets.json", "--report", "json=r.json", "-q"])
    (item,) = check.results["findings"]
    assert (item["first_seen"], item["first_seen_run"]) == (
        check.results["run"]["as_of"],
        check.results["run"]["id"],
    )
    assert item["age_days"] == 0


@pytest.mark.parametrize(
    ("change", "said"), [("alter", "not the one that was there"), ("remove", "not there any more")]
)
def test_verify_tells_that_the_word_on_a_baseline_is_gone_or_another(check, capsys, change, said):
    check(answer(ONE, **FORCED))
    accept()
    check(answer(ONE, **FORCED))
    assert main(["verify", "runs"]) == 0
    path = next((check.folder / "runs").glob("*/baseline-1.json"))
    if change == "alter":
        path.write_text(path.read_text().replace("agreed", "agreeable"))
    else:
        path.unlink()
    capsys.readouterr()
    assert main(["verify", "runs"]) == 1
    assert said in capsys.readouterr().err


GATE = (
    "version: 1\nname: recorded\npolicies: [p.yaml]\ngate: {GATE}\n"
    "targets: [{name: recorded, region: us-east-1, datastore: 0123456789abcdef0123456789abcdef, image_sets: all}]\n"
)


def gated(check, gate, *answers, options=()):
    """The exit code with a gate of audit.yaml."""
    (check.folder / "gate.yaml").write_text(GATE.replace("{GATE}", f"{{{gate}}}"))
    (check.folder / "sets.json").write_text(json.dumps(answers))
    given = ["check", "-c", "gate.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q", *options]
    return main([*given, "--report", "json=r.json"])


def test_a_pass_beside_a_run_that_was_named_is_no_baseline(check):
    check(answer(ONE))
    assert check(answer(ONE, **FORCED)) == 1
    named = ("--new-only", "--baseline", "latest")
    assert check(answer(ONE, **FORCED), options=named) == 0
    assert check(answer(ONE, **FORCED)) == 1


def test_a_pass_beside_a_named_run_that_passed_or_was_accepted_is_a_baseline(check):
    check(answer(ONE))
    first = check.runs[0].name
    assert check(answer(ONE), options=("--new-only", "--baseline", first)) == 0
    assert check(answer(ONE, **FORCED)) == 1
    accept()
    assert check(answer(ONE, **FORCED), options=("--new-only", "--baseline", "latest")) == 0
    assert check(answer(ONE, **FORCED)) == 0


def test_what_a_maximum_let_through_is_not_let_stand(check):
    assert gated(check, "fail_on: high, max: {high: 100}", answer(ONE, **FORCED), answer(TWO, **FORCED)) == 0
    assert gated(check, "fail_on: high, new_only: true", answer(ONE, **FORCED), answer(TWO, **FORCED)) == 1


def test_a_maximum_of_new_fails_does_not_creep(check):
    limit = "fail_on: high, new_only: true, max: {high: 1}"
    clean, item = answer(ONE), answer(ONE, **FORCED)
    assert gated(check, limit, clean, answer(TWO), answer(THREE)) == 0
    assert gated(check, limit, item, answer(TWO), answer(THREE)) == 0
    assert gated(check, limit, item, answer(TWO, **FORCED), answer(THREE)) == 1
    assert gated(check, limit, item, answer(TWO), answer(THREE)) == 0


def test_evidence_judged_again_by_a_stricter_gate_has_no_laxer_baseline(check):
    for _ in range(2):
        check(answer(ONE, **FORCED), options=("--new-only", "--fail-on", "never"))
    again = ["check", "--evidence", f"runs/{check.runs[-1].name}", "--new-only", "-q"]
    assert main([*again, "--fail-on", "low"]) == 1
    assert main([*again, "--fail-on", "never"]) == 0


def test_evidence_judged_again_has_no_baseline_that_was_revoked(check):
    check(answer(ONE, **FORCED))
    first = check.runs[0].name
    accept()
    assert check(answer(ONE, **FORCED)) == 0
    again = ["check", "--evidence", f"runs/{check.runs[-1].name}", "--new-only", "-q"]
    assert main(again) == 0
    main(["baseline", "revoke", f"runs/{first}", "--reason", "too early", "--by", "Bob"])
    assert main(again) == 1


def test_a_run_that_is_accepted_lets_nothing_stand_that_was_revoked(check):
    check(answer(ONE, **FORCED))
    first = check.runs[0].name
    accept()
    assert check(failure(ONE)) == 3
    outage = check.manifest()["run"]
    main(["baseline", "revoke", f"runs/{first}", "--reason", "in error", "--by", "Bob"])
    assert check(answer(ONE, **FORCED)) == 1
    accept(outage)
    assert check(answer(ONE, **FORCED)) == 1


def test_a_fail_that_was_let_stand_and_was_fixed_is_new_when_it_comes_back(check):
    check(answer(ONE, **FORCED), answer(TWO))
    accept()
    # red for another reason, and the first one is in order
    assert check(answer(ONE), answer(TWO, **FORCED)) == 1
    assert check(answer(ONE, **FORCED), answer(TWO)) == 1
    assert check(answer(ONE, **FORCED), answer(TWO)) == 1
    (item,) = (finding for finding in check.results["findings"] if finding["gated"])
    assert (item["imageSetId"], item["new"]) == (ONE, True)


def test_what_was_accepted_stands_while_other_fails_keep_the_gate_red(check):
    check(answer(ONE, **FORCED), answer(TWO))
    accept()
    for _ in range(3):
        assert check(answer(ONE, **FORCED), answer(TWO, **FORCED)) == 1
    assert check(answer(ONE, **FORCED), answer(TWO)) == 0


@pytest.mark.parametrize("change", ["remove", "empty", "link", "add"])
def test_a_word_on_a_baseline_that_is_gone_altered_or_added_is_told(check, capsys, change):
    check(answer(ONE, **FORCED))
    folder = check.runs[0]
    accept()
    main(["baseline", "revoke", "runs/latest", "--reason", "in error", "--by", "Bob"])
    check(answer(ONE, **FORCED))
    assert main(["verify", "runs"]) == 0
    revoked = folder / "baseline-2.json"
    if change in ("remove", "link"):
        revoked.unlink()
    if change == "link":
        revoked.symlink_to("baseline-9.json")
    if change == "empty":
        revoked.write_text("{}")
    if change == "add":
        (folder / "baseline-9.json").write_text("{}")
    capsys.readouterr()
    assert main(["verify", "runs"]) == 1
    assert "baseline-" in capsys.readouterr().err
    if change != "add":
        assert check(answer(ONE, **FORCED)) == 2


def test_since_when_survives_a_name_that_is_stated_later(check):
    check(answer(ONE, **FORCED))
    first = check.manifest()
    check.policy(POLICY.replace("pack: house", "pack: home"))
    check(answer(ONE, **FORCED))
    gated(check, "new_only: true}\nrenamed: {packs: {home: house}", answer(ONE, **FORCED))
    assert seen(check) == (first["as_of"], first["run"])


def changes(check):
    """What the last run says of the change since the run before, and what `diff` of the two says."""
    own = check.results["summary"]["since"]
    main(["diff", "runs/previous", "runs/latest", "--report", "json=d.json"])
    other = json.loads((check.folder / "d.json").read_text())
    words = ("new", "undecided", "not_judged_any_more", "fixed", "decided", "waived", "persisting")
    new = {}
    for cause in own["causes"]:
        if cause["change"] == "new":
            new[tuple(cause["causes"])] = cause["number"]
    told = {}
    for cause in other["summary"]["rules"]:
        if cause["category"] == "new":
            told[tuple(cause["causes"])] = told.get(tuple(cause["causes"]), 0) + cause["number"]
    assert {word: own[word] for word in words} == {word: other["summary"][word] for word in words}
    assert new == told
    return {word: own[word] for word in words if own[word]}, new


def test_what_was_judged_before_an_outage_is_not_judged_for_the_first_time_after_it(check):
    check(answer(ONE), options=())
    check(failure(ONE), options=())
    check(answer(ONE, **FORCED), options=())
    found, new = changes(check)
    assert found == {"new": 1, "decided": 1}
    assert new == {("data",): 1}


def test_a_run_of_another_rule_in_between_makes_nothing_first_judged(check):
    check(answer(ONE), options=())
    check(answer(ONE), options=("--rule", "active"))
    check(answer(ONE, **FORCED), options=())
    assert changes(check) == ({"new": 1}, {("data",): 1})


def test_versions_whose_list_could_not_be_read_are_undecided_and_decided_once_it_can(check):
    check.policy(
        "version: 1\npack: house\nrules:\n"
        "  - {id: ever, title: Ever, severity: high, scope: version, deny: {overrides.forced: true}}\n"
    )
    listed = [answer(ONE), answer(ONE, versionId="2", **FORCED)]
    entry = {
        "imageSetPropertiesList": [
            {k: v for k, v in waiver.items() if k != "datastoreId"} for waiver in listed
        ]
    }
    unread = {"imageSetId": ONE, "error": {"code": "ThrottlingException", "message": ""}}
    check(entry, options=())
    check(unread, options=())
    found, _ = changes(check)
    assert found == {"undecided": 1, "new": 1}
    check(entry, options=())
    found, _ = changes(check)
    assert found == {"persisting": 1, "decided": 1}


def test_diff_knows_a_renamed_pack_as_check_does(check):
    check(answer(ONE, **FORCED), options=())
    check.policy(POLICY.replace("pack: house", "pack: home"))
    gated(check, "fail_on: low}\nrenamed: {packs: {home: house}", answer(ONE, **FORCED))
    assert check.results["summary"]["since"]["persisting"] == 1
    main(["diff", "runs/previous", "runs/latest", "-c", "gate.yaml", "--report", "json=d.json"])
    summary = json.loads((check.folder / "d.json").read_text())["summary"]
    assert (summary["persisting"], summary["new"], summary["not_judged_any_more"]) == (1, 0, 0)
