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
    "EarlierRuns",
    "Evidence",
    "EvidenceOptions",
    "Gate",
    "InvalidInputError",
    "Keys",
    "Listener",
    "Options",
    "PendingRun",
    "Policies",
    "Problem",
    "Progress",
    "RecordedRun",
    "ReportError",
    "Request",
    "Rules",
    "Run",
    "Store",
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
    "input_digest",
    "interrupted_run",
    "load",
    "move",
    "open_store",
    "plan",
    "read_keys",
    "read_waivers",
    "recorded",
    "rejudge",
    "reopen",
    "replay",
    "report",
    "resume",
    "rule_names",
    "seal",
    "signing_key",
    "targets",
    "verify",
    "why_nothing_was_read",
    "write_history",
]


def __getattr__(name: str) -> Any:
    """Imports the API when it is first used: `imageset-checker --version` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'checker' has no attribute {name!r}")
    return getattr(import_module("checker.api"), name)
