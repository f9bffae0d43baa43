"""The commands and their options, as Typer reads them. What a command does is in the file of its name."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from checker import __version__
from checker.cli.option_parameters import with_options
from checker.cli.path_arguments import local_paths
from checker.cli.rules_commands import rules_app
from checker.cli.runs_commands import commands_on_runs
from checker.cli.shared_options import Json, whole_lines
from checker.cli.waiver_commands import commands_on_waivers
from checker.workflow.audit_options import AuditOptions, ExplainOptions, PlanOptions

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A compliance checker for AWS HealthImaging: YAML policies over GetImageSet results.",
    epilog="A RUN is named by its folder or s3://BUCKET/PREFIX/RUN; in the store of audit.yaml also by its name, the beginning "
    "of it, latest, previous, or latest~2.\n\n"
    "Exit codes: 0 passed, 1 violation, 2 invalid input, 3 incomplete, 4 report not delivered, 70 internal error.",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"imageset-checker {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(
    epilog="Examples:\n\n"
    "  imageset-checker check\n\n"
    "  imageset-checker check -p pack:healthimaging-integrity --image-sets sets.json --report junit=out/junit.xml\n\n"
    "  aws medical-imaging get-image-set ... | imageset-checker check -p policies/ --image-sets -"
)
@with_options(AuditOptions)
def check(
    options: AuditOptions,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary and no progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log to standard error, without secrets.")] = False,
) -> int:
    """Collect, evaluate, report, gate."""
    from checker.cli.check import run
    from checker.cli.console import colored, line_width

    options = replace(options, color=colored(sys.stdout), width=line_width(sys.stdout))
    return run(options, quiet=quiet, debug=debug)


@app.command(
    epilog="Examples:\n\n"
    "  imageset-checker explain no-forced-overrides 18f88ac7870584f58d56256646b4d92b --evidence runs/RUN\n\n"
    "  imageset-checker explain no-forced-overrides archive/18f88ac7870584f58d56256646b4d92b@v3"
)
@with_options(ExplainOptions)
def explain(options: ExplainOptions, as_json: Json = False) -> int:
    """Why a rule judges an image set as it does, and when that changes."""
    from checker.cli.explain import run

    return run(options, as_json=as_json)


@app.command(
    epilog="Examples:\n\n"
    "  imageset-checker plan\n\n"
    "  imageset-checker plan --sets 1000000 --rule no-forced-overrides\n\n"
    "  imageset-checker plan --policy > policy.json\n\n"
    "  imageset-checker plan --out iam/"
)
@with_options(PlanOptions, without=("policies", "image_sets", "complete", "as_of", "evidence"))
def plan(
    options: PlanOptions,
    as_json: Json = False,
    policy: Annotated[
        bool, typer.Option("--policy", help="Print nothing but the least-privilege IAM policy.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            callback=local_paths,
            help="Write the IAM policies there, over what is there: a file for each set of credentials.",
        ),
    ] = None,
) -> int:
    """What a check would ask of AWS: calls, time, permissions. Asks nothing."""
    from checker.cli.plan import run

    return run(options, as_json=as_json, policy=policy, out=out)


@app.command()
def init(
    folder: Annotated[str, typer.Argument(metavar="DIR", callback=local_paths, help="Where to write.")] = ".",
) -> int:
    """Write a commented audit.yaml and a first policy; overwrites nothing."""
    from checker.cli.init import run

    return run(folder)


@app.command()
def demo(
    folder: Annotated[
        str, typer.Argument(metavar="DIR", callback=local_paths, help="Where the reports go.")
    ] = "demo",
) -> int:
    """Audit a simulated data store over HTTP; reports in ./demo/. Needs the extra `simulator`."""
    from checker.cli.demo import run

    return run(folder)


@app.command()
def simulator(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 5000,
    seed: Annotated[str | None, typer.Option("--seed", metavar="NAME", help="Fill it: demo.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log requests to standard error.")] = False,
) -> int:
    """Serve a simulated HealthImaging on 127.0.0.1 until Ctrl-C. Needs the extra `simulator`."""
    from checker.cli.simulator import run

    return run(port, seed, debug)


app.add_typer(rules_app, name="rules")
commands_on_runs(app)
commands_on_waivers(app)
whole_lines(app)
