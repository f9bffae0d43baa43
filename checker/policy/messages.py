"""A rule's message: text with `{{ field }}` placeholders, rendered by Jinja's sandbox when a report is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from checker.fields import tag_field
from checker.model import Field
from checker.policy.scope import Scope
from checker.values import show
from checker.yamlsource import Node

ABSENT = "(absent)"
_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_LOGIC = re.compile(r"\{%|\{#|\{\{|\}\}|%\}|#\}")


def read_message(
    node: Node | None, scope: Scope, beside: Mapping[str, Field] | None = None
) -> tuple[str, tuple[Field, ...]]:
    """The message's text, each field under its full name, and the fields it shows; problems are noted in the scope.

    Args:
        node: the text.
        scope: the fields that it may show.
        beside: what else it may show, by name.
    """
    if node is None:
        return "", ()
    if not isinstance(node.value, str):
        scope.error(node, f"message is text, not {node.kind}", "put it in quotes")
        return "", ()
    if _LOGIC.search(_PLACEHOLDER.sub("", node.value)):
        scope.error(node, "a message has {{ field }} placeholders and no logic", "put conditions into `when`")
        return "", ()
    names = dict.fromkeys(_PLACEHOLDER.findall(node.value))
    for name in names:
        path, pipe, _ = name.partition("|")
        if pipe and tag_field(name) is None:
            hint = f"write `{{{{ {path.strip()} }}}}`"
            scope.error(node, "a message shows a field as it is: it has no filters", hint)
            return "", ()
    found = {name: (beside or {}).get(name) or scope.find(name, node) for name in names}
    known = {name: field for name, field in found.items() if field}

    def full(match: re.Match[str]) -> str:
        return f"{{{{ {known[match[1]].path} }}}}" if match[1] in known else match[0]

    return _PLACEHOLDER.sub(full, node.value), tuple(dict.fromkeys(known.values()))


def render_message(text: str, shown: Mapping[str, object]) -> str:
    """The message with each field's value; one that is absent renders `(absent)`."""
    return _template(text)({name: ABSENT if value is None else show(value) for name, value in shown.items()})


@lru_cache(maxsize=1024)
def _template(text: str) -> Callable[[Mapping[str, str]], str]:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # the text is plain; the reports escape it
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    # a path such as labels.class is one name here, not attribute access
    template = environment.from_string(_PLACEHOLDER.sub(lambda match: f"{{{{ f[{match[1]!r}] }}}}", text))
    return lambda shown: template.render(f=shown)
