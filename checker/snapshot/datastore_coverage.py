"""The data stores that an audit reached for: one for each data store of a target, with its name, and what became of its
image sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from checker.layout import DATASTORES, FINDINGS, SNAPSHOT, VERSIONS
from checker.snapshot.columns import TARGET_ACCOUNT, TARGET_REGION, connect, duckdb_path, search_failed
from checker.sql import Connection, Relation, coalesce, col, false

Key = tuple[str, str | None]
"""A target, and its data store where that is known."""


@dataclass(frozen=True, slots=True)
class DatastoreCoverage:
    """A data store of a target. `name` is what GetDatastore calls it, `account_name` what ListAccounts calls its account;
    empty where nobody said so. The counts are of image sets, `verdicts` of fails, waived ones and unknowns."""

    target: str
    datastore: str | None
    account: str | None = None
    region: str | None = None
    name: str = ""
    account_name: str = ""
    image_sets: int = 0
    not_found: int = 0
    unreadable: int = 0
    unlisted: bool = False
    """Whether what should have found its image sets failed, so that there may be more."""
    verdicts: Mapping[str, int] = field(default_factory=dict)

    @property
    def reading(self) -> str:
        """How much of it was read: `all read`, `2 not read; how many there are is not known`."""
        parts = [f"{self.unreadable:,} not read" if self.unreadable else "" if self.unlisted else "all read"]
        parts += ["how many there are is not known"] if self.unlisted else []
        return "; ".join(filter(None, parts))

    @property
    def names(self) -> str:
        """The names of its account and of itself, as far as they are known."""
        said = (
            f"account {self.account_name}" if self.account_name else "",
            f"data store {self.name}" if self.name else "",
        )
        return ", ".join(acceptance for acceptance in said if acceptance)


def datastore_coverage(folder: Path, names: Mapping[str, Mapping[str, str]]) -> tuple[DatastoreCoverage, ...]:
    """The data stores of a run, sorted by target and id.

    Args:
        folder: a folder with the tables of a snapshot, and the findings.
        names: those of `data_stores` by target, and of `accounts` by id.
    """
    stores, accounts = names.get("data_stores", {}), names.get("accounts", {})
    with connect() as connection:
        sets = dict(_sets(connection, folder))
        verdicts = _verdicts(connection, folder)
    found = []
    for key in sorted({*sets, *verdicts}, key=lambda key: (key[0], key[1] or "")):
        own = sets.get(key, {})
        account = own.get("account") or _in_organization(key[0])
        said: dict[str, Any] = {**own, "account": account, "verdicts": dict(verdicts.get(key, {}))}
        name, account_name = stores.get(key[0], ""), accounts.get(account or "", "")
        found.append(DatastoreCoverage(key[0], key[1], name=name, account_name=account_name, **said))
    return tuple(found)


def _in_organization(target: str) -> str | None:
    """The account of a part of an organization, as its target is called: of what could not be read no answer says it."""
    parts = target.split("/")
    return parts[1] if len(parts) > 1 and len(parts[1]) == 12 and parts[1].isdecimal() else None


def _sets(connection: Connection, folder: Path) -> Iterator[tuple[Key, dict[str, Any]]]:
    """How many image sets there are, and how many were not there or not read, each counted once."""
    tables = [path for path in (folder / SNAPSHOT, folder / VERSIONS, folder / DATASTORES) if path.exists()]
    if not tables:
        return

    def rows(path: Path) -> Relation:
        # of an image set the same columns say other things
        missed = col("imageSetId").isnull() & search_failed() if path.name != DATASTORES else false()
        table = connection.read_parquet(duckdb_path(path))
        account, region = col(TARGET_ACCOUNT), col(TARGET_REGION)
        if path.name == SNAPSHOT:
            # of a recorded answer its ARN alone says them
            account, region = coalesce(account, col("account")), coalesce(region, col("region"))
        names = map(col, ("target", "datastoreId", "imageSetId", "found"))
        return table.select(*names, account.alias("account"), region.alias("region"), missed.alias("missed"))

    parts = [rows(path) for path in tables]
    each = reduce(lambda left, right: left.union(right), parts).aggregate(
        "target, datastoreId, imageSetId, max(account) AS account, max(region) AS region, "
        "bool_or(found IS NULL) AS unread, bool_or(NOT found) AS gone, bool_or(missed) AS missed",
        "target, datastoreId, imageSetId",
    )
    counts = each.aggregate(
        "target, datastoreId, max(account), max(region), count(imageSetId), "
        "count_if(imageSetId IS NOT NULL AND NOT unread AND gone), count_if(imageSetId IS NOT NULL AND unread), "
        "bool_or(missed)",
        "target, datastoreId",
    )
    names = ("account", "region", "image_sets", "not_found", "unreadable", "unlisted")
    for target, store, *said in counts.fetchall():
        yield (target, store), dict(zip(names, said, strict=True))


def _verdicts(connection: Connection, folder: Path) -> dict[Key, Counter[str]]:
    """The fails, waived fails and unknowns of each."""
    found: dict[Key, Counter[str]] = {}
    if not (folder / FINDINGS).exists():
        return found
    rows = connection.read_parquet(duckdb_path(folder / FINDINGS))
    kinds = "target, datastoreId, verdict, waiver IS NOT NULL"
    for target, store, verdict, waived, count in rows.aggregate(f"{kinds}, count(*)", kinds).fetchall():
        kind = "waived" if waived and verdict == "fail" else str(verdict)
        found.setdefault((target, store), Counter())[kind] += count
    return found
