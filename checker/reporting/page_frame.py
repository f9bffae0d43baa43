"""The frame that all pages share: styles and scripts inside the page, a policy that allows no others, and untrusted text
made harmless."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checker.package_data import folder
from checker.reporting.escape import shorten, visible
from checker.reporting.finding_list import MOST_BYTES
from checker.reporting.templates import template

COMPARE_STYLES = ("page.css", "compare.css")
"""Of the pages on several runs."""
LONGEST = 2_000
"""Of a text of others on a page, in characters."""


def frame(styles: Iterable[str], scripts: Iterable[str] = ()) -> dict[str, Any]:
    """What `base.html.jinja` shows: the styles and scripts of the files that are named, and their hashes."""
    style, script = ("".join(map(_source, names)) for names in (styles, scripts))
    return {
        "style": inline(style),
        "script": inline(script),
        "style_hash": _hash(style),
        "script_hash": _hash(script) if script else "",
    }


def fill(name: str, context: Mapping[str, Any]) -> str:
    """A page, or a part of one, as text."""
    return template(name, page_text).render(**context)


def fit(name: str, context: Mapping[str, Any], list_sizes: Sequence[int]) -> str:
    """A page with the longest lists that fit into it: its context says how long they are as `most`."""
    for most in list_sizes:
        text = fill(name, {**context, "most": most})
        if len(text.encode("utf-8", "replace")) <= MOST_BYTES:
            break
    return text


def inline(text: str) -> Any:
    """Text that is put into the page as it is: our own files, and JSON whose every `<` is escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - neither comes from outside as HTML


def _source(name: str) -> str:
    return (folder("reports") / "html" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page_text(text: str) -> str:
    """Untrusted text as a page shows it."""
    return visible(shorten(text, LONGEST))
