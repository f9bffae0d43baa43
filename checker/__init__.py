"""A compliance checker for AWS HealthImaging: YAML policies over GetImageSet results, HTML and JUnit reports.

`audit` does what `imageset-checker check` does. Its stages, as functions: `load` policies, `choose` rules, `configure` and
`collect` (or `recorded`) evidence, `evaluate` it, `report` the run; `run.outcome.exit_code` is the gate's. See `checker.api`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from checker.api import *  # noqa: F403

__all__ = [
    "STDOUT",
    "AuditOptions",
    "AuditResult",
    "AuditStoppedError",
    "Evidence",
    "EvidenceOptions",
    "Gate",
    "InvalidInputError",
    "Kept",
    "Keys",
    "Listener",
    "Options",
    "Past",
    "Policies",
    "Problem",
    "Progress",
    "ReportError",
    "Request",
    "Rules",
    "Run",
    "Store",
    "Working",
    "WrittenReport",
    "audit",
    "begin",
    "choose",
    "collect",
    "collected_runs",
    "configure",
    "criteria",
    "earlier_runs",
    "evaluate",
    "explain",
    "gate",
    "inputs",
    "interrupted_run",
    "keys_of",
    "load",
    "move",
    "open_store",
    "plan",
    "read_waivers",
    "recorded",
    "rejudge",
    "remember",
    "reopen",
    "replay",
    "report",
    "resume",
    "rule_names",
    "seal",
    "signing_key",
    "targets",
    "verify",
    "why_unread",
]


def __getattr__(name: str) -> Any:
    """Imports the API when it is first used: `imageset-checker --version` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'checker' has no attribute {name!r}")
    return getattr(import_module("checker.api"), name)
