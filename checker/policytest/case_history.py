"""What tests say of earlier runs, as the history that such runs would have left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from checker.aws.actions import SEARCH
from checker.fields import EARLIER
from checker.layout import HISTORY, RECORDS
from checker.model import Case, CaseSets, RuleScope
from checker.policytest.case_records import STORE, healthy, nested, target, wanted
from checker.snapshot.history import write_history
from checker.snapshot.records import EVER, LISTED_SINCE, NOT_FOUND, Record
from checker.snapshot.writer import write_records
from checker.values import iso

_NOT_READ = "AccessDeniedException"


def write_earlier(folder: Path, cases: Sequence[Case], scope: RuleScope) -> None:
    """Writes the history of what tests describe, by two earlier runs: one that saw what is known, and one that did not
    find what is gone since.

    Args:
        folder: where the tests' records are.
        cases: the tests.
        scope: of the rule.
    """
    before: Path | None = None
    for number, later in enumerate((False, True)):
        run = folder / f"earlier-{number}"
        run.mkdir()
        kept = (
            record for index, case in enumerate(cases) for record in _records(case, index, scope, later=later)
        )
        write_records(kept, run / RECORDS)
        out = folder if later else run
        write_history(out, records=run / RECORDS, before=before, events=(), started=cases[0].as_of)
        before = run / HISTORY


def _records(case: Case, index: int, scope: RuleScope, *, later: bool) -> Iterator[Record]:
    for given, image_set_id in _image_sets(case, index, scope):
        common: dict[str, Any] = {
            "target": target(index),
            "image_set_id": image_set_id,
            "datastore_id": str(case.given.get("datastoreId") or STORE),
        }
        gone = given.given.get(f"{EARLIER}found") is False
        if later and gone:
            yield Record(**common, error=(NOT_FOUND, ""))
        elif not later and given.known:
            changed = {
                path.removeprefix(EARLIER): value
                for path, value in given.given.items()
                if path.startswith(EARLIER)
            }
            collected = changed.pop("collectedAt", None)
            changed.pop("found", None)
            answer = nested(
                {**healthy(image_set_id, case.as_of), "datastoreId": common["datastore_id"], **changed}
            )
            moment = collected if isinstance(collected, datetime) else None
            yield Record(**common, answer=answer, collected_at=moment)
        elif not later and given.known is False:
            # a run looked, and it was not there
            yield Record(**common | {"image_set_id": None}, action=SEARCH, answer={LISTED_SINCE: iso(EVER)})
        elif not later and given.known is None:
            # seen by no run, and one could not read it: nothing is known
            yield Record(**common, error=(_NOT_READ, ""))


def _image_sets(case: Case, index: int, scope: RuleScope) -> Iterator[tuple[Case | CaseSets, str]]:
    if scope == "image_set":
        yield case, wanted(case, index, scope)[0] or ""
        return
    number = 0
    for sets in case.image_sets:
        for _ in range(sets.count):
            yield sets, f"{number:032}"
            number += 1
