"""Targets of which audit.yaml does not say all: the accounts of an organization, the data stores whose names match.

Each account and each data store becomes a target of its own, called NAME/ACCOUNT and NAME/DATASTORE, so that what is
denied for one of them is told of that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from checker.aws import Access, Clients, Door, UnusableError
from checker.evidence.records import LIST_ACCOUNTS, LIST_DATASTORES, Record
from checker.inventory import questions
from checker.inventory.asking import Line
from checker.inventory.failures import Failure, Kind
from checker.inventory.found import Found
from checker.inventory.site import Site
from checker.model import Target

ORGANIZATIONS_REGION = "us-east-1"
"""Where Organizations is asked; it answers the same in every Region that it has (AWS, service endpoints)."""


def accounts_of(
    targets: Sequence[Target], door: Door, pause: Callable[[float], bool], now: Callable[[], datetime]
) -> tuple[list[Target], list[Record], list[str]]:
    """The targets with a target for each active account in the place of those over an organization; a record for each
    that could not be expanded; and notes.

    Raises:
        StoppedError: the run is being stopped.
    """
    found: dict[str | None, list[str] | Failure] = {}
    every: list[Target] = []
    records: list[Record] = []
    notes: list[str] = []
    for target in targets:
        if not target.organization:
            every.append(target)
            continue
        if target.profile not in found:
            found[target.profile] = _accounts(door, target.profile, pause)
        accounts = found[target.profile]
        if isinstance(accounts, Failure):
            records.append(_unread(target, LIST_ACCOUNTS, accounts, now()))
            notes.append(f"{target.name}: the accounts of the organization are not known: {accounts.message}")
            continue
        every += [_in_account(target, account) for account in accounts]
    return every, records, notes


def _accounts(door: Door, profile: str | None, pause: Callable[[float], bool]) -> list[str] | Failure:
    access = Access(profile)
    door.check(access)
    try:
        door.sign_in(access, ORGANIZATIONS_REGION)
        client = door.organizations(access, ORGANIZATIONS_REGION)
    except UnusableError as error:
        return Failure(Kind.CREDENTIALS, error.code, str(error))
    return Line(pause).ask(LIST_ACCOUNTS, lambda: questions.accounts(client))


def _in_account(target: Target, account: str) -> Target:
    role = (target.role_arn or "").replace("{account}", account)
    head, *rest = target.name.split("/", 1)
    return replace(target, name="/".join([head, account, *rest]), role_arn=role, organization=False)


def stores_of(site: Site, clients: Clients) -> Iterator[Site]:
    """A site for each data store whose name matches that of a target; none, and a failure in `site`'s line, where they
    could not be listed.

    Raises:
        StoppedError: the run is being stopped.
    """
    target, pattern = site.target, site.target.datastores or ""
    stores = site.line.ask(LIST_DATASTORES, lambda: questions.datastores(clients.control))
    if isinstance(stores, Failure):
        site.line.lost = site.line.lost or stores
        return
    for store, name in sorted(stores):
        if fnmatchcase(name, pattern):
            own = replace(target, name=f"{target.name}/{store}", datastore=store, datastores=None)
            found = Found(own.discovery) if own.discovery and site.plan.search else None
            yield replace(site, target=own, line=Line(site.line.pause), found=found, notes=[])


def unlisted(site: Site) -> Record:
    """The record of a target whose data stores could not be listed."""
    lost = site.line.lost
    assert lost is not None
    record = _unread(site.target, LIST_DATASTORES, lost, site.now())
    return replace(record, account=site.account)


def _unread(target: Target, action: str, wrong: Failure, at: datetime) -> Record:
    return Record(
        target=target.name,
        image_set_id=None,
        region=target.region,
        action=action,
        error=(wrong.code, wrong.message),
        collected_at=at,
    )
