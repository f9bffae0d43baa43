"""`import checker` is the API, and nothing is imported before it is used."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import checker
from checker import api


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


STANDARD = {
    "Any", "Callable", "Collection", "Container", "Event", "Iterable", "Iterator", "Literal", "Mapping", "None", "Path", "Sequence",
}  # fmt: skip
OF_THE_COMMAND_LINE = {
    "BadValueError", "LARGEST_POLICY", "SCHEMA_HEADER", "SHIPPED", "coverage_text", "day", "failure_text", "iso", "json_text",
    "missing_verdicts_text", "parse_path", "policy_file_names", "probe", "reproduction_obstacle", "requested_reports",
    "score_text", "show", "split_policy", "why_nothing_was_read", "write_text",
}  # fmt: skip
"""What the API has for the command line alone: texts, and how arguments are read."""


def public_names():
    def of(body):
        for node in body:
            if isinstance(node, ast.ImportFrom):
                yield from (item.name for item in node.names if item.asname == item.name)
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node.name
            elif isinstance(node, ast.If):  # what takes long to import
                yield from of(node.body)

    return set(of(ast.parse(Path(api.__file__).read_text()).body))


def test_the_package_offers_all_that_the_api_module_makes_public_but_what_the_command_line_alone_needs():
    assert public_names() >= OF_THE_COMMAND_LINE
    assert set(checker.__all__) == public_names() - OF_THE_COMMAND_LINE
    assert all(getattr(checker, name) is getattr(api, name) for name in checker.__all__)


def test_every_type_in_a_public_signature_is_public_too():
    functions = [getattr(checker, name) for name in checker.__all__]
    words = {
        word
        for function in functions
        if inspect.isfunction(function)
        for parameter in (*inspect.signature(function).parameters.values(), inspect.signature(function))
        for word in re.findall(r"(?<![\w.])[A-Z]\w+", str(getattr(parameter, "annotation", "")) + str(getattr(parameter, "return_annotation", "")))
    }  # fmt: skip
    assert {"Run", "Gate", "AuditConfig"} <= words
    assert words - set(checker.__all__) - STANDARD == set()


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
