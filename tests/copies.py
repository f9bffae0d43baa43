"""What takes long to make, such as kept runs, is made once for the tests of a file; each gets a copy of its own."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from checker.cli import main


def copied(make: Callable[[Path], Any]) -> Any:
    """A fixture: a function that copies what `make` has put into a folder (the present one by then) into another folder,
    and gives what `make` gave."""

    @pytest.fixture(scope="module")
    def fixture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
        made = tmp_path_factory.mktemp("made")
        with chdir(made):
            given = make(made)

        def copy(folder: Path) -> Any:
            shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
            return given

        return copy

    return fixture


_results: dict[str, tuple[int, str, Path]] = {}
"""Of commands in folders: the exit code, the messages and what the folder was afterwards, by the command and what it was
before."""


def run_or_copy(folder: Path, *arguments: str) -> int:
    """The exit code of a command without output that is run in a folder (the present one). Where it was run in another folder
    with the very same files, as tests do that begin alike, what it made and its messages are copied: nothing else may matter
    to it, such as the clock. A command that reads or writes a bucket is run."""
    if any("://" in argument for argument in arguments):
        return main([*arguments])
    key = _digest(folder, arguments)
    if key in _results:
        code, messages, after = _results[key]
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(after, folder, symlinks=True, dirs_exist_ok=True)
    else:
        with redirect_stderr(StringIO()) as stream:
            code = main([*arguments])
        messages = stream.getvalue()
        after = Path(mkdtemp(prefix="copies-"))
        atexit.register(shutil.rmtree, after, ignore_errors=True)
        shutil.copytree(folder, after, symlinks=True, dirs_exist_ok=True)
        _results[key] = code, messages, after
    sys.stderr.write(messages)
    return code


def _digest(folder: Path, arguments: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr(arguments).encode())
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        digest.update(repr((name, content)).encode())
    return digest.hexdigest()
