"""The commands on kept runs, as Typer reads them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from checker.cli.path_arguments import local_paths, report_paths, run_paths
from checker.cli.shared_options import (
    Config,
    Json,
    JUnitFor,
    JUnitPasses,
    JUnitSkipped,
    Limit,
    ShowPhi,
    SortBy,
)
from checker.reporting.formats import Document, formats
from checker.reporting.report_options import USUAL_LIMIT

_DIFF = (
    "Examples:\n\n"
    "  imageset-checker diff\n\n"
    "  imageset-checker diff latest~2 latest --report markdown=- --report html=out/diff.html\n\n"
    "  imageset-checker diff runs/20260101T000000Z-1f2e3d4c runs/20260201T000000Z-5a6b7c8d"
)
_TREND = (
    "Examples:\n\n"
    "  imageset-checker trend\n\n"
    "  imageset-checker trend runs/ --last 12 --report html=out/trend.html"
)
_FORECAST = (
    "Examples:\n\n"
    "  imageset-checker forecast\n\n"
    "  imageset-checker forecast latest --within 1y --report html=out/forecast.html --report json=out/forecast.json"
)


def _reports(document: Document) -> Any:
    """The option `--report` of a command that reports a document."""
    return typer.Option(
        "--report",
        metavar="FORMAT=PATH",
        callback=report_paths,
        help=f"A report: {', '.join(formats(document))}; - is standard output. Repeats [default: text=-].",
    )


runs_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Lists kept runs, and removes those whose time is over."
)
LATEST, PREVIOUS = "latest", "previous"
RUN_HELP = (
    "its folder; in the store of audit.yaml its name, the beginning of it, latest, previous or latest~2"
)
Run = Annotated[str, typer.Argument(metavar="RUN", callback=run_paths, help=f"The run: {RUN_HELP}.")]
baseline_app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Says which run's findings the gate of new_only lets stand.",
)
Runs = Annotated[
    str | None,
    typer.Argument(
        metavar="RUNS",
        callback=run_paths,
        help="A folder of runs, or s3://BUCKET/PREFIX; that of audit.yaml unless given.",
    ),
]


def commands_on_runs(app: typer.Typer) -> None:
    """Adds them to the program."""
    app.command()(verify)
    app.command()(report)
    app.command(epilog=_DIFF)(diff)
    app.command(epilog=_TREND)(trend)
    app.command(epilog=_FORECAST)(forecast)
    app.add_typer(runs_app, name="runs")
    app.add_typer(baseline_app, name="baseline")


def verify(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            callback=run_paths,
            help=f"Each is {RUN_HELP}; or a folder of runs [default: all of the audit's].",
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="FILE",
            callback=local_paths,
            help="The public key (PEM) that the runs must be signed with. Repeats, where it changed.",
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> int:
    """Whether kept runs are what they were: their files, their chain, and their findings."""
    from checker.cli.verify import run

    return run(runs or [], config, keys=key or [], as_json=as_json)


def report(
    run_folder: Run = LATEST,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=PATH",
            callback=report_paths,
            help="A report; - is standard output. Repeats.",
        ),
    ] = None,
    junit_passes: JUnitPasses = "",
    junit_skipped: JUnitSkipped = "",
    junit_for: JUnitFor = "",
    limit: Limit = USUAL_LIMIT,
    sort: SortBy = "severity",
    show_phi: ShowPhi = False,
    config: Config = None,
) -> int:
    """Write reports of a kept run, as the run itself would, JUnit in the way that it did."""
    from checker.cli.report import run

    given = {"junit_passes": junit_passes, "junit_skipped": junit_skipped, "junit_for": junit_for}
    junit = {name: word for name, word in given.items() if word}
    return run(run_folder, report or [], junit, config, limit=limit, sort=sort, show_phi=show_phi)


def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", callback=run_paths, help=f"The earlier run: {RUN_HELP}.")
    ] = PREVIOUS,
    new: Annotated[str, typer.Argument(metavar="NEW", callback=run_paths, help="The later run.")] = LATEST,
    report: Annotated[list[str] | None, _reports("diff")] = None,
    config: Config = None,
) -> int:
    """What changed from one run to another, and why: data, policy, waiver, clock."""
    from checker.cli.diff import run

    return run(old, new, report or [], config)


def trend(
    runs: Runs = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="AUDIT",
            help="The audit, where there are several [default: that of audit.yaml].",
        ),
    ] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="The last N runs.")] = 24,
    report: Annotated[list[str] | None, _reports("trend")] = None,
    as_json: Json = False,
    config: Config = None,
) -> int:
    """How the numbers of an audit went from run to run."""
    from checker.cli.trend import run

    return run(runs, name, last, report or [], config, as_json=as_json)


def forecast(
    run_folder: Run = LATEST,
    within: Annotated[
        str, typer.Option("--within", metavar="DURATION", help="How far to look, from the run's instant on.")
    ] = "90d",
    config: Annotated[
        str | None,
        typer.Option(
            "-c",
            "--config",
            metavar="FILE",
            callback=local_paths,
            help="Judge by this audit.yaml, not as the run did.",
        ),
    ] = None,
    report: Annotated[list[str] | None, _reports("forecast")] = None,
    as_json: Json = False,
) -> int:
    """Which verdicts change, and when the gate gets worse, if nothing but time passes."""
    from checker.cli.forecast import run

    return run(run_folder, within, report or [], config, as_json=as_json)


@runs_app.command("list")
def runs_list(runs: Runs = None, config: Config = None) -> int:
    """One run a line: its audit, as_of and outcome, and whether it is complete and signed."""
    from checker.cli.runs import list_runs

    return list_runs(runs, config)


@runs_app.command("prune")
def runs_prune(
    runs: Runs = None,
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="TIME", help="How long runs are kept [default: that of audit.yaml]."),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove them; without it, only say what would go.")
    ] = False,
    sign: Annotated[
        str | None,
        typer.Option(
            "--sign",
            metavar="FILE",
            callback=local_paths,
            help="The private key (PEM, Ed25519) that the runs were signed with: it signs that they were pruned.",
        ),
    ] = None,
    config: Config = None,
) -> int:
    """Remove runs whose time is over, but for their manifests; says why each other one stays."""
    from checker.cli.runs import prune_runs

    return prune_runs(runs, config, keep=keep, delete=delete, sign=sign)


Signed = Annotated[
    str | None,
    typer.Option(
        "--sign", metavar="KEY", callback=local_paths, help="Sign the statement with an Ed25519 key (PEM)."
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; reports show it.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; reports show it.")]


@baseline_app.command("accept")
def baseline_accept(run: Run, reason: Reason, by: By, sign: Signed = None, config: Config = None) -> int:
    """Let the findings of a run stand: with `new_only` the gate counts those that come after."""
    from checker.cli.baseline import change

    return change(run, "accept", config, reason=reason, by=by, sign=sign)


@baseline_app.command("revoke")
def baseline_revoke(run: Run, reason: Reason, by: By, sign: Signed = None, config: Config = None) -> int:
    """Take back that a run was accepted."""
    from checker.cli.baseline import change

    return change(run, "revoke", config, reason=reason, by=by, sign=sign)


@baseline_app.command("show")
def baseline_show(
    runs: Runs = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="AUDIT", help="The audit, where there are several.")
    ] = None,
    config: Config = None,
) -> int:
    """The run that the gate of `new_only` compares with, and who accepted it."""
    from checker.cli.baseline import show

    return show(runs, name, config)
