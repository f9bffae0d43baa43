"""`forecast`: what becomes of a run if nothing but time passes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from checker import api
from checker.cli.console import print_warnings, silence_broken_pipe
from checker.compare.forecast import forecast
from checker.file_modes import private
from checker.instants import add_duration
from checker.problems import InvalidInputError, Problem
from checker.reporting import Options, writer
from checker.runs.run_reader import RecordedRun
from checker.values import BadValueError, parse_duration
from checker.workflow.run_lookup import config_in_force, find

if TYPE_CHECKING:
    from checker.config import AuditConfig

WITHIN = "90d"


@private()
def run(run_: str, within: str, config: str | None, *, as_json: bool) -> int:
    """Prints what changes with time alone; 0 whatever it is."""
    try:
        length = parse_duration(within)
    except BadValueError as error:
        raise InvalidInputError(Problem("--within", str(error), error.hint)) from None
    own = config_in_force(config, needed=False)
    _, kept = find(run_, own)
    with api.replay(kept) if own is None else _rejudged(kept, own) as judged:
        try:
            until = add_duration(judged.as_of, length)
        except (ValueError, OverflowError):
            until = None
        if until is None or until <= judged.as_of:
            raise InvalidInputError(Problem("--within", f"{within} leads nowhere", "such as 90d or 1y"))
        with forecast(judged, until) as found:
            try:
                writer("json" if as_json else "text", "forecast").write(found, sys.stdout, Options())
                sys.stdout.flush()
            except BrokenPipeError:
                silence_broken_pipe()
    return 0


def _rejudged(kept: RecordedRun, config: AuditConfig) -> api.Run:
    """The run's evidence, judged by an audit.yaml: its policies, parameters, waivers and gate."""
    requests = [api.Request(str(node.value), node) for node in config.policies]
    policies = api.load(requests, base=config.root)
    rules = api.choose(policies, configured=config.params, changes=config.rules)
    print_warnings([*config.warnings, *policies.warnings, *rules.warnings])
    waivers, warnings = api.read_waivers(config, rules)
    print_warnings(warnings)
    return api.rejudge(kept, rules, gate=api.gate(config), waivers=waivers, soon=config.soon)
