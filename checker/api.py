"""An audit as one call, `audit`, and its stages as functions: load, choose, collect or record, evaluate, report. The command
line uses nothing else, and neither should a Lambda or a notebook. `import checker` offers all of it: `checker.__all__` names it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from checker.judgement.gate import Gate as Gate
from checker.judgement.gate import gate as gate
from checker.judgement.previous_runs import EarlierRuns as EarlierRuns
from checker.judgement.previous_runs import earlier_runs as earlier_runs
from checker.judgement.previous_runs import write_history as write_history
from checker.judgement.replay import rejudge as rejudge
from checker.judgement.replay import replay as replay
from checker.judgement.resumption import criteria as criteria
from checker.judgement.run import Run as Run
from checker.judgement.run_evaluation import evaluate as evaluate
from checker.policy.load import Policies as Policies
from checker.policy.load import load as load
from checker.policy.policy_files import Request as Request
from checker.policy.rule_selection import Rules as Rules
from checker.policy.rule_selection import choose as choose
from checker.policy.rule_selection import rule_names as rule_names
from checker.problems import InvalidInputError as InvalidInputError
from checker.problems import Problem as Problem
from checker.reporting import STDOUT as STDOUT
from checker.reporting import Options as Options
from checker.reporting import ReportError as ReportError
from checker.reporting.run_text import why_nothing_was_read as why_nothing_was_read
from checker.runs.authenticity import Keys as Keys
from checker.runs.authenticity import read_keys as read_keys
from checker.runs.evidence import Evidence as Evidence
from checker.runs.evidence import input_digest as input_digest
from checker.runs.evidence import move as move
from checker.runs.local_store import PendingRun as PendingRun
from checker.runs.local_store import Store as Store
from checker.runs.local_store import open_store as open_store
from checker.runs.run_reader import RecordedRun as RecordedRun
from checker.runs.signature import signing_key as signing_key
from checker.workflow.audit_execution import AuditResult as AuditResult
from checker.workflow.audit_execution import WrittenReport as WrittenReport
from checker.workflow.audit_execution import audit as run_audit
from checker.workflow.interruption import AuditStoppedError as AuditStoppedError
from checker.workflow.listener import Listener as Listener
from checker.workflow.listener import Progress as Progress
from checker.workflow.options import AuditOptions as AuditOptions
from checker.workflow.options import EvidenceOptions as EvidenceOptions
from checker.workflow.run_keeping import begin as begin
from checker.workflow.run_keeping import collected_runs as collected_runs
from checker.workflow.run_keeping import interrupted_run as interrupted_run
from checker.workflow.run_keeping import reopen as reopen
from checker.workflow.run_keeping import resume as resume
from checker.workflow.run_keeping import seal as seal
from checker.workflow.run_keeping import verify as verify
from checker.workflow.stages import collect as collect
from checker.workflow.stages import configure as configure
from checker.workflow.stages import explain as explain
from checker.workflow.stages import plan as plan
from checker.workflow.stages import read_waivers as read_waivers
from checker.workflow.stages import recorded as recorded
from checker.workflow.stages import report as report
from checker.workflow.stages import targets as targets

if TYPE_CHECKING:
    from checker.config import AuditConfig


def audit(
    config: AuditConfig | str | Path | None = None,
    options: AuditOptions = AuditOptions(),  # noqa: B008 - frozen
    *,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    warn: Callable[[Iterable[Problem]], None] | None = None,
    listener: Listener | None = None,
) -> AuditResult:
    """Does what `check` does: collects, evaluates, reports and, where runs are kept, seals the run.

    Args:
        config: audit.yaml, or its path; that of the present folder where `options` name nothing else to judge by either.
        options: what wins over it.
        stop: once set, collecting ends soon, and what was collected is kept: `resume` goes on with it.
        progress: told how many image sets are done, of how many.
        warn: told each warning as it comes; the result has them all.
        listener: in the place of the three, one that answers for signals too.

    Raises:
        InvalidInputError: with every problem of the options and of all files that they name; nothing was checked.
        AuditStoppedError: `stop` was set before everything was asked for.
    """
    asked = options if config is None else replace(options, config=config)
    return run_audit(asked, listener or Listener(stop, progress, warn))
