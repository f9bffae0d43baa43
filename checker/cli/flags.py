"""Options and arguments that several commands have, as Typer reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from checker.cli.paths import local

Config = Annotated[
    str | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        callback=local,
        help="The audit's configuration [default: audit.yaml].",
    ),
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--policy",
        metavar="POLICY",
        callback=local,
        help="A policy file, a folder, or pack:NAME; with --image-sets. Repeats.",
    ),
]
ImageSets = Annotated[
    list[str] | None,
    typer.Option(
        "--image-sets",
        metavar="FILE",
        callback=local,
        help="Recorded answers in place of AWS: what get-image-set or list-image-set-versions printed; - is standard input. Repeats.",
    ),
]
Complete = Annotated[
    bool,
    typer.Option(
        "--complete",
        help="The recorded answers are of every image set of their data stores, so that those can be judged.",
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="A parameter's value: PARAM, PACK.PARAM or PACK/RULE.PARAM. Repeats.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="The instant ages are measured against [default: the start of the run].",
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="GLOB", help="Only targets, or parts of them, of this name. Repeats."),
]

ShowPhi = Annotated[
    bool, typer.Option("--show-phi", help="Show DICOM attributes, which are data of patients.")
]
Rule = Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule. Repeats.")]
SkipRule = Annotated[
    list[str] | None, typer.Option("--skip-rule", metavar="ID", help="Not this rule. Repeats.")
]
Tag = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only rules with this tag. Repeats.")
]
