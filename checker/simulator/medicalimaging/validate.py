"""Checks a call's parameters against botocore's model, as the service does and botocore does not.

botocore checks types and required members on the client, but neither patterns nor maxima nor enums, so a
checker that sends a malformed id or asks for 100 a page must be refused here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.core.utils import get_service_model

from .exceptions import invalid

if TYPE_CHECKING:
    from botocore.model import StructureShape

SERVICE = "medical-imaging"


@cache
def model_actions() -> tuple[str, ...]:
    """Every action of the service, in botocore's model."""
    return tuple(get_service_model(SERVICE).operation_names)


@cache
def _input_shape(action: str) -> StructureShape | None:
    # moto builds a new model on every call, and resolving its shapes each time would cost the most
    shape: StructureShape | None = get_service_model(SERVICE).operation_model(action).input_shape
    return shape


def check_parameters(action: str, params: dict[str, Any]) -> None:
    """Refuse what the model does not allow.

    Raises:
        ServiceError: ValidationException, naming every parameter that is wrong.
    """
    shape = _input_shape(action)
    problems = _problems(shape, params, "") if shape is not None else []
    if problems:
        raise invalid("; ".join(problems))


_TYPES: dict[str, type] = {
    "structure": dict,
    "list": list,
    "map": dict,
    "string": str,
    "blob": bytes,
    "integer": int,
    "boolean": bool,
}


def _is_of_type(shape: Any, value: Any) -> bool:
    return isinstance(value, _TYPES.get(shape.type_name, object))


def _problems(shape: Any, value: Any, path: str) -> list[str]:
    if not _is_of_type(shape, value):
        return [f"{path} must be of type {shape.type_name}"]
    match shape.type_name:
        case "structure":
            return _structure_problems(shape, value, path)
        case "list":
            inner = [
                problem
                for at, item in enumerate(value)
                for problem in _problems(shape.member, item, f"{path}[{at}]")
            ]
            return [*_size_problems(shape, len(value), path), *inner]
        case "map":
            names = [problem for key in value for problem in _problems(shape.key, key, f"{path} key {key!r}")]
            return [
                *names,
                *(
                    problem
                    for key, item in value.items()
                    for problem in _problems(shape.value, item, f"{path}.{key}")
                ),
            ]
        case "string":
            return [*_size_problems(shape, len(value), path), *_text_problems(shape, value, path)]
        case "blob":
            return _size_problems(shape, len(value), path)
        case "integer":
            return _size_problems(shape, value, path)
        case _:
            return []


def _structure_problems(shape: Any, value: dict[str, Any], path: str) -> list[str]:
    prefix = f"{path}." if path else ""
    problems = [f"{prefix}{name} is required" for name in shape.required_members if value.get(name) is None]
    if shape.is_tagged_union and len(value) != 1:
        problems.append(f"{path} takes exactly one of {', '.join(shape.members)}")
    for name, item in value.items():
        problems += _problems(shape.members[name], item, f"{prefix}{name}")
    return problems


def _size_problems(shape: Any, size: int, path: str) -> list[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        return [f"{path} must be between {low} and {high}, in value or length"]
    return []


def _text_problems(shape: Any, value: str, path: str) -> list[str]:
    if shape.enum and value not in shape.enum:
        return [f"{path} must be one of {', '.join(shape.enum)}"]
    # the patterns are Java's; this one class has another name in Python
    pattern = str(shape.metadata.get("pattern", "")).replace(r"\p{ASCII}", r"[\x00-\x7f]")
    if pattern and not re.fullmatch(pattern, value):
        return [f"{path} must match {pattern}"]
    return []
