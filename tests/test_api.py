"""`import checker` is the API, and nothing is imported before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import checker
from checker import api


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_package_offers_all_that_the_api_module_makes_public_and_nothing_else():
    tree = ast.parse(Path(api.__file__).read_text())
    imported = [item for node in tree.body if isinstance(node, ast.ImportFrom) for item in node.names]
    public = {item.name for item in imported if item.asname == item.name}
    public |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert sorted(checker.__all__) == sorted(public)
    assert all(getattr(checker, name) is getattr(api, name) for name in checker.__all__)


def test_submodules_are_not_looked_for_in_the_api():
    assert (
        python("from checker import aws, values; print('checker.api' in __import__('sys').modules)")
        == "False\n"
    )


def test_importing_the_package_imports_nothing_of_it():
    assert (
        python("import checker, sys; print([m for m in sys.modules if m.startswith('checker.')])") == "[]\n"
    )


def test_an_unknown_name_is_an_attribute_error():
    assert python("import checker; print(hasattr(checker, 'nothing'))") == "False\n"
