"""Where `rules/` and `reports/` are: the one function that finds them."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def folder(name: str) -> Path:
    """The folder `rules` or `reports`: beside the package in a checkout, else in the wheel's data folder.

    Raises:
        FileNotFoundError: neither place has it, so the installation is incomplete.
    """
    checkout = Path(__file__).resolve().parent.parent
    candidates = [
        Path(sysconfig.get_path("data")) / "share" / "imageset-checker" / name,
        # pip install --user and --prefix put data elsewhere than the interpreter's own scheme says
        *(parent / "share" / "imageset-checker" / name for parent in checkout.parents),
    ]
    if (checkout / "pyproject.toml").is_file():
        candidates.insert(0, checkout / name)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder {name}/ of imageset-checker is missing; install it again")
