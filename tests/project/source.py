"""The package's source as syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A file of the package: its dotted name, its path below the repository, its tree."""

    name: str
    path: str
    tree: ast.Module

    @property
    def layer(self) -> str:
        """`policy` for checker.policy.load and checker.policy, `model` for checker.model; empty for the package itself."""
        return self.name.partition(".")[2].partition(".")[0]

    def imports(self) -> Iterator[str]:
        """Every module that is imported, inside functions and for type checkers too, by its full name."""
        package = self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                base = ".".join([*above, *filter(None, [node.module])])
                for alias in node.names:
                    yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in names() else base

    def uses(self) -> Iterator[tuple[str, int]]:
        """Dotted names that are read, such as `sys.exit` and `print`, with their lines."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute | ast.Name):
                yield ast.unparse(node), node.lineno


def code_lines(node: ast.Module | Function) -> int:
    """Lines that hold code: no blank lines, comments, docstrings or, for a function, its signature."""
    lines: set[int] = set()
    for part in node.body:
        for inner in ast.walk(part):
            lines |= {getattr(inner, "lineno", 0), getattr(inner, "end_lineno", 0) or 0}
    for inner in ast.walk(node):
        body = getattr(inner, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            lines -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines - {0})


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, whatever its exit code."""
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    found = []
    for path in sorted((ROOT / "checker").rglob("*.py")):
        relative = path.relative_to(ROOT)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, relative.as_posix(), ast.parse(path.read_bytes())))
    return tuple(found)


@cache
def names() -> frozenset[str]:
    """The modules' names."""
    return frozenset(module.name for module in modules())
