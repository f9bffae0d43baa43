"""`waivers check`: a line for each waiver, and an exit code for CI."""

from __future__ import annotations

import pytest

from checker.cli import main
from cli.waiver_runs import AUDIT, FORCED, HEALTHY, SETS, TOO, UNREAD, keep_run, kept_run

__all__ = ["kept_run"]

REST = "reason: why, owner: imaging, approved_by: quality, created: 2026-01-01"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, kept_run):
    return kept_run(folder)


def write(folder, *entries):
    lines = [f"  - {{{entry}, {REST}}}\n" for entry in entries]
    (folder / "waivers.yaml").write_text(f"version: 1\nwaivers:\n{''.join(lines)}")


def check(*options):
    return main(["waivers", "check", "--waivers", "waivers.yaml", *options])


def lines(capsys):
    return capsys.readouterr().out.splitlines()


USED = f"rule: p/forced, image_sets: [{FORCED}, {TOO}], expires: 2026-03-31"


@pytest.mark.parametrize(
    ("as_of", "strict", "code", "state", "left", "summary"),
    [
        ("2025-12-31", [], 0, "not yet", "from 2026-01-01 on", "1 waiver: 1 not in force yet"),
        ("2026-01-01", [], 0, "in force", "89 days left", "1 waiver: all in force"),
        ("2026-01-01", ["--strict"], 0, "in force", "89 days left", "1 waiver: all in force"),
        ("2026-03-17T23:59:59Z", ["--strict"], 0, "in force", "14 days left", "1 waiver: all in force"),
        ("2026-03-18", [], 0, "ends soon", "13 days left", "1 waiver: 1 ends soon"),
        ("2026-03-18", ["--strict"], 1, "ends soon", "13 days left", "1 waiver: 1 ends soon"),
        ("2026-03-31T23:59:59Z", [], 0, "ends soon", "its last day", "1 waiver: 1 ends soon"),
        ("2026-04-01", [], 1, "expired", "1 day ago", "1 waiver: 1 expired"),
        ("2026-04-05", ["--strict"], 1, "expired", "5 days ago", "1 waiver: 1 expired"),
    ],
)
def test_the_exit_code_goes_by_the_days(run, folder, capsys, as_of, strict, code, state, left, summary):
    write(folder, USED)
    assert check("-p", "p.yaml", "--as-of", as_of, *strict) == code
    assert lines(capsys) == [
        f"{state}  p/forced  image sets {FORCED}, {TOO}  imaging  2026-03-31 ({left})",
        summary,
    ]


def test_evidence_tells_what_is_used(run, folder, capsys):
    write(folder, USED, "rule: p/few, target: recorded, expires: 2026-03-31")
    assert check("--evidence", run, "--as-of", "2026-01-02") == 0
    assert lines(capsys)[-1] == "2 waivers: all in force"


@pytest.mark.parametrize(
    ("entry", "remark"),
    [
        (f"rule: p/forced, image_sets: [{HEALTHY}], expires: 2026-03-31", "unused: it covers no fail"),
        (
            f"rule: p/forced, image_sets: [{FORCED}], version: 2, expires: 2026-03-31",
            "unused: it covers no fail",
        ),
        (
            "rule: p/few, target: recorded, covers: unknown, expires: 2026-03-31",
            "unused: it covers no unknown",
        ),
        (
            "rule: p/primary, target: recorded, covers: unknown, expires: 2026-03-31",
            "over-broad: of 4 that it reaches, 1 is unknown",
        ),
    ],
)
def test_what_covers_too_little_is_found_with_evidence_alone(run, folder, capsys, entry, remark):
    write(folder, entry)
    assert check("-p", "p.yaml", "--as-of", "2026-01-02") == 0
    assert check("--evidence", run, "--as-of", "2026-01-02") == 1
    line, summary = lines(capsys)[-2:]
    assert line.endswith(f"(88 days left)  {remark}")
    assert summary == f"1 waiver: 1 {remark.partition(':')[0]}"


def test_a_renewed_waiver_takes_the_place_of_the_one_before(run, folder, capsys):
    old = f"rule: p/forced, image_sets: [{FORCED}], expires: 2026-01-05"
    new = f"rule: p/forced, image_sets: [{FORCED}], expires: 2026-03-31"
    write(folder, old, new)
    assert check("--evidence", run, "--as-of", "2026-01-10") == 1
    first, second, _ = lines(capsys)
    assert first.startswith("expired")
    assert first.endswith("unused: it covers no fail")
    assert second.startswith("in force")
    assert second.endswith("(80 days left)")


def test_a_waiver_whose_rule_is_not_judged_says_so(run, folder, capsys):
    write(folder, "rule: other/r, target: recorded, expires: 2026-03-31", USED)
    assert check("--evidence", run, "--as-of", "2026-01-02") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].endswith("could not be told whether it is needed: its rule was not judged")
    assert out.splitlines()[-1] == "2 waivers: of 1 it could not be told whether it is needed"
    assert "warning: no loaded pack is called other; the waiver is ignored" in err


def test_audit_yaml_has_the_file_the_policies_and_what_is_soon(run, folder, capsys):
    write(folder, USED)
    (folder / "audit.yaml").write_text(AUDIT.replace("waivers.yaml", "{file: waivers.yaml, soon: 60d}"))
    assert main(["waivers", "check", "--as-of", "2026-02-05"]) == 0
    assert lines(capsys)[-1] == "1 waiver: 1 ends soon"
    assert main(["waivers", "check", "--evidence", run.removeprefix("runs/"), "--as-of", "2026-01-03"]) == 0
    assert lines(capsys)[-1] == "1 waiver: all in force"
    (folder / "audit.yaml").write_text(AUDIT + "rules: {p/forced: {off: not ours}}\n")
    assert main(["waivers", "check", "--evidence", run, "--as-of", "2026-01-03"]) == 0
    assert "its rule was not judged" in lines(capsys)[0]


GONE = "98f88ac7870584f58d56256646b4d92b"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("rule: p/primary, target: recorded", "of 4 that it reaches, 1 could not be judged"),
        (f"rule: p/primary, image_sets: [{UNREAD}]", "of 1 that it reaches, 1 could not be judged"),
        (
            f"rule: p/primary, image_sets: [{HEALTHY}, {UNREAD}]",
            "of 2 that it reaches, 1 could not be judged",
        ),
        (f"rule: p/primary, image_sets: [{UNREAD}], version: 2", "1 could not be judged"),
        (f"rule: p/primary, image_sets: [{UNREAD}], version: 2, covers: unknown", "1 could not be judged"),
        (f"rule: p/primary, image_sets: [{GONE}]", f"image set {GONE} was not looked at"),
        (f"rule: p/ever, image_sets: [{HEALTHY}]", "of 1 that it reaches, 1 could not be judged"),
        ("rule: p/primary, target: other", "target other was not looked at"),
    ],
)
def test_what_could_not_be_judged_makes_no_waiver_unused(run, folder, capsys, entry, why):
    write(folder, f"{entry}, expires: 2026-03-31")
    assert check("--evidence", run, "--as-of", "2026-01-02") == 3
    line, summary = lines(capsys)
    assert line.endswith(f"(88 days left)  could not be told whether it is needed: {why}")
    assert summary == "1 waiver: of 1 it could not be told whether it is needed"


def test_what_somebody_has_to_do_comes_before_what_could_not_be_told(run, folder, capsys):
    write(
        folder,
        f"rule: p/primary, image_sets: [{UNREAD}], expires: 2026-03-31",
        f"rule: p/primary, image_sets: [{HEALTHY}], expires: 2026-03-31",
    )
    assert check("--evidence", run, "--as-of", "2026-01-02") == 1
    assert lines(capsys)[-1] == "2 waivers: 1 unused, of 1 it could not be told whether it is needed"


def test_no_waiver_is_unused_in_a_run_that_read_nothing(folder, capsys):
    unread = [{**item, "error": {"code": "ThrottlingException", "message": "slower"}} for item in SETS]
    name = keep_run(
        folder, [{key: item[key] for key in ("datastoreId", "imageSetId", "error")} for item in unread]
    )
    write(folder, USED, "rule: p/primary, target: recorded, expires: 2026-03-31")
    assert check("--evidence", name, "--as-of", "2026-01-02") == 3
    assert lines(capsys)[-1] == "2 waivers: of 2 it could not be told whether it is needed"


def test_no_waiver_is_no_problem(run, folder, capsys):
    write(folder)
    assert check("-p", "p.yaml") == 0
    assert lines(capsys) == ["0 waivers"]


def test_text_from_a_file_cannot_move_the_cursor(run, folder, capsys):
    write(folder, USED.replace("rule:", "rule:"))
    text = (folder / "waivers.yaml").read_text().replace("owner: imaging", 'owner: "ima\\e[31m\\nging"')
    (folder / "waivers.yaml").write_text(text)
    assert check("-p", "p.yaml", "--as-of", "2026-01-02") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--waivers", "w.yaml", "-p", "p.yaml"], "w.yaml: error: cannot be read"),
        (["--waivers", "waivers.yaml"], "add -p POLICY, or -c audit.yaml"),
        (["-p", "p.yaml"], "-p: error: policies alone have no waivers"),
        (["-p", "p.yaml", "-c", "audit.yaml"], "-p: error: audit.yaml names its own policies"),
        (["--waivers", "waivers.yaml", "-p", "p.yaml", "--as-of", "soon"], "--as-of: error: `soon` is not a time"),
        (["--waivers", "waivers.yaml", "-p", "p.yaml", "--evidence", "runs/none"], "there is no such run"),
        ([], "audit.yaml: error: there is no audit.yaml here"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_invalid(run, folder, capsys, options, message):
    write(folder, USED)
    assert main(["waivers", "check", *options]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out


def test_a_wrong_file_is_invalid_with_every_problem(run, folder, capsys):
    write(folder, USED.replace("2026-03-31", "2027-03-31"), "rule: p/forcd, target: x, expires: never")
    assert check("-p", "p.yaml") == 2
    err = capsys.readouterr().err
    assert [
        part
        for part in ("lasts at most 90d", "did you mean p/forced?", "`never` is not a date")
        if part not in err
    ] == []
