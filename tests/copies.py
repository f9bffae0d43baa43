"""What takes long to make, such as kept runs, is made once for the tests of a file; each gets a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest


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
