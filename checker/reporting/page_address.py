"""The addresses of the page's list of findings: `#findings?verdict=fail&severity=critical`."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from checker.reporting.escape import shorten, visible

SECTION = "findings"
LONGEST = 500


def findings_address(**filters: str) -> str:
    """Where the page shows the findings that filters let through; without any, all of them."""
    query = urlencode(
        {name: name_text(value) for name, value in filters.items()},
        quote_via=quote,
        safe="/:,",
        errors="replace",
    )
    return f"#{SECTION}?{query}" if query else f"#{SECTION}"


def name_text(text: str) -> str:
    """An id or a name as the list has it."""
    return visible(shorten(text, LONGEST))
