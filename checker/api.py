"""An audit as one call, `audit`, and its stages as functions: load, choose, collect or record, evaluate, report. The command
line uses nothing else, and neither should a Lambda or a notebook. `import checker` offers all of it: `checker.__all__` names it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.instants import iso as iso
from checker.judgement.baseline import Baseline as Baseline
from checker.judgement.gate import Gate as Gate
from checker.judgement.gate import gate as gate
from checker.judgement.previous_runs import EarlierRuns as EarlierRuns
from checker.judgement.previous_runs import earlier_runs as earlier_runs
from checker.judgement.previous_runs import write_history as write_history
from checker.judgement.replay import rejudge as rejudge
from checker.judgement.replay import replay as replay
from checker.judgement.resumption import criteria as criteria
from checker.judgement.run import PreviousRuns as PreviousRuns
from checker.judgement.run import Run as Run
from checker.judgement.run_evaluation import Origin as Origin
from checker.judgement.run_evaluation import evaluate as evaluate
from checker.model import Duration as Duration
from checker.model import Finding as Finding
from checker.model import Needs as Needs
from checker.model import Outcome as Outcome
from checker.model import Pack as Pack
from checker.model import Renames as Renames
from checker.model import Rule as Rule
from checker.model import Severity as Severity
from checker.model import Subject as Subject
from checker.model import Target as Target
from checker.model import Verdict as Verdict
from checker.model import Waiver as Waiver
from checker.policy.load import Policies as Policies
from checker.policy.load import load as load
from checker.policy.params import Given as Given
from checker.policy.policy_files import SHIPPED as SHIPPED
from checker.policy.policy_files import Request as Request
from checker.policy.rule_selection import Rules as Rules
from checker.policy.rule_selection import choose as choose
from checker.policy.rule_selection import rule_names as rule_names
from checker.policy.schema import SCHEMA_HEADER as SCHEMA_HEADER
from checker.policy.tailoring import Override as Override
from checker.problems import InvalidInputError as InvalidInputError
from checker.problems import Problem as Problem
from checker.reporting import STDOUT as STDOUT
from checker.reporting import Options as Options
from checker.reporting import ReportError as ReportError
from checker.reporting import probe as probe
from checker.reporting.collection_plan import CollectionPlan as CollectionPlan
from checker.reporting.escape import json_text as json_text
from checker.reporting.pack_page import pack_page as pack_page
from checker.reporting.rule_page import rule_page as rule_page
from checker.reporting.run_text import why_nothing_was_read as why_nothing_was_read
from checker.runs.authenticity import KeyFiles as KeyFiles
from checker.runs.authenticity import Keys as Keys
from checker.runs.authenticity import read_keys as read_keys
from checker.runs.evidence import Evidence as Evidence
from checker.runs.evidence import input_digest as input_digest
from checker.runs.evidence import move as move
from checker.runs.local_store import PendingRun as PendingRun
from checker.runs.local_store import Store as Store
from checker.runs.local_store import open_store as open_store
from checker.runs.retention import Decision as Decision
from checker.runs.retention import StoredRun as StoredRun
from checker.runs.run_folder import InterruptedRun as InterruptedRun
from checker.runs.run_folder import SealKey as SealKey
from checker.runs.run_reader import RecordedRun as RecordedRun
from checker.runs.signature import signing_key as signing_key
from checker.snapshot.deletion_events import Event as Event
from checker.values import BadValueError as BadValueError
from checker.values import parse_duration as parse_duration
from checker.values import parse_path as parse_path
from checker.values import show as show
from checker.waivers.edit import EditedWaivers as EditedWaivers
from checker.waivers.edit import WaiverDraft as WaiverDraft
from checker.waivers.status import WaiverUse as WaiverUse
from checker.waivers.status import coverage_text as coverage_text
from checker.waivers.status import day as day
from checker.workflow.audit_execution import AuditResult as AuditResult
from checker.workflow.audit_execution import WrittenReport as WrittenReport
from checker.workflow.audit_execution import audit as run_audit
from checker.workflow.audit_options import AuditOptions as AuditOptions
from checker.workflow.audit_options import EvidenceOptions as EvidenceOptions
from checker.workflow.audit_options import ExplainOptions as ExplainOptions
from checker.workflow.audit_options import PlanOptions as PlanOptions
from checker.workflow.audit_options import WaiverCheckOptions as WaiverCheckOptions
from checker.workflow.baselines import BaselineState as BaselineState
from checker.workflow.baselines import baseline_state as baseline_state
from checker.workflow.baselines import declare_baseline as declare_baseline
from checker.workflow.collection_plan import plan_collection as plan_collection
from checker.workflow.comparison import Warn as Warn
from checker.workflow.comparison import diff as diff
from checker.workflow.comparison import forecast as forecast
from checker.workflow.comparison import trend as trend
from checker.workflow.interruption import AuditStoppedError as AuditStoppedError
from checker.workflow.listener import Listener as Listener
from checker.workflow.listener import Progress as Progress
from checker.workflow.options import requested_reports as requested_reports
from checker.workflow.policy_selection import PolicySelection as PolicySelection
from checker.workflow.policy_selection import policies_in_force as policies_in_force
from checker.workflow.run_keeping import begin as begin
from checker.workflow.run_keeping import collected_runs as collected_runs
from checker.workflow.run_keeping import interrupted_run as interrupted_run
from checker.workflow.run_keeping import reopen as reopen
from checker.workflow.run_keeping import resume as resume
from checker.workflow.run_keeping import seal as seal
from checker.workflow.run_keeping import verify as verify
from checker.workflow.stages import Reported as Reported
from checker.workflow.stages import collect as collect
from checker.workflow.stages import configure as configure
from checker.workflow.stages import explain as explain
from checker.workflow.stages import plan as plan
from checker.workflow.stages import read_waivers as read_waivers
from checker.workflow.stages import recorded as recorded
from checker.workflow.stages import render as render
from checker.workflow.stages import report as report
from checker.workflow.stages import targets as targets
from checker.workflow.stored_runs import PrunePlan as PrunePlan
from checker.workflow.stored_runs import Pruning as Pruning
from checker.workflow.stored_runs import ReplayedRun as ReplayedRun
from checker.workflow.stored_runs import RunListing as RunListing
from checker.workflow.stored_runs import list_runs as list_runs
from checker.workflow.stored_runs import open_replay as open_replay
from checker.workflow.stored_runs import plan_pruning as plan_pruning
from checker.workflow.stored_runs import verify_runs as verify_runs
from checker.workflow.verdict_explanation import explain_verdicts as explain_verdicts

if TYPE_CHECKING:
    from checker.collection.estimate import Estimate as Estimate
    from checker.collection.iam_policy import LARGEST_POLICY as LARGEST_POLICY
    from checker.collection.iam_policy import policy_file_names as policy_file_names
    from checker.collection.iam_policy import split_policy as split_policy
    from checker.compare.diff import Comparison as Comparison
    from checker.compare.forecast import Forecast as Forecast
    from checker.compare.trend import Trend as Trend
    from checker.config import AuditConfig as AuditConfig
    from checker.evaluation.explain import Explanation as Explanation
    from checker.judgement.reproduction import reproduction_obstacle as reproduction_obstacle
    from checker.judgement.verification import Verification as Verification
    from checker.judgement.waivers import NewWaivers as NewWaivers
    from checker.policytest.results import RuleTestResult as RuleTestResult
    from checker.policytest.results import run_rule_tests as run_rule_tests
    from checker.policytest.warnings import Examination as Examination
    from checker.policytest.warnings import examine as examine
    from checker.reporting.explanation import ExplainedVerdicts as ExplainedVerdicts
    from checker.reporting.test_report import RuleTests as RuleTests
    from checker.reporting.test_report import failure_text as failure_text
    from checker.reporting.test_report import missing_verdicts_text as missing_verdicts_text
    from checker.reporting.test_report import score_text as score_text
    from checker.waivers.request import WaiverRequest as WaiverRequest
    from checker.workflow.schemas import schema_text as schema_text
    from checker.workflow.schemas import write_text as write_text
    from checker.workflow.waiver_file import WaiverCheck as WaiverCheck
    from checker.workflow.waiver_file import WaiverStanding as WaiverStanding
    from checker.workflow.waiver_file import check_waivers as check_waivers
    from checker.workflow.waiver_file import waive as waive

_HEAVY = {
    "write_text": "checker.workflow.schemas",
    "schema_text": "checker.workflow.schemas",
    "WaiverRequest": "checker.waivers.request",
    "waive": "checker.workflow.waiver_file",
    "check_waivers": "checker.workflow.waiver_file",
    "WaiverStanding": "checker.workflow.waiver_file",
    "WaiverCheck": "checker.workflow.waiver_file",
    "NewWaivers": "checker.judgement.waivers",
    "Comparison": "checker.compare.diff",
    "Forecast": "checker.compare.forecast",
    "Trend": "checker.compare.trend",
    "AuditConfig": "checker.config",
    "Explanation": "checker.evaluation.explain",
    "reproduction_obstacle": "checker.judgement.reproduction",
    "Verification": "checker.judgement.verification",
    "RuleTestResult": "checker.policytest.results",
    "run_rule_tests": "checker.policytest.results",
    "Examination": "checker.policytest.warnings",
    "examine": "checker.policytest.warnings",
    "ExplainedVerdicts": "checker.reporting.explanation",
    "RuleTests": "checker.reporting.test_report",
    "failure_text": "checker.reporting.test_report",
    "missing_verdicts_text": "checker.reporting.test_report",
    "score_text": "checker.reporting.test_report",
    "Estimate": "checker.collection.estimate",
    "LARGEST_POLICY": "checker.collection.iam_policy",
    "policy_file_names": "checker.collection.iam_policy",
    "split_policy": "checker.collection.iam_policy",
}
"""Names of modules that take long to import: they are imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HEAVY[name]), name)


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
