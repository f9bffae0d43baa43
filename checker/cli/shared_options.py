"""Options and arguments that several commands have, as Typer reads them."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from checker.cli.path_arguments import local_paths
from checker.model import FAIL_ON, Duration
from checker.problems import InvalidInputError, Problem

Config = Annotated[
    str | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        callback=local_paths,
        help="The audit's configuration [default: audit.yaml].",
    ),
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--policy",
        metavar="POLICY",
        callback=local_paths,
        help="A policy file, a folder, or pack:NAME; with --image-sets. Repeats.",
    ),
]
ImageSets = Annotated[
    list[str] | None,
    typer.Option(
        "--image-sets",
        metavar="FILE",
        callback=local_paths,
        help="Recorded answers in place of AWS: files of what get-image-set or list-image-set-versions printed, or folders of "
        "them; - is standard input. Several may follow; repeats.",
    ),
]
MoreImageSets = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE...", callback=local_paths, help="More of what --image-sets takes."),
]
Complete = Annotated[
    bool,
    typer.Option(
        "--complete",
        help="The recorded answers are of every image set of their data stores, so that those can be judged.",
    ),
]
JUnitPasses = Annotated[
    str,
    typer.Option(
        "--junit-passes",
        metavar="HOW",
        help="What JUnit says of passes: full (a case each), aggregate (one for those of a rule), none, or auto: full up to 1,000 "
        "cases, aggregate above.",
    ),
]
JUnitSkipped = Annotated[
    str,
    typer.Option(
        "--junit-skipped",
        metavar="WHICH",
        help="Which skipped cases JUnit has: all, waived (those of waived findings), or none.",
    ),
]
JUnitFor = Annotated[
    str,
    typer.Option(
        "--junit-for",
        metavar="READER",
        help="Who reads JUnit: jenkins, gitlab, github, azure, or strict for whoever holds it to the schemas.",
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

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Waivers = Annotated[
    str | None,
    typer.Option(
        "--waivers", metavar="FILE", callback=local_paths, help="The waivers, in place of audit.yaml's."
    ),
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
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help=f"The least severity that the gate counts: {', '.join(FAIL_ON)} [default: low].",
    ),
]
Limit = Annotated[
    int,
    typer.Option("--limit", metavar="N", min=0, help="How many findings the text shows."),
]
SortBy = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="BY",
        help="Which findings the text shows, and in which order: severity (the worst), age (the oldest), rule, image-set (of the "
        "worst image sets).",
    ),
]
Sign = Annotated[
    str | None,
    typer.Option(
        "--sign", metavar="KEY", callback=local_paths, help="Sign the kept run with an Ed25519 key (PEM)."
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="FILE",
        callback=local_paths,
        help="A public key (PEM) that earlier runs may be signed with, beside that of --sign. Repeats.",
    ),
]


def read_duration(flag: str, text: str) -> Duration:
    """The length of time that an option has.

    Raises:
        InvalidInputError: it is none.
    """
    from checker.api import BadValueError, parse_duration

    try:
        return parse_duration(text)
    except BadValueError as error:
        raise InvalidInputError(Problem(flag, str(error), error.hint)) from None


def whole_lines(app: typer.Typer) -> None:
    """Has every command's first sentence shown whole where commands are listed: else what does not fit a line is cut off."""
    for command in app.registered_commands:
        text = command.help or inspect.getdoc(command.callback) or ""
        command.short_help = text.partition("\n")[0]
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.short_help = str(group.typer_instance.info.help)
            whole_lines(group.typer_instance)
