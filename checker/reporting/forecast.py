"""What becomes of a run with time alone, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TextIO

from checker import instants
from checker.compare.forecast import Forecast, OutcomeChange
from checker.compare.forecast_days import ForecastNumbers
from checker.compare.state_changes import StateChange
from checker.evaluation.finding_states import FindingState
from checker.judgement.gate_text import number_by_severity
from checker.model import Outcome, Rule, Waiver
from checker.problems import number_of, printable, without_markers
from checker.reporting.escape import json_text, one_line, shorten
from checker.reporting.remainder import more_lines
from checker.reporting.report_options import Options
from checker.reporting.terminal_colors import outcome_color, paint
from checker.reporting.text_layout import LEAST, Column, table, wrap
from checker.waivers.status import WaiverUse, coverage_text, day

SCHEMA = "imageset-checker/forecast/1"
MOST_FLIPS = 50
NOTHING = "No verdict changes"
MOST_WAIVERS = 20
_SEVERITIES = (Column("SEVERITY"), Column("COME", number=True), Column("GO", number=True))
_KINDS = (
    Column("RULE", wraps=True),
    Column("SEVERITY"),
    Column("CHANGE", wraps=True, least=14),
    Column("NUMBER", number=True),
    Column("FIRST"),
)


class Kind(NamedTuple):
    """Changes of a rule's verdicts from one state to another: how many, and the first instant of one."""

    rule: Rule
    before: FindingState
    after: FindingState
    number: int
    first: datetime

    @property
    def text(self) -> str:
        """`pass -> fail`."""
        return f"{self.before.words} -> {self.after.words}"


LIMITS = (
    "Hypothetical: nothing but the time passes. New image sets, new versions, other answers, labels and tags, another "
    "policy and other waivers are not seen."
)


def text(forecast: Forecast, out: TextIO, options: Options) -> None:
    """What happens to the gate, then the findings that come and go by severity, the ends of waivers, the changes by kind, and
    the first of them."""
    out.writelines(without_markers(line) + "\n" for line in _lines(forecast, options))


def gate(forecast: Forecast) -> str:
    """What happens to the gate's outcome, in one line."""
    now = forecast.run.outcome.value
    if forecast.turn is not None:
        sure = "" if forecast.turn.at <= forecast.sure_until else ", or before (see below)"
        return f"The gate says {now} until {instants.iso(forecast.turn.at)}, then {forecast.turn.outcome.value}{sure}."
    if forecast.run.outcome is Outcome.VIOLATION:
        return "The gate says violation already."
    return f"The gate says {now}, and nothing worse up to {instants.iso(forecast.sure_until)}."


def forecast_text(change: ForecastNumbers) -> str:
    """What comes and goes: `3 findings (critical 1, high 2) come, 1 finding (low) goes, 2 other verdicts change`."""
    parts = []
    for counts, verb, plural in ((change.come, "comes", "come"), (change.go, "goes", "go")):
        if number := sum(counts.values()):
            what = number_by_severity(counts, "finding", "s")
            parts.append(f"{what} {verb if number == 1 else plural}")
    if change.other:
        other = number_of(change.other, "other verdict")
        parts.append(f"{other} {'changes' if change.other == 1 else 'change'}")
    return ", ".join(parts)


def kinds(forecast: Forecast) -> list[Kind]:
    """The changes by rule, the worst first, and kind."""
    found = (Kind(*kind) for kind in forecast.flips.kinds())
    return sorted(found, key=lambda kind: -kind.rule.severity.rank)


def _lines(forecast: Forecast, options: Options) -> Iterator[str]:
    width = max(options.width, LEAST)
    coming = forecast.turn.outcome if forecast.turn else forecast.run.outcome
    for line in wrap(gate(forecast), width):
        yield paint(line, outcome_color(coming), on=options.color)
    if forecast.turn is not None:
        for line in _because(forecast.turn):
            yield from wrap(line, width, first="  ", rest="    ")
    yield ""
    for label, said in _facts(forecast):
        yield from wrap(said, width, first=f"{label:<10} ", rest=" " * 11)
    yield from _ending(forecast, options, width)
    yield from _tables(forecast, width)
    total = forecast.number
    if not total:
        yield ""
        yield f"{NOTHING}."
        return
    yield ""
    shown = f", first {MOST_FLIPS}" if total > MOST_FLIPS else ""
    yield paint(f"Changes ({total:,}{shown})", "bold", on=options.color)
    for flip in islice(forecast.flips.flips(), MOST_FLIPS):
        yield from wrap(_flip(flip), width, first="  ", rest="      ")
    if total > MOST_FLIPS:
        yield from more_lines(total - MOST_FLIPS, options, "forecast.json", width=width)


def _facts(forecast: Forecast) -> Iterator[tuple[str, str]]:
    run = forecast.run
    yield "Run", f"{_safe(run.name)} ({_safe(run.id)})"
    yield "From", f"{instants.iso(run.as_of)}{' (hypothetical)' if run.hypothetical else ''}"
    yield "Up to", instants.iso(forecast.until)
    if said := forecast_text(forecast.total):
        yield "In all", said
    for note in notes(forecast):
        yield "Note", note


def notes(forecast: Forecast) -> list[str]:
    """What is not seen, and how far rules were looked at."""
    looked = (
        f"{_safe(name)} was looked at up to {instants.iso(at)} only: it may change too often"
        for name, at in forecast.flips.looked.items()
    )
    return [LIMITS, *looked]


def _ending(forecast: Forecast, options: Options, width: int) -> Iterator[str]:
    ending = forecast.ending
    if not ending:
        return
    yield ""
    shown = f", first {MOST_WAIVERS}" if len(ending) > MOST_WAIVERS else ""
    yield paint(f"Waivers that end ({len(ending):,}{shown})", "bold", on=options.color)
    for use in ending[:MOST_WAIVERS]:
        yield from wrap(_safe(ending_text(use)), width, first="  ", rest="      ")


def ending_text(use: WaiverUse) -> str:
    """A waiver that ends: `2026-03-31 PACK/RULE, 2 image sets: for 2 findings, owner OWNER`."""
    item = use.waiver
    findings = number_of(use.used, "finding")
    return f"{day(item.expires)} {item.rule}, {coverage_text(item, 2)}: for {findings}, owner {item.owner}"


def _tables(forecast: Forecast, width: int) -> Iterator[str]:
    """What comes and goes by severity, and the changes by rule and kind."""
    total = forecast.total
    by_severity = [
        (item.value, f"{total.come.get(item, 0):,}", f"{total.go.get(item, 0):,}")
        for item in total.severities
    ]
    rows = [
        (
            _safe(kind.rule.name, 60),
            kind.rule.severity.value,
            kind.text,
            f"{kind.number:,}",
            instants.iso(kind.first),
        )
        for kind in kinds(forecast)
    ]
    for columns, body in ((_SEVERITIES, by_severity), (_KINDS, rows)):
        if body:
            yield ""
            yield from (line for row in table(columns, body, width) for line in row)


def _because(turn: OutcomeChange) -> Iterator[str]:
    for waiver in turn.ended:
        who = _safe(waiver.owner)
        yield f"a waiver of {_safe(waiver.rule)} ends: {_safe(str(waiver.where))}, owner {who}"
    for flip in turn.because:
        yield _flip(flip)
    if turn.number > len(turn.because):
        yield f"... and {turn.number - len(turn.because):,} more at that instant"


def _flip(flip: StateChange) -> str:
    what = f"{flip.before.words} -> {flip.after.words}"
    rule = f"{_safe(flip.rule.name)} ({flip.rule.severity})"
    return f"{instants.iso(flip.at)} {rule}: {_safe(flip.subject.name)}, {what}"


def json(forecast: Forecast, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The forecast as JSON, one change a line."""
    out.write(f"{json_text(_header(forecast), indent=2).removesuffix(chr(10) + '}')},\n")
    out.write('  "changes": [')
    lead = "\n    "
    for flip in forecast.flips.flips():
        out.write(lead + json_text(_json_flip(flip)))
        lead = ",\n    "
    out.write("]\n}\n" if lead.startswith("\n") else "\n  ]\n}\n")


def _header(forecast: Forecast) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run": forecast.run.id,
        "name": forecast.run.name,
        "as_of": instants.iso(forecast.run.as_of),
        "until": instants.iso(forecast.until),
        "hypothetical": True,
        "limits": LIMITS,
        "looked_until": {name: instants.iso(at) for name, at in forecast.flips.looked.items()},
        "outcome": forecast.run.outcome.value,
        "gate": {
            "sentence": gate(forecast),
            "sure_until": instants.iso(forecast.sure_until),
            "worse": _turn(forecast.turn) if forecast.turn else None,
        },
        "sentence": forecast_text(forecast.total) or NOTHING,
        "severities": _severities(forecast.total),
        "waivers_ending": [
            {**_waiver(use.waiver), "last_day": day(use.waiver.expires), "findings": use.used}
            for use in forecast.ending
        ],
        "kinds": [_json_kind(kind) for kind in kinds(forecast)],
    }


def _severities(total: ForecastNumbers) -> list[dict[str, Any]]:
    return [
        {"severity": item.value, "come": total.come.get(item, 0), "go": total.go.get(item, 0)}
        for item in total.severities
    ]


def _json_kind(kind: Kind) -> dict[str, Any]:
    return {
        "rule": kind.rule.name,
        "severity": kind.rule.severity.value,
        "from": _state(kind.before),
        "to": _state(kind.after),
        "number": kind.number,
        "first": instants.iso(kind.first),
    }


def _turn(turn: OutcomeChange) -> dict[str, Any]:
    return {
        "at": instants.iso(turn.at),
        "outcome": turn.outcome.value,
        "findings": turn.number,
        "first": [_json_flip(flip) for flip in turn.because],
        "waivers_ended": [_waiver(waiver) for waiver in turn.ended],
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {"rule": waiver.rule, "owner": waiver.owner, "where": str(waiver.where)}


def _json_flip(flip: StateChange) -> dict[str, Any]:
    subject = flip.subject
    return {
        "at": instants.iso(flip.at),
        "rule": flip.rule.name,
        "severity": flip.rule.severity.value,
        "from": _state(flip.before),
        "to": _state(flip.after),
        "subject": subject.name,
        "target": subject.target,
        "datastoreId": subject.datastore_id,
        "imageSetId": subject.image_set_id,
        "versionId": None if subject.version_id is None else str(subject.version_id),
    }


def _state(state: FindingState) -> dict[str, Any]:
    return {"verdict": state.verdict.value if state.verdict else None, "waived": state.waived}


def _safe(said: str, most: int = 300) -> str:
    return shorten(printable(one_line(said)), most)
