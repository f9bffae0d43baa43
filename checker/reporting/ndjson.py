"""`ndjson`: the normal form as lines of JSON, for readers that take a stream (docs/results-ndjson-1.schema.json describes a line)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, TextIO

from checker.judgement.run import Run
from checker.reporting import normal_form
from checker.reporting.escape import json_text
from checker.reporting.report_options import Options

SCHEMA = "imageset-checker/results-ndjson/1"


def write(run: Run, out: TextIO, options: Options) -> None:
    """results.ndjson: a line for the run, one for its summary, one for each finding and each unread image set, and last how
    many lines there are of each type, by which a reader knows that none is missing.

    The content of a line stands under the name of its type, so that a reader which makes columns of members never finds two
    types of thing in one column.
    """
    written = dict.fromkeys(("run", "summary", "finding", "unreadable"), 0)
    for kind, thing in _things(run, show_phi=options.show_phi):
        head = {"type": kind, "schema": SCHEMA} if kind == "run" else {"type": kind}
        out.write(json_text({**head, kind: thing}) + "\n")
        written[kind] += 1
    out.write(json_text({"type": "end", "end": {"lines": written}}) + "\n")


def _things(run: Run, *, show_phi: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The members of the normal form, and the items of its long lists one by one, each with the type of its line."""
    head = normal_form.header(run, show_phi=show_phi)
    yield from ((kind, head[kind]) for kind in ("run", "summary"))
    yield from chain(
        (("finding", item) for item in normal_form.findings(run, show_phi=show_phi)),
        (("unreadable", item) for item in normal_form.unread(run)),
    )
