"""The bytecode of templates: written and read where Python has its own, and never used for anything else than what it is of."""

import sys

import pytest
from jinja2 import Environment, FileSystemLoader

from checker.package_data import folder
from checker.reporting.template_bytecode import TemplateBytecode

TEXT = "{% for item in items %}\n<b>{{ item }}</b>\n{% endfor %}"
PAGE = "<b>1</b>\n<b>2</b>\n"


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """A folder with a template, and Python's own bytecode in another one."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "bytecode"))
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html.jinja").write_text(TEXT)
    return tmp_path / "templates"


def page(templates, **settings):
    """What the template makes, and how often it was compiled for that."""
    settings = {"autoescape": True, "trim_blocks": True, **settings}
    environment = Environment(
        loader=FileSystemLoader(templates), bytecode_cache=TemplateBytecode(), **settings
    )
    compiled = []
    compile_ = environment.compile
    environment.compile = lambda *more, **named: compiled.append(more) or compile_(*more, **named)
    return environment.get_template("a.html.jinja").render(items=[1, 2]), len(compiled)


def bytecode(tmp_path):
    return [path for path in (tmp_path / "bytecode").rglob("*") if path.is_file()]


def test_a_template_is_compiled_once_for_all_processes(templates, tmp_path):
    assert page(templates) == (PAGE, 1)
    (file,) = bytecode(tmp_path)
    assert file.name == f"a.html.{sys.implementation.cache_tag}.pyc"
    assert page(templates) == (PAGE, 0)


def test_another_text_and_other_settings_are_compiled(templates):
    page(templates)
    assert page(templates, trim_blocks=False) == ("\n<b>1</b>\n\n<b>2</b>\n", 1)
    (templates / "a.html.jinja").write_text(TEXT.replace("<b>", "<i>"))
    assert page(templates) == (PAGE.replace("<b>", "<i>"), 1)


def test_bytecode_of_another_version_of_jinja_is_not_used(templates, monkeypatch):
    page(templates)
    monkeypatch.setattr("jinja2.__version__", "0.0")
    assert page(templates) == (PAGE, 1)


@pytest.mark.parametrize("left", [0, 10, 65, 90])
def test_damaged_bytecode_is_made_anew(templates, tmp_path, left):
    page(templates)
    (file,) = bytecode(tmp_path)
    file.write_bytes(file.read_bytes()[:left])
    assert page(templates) == (PAGE, 1)
    assert page(templates) == (PAGE, 0)


def test_nothing_is_written_where_python_writes_none(templates, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert page(templates) == (PAGE, 1)
    assert bytecode(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_no_error(templates, tmp_path):
    (tmp_path / "bytecode").write_text("a file")
    assert page(templates) == (PAGE, 1)


def test_no_template_gives_a_function_of_ours_a_constant():
    """Jinja would call it when it compiles, and its answer would stay in the bytecode whatever became of the function."""
    called = []
    environment = Environment(autoescape=True, finalize=lambda value: called.append(value) or value)
    for filters in (environment.filters, environment.tests):
        for name in filters:
            filters[name] = lambda *more: called.append(more)
    files = [path for path in folder("reports").rglob("*.jinja") if path.is_file()]
    assert files
    for path in files:
        environment.compile(path.read_text(encoding="utf-8"), path.name, str(path))
        assert called == [], path.name
