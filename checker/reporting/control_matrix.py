"""The state of every control: what the verdicts, the parameters and the changes of its rules make of it.

`satisfied` says that the mapped rules found nothing, and proves no control.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from checker.judgement.run import Run
from checker.model import Control, Framework, Rule, Shortfall, Tailoring, Tally
from checker.reporting import run_text


class ControlState(StrEnum):
    """What a run says of a control, from the worst to the best."""

    FAIL = "fail"  # a mapped rule has a fail that is not waived
    NOT_SATISFIED = "not_satisfied"  # a demand is not met, a rule is switched off, or fails are waived
    UNKNOWN = "unknown"  # a mapped rule has an unknown, judged nothing, was left out, or is of a pack that is not loaded
    SATISFIED = "satisfied"  # every mapped rule was evaluated, and passed where it applied
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
    change: Tailoring | None
    shortfalls: tuple[Shortfall, ...]

    @property
    def note(self) -> str:
        """What audit.yaml changed of the rule, or that it was left out."""
        if self.change is not None:
            return run_text.change(self.change)
        return "left out of this run" if self.state == "left_out" else ""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control with the rules that are mapped to it. `unloaded` are those of packs that are not loaded, `implied` whether
    a mapping that nobody named names them."""

    framework: str
    id: str
    title: str
    rules: tuple[MappedRule, ...]
    unloaded: tuple[str, ...] = ()
    implied: bool = False

    @property
    def total(self) -> Tally:
        """The rules' tallies added up."""
        return sum((mapped_rule.tally for mapped_rule in self.rules), Tally())

    @property
    def state(self) -> ControlState:
        """What the run says of the control."""
        states, total = {mapped_rule.state for mapped_rule in self.rules}, self.total
        if total.fail:
            return ControlState.FAIL
        if self.lacks or total.waived:
            return ControlState.NOT_SATISFIED
        if self.unloaded or states & {"unknown", "left_out", "not_evaluated"}:
            return ControlState.UNKNOWN
        return ControlState.SATISFIED if total.passed else ControlState.NOT_APPLICABLE

    @property
    def lacks(self) -> tuple[str, ...]:
        """Why it is not satisfied even where every rule passes: demands that are not met, rules switched off."""
        return tuple(
            text
            for mapped_rule in self.rules
            for text in (
                *(run_text.shortfall(lack) for lack in mapped_rule.shortfalls),
                *(
                    [f"rule {mapped_rule.rule.name} was {run_text.change(mapped_rule.change)}"]
                    if mapped_rule.change and mapped_rule.change.off
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
        """What weakens it beside verdicts and what it lacks: fails that are waived, rules changed, left out or not loaded."""
        waived = self.total.waived
        others = [
            f"rule {mapped_rule.rule.name}: {mapped_rule.note}"
            for mapped_rule in self.rules
            if mapped_rule.note and mapped_rule.state != "off"
        ]
        fails = [f"{waived:,} {'fail is' if waived == 1 else 'fails are'} waived"] if waived else []
        return (*fails, *others, *self.missing)

    @property
    def missing(self) -> tuple[str, ...]:
        """What it says of rules whose packs are not loaded: a mapping that was named means each of its rules, one that
        came with the checker names rules of all shipped packs."""
        if not self.implied:
            return tuple(f"rule {name} is not loaded" for name in self.unloaded)
        number, total = len(self.unloaded), len(self.unloaded) + len(self.rules)
        if not number:
            return ()
        return (f"{number:,} of its {total:,} rules {_of_packs(number)}",)


GROUPS: Mapping[str, tuple[ControlState, ...]] = {
    "not satisfied": (ControlState.FAIL, ControlState.NOT_SATISFIED),
    "unknown": (ControlState.UNKNOWN,),
    "satisfied": (ControlState.SATISFIED,),
    "not applicable": (ControlState.NOT_APPLICABLE,),
}
"""The states of controls as a summary counts them, each in one group."""


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The controls of a framework that are in one group of states: `words` are what a summary calls it, `tone` is the verdict
    whose colour and shape it has on a page."""

    words: str
    tone: str
    controls: tuple[ControlResult, ...]


@dataclass(frozen=True, slots=True)
class FrameworkResult:
    """A framework with its controls; title, source and note are those of its mapping file, if there is one. `not_shown`
    are controls of a mapping that nobody named, all of whose rules are of packs that are not loaded."""

    framework: Framework
    controls: tuple[ControlResult, ...]
    not_shown: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[ControlGroup, ...]:
        """The controls by group, the worst group first; a group may have none."""
        tones = dict(zip(GROUPS, ("fail", "unknown", "pass", "not_applicable"), strict=True))
        return tuple(
            ControlGroup(words, tones[words], tuple(item for item in self.controls if item.state in states))
            for words, states in GROUPS.items()
        )

    @property
    def remark(self) -> str:
        """How many controls are not shown, and why."""
        number, total = len(self.not_shown), len(self.not_shown) + len(self.controls)
        if not number:
            return ""
        which = "1 control is" if number == 1 else f"{number:,} controls are"
        return f"{which} not shown, of {total:,}: their rules are all of packs that are not loaded."


def control_results(run: Run) -> tuple[FrameworkResult, ...]:
    """Every framework that a rule of the run is mapped to: frameworks as the rules name them, the controls in the order
    of the framework's mapping file. A control of which nothing was judged is there too, as unknown."""
    table: dict[str, dict[str, list[MappedRule]]] = {}
    for mapped_rule in _mapped(run):
        table.setdefault(mapped_rule.control.framework, {}).setdefault(mapped_rule.control.id, []).append(
            mapped_rule
        )
    known = {framework.key: framework for framework in run.criteria.frameworks}
    for framework in run.criteria.frameworks:
        if not framework.implied:
            controls = table.setdefault(framework.key, {})
            for gone in framework.unloaded:
                controls.setdefault(gone.control.id, [])
    return tuple(_framework(known.get(key, Framework(key, key, "", "")), table[key]) for key in table)


def _framework(framework: Framework, controls: Mapping[str, list[MappedRule]]) -> FrameworkResult:
    order = {name: index for index, name in enumerate(framework.controls)}
    ids = sorted(controls, key=lambda name: order.get(name, len(order)))
    gone = dict.fromkeys(pack.control.id for pack in framework.unloaded)
    return FrameworkResult(
        framework,
        tuple(_result(framework, name, controls[name]) for name in ids),
        tuple(name for name in gone if name not in controls),
    )


def _result(framework: Framework, name: str, rules: list[MappedRule]) -> ControlResult:
    gone = [pack for pack in framework.unloaded if pack.control.id == name]
    named = (*(mapped_rule.control for mapped_rule in rules), *(pack.control for pack in gone))
    titles = (control.title for control in named if control.title)
    unloaded = tuple(pack.rule for pack in gone)
    return ControlResult(
        framework.key, name, next(titles, ""), tuple(rules), unloaded, implied=framework.implied
    )


def remarks(run: Run) -> Iterator[str]:
    """What a summary says of controls: why one is not satisfied even where its rules pass, and which rules are missing.
    All mappings that nobody named have one line."""
    results = control_results(run)
    for control in (control_result for result in results for control_result in result.controls):
        head = f"{control.framework} {control.id}"
        yield from (f"{head} not satisfied: {text}" for text in control.lacks)
        if not control.implied:
            yield from (f"{head} {control.state.words}: {text}" for text in control.missing)
    shipped = [framework_result for framework_result in results if framework_result.framework.implied]
    unknown = sum(bool(control_result.unloaded) for result in shipped for control_result in result.controls)
    hidden = sum(len(framework_result.not_shown) for framework_result in shipped)
    if unknown or hidden:
        yield (
            f"in the mappings that come with the checker {unknown:,} of the controls shown {'has' if unknown == 1 else 'have'}"
            f" rules of packs that are not loaded; {hidden:,} {'control has' if hidden == 1 else 'controls have'} no"
            f" others and {'is' if hidden == 1 else 'are'} not shown"
        )


def _of_packs(number: int) -> str:
    return f"{'is of a pack' if number == 1 else 'are of packs'} that {'is' if number == 1 else 'are'} not loaded"


def _mapped(run: Run) -> Iterator[MappedRule]:
    """The controls of the rules that were judged, then of those that were switched off, then of those left out."""
    changes = {item.rule.name: item for item in run.criteria.changes}
    judged = {rule_result.rule.name for rule_result in run.judged}
    for rule_result in run.judged:
        for control in rule_result.rule.controls:
            lacks = tuple(
                lack
                for lack in run.criteria.shortfalls
                if lack.rule == rule_result.rule.name and lack.control == control
            )
            state = worst_verdict(rule_result.tally) if rule_result.tally.subjects else "not_evaluated"
            yield MappedRule(
                rule_result.rule, control, state, rule_result.tally, changes.get(rule_result.rule.name), lacks
            )
    for change in run.criteria.changes:
        for control in change.rule.controls if change.off else ():
            yield MappedRule(change.rule, control, "off", Tally(), change, ())
    for pack in run.criteria.packs:
        for rule in pack.rules:
            if rule.name not in judged and not (rule.name in changes and changes[rule.name].off):
                for control in rule.controls:
                    yield MappedRule(rule, control, "left_out", Tally(), changes.get(rule.name), ())


def worst_verdict(tally: Tally) -> str:
    """The worst verdict that a rule has: fail, unknown, waived, pass or not_applicable."""
    states = {
        "fail": tally.fail,
        "unknown": tally.unknown,
        "waived": tally.waived,
        "pass": tally.passed,
        "not_applicable": True,
    }
    return next(name for name, number in states.items() if number)
