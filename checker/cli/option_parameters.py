"""The options of the library as options and arguments of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

from checker.cli.path_arguments import answer_paths, local_paths, report_paths, run_paths
from checker.workflow.audit_options import Option, options_of

T = TypeVar("T")
P = ParamSpec("P")

_PATHS: Mapping[str | None, Callable[..., Any] | None] = {
    None: None,
    "local": local_paths,
    "run": run_paths,
    "report": report_paths,
}
_MORE = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE...", callback=local_paths, help="More of what --image-sets takes."),
]


def parameter(kind: type, name: str) -> Any:
    """What Typer must know of a field of a class of options: what stands after the type in `Annotated`."""
    return _info(name, options_of(kind)[name])


def with_options(
    kind: type[T], *, without: Collection[str] = ()
) -> Callable[[Callable[Concatenate[T, P], int]], Callable[..., int]]:
    """Gives a command the fields of a class of options as its own: they come before its other options, and it is called with
    an instance.

    Args:
        kind: a dataclass.
        without: fields that this command does not have.
    """
    options = {name: item for name, item in options_of(kind).items() if name not in without}
    own = [_parameter(kind, name, item) for name, item in options.items()]
    # what has no default is an argument, and comes first
    own.sort(key=lambda item: item.default is not inspect.Parameter.empty)
    if "image_sets" in options:
        place = sum(item.default is inspect.Parameter.empty for item in own)
        own.insert(place, _named("more", _MORE, None))

    def decorate(command: Callable[Concatenate[T, P], int]) -> Callable[..., int]:
        @wraps(command)
        def run(**values: Any) -> int:
            given = {name: values.pop(name) for name in options}
            if "image_sets" in options:
                given["image_sets"] = answer_paths(given["image_sets"], values.pop("more"))
            return command(
                kind(**{name: value for name, value in given.items() if value is not None}), **values
            )  # type: ignore[call-arg]

        others = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        both = [*own, *(item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in others)]
        run.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in both}
        return run

    return decorate


def _parameter(kind: type, name: str, option: Option) -> inspect.Parameter:
    default = next(item.default for item in fields(kind) if item.name == name)
    if default is MISSING:
        info = typer.Argument(metavar=option.metavar, help=option.help, callback=_PATHS[option.paths])
        return _named(name, Annotated[str, info], inspect.Parameter.empty)
    read: Any = int if option.least is not None else str
    if isinstance(default, Sequence) and not isinstance(default, str):
        read, default = list[str], None
    elif default is not None:
        read = type(default)
    own = (
        replace(option, help=f"{option.help.removesuffix('.')} [default: {option.usual}].")
        if option.usual
        else option
    )
    return _named(name, Annotated[read if default is not None else read | None, _info(name, own)], default)


def _info(name: str, option: Option) -> Any:
    flags = option.flags or (f"--{name.replace('_', '-')}",)
    return typer.Option(
        *flags, metavar=option.metavar, help=option.help, callback=_PATHS[option.paths], min=option.least
    )


def _named(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
