"""`explain`: why a rule judges an image set as it does."""

from __future__ import annotations

from checker import api
from checker.cli.console import print_line, print_warnings


def run(asked: api.ExplainOptions, *, as_json: bool) -> int:
    """Prints why a verdict is as it is; 0 whatever it is."""
    found = api.explain_verdicts(asked, print_warnings)
    print_line(api.render(found, "json" if as_json else "text"))
    return 0
