"""An interrupted run goes on from the records that it wrote, and from no others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import checker
from checker.cli import main
from checker.layout import CHAIN, NEXT_CHAIN
from checker.problems import InvalidInputError
from checker.runs.journal import restore_records
from tests.cli.scale import Audit, chain, served, store
from tests.keys import key_pair

AS_OF = ("--as-of", "2026-01-01T00:00:00Z")
Lines = list[bytes]


@pytest.fixture(autouse=True)
def _credentials(aws_env: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture(scope="module")
def url() -> object:
    with served(store(45)) as server:
        yield server.url


def interrupted(tmp_path: Path, url: str, *options: str, key: str | None = None) -> tuple[Audit, Path]:
    """A run as it is when it was stopped right after the last answer."""
    audit = Audit(tmp_path / "audit", url)
    audit.write()
    sign = ["--sign", key] if key else []
    audit.check(*AS_OF, *sign, *options)
    (run,) = audit.runs
    for name in ("manifest.json", "manifest.json.sha256", "manifest.json.sig"):
        (run / name).unlink(missing_ok=True)
    chain(run, checker.signing_key(Path(key)) if key else None)
    return audit, run


def changed(run: Path, change: Callable[[Lines], Lines]) -> None:
    path = run / "records.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def edited(lines: Lines) -> Lines:
    return [*lines[:9], lines[9].replace(b'"target":"all"', b'"target":"all","x":1'), *lines[10:]]


CHANGES: dict[str, tuple[Callable[[Lines], Lines], int]] = {
    "edited": (edited, 10),
    "swapped": (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], 5),
    "removed": (lambda lines: [*lines[:7], *lines[8:]], 8),
    "doubled": (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4),
    "put in the place of another": (lambda lines: [*lines[:6], lines[1], *lines[7:]], 7),
    "first": (lambda lines: lines[1:], 1),
    "cut off in the middle": (lambda lines: [lines[0], lines[1][:20] + b"\n", *lines[2:]], 2),
}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_record_that_was_changed_is_refused_and_its_line_is_named(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str], change: str, signed: bool
) -> None:
    key = key_pair(tmp_path)[0] if signed else None
    audit, run = interrupted(tmp_path, url, key=key)
    do, line = CHANGES[change]
    changed(run, do)
    before = {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert audit.check("--resume", run.as_posix(), *(["--sign", key] if key else [])) == 2
    err = capsys.readouterr().err
    assert f"{run.name}/records.jsonl:{line}: error: the line is not the one that the run wrote here" in err
    assert "help: what the interrupted run had was altered: begin a new run" in err
    assert {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_who_makes_the_chain_anew_has_no_key(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key, public = key_pair(tmp_path)
    other = checker.signing_key(Path(key_pair(tmp_path, "other")[0]))
    audit, run = interrupted(tmp_path, url, key=key)
    links = (run / CHAIN).read_bytes().splitlines(keepends=True)
    changed(run, edited)
    chain(run)
    forged = (run / CHAIN).read_bytes()
    signatures = b"".join(link for link in links if link.startswith(b"~"))
    capsys.readouterr()
    for content in (forged + signatures, forged + b"~\n", forged + b"~xy\n"):
        (run / CHAIN).write_bytes(content)
        assert audit.check("--resume", run.as_posix(), "--sign", key) == 2
        assert "the chain up to this line is not signed with the run's key" in capsys.readouterr().err
    chain(run, other)
    assert audit.check("--resume", run.as_posix(), "--sign", key) == 2
    # without any signature nothing of it is taken, and all is asked for again
    (run / CHAIN).write_bytes(forged)
    assert audit.check("--resume", run.as_posix(), "--sign", key) in (0, 1, 3)
    assert not [record for record in audit.records() if "x" in record]
    assert main(["verify", run.as_posix(), "--key", public]) == 0


@pytest.mark.parametrize("signed", [False, True])
def test_what_has_no_chain_is_asked_for_again_and_the_report_says_so(
    tmp_path: Path, url: str, signed: bool
) -> None:
    key = key_pair(tmp_path)[0] if signed else None
    audit, run = interrupted(tmp_path, url, key=key)
    count = len((run / "records.jsonl").read_bytes().splitlines())
    (run / CHAIN).unlink()
    changed(run, edited)
    assert audit.check("--resume", run.as_posix(), *(["--sign", key] if key else [])) in (0, 1, 3)
    notes = audit.results()["run"]["notes"]
    assert f"{count} more that were there were asked for again: the run has no records.chain." in notes
    assert not [record for record in audit.records() if "x" in record]


def test_another_key_or_none_goes_on_with_no_run(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key, other = key_pair(tmp_path)[0], key_pair(tmp_path, "other")[0]
    audit, run = interrupted(tmp_path, url, key=key)
    capsys.readouterr()
    assert audit.check("--resume", run.as_posix()) == 2
    assert "the run was begun with the key" in capsys.readouterr().err
    assert audit.check("--resume", run.as_posix(), "--sign", other) == 2
    assert "the run was begun with another key" in capsys.readouterr().err
    shutil.rmtree(run)
    audit, run = interrupted(tmp_path, url)
    capsys.readouterr()
    assert audit.check("--resume", run.as_posix(), "--sign", key) == 2
    assert (
        "the run was begun without --sign, so that nothing of it can be authenticated"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["started.json", "asked.json"])
def test_what_stands_beside_the_records_is_signed_too(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    key = key_pair(tmp_path)[0]
    audit, run = interrupted(tmp_path, url, key=key)
    asked = {
        "run": run.name,
        "calls": {"GetImageSet": 1},
        "traffic": {},
        "public_key": "0",
        "signature": "00",
    }
    if name == "asked.json":
        (run / name).write_text(json.dumps(asked))
    else:
        (run / name).write_text((run / name).read_text().replace('"name": "scale"', '"name": "other"'))
    capsys.readouterr()
    assert audit.check("--resume", run.as_posix(), "--sign", key) == 2
    assert f"{run.name}/{name}: error:" in capsys.readouterr().err


def test_records_of_another_run_are_not_its_own(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_pair(tmp_path)[0]
    audit, run = interrupted(tmp_path, url, key=key)
    (tmp_path / "elsewhere").mkdir()
    _, other = interrupted(tmp_path / "elsewhere", url, key=key)
    for name in ("records.jsonl", CHAIN):
        shutil.copy(other / name, run / name)
    capsys.readouterr()
    assert audit.check("--resume", run.as_posix(), "--sign", key) == 2
    assert f"{run.name}/records.jsonl:1: error: the line is not" in capsys.readouterr().err


@pytest.mark.parametrize("signed", [False, True])
def test_a_chain_is_kept_while_a_run_is_at_work_and_goes_with_the_manifest(
    tmp_path: Path, signed: bool
) -> None:
    from checker.runs.journal import Journal
    from checker.snapshot.records import Record

    key = checker.signing_key(Path(key_pair(tmp_path)[0])) if signed else None
    run = tmp_path / "run"
    run.mkdir()
    (run / "started.json").write_text("{}")
    with Journal(run, key) as journal:
        for number in range(50):
            journal.take(Record("all", f"{number:032x}", answer={"versionId": "1"}))
    links = (run / CHAIN).read_bytes().splitlines()
    assert [len(link) for link in links if not link.startswith(b"~")] == [64] * 50
    assert len([link for link in links if link.startswith(b"~")]) == (3 if signed else 0)
    assert restore_records(run, key)[1:] == (50, 0, True)
    # what goes on after it hangs on it
    with Journal(run, key, resume=True) as journal:
        journal.take(Record("all", "f" * 32, answer={"versionId": "1"}))
    assert restore_records(run, key).there == 51


def test_mending_that_was_cut_short_is_no_damage(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "started.json").write_text("{}")
    lines = [f'{{"target":"all","imageSetId":"{number:032x}"}}\n'.encode() for number in range(30)]
    (run / "records.jsonl").write_bytes(b'{"target":"all"}\n' + b"".join(lines))
    chain(run)
    old, before = (run / CHAIN).read_bytes(), (run / "records.jsonl").read_bytes()
    assert restore_records(run).there == 30
    # the records are the new ones, and their chain has not got its name yet
    shutil.move(run / CHAIN, run / NEXT_CHAIN)
    (run / CHAIN).write_bytes(old)
    assert restore_records(run).there == 30
    # the new chain is whole, and the records are still the old ones
    new = (run / CHAIN).read_bytes()
    (run / "records.jsonl").write_bytes(before)
    (run / CHAIN).write_bytes(old)
    (run / NEXT_CHAIN).write_bytes(new)
    assert restore_records(run).there == 30
    assert not (run / NEXT_CHAIN).exists()


def test_what_is_chained_and_no_record_is_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "started.json").write_text("{}")
    for line in (b"{\n", b"[]\n", b"{}\n", b"\xff\n"):
        (run / "records.jsonl").write_bytes(b'{"target":"all","imageSetId":"1"}\n' + line)
        chain(run)
        with pytest.raises(InvalidInputError, match=r"records\.jsonl:2: error: the line is no record"):
            restore_records(run)
