"""The commands on policies, as Typer reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from checker.cli.path_arguments import local_paths, report_paths
from checker.cli.shared_options import Json
from checker.reporting.formats import formats

rules_app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Lists, shows, validates, tests and documents policies.",
    epilog="Without a POLICY these commands are about those of ./audit.yaml, and where there is none about the shipped packs; "
    "`pack:` stands for all of the shipped ones.",
)

Policies = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="POLICY...",
        callback=local_paths,
        help="Files, folders, pack:NAME, or pack: for all shipped packs [default: those of ./audit.yaml, else pack:].",
    ),
]


@rules_app.command("list")
def rules_list(policies: Policies = None, as_json: Json = False) -> int:
    """One rule a line."""
    from checker.cli.rules_list import list_rules

    return list_rules(policies or [], as_json=as_json)


@rules_app.command("show")
def rules_show(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, or PACK/RULE.")],
    policies: Policies = None,
) -> int:
    """A rule with all that it says of itself."""
    from checker.cli.rules_show import run

    return run(rule, policies or [])


@rules_app.command("validate")
def rules_validate(
    policies: Policies = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Demand why, fix and tests; warnings are errors.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Check policies without evaluating anything."""
    from checker.cli.rules_list import validate

    return validate(policies or [], strict=strict, as_json=as_json)


@rules_app.command("test")
def rules_test(
    policies: Policies = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule. Repeats.")
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=PATH",
            callback=report_paths,
            help=f"A report: {', '.join(formats('rule tests'))}; - is standard output. Repeats.",
        ),
    ] = None,
    require_tests: Annotated[
        bool,
        typer.Option("--require-tests", help="Demand of each rule tests that pass, fail and cannot tell."),
    ] = False,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Change each rule bit by bit, and name what no test notices.")
    ] = False,
    min_score: Annotated[
        float,
        typer.Option(
            "--min-score",
            metavar="PERCENT",
            min=0,
            max=100,
            help="With --mutate: how much of it each rule's tests must notice.",
        ),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: short for --report json=-.")] = False,
) -> int:
    """Run the tests written inside policies."""
    from checker.cli.rules_test import test

    return test(
        policies or [],
        rule or [],
        reports=[*(report or []), *(["json=-"] if as_json else [])],
        required=require_tests,
        mutate=mutate or min_score > 0,
        least=min_score,
    )


@rules_app.command(
    "schema",
    epilog="Editors use it where a YAML file beside it begins with the line:\n\n"
    "  # yaml-language-server: $schema=policy.schema.json",
)
def rules_schema(
    kind: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="KIND",
            help="Of which files: policy, mapping (of controls to rules), or waivers.",
        ),
    ] = "policy",
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", callback=local_paths, help="Write it there, over what is there."
        ),
    ] = None,
) -> int:
    """The JSON Schema of policy files, or others, for completion in editors."""
    from checker.cli.rules_schema import run

    return run(kind, out)


@rules_app.command("docs")
def rules_docs(
    policies: Policies = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="DIR", callback=local_paths, help="Write PACK.md there, over what is there."
        ),
    ] = None,
) -> int:
    """Packs as pages of Markdown."""
    from checker.cli.rules_docs import run

    return run(policies or [], out)
