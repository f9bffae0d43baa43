"""What becomes of a run with time alone, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, TextIO

from checker import instants
from checker.compare.forecast import Forecast, OutcomeChange
from checker.compare.state_changes import StateChange
from checker.evaluation.finding_states import FindingState
from checker.model import Outcome, Waiver
from checker.problems import printable
from checker.reporting.escape import json_text, one_line, shorten
from checker.reporting.report_options import Options

SCHEMA = "imageset-checker/forecast/1"
MOST_FLIPS = 50
LIMITS = (
    "Hypothetical: nothing but the time passes. New image sets, new versions, other answers, labels and tags, another "
    "policy and other waivers are not seen."
)


def text(forecast: Forecast, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """What happens to the gate, then the changes by kind, then the first of them."""
    out.writelines(f"{line}\n" for line in _lines(forecast))


def gate(forecast: Forecast) -> str:
    """What happens to the gate's outcome, in one line."""
    now = forecast.run.outcome.value
    if forecast.turn is not None:
        sure = "" if forecast.turn.at <= forecast.sure_until else ", or before (see below)"
        return f"The gate says {now} until {instants.iso(forecast.turn.at)}, then {forecast.turn.outcome.value}{sure}."
    if forecast.run.outcome is Outcome.VIOLATION:
        return "The gate says violation already."
    return f"The gate says {now}, and nothing worse up to {instants.iso(forecast.sure_until)}."


def _lines(forecast: Forecast) -> Iterator[str]:
    yield gate(forecast)
    if forecast.turn is not None:
        yield from _because(forecast.turn)
    yield ""
    yield f"Run        {_safe(forecast.run.name)} ({_safe(forecast.run.id)})"
    yield f"From       {instants.iso(forecast.run.as_of)}{' (hypothetical)' if forecast.run.hypothetical else ''}"
    yield f"Up to      {instants.iso(forecast.until)}"
    yield f"Note       {LIMITS}"
    for name, at in forecast.flips.looked.items():
        yield f"Note       {_safe(name)} was looked at up to {instants.iso(at)} only: it may change too often"
    kinds = forecast.flips.kinds()
    if not kinds:
        yield ""
        yield "No verdict changes."
        return
    yield ""
    width = min(60, max(len(rule.name) for rule, *_ in kinds))
    yield f"{'RULE':<{width}}  {'CHANGE':<34}  {'NUMBER':>9}  FIRST"
    for rule, before, after, number, first in kinds:
        what = f"{before.words} -> {after.words}"
        yield f"{_safe(rule.name, 60):<{width}}  {what:<34}  {number:>9,}  {instants.iso(first)}"
    total = forecast.number
    yield ""
    shown = f", first {MOST_FLIPS}" if total > MOST_FLIPS else ""
    yield f"Changes ({total:,}{shown})"
    yield from (f"  {_flip(flip)}" for flip in islice(forecast.flips.flips(), MOST_FLIPS))
    if total > MOST_FLIPS:
        yield f"  ... and {total - MOST_FLIPS:,} more (all of them: --json)"


def _because(turn: OutcomeChange) -> Iterator[str]:
    for waiver in turn.ended:
        who = _safe(waiver.owner)
        yield f"  a waiver of {_safe(waiver.rule)} ends: {_safe(str(waiver.where))}, owner {who}"
    for flip in turn.because:
        yield f"  {_flip(flip)}"
    if turn.number > len(turn.because):
        yield f"  ... and {turn.number - len(turn.because):,} more at that instant"


def _flip(flip: StateChange) -> str:
    what = f"{flip.before.words} -> {flip.after.words}"
    return f"{instants.iso(flip.at)}  {_safe(flip.rule.name)}  {_safe(flip.subject.name)}  {what}"


def json(forecast: Forecast, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer takes the same
    """The forecast as JSON, one change a line."""
    header = {
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
        "kinds": [
            {
                "rule": rule.name,
                "from": _state(before),
                "to": _state(after),
                "number": number,
                "first": instants.iso(first),
            }
            for rule, before, after, number, first in forecast.flips.kinds()
        ],
    }
    out.write(f"{json_text(header, indent=2).removesuffix(chr(10) + '}')},\n")
    out.write('  "changes": [')
    lead = "\n    "
    for flip in forecast.flips.flips():
        out.write(lead + json_text(_json_flip(flip)))
        lead = ",\n    "
    out.write("]\n}\n" if lead.startswith("\n") else "\n  ]\n}\n")


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
