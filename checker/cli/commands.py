"""The commands and their options, as Typer reads them. What a command does is in the file of its name."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from checker import __version__
from checker.cli.path_arguments import answer_paths, local_paths, report_paths, run_paths
from checker.cli.rules_commands import rules_app
from checker.cli.runs_commands import commands_on_runs
from checker.cli.shared_options import (
    AsOf,
    Complete,
    Config,
    FailOn,
    ImageSets,
    Json,
    JUnitFor,
    JUnitPasses,
    JUnitSkipped,
    Keys,
    Limit,
    MoreImageSets,
    Param,
    Policy,
    Rule,
    ShowPhi,
    Sign,
    SkipRule,
    SortBy,
    Tag,
    Target,
    Waivers,
    whole_lines,
)
from checker.cli.waiver_commands import commands_on_waivers
from checker.reporting.formats import formats
from checker.reporting.report_options import USUAL_LIMIT

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
def check(
    files: MoreImageSets = None,
    config: Config = None,
    policy: Policy = None,
    image_sets: ImageSets = None,
    complete: Complete = False,
    param: Param = None,
    as_of: AsOf = None,
    fail_on: FailOn = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=PATH",
            callback=report_paths,
            help=f"A report: {', '.join(formats('run'))}; - is standard output. Repeats.",
        ),
    ] = None,
    junit_passes: JUnitPasses = "auto",
    junit_skipped: JUnitSkipped = "all",
    junit_for: JUnitFor = "strict",
    limit: Limit = USUAL_LIMIT,
    sort: SortBy = "severity",
    target: Target = None,
    rule: Rule = None,
    skip_rule: SkipRule = None,
    tag: Tag = None,
    runs: Annotated[
        str | None,
        typer.Option(
            "--runs",
            metavar="DIR",
            callback=run_paths,
            help="Keep the run in a folder here, or below s3://BUCKET/PREFIX.",
        ),
    ] = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option(
            "--endpoint-url", metavar="URL", help="HealthImaging's endpoint, for PrivateLink or a simulator."
        ),
    ] = None,
    runtime_endpoint_url: Annotated[
        str | None,
        typer.Option(
            "--runtime-endpoint-url",
            metavar="URL",
            help="The endpoint of image set calls, where it is another one.",
        ),
    ] = None,
    evidence: Annotated[
        str | None,
        typer.Option(
            "--evidence",
            metavar="RUN",
            callback=run_paths,
            help="Judge the evidence of a kept run again, without AWS: by its own policies unless -c or -p is given.",
        ),
    ] = None,
    waivers: Waivers = None,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events",
            metavar="FILE",
            callback=local_paths,
            help="EventBridge events of deletions, as JSON Lines: earlier sightings. Repeats.",
        ),
    ] = None,
    new_only: Annotated[
        bool,
        typer.Option(
            "--new-only",
            help="The gate counts only fails that the baseline lacks: the last run whose gate passed, or one that was accepted.",
        ),
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="RUN",
            callback=run_paths,
            help="The run to compare with [default: the last one; with --new-only the baseline].",
        ),
    ] = None,
    strict_history: Annotated[
        bool,
        typer.Option(
            "--strict-history", help="Refuse to begin where a run was removed from among the kept ones."
        ),
    ] = False,
    sign: Sign = None,
    key: Keys = None,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh", help="Ask for every image set, also where nothing has moved since the last run."
        ),
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="RUN", callback=run_paths, help="Go on with a kept run that was interrupted."
        ),
    ] = None,
    show_phi: ShowPhi = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary and no progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log to standard error, without secrets.")] = False,
) -> int:
    """Collect, evaluate, report, gate."""
    from checker import api
    from checker.cli.check import run
    from checker.cli.console import colored, line_width

    options = api.AuditOptions(
        config=config, policies=policy or [], image_sets=answer_paths(image_sets, files), complete=complete, params=param or [],
        as_of=as_of, fail_on=fail_on, reports=report or [], junit_passes=junit_passes,
        junit_skipped=junit_skipped, junit_for=junit_for, targets=target or [], rules=rule or [],
        skip_rules=skip_rule or [], tags=tag or [], runs=runs, endpoint_url=endpoint_url,
        runtime_endpoint_url=runtime_endpoint_url, evidence=evidence, waivers=waivers, events=events or [], new_only=new_only,
        baseline=baseline, strict_history=strict_history, sign=sign, keys=key or [], refresh=refresh, resume=resume,
        show_phi=show_phi, color=colored(sys.stdout), width=line_width(sys.stdout), limit=limit, sort=sort,
    )  # fmt: skip
    return run(options, quiet=quiet, debug=debug)


@app.command(
    epilog="Examples:\n\n"
    "  imageset-checker explain no-forced-overrides 18f88ac7870584f58d56256646b4d92b --evidence runs/RUN\n\n"
    "  imageset-checker explain no-forced-overrides archive/18f88ac7870584f58d56256646b4d92b@v3"
)
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, or PACK/RULE.")],
    image_set: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE_SET",
            help="An id, ID@vN for a version, TARGET/ID as reports print it; a target's name for a rule on data stores, or for "
            "what a search may have left out of it.",
        ),
    ],
    files: MoreImageSets = None,
    evidence: Annotated[
        str | None,
        typer.Option(
            "--evidence",
            metavar="RUN",
            callback=run_paths,
            help="A run folder: judged as the run did, without AWS.",
        ),
    ] = None,
    config: Config = None,
    policy: Policy = None,
    image_sets: ImageSets = None,
    complete: Complete = False,
    param: Param = None,
    as_of: AsOf = None,
    target: Target = None,
    show_phi: ShowPhi = False,
    as_json: Json = False,
) -> int:
    """Why a rule judges an image set as it does, and when that changes."""
    from checker import api
    from checker.cli.explain import run

    asked = api.ExplainOptions(
        config=config, policies=policy or [], image_sets=answer_paths(image_sets, files), complete=complete, params=param or [],
        as_of=as_of, targets=target or [], evidence=evidence, rule=rule, subject=image_set,
        show_phi=show_phi,
    )  # fmt: skip
    return run(asked, as_json=as_json)


@app.command(
    epilog="Examples:\n\n"
    "  imageset-checker plan\n\n"
    "  imageset-checker plan --sets 1000000 --rule no-forced-overrides\n\n"
    "  imageset-checker plan --policy > policy.json\n\n"
    "  imageset-checker plan --out iam/"
)
def plan(
    config: Config = None,
    param: Param = None,
    target: Target = None,
    rule: Rule = None,
    skip_rule: SkipRule = None,
    tag: Tag = None,
    sets: Annotated[
        int | None,
        typer.Option(
            "--sets",
            min=0,
            metavar="N",
            help="Image sets of a target that lists none [default: those of the last kept run].",
        ),
    ] = None,
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
    from checker import api
    from checker.cli.plan import run

    asked = api.PlanOptions(
        config=config, params=param or [], targets=target or [], rules=rule or [], skip_rules=skip_rule or [], tags=tag or [],
        sets=sets,
    )  # fmt: skip
    return run(asked, as_json=as_json, policy=policy, out=out)


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
