"""The file of waivers: findings of kept runs that are added to it, and how those in it stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker.judgement import waivers as judgement
from checker.judgement.replay import recorded_overrides
from checker.judgement.waivers import NewWaivers, waiver_uses
from checker.model import SOON, Duration, Outcome, Waiver, utc_now
from checker.policy.load import Policies, load
from checker.policy.rule_selection import choose
from checker.problems import InvalidInputError, Problem, ProblemCollection
from checker.runs.run_reader import RecordedRun
from checker.waivers.file import read_waivers
from checker.waivers.limits import WaiverLimits, limits_of
from checker.waivers.request import WaiverRequest, check_request
from checker.waivers.status import WaiverUse, days_left, ends_soon, state_of
from checker.workflow import options
from checker.workflow.audit_options import WaiverCheckOptions
from checker.workflow.comparison import Warn, ignore
from checker.workflow.options import DEFAULT_CONFIG
from checker.workflow.run_lookup import config_in_force, find
from checker.workflow.stages import load_policies

if TYPE_CHECKING:
    from checker.config import AuditConfig


def waive(
    request: WaiverRequest,
    evidence: str,
    *,
    file: str | Path | None = None,
    config: AuditConfig | str | Path | None = None,
) -> NewWaivers:
    """Adds findings of a kept run to the file of waivers; where anything is wrong, nothing is written.

    Args:
        request: which findings, and what the entries say.
        evidence: the run: its path, or how its store calls it.
        file: the file, which may not be there yet; that of audit.yaml unless given.
        config: audit.yaml, or its path; that of the present folder unless `file` is given.

    Raises:
        InvalidInputError: the run has no such finding, or the file would not read well.
    """
    check_request(request)
    own = config_in_force(config, needed=file is None)
    path = waivers_file(file, own, "--file")
    kept = find(evidence, own)[1]
    return judgement.waive(kept, request, path, policies(own, kept), limits_of(own) if own else None)


def waivers_file(given: str | Path | None, config: AuditConfig | None, flag: str) -> Path:
    """The file of waivers that a flag or audit.yaml names.

    Raises:
        InvalidInputError: neither does.
    """
    if given is not None:
        return Path(given)
    if config is None or config.waivers_file is None:
        where = config.path.as_posix() if config else DEFAULT_CONFIG
        message = "names no file of waivers" if config else "there is no audit.yaml here"
        raise InvalidInputError(Problem(where, message, f"add `waivers: waivers.yaml` to it, or {flag} FILE"))
    return config.waivers_file


def policies(config: AuditConfig | None, kept: RecordedRun | None) -> Policies:
    """The policies that the waivers of an audit are read by: those of audit.yaml, or those of the run."""
    if config is not None:
        return load_policies(config)
    return load(kept.policies if kept else ())


@dataclass(frozen=True)
class WaiverStanding:
    """A waiver as it stands: `expired`, `not yet`, `ends soon` or `in force`, with the days to its last one (negative after
    it). `use` is None where no evidence tells."""

    waiver: Waiver
    state: str
    days: int
    use: WaiverUse | None

    @property
    def bad(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.state == "expired" or bool(self.use and (self.use.unused or self.use.over_broad))

    @property
    def open(self) -> bool:
        """Whether the evidence could not tell that it is needed, of a rule that was judged."""
        return bool(self.use and self.use.judged and self.use.doubt)


@dataclass(frozen=True)
class WaiverCheck:
    """How the waivers of a file stand. `strict` where one that ends soon counts as a violation."""

    waivers: tuple[WaiverStanding, ...]
    strict: bool

    @property
    def outcome(self) -> Outcome:
        """A violation where one is expired, unused or over-broad, and with `strict` where one ends soon; incomplete where the
        evidence could not tell of one whether it is needed."""
        ending = any(item.state == "ends soon" for item in self.waivers)
        if any(item.bad for item in self.waivers) or (self.strict and ending):
            return Outcome.VIOLATION
        return Outcome.INCOMPLETE if any(item.open for item in self.waivers) else Outcome.PASSED


def check_waivers(asked: WaiverCheckOptions, warn: Warn = ignore) -> WaiverCheck:
    """How the waivers of a file stand at an instant.

    Args:
        asked: what they are checked by.
        warn: told each warning as it comes.

    Raises:
        InvalidInputError: options that do not go together, or a file that cannot be read or used.
    """
    gathered = ProblemCollection()
    moment, config, kept = utc_now(), None, None
    if asked.policies and asked.config:
        gathered.problems.append(Problem("-p", "audit.yaml names its own policies", "leave out -p or -c"))
    elif asked.policies and not asked.waivers:
        gathered.problems.append(Problem("-p", "policies alone have no waivers", "add --waivers FILE"))
    with gathered.step():
        moment = options.instant(asked.as_of) or moment
    with gathered.step():
        needed = not asked.policies and not (asked.waivers and asked.evidence)
        config = config_in_force(asked.config, needed=needed)
    gathered.check()
    path = waivers_file(asked.waivers, config, "--waivers")
    kept = find(asked.evidence, config)[1] if asked.evidence else None
    loaded = _policies(asked, config, kept)
    with config.place_of("waivers", "file") if config and not asked.waivers else nullcontext():
        waivers, warnings = read_waivers(path, loaded, limits_of(config) if config else WaiverLimits())
    warn([*(config.warnings if config else ()), *loaded.warnings, *warnings])
    soon = config.soon if config else SOON
    used = _used(kept, config, loaded, waivers, moment, own=not asked.policies) if kept else None
    return WaiverCheck(tuple(_standing(waiver, moment, soon, used) for waiver in waivers), asked.strict)


def _policies(asked: WaiverCheckOptions, config: AuditConfig | None, kept: RecordedRun | None) -> Policies:
    if asked.policies:
        return load(asked.policies)
    if kept is not None or config is not None:
        return policies(config, kept)
    hint = "add -p POLICY, or -c audit.yaml, which names them"
    raise InvalidInputError(Problem("--waivers", "nothing says which policies they are about", hint))


def _used(
    kept: RecordedRun,
    config: AuditConfig | None,
    loaded: Policies,
    waivers: Sequence[Waiver],
    moment: datetime,
    *,
    own: bool,
) -> Mapping[int, WaiverUse]:
    """What the waivers cover of a run, by number."""
    changes = config.rules if config else recorded_overrides(kept) if own else ()
    off = {override.rule for override in changes if override.severity is None}
    names = {rule.name for rule in loaded.rules} - off
    only = sorted({waiver.rule for waiver in waivers} & names)
    if not only:
        return waiver_uses(kept, waivers, moment, None)
    params = config.params if config else kept.params if own else None
    rules = choose(loaded, configured=params, only=only, changes=changes)
    return waiver_uses(kept, waivers, moment, rules)


def _standing(
    waiver: Waiver, moment: datetime, soon: Duration, used: Mapping[int, WaiverUse] | None
) -> WaiverStanding:
    use = used[waiver.number] if used is not None else None
    word = {"expired": "expired", "not_yet": "not yet"}.get(state_of(waiver, moment))
    word = word or ("ends soon" if ends_soon(waiver, moment, soon) else "in force")
    return WaiverStanding(waiver, word, days_left(waiver, moment), use)
