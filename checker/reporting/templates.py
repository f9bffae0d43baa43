"""The door to Jinja: how templates in `reports/` are found, escaped and filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from checker.package_data import folder

if TYPE_CHECKING:
    from jinja2 import Template


def template(name: str, shown: Callable[[str], str]) -> Template:
    """A template of `reports/`.

    Everything that it prints is escaped for HTML and XML, and goes through `shown` before that: both hold for the
    whole template, so that no placeholder can be forgotten. A name that is not there is an error, not an empty text.

    Args:
        name: its path below `reports/`.
        shown: what makes untrusted text harmless in this kind of document.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup | Undefined) else shown(str(value))

    environment = Environment(
        loader=FileSystemLoader(folder("reports"), encoding="utf-8"),
        # explicit: `select_autoescape` goes by the last suffix and does not see report.html.jinja
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
