import io
import os
import sys
from pathlib import Path

import pytest
from report_runs import clean_run, hostile, ordinary

from checker.problems import InvalidInputError
from checker.reporting import Options, ReportError, Writer, deliver, formats, probe, writer

RUN = clean_run()
TEXT = writer("text")


def failing(error):
    def write(run, out, options):
        out.write("half")
        raise error

    return Writer(write)


@pytest.mark.parametrize("name", formats("run"))
@pytest.mark.parametrize("run", [ordinary, hostile])
def test_same_input_same_bytes(name, run, tmp_path):
    for folder in ("a", "b"):
        deliver(run(), writer(name), tmp_path / folder / "deep" / "report", Options())
    first, second = ((tmp_path / folder / "deep" / "report").read_bytes() for folder in ("a", "b"))
    assert first == second
    assert first
    assert b"\r" not in first


@pytest.mark.parametrize("name", formats("run"))
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
def test_the_time_zone_changes_nothing(name, zone, monkeypatch):
    import time

    texts = []
    for item in ("UTC", zone):
        monkeypatch.setenv("TZ", item)
        time.tzset()
        texts.append(io.StringIO())
        writer(name).write(ordinary(), texts[-1], Options())
    monkeypatch.delenv("TZ")
    time.tzset()
    assert texts[0].getvalue() == texts[1].getvalue()


def test_an_existing_report_is_replaced_with_the_permissions_of_any_new_file(tmp_path):
    path, other = tmp_path / "report.txt", tmp_path / "other"
    path.write_text("old")
    other.touch()
    assert deliver(RUN, TEXT, str(path), Options()) == (str(path),)
    assert path.read_text().startswith("Gate passed")
    assert path.stat().st_mode == other.stat().st_mode
    assert sorted(item.name for item in tmp_path.iterdir()) == ["other", "report.txt"]


@pytest.mark.parametrize(
    ("error", "seen"), [(OSError(28, "No space left on device"), ReportError), (KeyError("x"), KeyError)]
)
def test_a_failure_leaves_the_old_report_and_nothing_else(tmp_path, error, seen):
    path = tmp_path / "report.txt"
    path.write_text("old")
    with pytest.raises(seen) as caught:
        deliver(RUN, failing(error), path, Options())
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report.txt"]
    if seen is ReportError:
        assert caught.value.exit_code == 4
        assert str(caught.value).endswith("error: the report could not be written: No space left on device")


def test_a_folder_that_became_a_file_is_a_report_error(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(ReportError):
        deliver(RUN, TEXT, tmp_path / "out" / "report.txt", Options())


def test_links_are_followed(tmp_path):
    real = tmp_path / "real" / "report.txt"
    real.parent.mkdir()
    real.write_text("old")
    (tmp_path / "link").symlink_to(real)
    deliver(RUN, TEXT, tmp_path / "link", Options())
    assert (tmp_path / "link").is_symlink()
    assert real.read_text().startswith("Gate passed")


def test_the_longest_file_name_works(tmp_path):
    path = tmp_path / ("r" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    probe(path)
    deliver(RUN, TEXT, path, Options())
    assert path.exists()


def test_standard_output_gets_utf8_and_stays_open(tmp_path):
    binary = io.BytesIO()
    stream = io.TextIOWrapper(binary, encoding="ascii")
    stream.write("before\n")
    run = clean_run(name="Größe")
    deliver(run, TEXT, "-", Options(), stdout=stream)
    stream.write("after\n")
    stream.flush()
    text = binary.getvalue().decode()
    assert text.startswith("before\nGate passed")
    assert "Größe" in text
    assert text.endswith("after\n")


def test_a_stream_without_bytes_is_written_as_text(capsys):
    out = io.StringIO()
    deliver(RUN, TEXT, "-", Options(), stdout=out)
    assert out.getvalue().startswith("Gate passed")


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "-"])
def test_the_device_of_standard_output_is_standard_output(path, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    probe(path)
    assert deliver(RUN, TEXT, path, Options()) == (path,)
    assert out.getvalue()


def test_devices_and_pipes_are_written_as_they_are(tmp_path):
    import threading

    probe("/dev/null")
    deliver(RUN, TEXT, "/dev/null", Options())
    assert Path("/dev/null").is_char_device()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    probe(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    deliver(RUN, TEXT, pipe, Options())
    reader.join()
    assert read[0].startswith("Gate passed")


def test_a_reader_that_went_away_is_no_report_error():
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w")
    with pytest.raises(BrokenPipeError):
        deliver(RUN, TEXT, "-", Options(), stdout=stream)
    # the buffered rest cannot be written either
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_the_probe_accepts_what_can_be_made_and_makes_nothing(tmp_path):
    (tmp_path / "there").touch()
    for path in (tmp_path / "a" / "b" / "c.html", tmp_path / "there", tmp_path / "new"):
        probe(path)
        probe(str(path))
    assert [item.name for item in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "folder"),
        (".", "this is a folder"),
        ("out/", "this is a folder"),
        ("file/report.html", "file is a file, not a folder"),
        ("x" * 300, "too long"),
        ("a\0b", "null"),
        ("loop", "loop|symbolic"),
        ("/proc/report.html", "No such file|not permitted|denied"),
    ],
)
def test_the_probe_refuses(path, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("loop").symlink_to("loop")
    with pytest.raises(InvalidInputError) as caught:
        probe(path)
    (problem,) = caught.value.problems
    import re

    assert re.search(reason, problem.message, re.IGNORECASE), problem.message
    assert "\0" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_the_probe_refuses_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidInputError, match="denied"):
        probe(tmp_path / "report.html")
