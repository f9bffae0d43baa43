"""An answer as `given` of a test: what differs from a healthy answer, in the words of a policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from checker.fields import PREVIOUS, tag_key
from checker.model import Duration, Field, RuleScope, Source
from checker.policytest.answer_kinds import LABEL, AnswerKind
from checker.policytest.healthy_answers import SUCCESSOR_ID, healthy_values
from checker.values import show

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def test_input(
    kind: AnswerKind, values: Mapping[Field, Any], scope: RuleScope, as_of: datetime
) -> dict[str, object]:
    """What a test gives for an answer, nested.

    Args:
        kind: what was received.
        values: of the fields.
        scope: what the answer is on.
        as_of: the test's instant.
    """
    healthy, made = healthy_values(scope, as_of), kind.given(scope)
    healthy["versionId"] = 2 if kind.previous else 1
    here = next((value for field, value in values.items() if field.path == "versionId"), None)
    usual = 1 if kind.previous else None
    before = next((value for field, value in values.items() if field.path == f"{PREVIOUS}versionId"), usual)
    # of a version that is not given a test makes the next one after the given one before it
    healthy[f"{PREVIOUS}versionId"] = here - 1 if here is not None else None if before != 1 else before
    if kind.successor in ("read", "gone"):
        healthy[LABEL] = SUCCESSOR_ID
    for field, value in values.items():
        judged = field.source is not Source.OWN or field.path.startswith("labels.")
        if judged and kind.has(field) and value != healthy.get(field.path):
            _put(made, field, value)
    return made


def _put(made: dict[str, object], field: Field, value: object) -> None:
    steps = field.path.split(".")
    if field.source in (Source.TAGS, Source.DATASTORE_TAGS):
        steps = [*field.source.value.split("."), tag_key(field)]
    elif field.path.startswith("labels."):
        steps = ["labels", field.path.removeprefix("labels.")]
    here = made
    for step in steps[:-1]:
        here = here.setdefault(step, {})  # type: ignore[assignment]
    here[steps[-1]] = value


def flow_yaml(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(str(name))}: {flow_yaml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow_yaml, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool | int | Fraction | Duration):
        return show(value)
    if isinstance(value, datetime):
        return f'"{show(value)}"'
    text = str(value)
    # a text that begins with $ would be a parameter's name
    return _word("$" + text if text.startswith("$") else text)


def _word(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
