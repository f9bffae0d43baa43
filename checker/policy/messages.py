"""A rule's message: text with `{{ field }}` placeholders, rendered by Jinja's sandbox when a report is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from checker.model import Field
from checker.policy.scope import Scope
from checker.values import show
from checker.yamlsource import Node

ABSENT = "(absent)"
_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_LOGIC = re.compile(r"\{%|\{#|\{\{|\}\}|%\}|#\}")


def read_message(node: Node | None, scope: Scope) -> tuple[str, tuple[Field, ...]]:
    """The message's text and the fields it shows; problems are noted in the scope."""
    if node is None:
        return "", ()
    if not isinstance(node.value, str):
        scope.error(node, f"message is text, not {node.kind}", "put it in quotes")
        return "", ()
    if _LOGIC.search(_PLACEHOLDER.sub("", node.value)):
        scope.error(node, "a message has {{ field }} placeholders and no logic", "put conditions into `when`")
        return "", ()
    known = [scope.find(name, node) for name in _PLACEHOLDER.findall(node.value)]
    return node.value, tuple(dict.fromkeys(field for field in known if field))


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
