"""Commands in processes of their own that send themselves signals at named points: no moment is left to chance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_SCRIPT = """
import faulthandler, importlib, json, os, signal, sys
faulthandler.dump_traceback_later(50, exit=True)
from checker.cli import main

def send(module, path, nth, number, after):
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    real, count = getattr(owner, name), [0]
    def there(*given, **named):
        count[0] += 1
        if count[0] != nth:
            return real(*given, **named)
        found = real(*given, **named) if after else None
        os.kill(os.getpid(), number)
        for _ in range(1000): pass
        return found if after else real(*given, **named)
    setattr(owner, name, there)

exec(sys.argv[2])
for one in json.loads(sys.argv[1]):
    send(*one)
sys.argv[1:] = sys.argv[3:]
sys.exit(main())
"""
_IMPORT = """
import os, sys

class At:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["SIGNAL_AT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))
            for _ in range(1000): pass

sys.meta_path.insert(0, At())
"""


def point(where: str, number: int, nth: int = 1, *, after: bool = False) -> tuple[str, str, int, int, bool]:
    """A signal before the nth call of `module:function`, or after it."""
    module, _, path = where.partition(":")
    return module, path, nth, int(number), after


def child(
    folder: Path,
    points: Sequence[tuple[str, str, int, int, bool]],
    arguments: Sequence[str],
    first: str = "",
) -> subprocess.CompletedProcess[str]:
    """What becomes of a command at whose points signals come, after some Python before it. Its temporary folder is
    `folder/tmp`."""
    return _run([sys.executable, "-c", _SCRIPT, json.dumps(points), first, *arguments], folder, {})


def at_import(
    folder: Path, module: str, number: int, arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """What becomes of a command to which a signal comes as it begins to import a module."""
    hook = folder / "hook"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(_IMPORT, encoding="utf-8")
    given = {"PYTHONPATH": str(hook), "SIGNAL_AT": module, "SIGNAL": str(int(number))}
    return _run([sys.executable, "-m", "checker", *arguments], folder, given)


def left(folder: Path) -> list[str]:
    """What is left in the temporary folder."""
    return sorted(path.name for path in (folder / "tmp").iterdir())


def _run(
    command: list[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    (folder / "tmp").mkdir(exist_ok=True)
    given = {**os.environ, "TMPDIR": str(folder / "tmp"), **environment}
    return subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=60
    )
