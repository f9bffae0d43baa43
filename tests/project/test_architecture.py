"""What holds over all files: who imports whom, one door to each thing outside, and files that can be read at once."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from checker import __version__
from project.source import ROOT, Function, code_lines, modules, names, run

# Data flows down this list: a layer imports from those above it only. Layers of one line do not know each other.
LAYERS = (
    {"model", "package_data", "redaction", "sql"},
    {"instants"},
    {"values"},
    {"problems"},
    {"aws", "temporary_files", "input_files", "file_modes", "yaml_pitfalls"},
    {"layout"},
    {"yaml_syntax_errors"},
    {"yaml_nodes"},
    {"yamlsource"},
    {"fields"},
    {"policy"},
    {"snapshot"},
    {"config"},
    {"runs"},
    {"collection", "evaluation"},
    {"waivers"},
    {"policytest"},
    {"judgement"},
    {"compare"},
    {"reporting"},
    {"workflow"},
    {"api"},
    {"cli"},
)
RANK = {layer: rank for rank, layers in enumerate(LAYERS) for layer in layers}
# The simulator stands beside them: only the command line imports it, and it imports nothing of ours but the records of the
# API's actions, which are data: it would have to write down again what AWS publishes of each.
SIMULATOR = "simulator"
ACTIONS = "checker.aws.actions"
DATA = {ACTIONS, "checker.aws.service_model"}  # what AWS says of its API, without a call

# The layers that import a library; `moto` is the simulator's, which speaks botocore's model too.
DOORS = {
    "boto3": {"aws"},
    "botocore": {"aws", SIMULATOR},
    "yaml": {"yamlsource"},
    "duckdb": {"sql", "policy", "snapshot", "runs", "evaluation", "policytest"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "jinja2": {"policy", "reporting"},
    "markupsafe": {"reporting"},
    "cryptography": {"runs"},
    "typer": {"cli"},
    "rich": {"cli", "reporting"},
    "moto": {SIMULATOR},
    "werkzeug": {SIMULATOR},
}

CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns")
EXITS = ("sys.exit", "os._exit", "exit", "quit", "SystemExit")

MOST_LINES_OF_FILE = 300
MOST_LINES_OF_FUNCTION = 45


def _ours(module) -> set[str]:
    return {name for name in module.imports() if name.partition(".")[0] == "checker"}


def test_every_layer_has_its_place():
    found = {module.layer for module in modules()} - {"", "__main__", SIMULATOR}
    assert found == set(RANK)


def test_imports_go_one_way():
    wrong = [
        f"{module.path} imports {name}"
        for module in modules()
        if module.layer in RANK
        for name in _ours(module) - {"checker"}
        if (layer := name.split(".")[1]) != module.layer
        and not (layer in RANK and RANK[layer] < RANK[module.layer])
        and not (layer == SIMULATOR and module.layer == "cli")
    ]
    assert wrong == []


def test_only_the_command_line_imports_the_simulator_and_the_simulator_nothing_of_ours_but_the_actions():
    for module in modules():
        others = {name.split(".")[1] for name in _ours(module) - {ACTIONS} if "." in name}
        if module.layer == SIMULATOR:
            assert others <= {SIMULATOR}, module.path
        elif module.layer != "cli":
            assert SIMULATOR not in others, module.path


# What the command line imports beside the API: what messages and options are made of without it, since it takes long to import,
# and what belongs to its process.
BESIDE_THE_API = {
    "checker.problems": "messages",
    "checker.model": "nouns",
    "checker.reporting.formats": "the registry of formats, which options name",
    "checker.reporting.report_options": "the usual width of text, and how many findings it shows",
    "checker.workflow.audit_options": "the options, which are the command line too",
    "checker.reporting.escape": "what makes text harmless",
    "checker.reporting.text_layout": "tables that fit a terminal",
    "checker.reporting.terminal_colors": "colours on a terminal",
    "checker.redaction": "the secrets of the process",
    "checker.temporary_files": "the temporary files of the process, which signals remove",
    "checker.snapshot.duckdb_pool": "the databases of the process",
}


def test_the_command_line_imports_the_api_alone():
    wrong = [
        f"{module.path} imports {name}"
        for module in modules()
        if module.layer == "cli"
        for name in _ours(module) - {"checker", "checker.api"}
        if not name.startswith(("checker.cli", f"checker.{SIMULATOR}"))
        and not any(name == known or name.startswith(f"{known}.") for known in BESIDE_THE_API)
    ]
    assert wrong == []


def test_the_package_itself_and_its_main_only_pass_on():
    tops = {module.name: _ours(module) for module in modules() if module.layer in ("", "__main__")}
    assert tops == {"checker": {"checker.api"}, "checker.__main__": {"checker.cli"}}


def test_a_name_of_the_api_is_no_package_or_module():
    # once `checker.x` is imported the attribute `x` of `checker` is that module, whatever `checker` offered under the name
    offered = {name for module in modules() if module.name == "checker" for name in _offered(module)}
    assert offered
    assert offered & {name.split(".")[1] for name in names() if "." in name} == set()


def _offered(module) -> list[str]:
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def test_no_module_imports_itself_over_others():
    graph = {module.name: _ours(module) & names() - {"checker"} for module in modules()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_actions_are_data():
    (actions,) = (module for module in modules() if module.name == ACTIONS)
    assert _ours(actions) == {"checker.model"}


def test_evaluation_knows_neither_collection_nor_aws():
    graph = {module.name: _ours(module) - {"checker"} for module in modules()}
    seen: set[str] = set()
    todo = [name for name in graph if name.startswith("checker.evaluation")]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph[name]
    assert not {name for name in seen - DATA if name.split(".")[1] in ("collection", "aws", "config")}


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_its_doors(library):
    layers = {
        module.layer
        for module in modules()
        if library in {name.partition(".")[0] for name in module.imports()}
    }
    assert layers == DOORS[library]


def test_every_library_is_listed_above():
    known = {*DOORS, "checker", *sys.stdlib_module_names}
    assert {name.partition(".")[0] for module in modules() for name in module.imports()} <= known


def _using(*wanted: str) -> set[str]:
    return {module.path for module in modules() for name, _ in module.uses() if name in wanted}


def test_the_clock_has_one_door():
    # the simulator is a service of its own, with its own clock; time.monotonic paces and measures
    found = {path for path in _using(*CLOCKS) if not path.startswith("checker/simulator/")}
    assert found == {"checker/model/vocabulary.py"}


def test_only_main_ends_the_process():
    # the second one catches what Typer raises where a pipe breaks, the third one has the last word after a signal
    assert _using(*EXITS) == {"checker/__main__.py", "checker/cli/__init__.py", "checker/cli/signals.py"}


def test_only_the_command_line_prints_and_a_report_may_go_to_standard_output():
    assert _using("print") == set()
    found = {path for path in _using("sys.stdout", "sys.stderr") if not path.startswith("checker/cli/")}
    assert found == {"checker/reporting/delivery.py"}


def test_files_and_functions_are_short():
    long = [
        f"{module.path} has {lines} lines of code"
        for module in modules()
        if (lines := code_lines(module.tree)) > MOST_LINES_OF_FILE
    ]
    long += [
        f"{module.path}: {node.name} has {lines} lines of code"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, Function) and (lines := code_lines(node)) > MOST_LINES_OF_FUNCTION
    ]
    assert long == []


RUN = """
import sys
from checker.cli import main
code = main(sys.argv[1:])
heavy = ("boto3", "botocore", "duckdb", "jinja2", "pydantic", "checker.config.schema")
print("code", code, "imported", *(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["rules", "--help"], ["check", "--help"], ["rules", "list"]], ids=" ".join
)  # fmt: skip
def test_what_needs_no_library_imports_none(arguments):
    done = run(sys.executable, "-c", RUN, *arguments, cwd=ROOT)
    last = done.stdout.splitlines()[-1].split()
    assert last[:3] == ["code", "0", "imported"], done.stderr
    # Typer imports pydantic itself to convert options; our models are in checker.config.schema
    allowed = {"pydantic"} if arguments[0] in ("check", "rules") else set()
    assert set(last[3:]) <= allowed


VERSION = """
import sys
before = set(sys.modules)
from checker.__main__ import main
code = main()
print("code", code, "imported", *sorted(set(sys.modules) - before))
"""


def test_the_version_needs_no_more_than_a_signal_handler():
    # as many as `signal` itself imports: typing, re, dataclasses, traceback, tokenize and logging cost more than Python's start
    bare = run(sys.executable, "-c", "import sys, signal, __future__; print(*sys.modules)", cwd=ROOT)
    done = run(sys.executable, "-c", VERSION, "--version", cwd=ROOT)
    version, last = done.stdout.splitlines()
    assert version == f"imageset-checker {__version__}"
    assert last.startswith("code 0 imported "), done.stderr
    imported = set(last.split()[3:]) - set(bare.stdout.split())
    assert imported == {"checker", "checker.__main__", "checker.cli"}
