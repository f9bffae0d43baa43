"""The state of every control: what the verdicts, the parameters and the changes of its rules make of it.

Never more than `supported`: that the mapped rules found nothing is no proof of a control.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from checker.audit.run import Run
from checker.model import Change, Control, Framework, Rule, Shortfall, Tally
from checker.reporting import wording


class State(StrEnum):
    """What a run says of a control, from the worst to the best."""

    FAIL = "fail"  # a mapped rule has a fail that is not waived
    NOT_SATISFIED = "not_satisfied"  # a demand is not met, a rule is switched off, or fails are waived
    UNKNOWN = "unknown"  # a mapped rule has an unknown, judged nothing, or was left out
    SUPPORTED = "supported"  # every mapped rule was evaluated, and passed where it applied
    NOT_APPLICABLE = "not_applicable"

    @property
    def words(self) -> str:
        """As people read it."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class MappedRule:
    """A rule under a control. `state` is its worst verdict, or `off` or `left_out`, which have no tally."""

    rule: Rule
    control: Control
    state: str
    tally: Tally
    change: Change | None
    shortfalls: tuple[Shortfall, ...]

    @property
    def note(self) -> str:
        """What audit.yaml changed of the rule, or that it was left out."""
        if self.change is not None:
            return wording.change(self.change)
        return "left out of this run" if self.state == "left_out" else ""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control with the rules that are mapped to it."""

    framework: str
    id: str
    title: str
    rules: tuple[MappedRule, ...]

    @property
    def total(self) -> Tally:
        """The rules' tallies added up."""
        return sum((one.tally for one in self.rules), Tally())

    @property
    def state(self) -> State:
        """What the run says of the control."""
        states, total = {one.state for one in self.rules}, self.total
        if total.fail:
            return State.FAIL
        if self.lacks or total.waived:
            return State.NOT_SATISFIED
        if states & {"unknown", "left_out", "not_evaluated"}:
            return State.UNKNOWN
        return State.SUPPORTED if total.passed else State.NOT_APPLICABLE

    @property
    def lacks(self) -> tuple[str, ...]:
        """Why it is not satisfied even where every rule passes: demands that are not met, rules switched off."""
        return tuple(
            text
            for one in self.rules
            for text in (
                *(wording.shortfall(lack) for lack in one.shortfalls),
                *(
                    [f"rule {one.rule.name} was {wording.change(one.change)}"]
                    if one.change and one.change.off
                    else []
                ),
            )
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """What weakens it beside verdicts."""
        return (*self.lacks, *self.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What weakens it beside verdicts and what it lacks: fails that are waived, rules changed or left out."""
        waived = self.total.waived
        others = [
            f"rule {one.rule.name}: {one.note}" for one in self.rules if one.note and one.state != "off"
        ]
        fails = [f"{waived:,} {'fail is' if waived == 1 else 'fails are'} waived"] if waived else []
        return (*fails, *others)


@dataclass(frozen=True, slots=True)
class FrameworkResult:
    """A framework with its controls; title, source and note are those of its mapping file, if there is one."""

    framework: Framework
    controls: tuple[ControlResult, ...]


def control_results(run: Run) -> tuple[FrameworkResult, ...]:
    """Every framework that a rule of the run is mapped to: frameworks as the rules name them, the controls in the order
    of the framework's mapping file. Controls of which every rule was left out are not there."""
    table: dict[str, dict[str, list[MappedRule]]] = {}
    for one in _mapped(run):
        table.setdefault(one.control.framework, {}).setdefault(one.control.id, []).append(one)
    known = {framework.key: framework for framework in run.frameworks}
    results = []
    for key, controls in table.items():
        framework = known.get(key, Framework(key, key, "", ""))
        order = {name: index for index, name in enumerate(framework.controls)}
        ids = sorted(controls, key=lambda name: order.get(name, len(order)))
        found = tuple(_result(key, name, controls[name]) for name in ids)
        kept = tuple(one for one in found if any(rule.state != "left_out" for rule in one.rules))
        if kept:
            results.append(FrameworkResult(framework, kept))
    return tuple(results)


def not_satisfied(run: Run) -> Iterator[tuple[ControlResult, str]]:
    """Each reason why a control is not satisfied even where its rules pass."""
    for result in control_results(run):
        for control in result.controls:
            yield from ((control, text) for text in control.lacks)


def _result(framework: str, name: str, rules: list[MappedRule]) -> ControlResult:
    title = next((one.control.title for one in rules if one.control.title), "")
    return ControlResult(framework, name, title, tuple(rules))


def _mapped(run: Run) -> Iterator[MappedRule]:
    """The controls of the rules that were judged, then of those that were switched off, then of those left out."""
    changes = {one.rule.name: one for one in run.changes}
    judged = {one.rule.name for one in run.judged}
    for one in run.judged:
        for control in one.rule.controls:
            lacks = tuple(
                lack for lack in run.shortfalls if lack.rule == one.rule.name and lack.control == control
            )
            state = worst(one.tally) if one.tally.subjects else "not_evaluated"
            yield MappedRule(one.rule, control, state, one.tally, changes.get(one.rule.name), lacks)
    for change in run.changes:
        for control in change.rule.controls if change.off else ():
            yield MappedRule(change.rule, control, "off", Tally(), change, ())
    for pack in run.packs:
        for rule in pack.rules:
            if rule.name not in judged and not (rule.name in changes and changes[rule.name].off):
                for control in rule.controls:
                    yield MappedRule(rule, control, "left_out", Tally(), changes.get(rule.name), ())


def worst(tally: Tally) -> str:
    """The worst verdict that a rule has: fail, unknown, waived, pass or not_applicable."""
    states = {
        "fail": tally.fail,
        "unknown": tally.unknown,
        "waived": tally.waived,
        "pass": tally.passed,
        "not_applicable": True,
    }
    return next(name for name, number in states.items() if number)
