"""The sentence that says what the gate counts and what it let through."""

from __future__ import annotations

from collections.abc import Mapping

from checker.judgement.gate import Gate, Ruling, Tallies, counted_fails, something_evaluated, totals
from checker.model import Coverage, Outcome, Severity
from checker.values import show


def sentence(ruling: Ruling, tallies: Tallies, coverage: Coverage, *, compared: bool = True) -> str:
    """What the gate says, in one line for people: what it counts, and what it let through, by severity.

    Where no run is `compared` with, no fail is called new, or not new: `new_only` lets nothing through.
    """
    every = [tally for _, tally in tallies]
    something = something_evaluated(every, coverage)
    new_only = ruling.gate.new_only and compared
    head = _head(ruling, tallies, something=something, new="new " if new_only else "")
    if tallies and all(tally.subjects == tally.not_applicable for tally in every) and something:
        head += " No rule applied to any image set." if coverage.expected else " No rule applied to anything."
    ignored = ", ".join(_ignored(ruling, tallies, new_only=new_only))
    return f"{head} {ignored}; {_listed(ruling, coverage, something=something)}."


def _head(ruling: Ruling, tallies: Tallies, *, something: bool, new: str) -> str:
    """The outcome, and what it rests on."""
    outcome, level = ruling.outcome, _level(ruling.gate)
    every = totals(ruling, tallies)
    fails = number_by_severity({total.severity: total.gated_fail for total in every}, f"{new}fail", "s")
    unknown = {total.severity: total.gated_unknown for total in every}
    unknowns = number_by_severity(unknown, "unknown", "s") if any(unknown.values()) else ""
    if outcome is Outcome.PASSED:
        return f"Gate passed: no {new}unwaived fail {level}."
    sets = unread_sets(ruling)
    if outcome is Outcome.VIOLATION and ruling.failing:
        text = f"Gate failed: {' and '.join(filter(None, (fails, unknowns)))} {level}."
        return f"{text} {sets[0].upper()}{sets[1:]}." if sets else text
    if outcome is Outcome.VIOLATION:
        said = " and ".join(filter(None, (unknowns and f"{unknowns} {level}", sets)))
        return f"Gate failed: {said}, which count as violations (on_unknown: violation)."
    if outcome is not Outcome.INCOMPLETE:
        return f"Gate: {outcome}."
    if not something:
        return "Gate undecided: nothing was evaluated."
    what = " and ".join(filter(None, (unknowns, sets)))
    but = "not everything could be found out" + (f": {what}" if what else "")
    return f"Gate undecided: no {new}unwaived fail {level}, but {but}.{_uncovered(ruling)}"


def unread_sets(ruling: Ruling) -> str:
    """How many image sets that could not be read the gate counts by themselves: `2 image sets could not be read`; empty where
    it counts none."""
    number = ruling.unread
    return f"{number:,} image set{'' if number == 1 else 's'} could not be read" if number else ""


def _uncovered(ruling: Ruling) -> str:
    """That too few image sets were read, where that is so."""
    if not ruling.uncovered or ruling.gate.min_coverage is None:
        return ""
    least = f"min_coverage: {show(ruling.gate.min_coverage)}"
    if ruling.open_ended:
        return f" How many image sets there are is not known, so {least} is not shown to be met."
    return f" Fewer image sets were read than {least} asks for."


def _level(gate: Gate) -> str:
    """Which fails count: `at high or above`, and beyond which numbers."""
    level = f"at {gate.threshold} or above" if gate.fail_on else "counted (fail_on: never)"
    if not gate.most:
        return level
    most = ", ".join(f"{severity} {number:,}" for severity, number in gate.most.items())
    return f"{level}, or beyond max ({most})"


def _ignored(ruling: Ruling, tallies: Tallies, *, new_only: bool) -> list[str]:
    """What the gate let through, and all that is unknown, each kind with its number by severity."""
    gate = ruling.gate
    fails, every = counted_fails(gate, tallies), totals(ruling, tallies)
    below = {item: number for item, number in fails.items() if not gate.reaches(item)}
    within = {
        item: number for item, number in fails.items() if item in gate.most and item not in ruling.failing
    }
    parts = [f"{number_by_severity(below, 'fail', 's')} below the gate"]
    parts += [number_by_severity(within, "within max")] if gate.most else []
    if new_only:
        persisting = dict.fromkeys(Severity, 0)
        for severity, tally in tallies:
            persisting[severity] += tally.persisting
        parts.append(number_by_severity(persisting, "not new"))
    parts.append(number_by_severity({total.severity: total.waived for total in every}, "waived"))
    parts.append(number_by_severity({total.severity: total.unknown for total in every}, "unknown"))
    if waived := sum(tally.unknown_waived for _, tally in tallies):
        parts.append(f"{waived:,} of them waived")
    return parts


def _listed(ruling: Ruling, coverage: Coverage, *, something: bool) -> str:
    if something and not coverage.expected and not ruling.open_ended:
        return "no image set was asked for, since no rule needs one"
    if something and not coverage.evaluated and not (ruling.open_ended or coverage.unreadable_targets):
        # evidence of a run whose rules did
        number = coverage.expected
        return f"no rule needs an image set, and {number:,} that {'is' if number == 1 else 'are'} listed could not be read"
    # rules on image sets have judged these too
    lists = coverage.versions_unread
    more = f", and {lists:,} more without the list of their versions" if lists else ""
    if not ruling.open_ended:
        return f"{coverage.evaluated:,} of {coverage.expected:,} {coverage.word} image sets read{more}"
    read = f"{coverage.evaluated:,} image set{'' if coverage.evaluated == 1 else 's'} read{more}"
    unread = coverage.unreadable - lists
    read += f", {unread:,} not" if unread else ""
    if not coverage.unlisted_targets:
        return f"{read} before the run was stopped"
    return f"{read}; of {unlisted_targets(coverage)} it is not known which image sets there are"


def unlisted_targets(coverage: Coverage) -> str:
    """Of how many targets it is not known which image sets there are: `1 target`."""
    number = coverage.unlisted_targets
    return f"{number:,} target{'' if number == 1 else 's'}"


def number_by_severity(numbers: Mapping[Severity, int], what: str, plural: str = "") -> str:
    """How many there are, and of which severities: `3 fails (critical 1, high 2)`, `1 waived (high)`."""
    total = sum(numbers.values())
    text = f"{total:,} {what}{'' if total == 1 else plural}"
    by = by_severity(numbers, of_one=False)
    return f"{text} ({by})" if by else text


def by_severity(numbers: Mapping[Severity, int], *, of_one: bool = True) -> str:
    """`critical 1, high 2`; where all are of the same severity, its name alone unless `of_one` asks for the number too."""
    there = {severity: numbers[severity] for severity in reversed(Severity) if numbers.get(severity)}
    if len(there) == 1 and not of_one:
        return str(min(there))
    return ", ".join(f"{item} {number:,}" for item, number in there.items())
