"""`waivers check`: how waivers stand today, for CI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.cli.waive import policies, waivers_file
from checker.judgement.replay import recorded_overrides
from checker.judgement.waivers import waiver_uses
from checker.model import SOON, Duration, Outcome, Waiver, utc_now
from checker.problems import InvalidInputError, Problem, ProblemCollection, one_line
from checker.values import BadValueError, parse_time
from checker.waivers.file import read_waivers
from checker.waivers.limits import WaiverLimits, limits_of
from checker.waivers.status import WaiverUse, coverage_text, day, days_left, ends_soon, state_of
from checker.workflow.run_lookup import config_in_force, find

if TYPE_CHECKING:
    from checker.config import AuditConfig

MOST_NAMED = 2


@dataclass(frozen=True)
class WaiverCheckOptions:
    """The options as given."""

    config: str | None
    waivers: str | None
    policies: list[str]
    evidence: str | None
    as_of: str | None
    strict: bool


@dataclass(frozen=True)
class _Line:
    """A waiver as it stands. `use` is None where no evidence tells."""

    waiver: Waiver
    state: str
    left: str
    use: WaiverUse | None
    remark: str

    @property
    def bad(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.state == "expired" or bool(self.use and (self.use.unused or self.use.over_broad))

    @property
    def open(self) -> bool:
        """Whether the evidence could not tell that it is needed, of a rule that was judged."""
        return bool(self.use and self.use.judged and self.use.doubt)


def check(asked: WaiverCheckOptions) -> int:
    """Prints a line for each waiver; 1 where one is expired, unused or over-broad, and with `strict` where one ends soon;
    3 where the evidence could not tell of one whether it is needed."""
    gathered = ProblemCollection()
    moment, config, kept = utc_now(), None, None
    if asked.policies and asked.config:
        gathered.problems.append(Problem("-p", "audit.yaml names its own policies", "leave out -p or -c"))
    elif asked.policies and not asked.waivers:
        gathered.problems.append(Problem("-p", "policies alone have no waivers", "add --waivers FILE"))
    with gathered.step():
        moment = _instant(asked.as_of) or moment
    with gathered.step():
        needed = not asked.policies and not (asked.waivers and asked.evidence)
        config = config_in_force(asked.config, needed=needed)
    gathered.check()
    path = waivers_file(asked.waivers, config, "--waivers")
    kept = find(asked.evidence, config)[1] if asked.evidence else None
    loaded = _policies(asked, config, kept)
    with config.place_of("waivers", "file") if config and not asked.waivers else nullcontext():
        waivers, warnings = read_waivers(path, loaded, limits_of(config) if config else WaiverLimits())
    print_warnings([*(config.warnings if config else ()), *loaded.warnings, *warnings])
    soon = config.soon if config else SOON
    used = _used(kept, config, loaded, waivers, moment, own=not asked.policies) if kept else None
    lines = [_line(waiver, moment, soon, used) for waiver in waivers]
    for text in _shown(lines):
        print_line(text)
    print_line(_summary(lines))
    ending = any(line.state == "ends soon" for line in lines)
    if any(line.bad for line in lines) or (asked.strict and ending):
        return Outcome.VIOLATION.exit_code
    return Outcome.INCOMPLETE.exit_code if any(line.open for line in lines) else 0


def _instant(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text is not None else None
    except BadValueError as error:
        raise InvalidInputError(Problem("--as-of", str(error), error.hint)) from None


def _policies(
    asked: WaiverCheckOptions, config: AuditConfig | None, kept: api.RecordedRun | None
) -> api.Policies:
    if asked.policies:
        return api.load(asked.policies)
    if kept is not None or config is not None:
        return policies(config, kept)
    hint = "add -p POLICY, or -c audit.yaml, which names them"
    raise InvalidInputError(Problem("--waivers", "nothing says which policies they are about", hint))


def _used(
    kept: api.RecordedRun,
    config: AuditConfig | None,
    loaded: api.Policies,
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
    rules = api.choose(loaded, configured=params, only=only, changes=changes)
    return waiver_uses(kept, waivers, moment, rules)


def _line(waiver: Waiver, moment: datetime, soon: Duration, used: Mapping[int, WaiverUse] | None) -> _Line:
    use = used[waiver.number] if used is not None else None
    remark = use.usage if use else ""
    state, days = state_of(waiver, moment), days_left(waiver, moment)
    if state == "expired":
        return _Line(waiver, "expired", f"{_days(-days)} ago", use, remark)
    if state == "not_yet":
        return _Line(waiver, "not yet", f"from {day(waiver.created)} on", use, remark)
    word = "ends soon" if ends_soon(waiver, moment, soon) else "in force"
    return _Line(waiver, word, f"{_days(days)} left" if days else "its last day", use, remark)


def _shown(lines: Sequence[_Line]) -> list[str]:
    """The waivers in columns."""
    cells = [
        (line.state, line.waiver.rule, coverage_text(line.waiver, MOST_NAMED), line.waiver.owner,
         f"{day(line.waiver.expires)} ({line.left})", line.remark)
        for line in lines
    ]  # fmt: skip
    safe = [tuple(one_line(cell) for cell in row) for row in cells]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in safe
    ]


def _summary(lines: Sequence[_Line]) -> str:
    kinds = {
        "expired": sum(line.state == "expired" for line in lines),
        "not in force yet": sum(line.state == "not yet" for line in lines),
        "unused": sum(bool(line.use and line.use.unused) for line in lines),
        "over-broad": sum(bool(line.use and line.use.over_broad and not line.use.unused) for line in lines),
    }
    soon = sum(line.state == "ends soon" for line in lines)
    parts = [f"{number} {word}" for word, number in kinds.items() if number]
    parts += [f"{soon} end{'s' * (soon == 1)} soon"] if soon else []
    doubts = sum(bool(line.use and line.use.doubt) for line in lines)
    parts += [f"of {doubts} it could not be told whether it is needed"] if doubts else []
    head = f"{len(lines)} waiver{'s' * (len(lines) != 1)}"
    return f"{head}: {', '.join(parts)}" if parts else f"{head}: all in force" if lines else head


def _days(number: int) -> str:
    return f"{number:,} day{'s' * (number != 1)}"
