"""The door to Jinja: how templates in `reports/` are found, escaped and filled in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from checker.package_data import folder

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_MARKUP = re.compile(r"""[&<>"]""")
"""What is escaped in XML."""


def template(name: str, shown: Callable[[str], str]) -> Template:
    """A template of `reports/`.

    Everything that it prints is escaped for HTML or XML, and goes through `shown` before that: both hold for the
    whole template, so that no placeholder can be forgotten. XML has the names of characters that XML itself declares, as
    not every reader knows numbers, and no more of them than it needs, as some refuse many. A name that is not there is an error, not an empty text.

    Args:
        name: its path below `reports/`.
        shown: what makes untrusted text harmless in this kind of document.
    """
    return _environment(shown, is_xml=name.endswith(".xml.jinja")).get_template(name)


@cache
def _environment(shown: Callable[[str], str], *, is_xml: bool) -> Environment:
    """Its templates are compiled once: that takes longer than to fill in a small one."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
    from markupsafe import Markup, escape

    def finalize(value: Any) -> Any:
        if isinstance(value, Markup | Undefined):
            return value
        text = shown(str(value))
        if not is_xml:
            return text
        if _MARKUP.search(text) is None:  # most of a million texts
            return Markup(text)  # noqa: S704
        # no `&#` is left of the text itself, whose `&` are escaped
        return Markup(str(escape(text)).replace("&#34;", "&quot;").replace("&#39;", "'"))  # noqa: S704

    return Environment(
        loader=FileSystemLoader(folder("reports"), encoding="utf-8"),
        # explicit: `select_autoescape` goes by the last suffix and does not see report.html.jinja
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
