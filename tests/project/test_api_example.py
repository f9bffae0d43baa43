"""The example of the library: ten lines, the same in README.md and docs/library.md, and right for a strict type checker.

`test_readme.py` runs it.
"""

from __future__ import annotations

import inspect
import sys

from project.markdown import ROOT, blocks
from project.source import run


def _example(page: str) -> str:
    return next(block.text for block in blocks(ROOT / page) if block.language == "python")


def test_it_has_ten_lines_at_most():
    assert len([line for line in _example("README.md").splitlines() if line]) <= 10


def test_it_is_the_same_on_both_pages():
    assert _example("README.md") == _example("docs/library.md")


def test_a_strict_type_checker_has_no_objection(tmp_path):
    pages = (ROOT / "README.md", ROOT / "docs/library.md")
    programs = [block.text for page in pages for block in blocks(page) if block.language == "python"]
    paths = [tmp_path / f"example_{number}.py" for number in range(len(programs))]
    for path, program in zip(paths, programs, strict=True):
        path.write_text(program, encoding="utf-8")
    done = run(sys.executable, "-m", "mypy", "--strict", *paths, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_every_public_name_has_a_docstring():
    import checker

    values = {name: getattr(checker, name) for name in checker.__all__}
    made = [name for name, value in values.items() if inspect.isclass(value) or inspect.isfunction(value)]
    assert {"Run", "audit"} < set(made)
    assert [name for name in made if not values[name].__doc__] == []
