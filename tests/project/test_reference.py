"""The tables in docs/ are those of the program: fields, operators, formats, shipped rules."""

from __future__ import annotations

from typing import get_args

import pytest

from checker.cli import main
from checker.fields import catalogue
from checker.model import (
    Absence,
    Label,
    Location,
    RuleScope,
    Severity,
    Type,
)
from checker.policy.load import load
from checker.policy.operators import OPERATORS
from checker.reporting import FORMATS, formats
from project.markdown import ROOT, check_part, table

LABELS = {"superseded_by": Label("superseded_by", Type.STRING, (), "", Location("", 1, 1))}
POLICIES = ROOT / "docs" / "policies.md"
ABSENT = {
    Absence.NEVER: "always there",
    Absence.NOT_REPORTED: "not reported: unknown",
    Absence.NONE: "definitely none",
    Absence.FALSE: "`false`",
}


def test_fields():
    known = {scope: catalogue(LABELS, scope) for scope in get_args(RuleScope)}
    fields = {path: field for scope in known.values() for path, field in scope.items()}
    rows = [
        (
            f"`{path}`",
            field.type.value,
            ", ".join(f"`{scope}`" for scope in known if path in known[scope]),
            ABSENT[field.absence],
            _says(field),
        )
        for path, field in fields.items()
        if not path.startswith(("labels.", "previous_version.", "previous."))
    ]
    heads = ("field", "type", "scopes", "when an answer leaves it out", "says")
    check_part(POLICIES, "fields", table(heads, *rows))


def _says(field) -> str:
    values = f" One of {', '.join(f'`{member}`' for member in field.members)}." if field.members else ""
    return field.doc + values


def test_operators():
    rows = []
    for name, operator in OPERATORS.items():
        types = [kind for kind in Type if kind in operator.types]
        kinds = "all" if len(types) == len(Type) else ", ".join(types)
        rows.append((f"`{name}`", kinds, operator.doc))
    check_part(POLICIES, "operators", table(("operator", "types", "holds where the operand is"), *rows))


def test_formats():
    rows = [(f"`{name}`", FORMATS[name].doc) for name in formats("run")]
    check_part(ROOT / "docs" / "reports.md", "formats", table(("format", "is"), *rows))


@pytest.mark.parametrize(
    "command, document", [("check", "run"), ("diff", "diff"), ("rules test", "rule tests")]
)
def test_the_command_line_offers_every_format_of_its_document(command, document, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert f"A report: {', '.join(formats(document))}; -" in " ".join(capsys.readouterr().out.split())


def test_the_command_line_offers_every_severity(capsys):
    assert main(["check", "--help"]) == 0
    every = ", ".join((*(severity.value for severity in Severity), "never"))
    assert f"The least severity that the gate counts: {every}" in " ".join(capsys.readouterr().out.split())


def test_shipped_rules():
    rows = [
        (f"`{pack.name}`", f"`{rule.id}`", rule.scope, rule.severity.value, rule.title)
        for pack in load(["pack:"]).packs
        for rule in pack.rules
    ]
    check_part(POLICIES, "rules", table(("pack", "rule", "scope", "severity", "title"), *rows))
