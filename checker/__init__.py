"""A compliance checker for AWS HealthImaging: YAML policies over GetImageSet results, HTML and JUnit reports.

The stages, as functions: `load` policies, `choose` rules, `configure` and `collect` (or `recorded`) evidence, `evaluate`
it, `report` the run; `run.outcome.exit_code` is the gate's. See `checker.api`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from checker.api import (
        Evidence,
        Gate,
        InvalidInputError,
        Kept,
        Keys,
        Options,
        Past,
        Policies,
        Problem,
        ReportError,
        Request,
        Rules,
        Run,
        Store,
        Working,
        begun,
        choose,
        claim,
        collect,
        collected,
        configure,
        criteria,
        evaluate,
        explain,
        gate,
        inputs,
        kept,
        keys_of,
        load,
        moved,
        named,
        open_store,
        past,
        plan,
        read_waivers,
        reclaim,
        recorded,
        rejudge,
        remember,
        reopen,
        replay,
        report,
        signing_key,
        targets,
        verify,
    )

__all__ = [
    "Evidence",
    "Gate",
    "InvalidInputError",
    "Kept",
    "Keys",
    "Options",
    "Past",
    "Policies",
    "Problem",
    "ReportError",
    "Request",
    "Rules",
    "Run",
    "Store",
    "Working",
    "begun",
    "choose",
    "claim",
    "collect",
    "collected",
    "configure",
    "criteria",
    "evaluate",
    "explain",
    "gate",
    "inputs",
    "kept",
    "keys_of",
    "load",
    "moved",
    "named",
    "open_store",
    "past",
    "plan",
    "read_waivers",
    "reclaim",
    "recorded",
    "rejudge",
    "remember",
    "reopen",
    "replay",
    "report",
    "signing_key",
    "targets",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Imports the API when it is first used: `imageset-checker --version` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'checker' has no attribute {name!r}")
    return getattr(import_module("checker.api"), name)
