"""What is on disk for a time only, and what a signal may not leave half done: whatever ends the process, neither is left."""

from __future__ import annotations

import atexit
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

_PREFIX = "imageset-checker-"
_folders: set[Path] = set()
_drafts: set[Path] = set()
_state = {"depth": 0, "came": 0}
"""How many blocks that are `unbroken` the main thread is in, and how many signals came meanwhile."""


def make_temporary_folder() -> Path:
    """A new temporary folder, of this user alone. It goes with `discard`, or with the process.

    Raises:
        OSError: none can be made.
    """
    # known before it is there, so that no signal comes between
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{secrets.token_hex(6)}"
    _folders.add(folder)
    folder.mkdir(mode=0o700)
    return folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder that goes at the end of the block."""
    folder = make_temporary_folder()
    try:
        yield folder
    finally:
        discard(folder)


@contextmanager
def result_folder(folder: Path | None = None) -> Iterator[Path]:
    """A folder, a new temporary one unless given, for what a block makes: where that fails, a temporary one goes."""
    folder = folder or make_temporary_folder()
    try:
        yield folder
    except BaseException:
        discard(folder)
        raise


class Scratch:
    """What rests on the files of a folder. At the end of its `with` block the folder goes, where it is a temporary one."""

    __slots__ = ()
    folder: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        discard(self.folder)


def draft(target: Path, name: str = "") -> Path:
    """The path beside a file at which to write what is to take its place; nothing is there yet, unless it has a `name`. The
    file that is left there goes with `discard`, or with the process."""
    # a short name, for the target's own may be as long as the file system allows
    path = target.with_name(name or f".{_PREFIX}{secrets.token_hex(6)}.tmp")
    _drafts.add(path)
    return path


def discard(path: Path) -> None:
    """Removes a temporary folder or a draft, if it is there, and unless it is to stay."""
    if path in _folders:
        shutil.rmtree(path, ignore_errors=True)
    elif path in _drafts:
        with suppress(OSError):
            path.unlink()
    preserve(path)


def preserve(path: Path) -> None:
    """Leaves a temporary folder where it is: somebody was told of it."""
    _folders.discard(path)
    _drafts.discard(path)


def release(folder: Path) -> None:
    """Lets a temporary folder go that was to stay: with `discard`, or with the process."""
    _folders.add(folder)


def discard_all() -> None:
    """Removes whatever is there for a time only."""
    for path in (*_folders, *_drafts):
        discard(path)


@contextmanager
def defer_signals() -> Iterator[None]:
    """While active, a signal waits: for what is short, and wrong where half of it is done.

    Raises:
        KeyboardInterrupt: a signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state["depth"] += 1
    try:
        yield
    finally:
        _state["depth"] -= 1
        if not _state["depth"] and _state["came"]:
            _state["came"] = 0
            raise KeyboardInterrupt


def signals_wait() -> bool:
    """Whether such a block is active."""
    return _state["depth"] > 0


def defer_signal() -> bool:
    """Whether a signal that came just now is to wait, which `unbroken` then raises. Called by its handler."""
    if not _state["depth"]:
        return False
    _state["came"] += 1
    return True


atexit.register(discard_all)
