"""The commands on waivers, as Typer reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from checker.cli.option_parameters import with_options
from checker.cli.path_arguments import local_paths, run_paths
from checker.cli.shared_options import Config
from checker.workflow.audit_options import WaiverCheckOptions

_WAIVE = (
    "Examples:\n\n"
    "  imageset-checker waive no-forced-overrides 18f88ac7870584f58d56256646b4d92b --evidence runs/RUN"
    ' --reason "Ticket 4711" --owner imaging --approved-by quality --expires 2026-03-31 --this-version\n\n'
    "  imageset-checker waive no-recent-deletions --all --file waivers.yaml --evidence runs/RUN ..."
)
_CHECK = (
    "Exit codes: 0 all is well, 1 a waiver is expired, unused or over-broad (with --strict: or ends soon), 2 invalid, 3 the evidence cannot tell whether one is needed.\n\n"
    "Examples:\n\n"
    "  imageset-checker waivers check\n\n"
    "  imageset-checker waivers check --waivers waivers.yaml -p policies/ --evidence runs/RUN"
)


def commands_on_waivers(app: typer.Typer) -> None:
    """Adds them to the program."""
    app.command(epilog=_WAIVE)(waive)
    waivers = typer.Typer(
        rich_markup_mode=None, no_args_is_help=True, help="Says how the waivers of a file stand."
    )
    waivers.callback()(_waivers)
    waivers.command("check", epilog=_CHECK)(check)
    app.add_typer(waivers, name="waivers")


def _waivers() -> None:
    # a program with one command would not be asked for its name
    pass


def waive(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, or PACK/RULE.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they may stay for now.")],
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who answers for them.")],
    approved_by: Annotated[
        str, typer.Option("--approved-by", metavar="NAME", help="Who approved it: not the owner.")
    ],
    expires: Annotated[str, typer.Option("--expires", metavar="DATE", help="The last valid day, UTC.")],
    evidence: Annotated[
        str,
        typer.Option(
            "--evidence",
            metavar="RUN",
            callback=run_paths,
            help="The kept run whose findings are waived, by its folder or name.",
        ),
    ] = "latest",
    image_sets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE_SET...",
            help="Ids, ID@vN for a version, TARGET/ID; targets of a rule on data stores.",
        ),
    ] = None,
    created: Annotated[
        str | None,
        typer.Option("--created", metavar="DATE", help="The first valid day [default: today, UTC]."),
    ] = None,
    covers: Annotated[
        str, typer.Option("--covers", metavar="VERDICT", help="Which findings: fail or unknown.")
    ] = "fail",
    this_version: Annotated[
        bool,
        typer.Option("--this-version", help="Only while an image set is at the version that was judged."),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every finding of the rule that is not waived yet.")
    ] = False,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="FILE",
            callback=local_paths,
            help="The file of waivers [default: that of audit.yaml].",
        ),
    ] = None,
    config: Config = None,
) -> int:
    """Waive findings of a kept run: adds an entry to the file of waivers."""
    from checker import api
    from checker.cli.waive import run

    request = api.WaiverRequest(
        rule=rule, reason=reason, owner=owner, approved_by=approved_by, expires=expires, created=created, covers=covers,
        image_sets=image_sets or (), this_version=this_version, every=every,
    )  # fmt: skip
    return run(request, evidence, file, config)


@with_options(WaiverCheckOptions)
def check(options: WaiverCheckOptions) -> int:
    """One waiver a line, and an exit code for CI."""
    from checker.cli.waivers import check

    return check(options)
