"""`import checker` is the API, and nothing is imported before it is used."""

import subprocess
import sys

import checker
from checker import api


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_package_offers_what_the_api_module_does():
    assert checker.__all__ == api.__all__
    assert all(getattr(checker, name) is getattr(api, name) for name in api.__all__)


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
