"""`rules list|show|validate|test` and `init`."""

import re

import pytest

from checker.cli import main

POLICY = """\
version: 1
pack: p
rules:
  - id: forced
    title: Not forced
    severity: high
    why: Force skips checks.
    fix: Revert.
    deny: {overrides.forced: true}
    tests:
      - {name: forced, given: {overrides: {forced: true}}, expect: EXPECTED}
  - id: aged
    title: Not old
    severity: low
    params: {window: {type: duration}}
    deny: {createdAt: {older_than: $window}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY.replace("EXPECTED", "fail"))
    (tmp_path / "wrong.yaml").write_text(POLICY.replace("EXPECTED", "pass"))
    return tmp_path


def test_list_prints_one_rule_a_line(capsys):
    assert main(["rules", "list", "p.yaml"]) == 0
    assert capsys.readouterr().out == "p/forced  high  Not forced\np/aged    low   Not old\n"


def test_list_without_a_path_means_the_shipped_packs(capsys):
    assert main(["rules", "list"]) == 0
    assert "no-forced-overrides" in capsys.readouterr().out


def test_show_prints_what_a_rule_says_of_itself(capsys):
    assert main(["rules", "show", "forced", "p.yaml"]) == 0
    out = capsys.readouterr().out
    for part in (
        "p/forced",
        "Not forced",
        "why: Force skips checks.",
        "fix: Revert.",
        "deny: {overrides.forced: true}",
    ):
        assert part in out
    assert "aged" not in out


def test_show_of_a_rule_whose_name_is_begun_names_it(capsys):
    assert main(["rules", "show", "no-fai"]) == 2
    assert "help: did you mean no-failed-workflow?" in capsys.readouterr().err
    assert main(["rules", "show", "deleted"]) == 2
    assert "deleted-never-returns" in capsys.readouterr().err


def test_show_of_an_unknown_rule_suggests(capsys):
    assert main(["rules", "show", "forcd", "p.yaml"]) == 2
    assert "did you mean forced?" in capsys.readouterr().err


def test_validate_needs_no_value_for_a_required_parameter(capsys):
    assert main(["rules", "validate", "p.yaml"]) == 0
    assert capsys.readouterr().out == "2 rules in the pack p: valid\n"


def test_strict_demands_why_fix_and_tests(capsys):
    assert main(["rules", "validate", "--strict", "p.yaml"]) == 2
    err = capsys.readouterr().err
    assert [line.split("error: ")[1] for line in err.splitlines() if "error: " in line] == [
        "the rule aged has no fix",
        "the rule aged has no tests",
        "the rule aged has no why",
    ]


def test_the_tests_of_a_shipped_pack_hold(capsys):
    assert main(["rules", "test", "pack:healthimaging-cost"]) == 0


def test_test_passes_where_every_verdict_is_the_expected_one(capsys):
    assert main(["rules", "test", "p.yaml"]) == 0
    assert capsys.readouterr().out == "1 test passed, 0 failed, 1 rule of the pack p tested\n"


def test_test_tells_expected_and_got_at_the_place_of_the_test(capsys):
    assert main(["rules", "test", "wrong.yaml"]) == 1
    out, err = capsys.readouterr()
    assert err == "wrong.yaml:11:9: error: p/forced: forced: expected pass, got fail\n"
    assert out == "0 tests passed, 1 failed, 1 rule of the pack p tested\n"


def test_test_of_a_rule_without_tests_proves_nothing(capsys):
    assert main(["rules", "test", "p.yaml", "--rule", "aged"]) == 3


def test_init_writes_what_validates_and_overwrites_nothing(capsys, folder):
    assert main(["init", "new"]) == 0
    assert main(["rules", "test", "new/policies"]) == 0
    before = (folder / "new/audit.yaml").read_bytes()
    assert main(["init", "new"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (folder / "new/audit.yaml").read_bytes() == before


def test_the_first_audit_says_what_to_fill_in(folder):
    from checker.api import configure

    main(["init", "."])
    config = configure("audit.yaml")
    assert config.name == "my-archive"


def test_the_first_audit_has_a_whole_data_store_to_choose(folder):
    from checker.api import configure

    main(["init", "."])
    listed = re.compile(r"^    image_sets:.*\n      - .*\n", re.MULTILINE)
    text, found = listed.subn("", (folder / "audit.yaml").read_text(encoding="utf-8"))
    assert found == 1
    commented = re.compile(r"# (?=(image_sets|collect):)")
    text, found = commented.subn("", text)
    assert found == 2
    (folder / "audit.yaml").write_text(text, encoding="utf-8")
    config = configure("audit.yaml")
    assert config.targets[0].searched
    assert config.targets[0].complete
    assert config.collect.share == 0.4
