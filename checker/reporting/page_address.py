"""The addresses of the page's list of findings: `#findings?verdict=fail&severity=critical`."""

from __future__ import annotations

from urllib.parse import quote, urlencode

SECTION = "findings"


def findings_address(**filters: str) -> str:
    """Where the page shows the findings that filters let through; without any, all of them."""
    query = urlencode(filters, quote_via=quote, safe="/:,", errors="replace")
    return f"#{SECTION}?{query}" if query else f"#{SECTION}"
