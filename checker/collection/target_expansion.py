"""Targets of which audit.yaml does not say all: the accounts of an organization, the data stores whose names match.

Each account and each data store becomes a target of its own, called NAME/ACCOUNT and NAME/DATASTORE, so that what is
denied for one of them is told of that one. What an earlier run had and is not listed any more stays a target, of which
nothing is known: else all its image sets would leave the audit, and nobody would be told.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from checker.aws import Access, Sessions, UnusableError
from checker.aws.actions import LIST_ACCOUNTS, LIST_DATASTORES
from checker.collection import requests
from checker.collection.call_errors import CallFailure, ErrorKind
from checker.collection.requests import Account, ListedDatastore
from checker.collection.retry import TargetHealth
from checker.collection.reuse import PriorAnswers
from checker.collection.search_results import SearchResults
from checker.collection.target_session import TargetSession
from checker.config.target_filter import matches_name, may_match
from checker.model import Target
from checker.snapshot.records import NO_LONGER_LISTED, Record

ORGANIZATIONS_REGIONS = {"us-gov-": "us-gov-west-1", "cn-": "cn-northwest-1"}
"""Where Organizations is asked, by how a target's Region begins: each partition has it in one Region (AWS, service
endpoints)."""
ORGANIZATIONS_REGION = "us-east-1"
NO_ACCOUNT = "NoActiveAccount"
NO_NAME = "NoNameMatches"
"""Codes of our own: no account of the organization is ACTIVE; no data store's name matches a pattern."""
EVERY = "*"
"""The pattern of `datastore: all`: there may be none."""
MOST_NAMES = 20
"""Names that a message lists."""
_ACTIVE, _DELETED = "ACTIVE", "DELETED"
_ACCOUNT = re.compile("[0-9]{12}")
_DATASTORE = re.compile("[0-9a-z]{32}")
_Accounts = Mapping[str, Account] | CallFailure


def accounts_of(
    targets: Sequence[Target],
    door: Sessions,
    line: TargetHealth,
    now: Callable[[], datetime],
    prior: PriorAnswers,
) -> tuple[list[Target], list[Record], list[str]]:
    """The targets with a target for each active account in the place of those over an organization; a record for each
    that could not be expanded, and for each that an earlier run had and that is gone; and notes.

    Raises:
        StoppedError: the run is being stopped.
    """
    found: dict[tuple[str | None, str], _Accounts] = {}
    every: list[Target] = []
    records: list[Record] = []
    notes: list[str] = []
    for target in targets:
        if not target.organization:
            every.append(target)
            continue
        asked = target.profile, _organizations_region(target.region)
        if asked not in found:
            found[asked] = _accounts(door, *asked, line.of_another())
        accounts = found[asked]
        if isinstance(accounts, CallFailure):
            records.append(_unread(target, LIST_ACCOUNTS, accounts, now()))
            notes.append(f"{target.name}: the accounts of the organization are not known: {accounts.message}")
            continue
        notes += _skipped(target, accounts)
        active = {account: item.name for account, item in accounts.items() if item.state == _ACTIVE}
        notes += _retired_in_vain(target, active)
        parts = [replace(_in_account(target, item), account_name=name) for item, name in active.items()]
        read = [part for item in parts if (part := _chosen(item))]
        every += read
        if not read:
            wrong = CallFailure(
                ErrorKind.FINAL, NO_NAME, f"{_nothing(target)}; there {_some([item.name for item in parts])}"
            )
            records.append(_unread(target, LIST_ACCOUNTS, wrong, now()))
            notes.append(f"{target.name}: {wrong.message}.")
        lost = [_unread(part, LIST_ACCOUNTS, why, now()) for part, why in _gone(target, accounts, prior)]
        notes += [f"{record.target}: {record.error[1]}" for record in lost if record.error]
        records += lost
    return every, records, [*notes, *_retired(targets)]


def account_names(parts: Iterable[Target]) -> dict[str, str]:
    """What the organization calls the accounts that targets are in, by id."""
    return {target.name.split("/")[1]: target.account_name for target in parts if target.account_name}


def _organizations_region(region: str) -> str:
    every = ORGANIZATIONS_REGIONS.items()
    return next((there for start, there in every if region.startswith(start)), ORGANIZATIONS_REGION)


def _accounts(door: Sessions, profile: str | None, region: str, line: TargetHealth) -> _Accounts:
    """The accounts, of which one at least is active."""
    access = Access(profile)
    door.check(access)
    try:
        door.sign_in(access, region)
        client = door.organizations(access, region)
    except UnusableError as error:
        return CallFailure(ErrorKind.CREDENTIALS, error.code, str(error))
    found = line.ask(LIST_ACCOUNTS, lambda: requests.accounts(client))
    if isinstance(found, CallFailure) or any(account.state == _ACTIVE for account in found.values()):
        return found
    return CallFailure(
        ErrorKind.FINAL, NO_ACCOUNT, f"of {len(found):,} accounts that it lists none is {_ACTIVE}"
    )


def _skipped(target: Target, accounts: Mapping[str, Account]) -> Iterator[str]:
    others = Counter(account.state for account in accounts.values() if account.state != _ACTIVE)
    if others:
        states = ", ".join(f"{count:,} {state}" for state, count in sorted(others.items()))
        yield f"{target.name}: accounts of the organization that are not {_ACTIVE} are not audited: {states}."


def _retired(targets: Iterable[Target]) -> Iterator[str]:
    """What the owner has retired, in every report: nobody looks for it any more."""
    for head, ids in {_head(target): target.retired for target in targets if target.retired}.items():
        yield f"{head}: gone for good by the owner's word (retired), and not missed: {', '.join(sorted(ids))}."


def _retired_in_vain(target: Target, there: Iterable[str]) -> Iterator[str]:
    """What the owner has retired, and is audited since it is there all the same."""
    for item in sorted(set(there).intersection(target.retired)):
        yield f"{target.name}: {item} is retired by the owner's word, but it is there, and audited."


def _in_account(target: Target, account: str) -> Target:
    role = (target.role_arn or "").replace("{account}", account)
    head, *rest = target.name.split("/", 1)
    return replace(target, name="/".join([head, account, *rest]), role_arn=role, organization=False)


def _chosen(part: Target) -> Target | None:
    """A part of a target as far as `--target` chooses it; None where it does not."""
    head = _head(part)
    if not part.only or matches_name(part.name, head, part.only):
        return replace(part, only=())
    left = may_match(part.name, part.only) if part.datastores is not None else ()
    return replace(part, only=left) if left else None


def _is_chosen(target: Target, name: str) -> bool:
    """Whether `--target` chooses a part of a target."""
    return not target.only or matches_name(name, _head(target), target.only)


def _gone(
    target: Target, accounts: Mapping[str, Account], prior: PriorAnswers
) -> Iterator[tuple[Target, CallFailure]]:
    """The targets in accounts that an earlier run had, and that are not active any more."""
    head, *region = target.name.split("/", 1)
    for part, run in prior.earlier.parts(head) if prior.earlier else ():
        account, *rest = part.split("/")
        state = accounts.get(account, Account("not listed by the organization")).state
        if not {account, rest[-1] if rest else ""}.isdisjoint(target.retired):
            continue
        if not _is_chosen(target, f"{head}/{part}"):
            continue
        if state != _ACTIVE and _ACCOUNT.fullmatch(account) and rest[: len(region)] == region:
            store = rest[-1] if rest and _DATASTORE.fullmatch(rest[-1]) else ""
            own = replace(_in_account(target, account), name=f"{head}/{part}", datastore=store)
            yield own, _no_longer_listed(run, f"the account {account} is {state} now")


class Patterns:
    """The patterns of names of the data stores of a run. Each but that of all must match in some account or Region: one
    that is misspelt would audit nothing. Any thread may ask."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._lock = threading.Lock()
        self._every: dict[str, _Pattern] = {}
        for target in targets:
            if target.datastores not in (None, EVERY) or target.only:
                self._every.setdefault(_head(target), _Pattern()).targets.append(target)

    def expand(self, site: TargetSession) -> tuple[list[TargetSession], list[Record]]:
        """A site for each data store whose name matches that of a target; and records of what is not known: they could
        not be listed, an earlier run had more of them, or there is none anywhere.

        Raises:
            StoppedError: the run is being stopped.
        """
        target = site.target
        stores = site.ask(LIST_DATASTORES, lambda clients: requests.datastores(clients.control))
        if isinstance(stores, CallFailure):
            site.line.lost = site.line.lost or stores
            return [], [site.record(LIST_DATASTORES, stores)]
        named = {store.id: store for store in sorted(stores) if store.status != _DELETED}
        parts = {store.id: f"{target.name}/{store.id}" for store in named.values() if _matches(target, store)}
        found = [_store(site, named[store]) for store, part in parts.items() if _is_chosen(target, part)]
        records = list(_left(site, {store.id: store for store in stores}))
        site.notes += _retired_in_vain(target, [session.target.datastore for session in found])
        names = parts.values() if target.only else [row.name for row in named.values()]
        if nowhere := self._nowhere(target, names, matched=bool(found)):
            whole, wrong = nowhere
            site.notes.append(f"{whole}: {wrong.message}.")
            records.append(replace(site.record(LIST_DATASTORES, wrong), target=whole))
        elif not found:
            none = target.datastores == EVERY and not target.only
            what = "there is no data store" if none else _nothing(target)
            site.notes.append(f"{target.name}: {what}.")
        return found, records

    def _nowhere(
        self, target: Target, names: Iterable[str], *, matched: bool
    ) -> tuple[str, CallFailure] | None:
        """Once the last account or Region was listed, and no name matched in any: what the target is called, and why."""
        pattern = self._every.get(_head(target))
        if pattern is None:
            return None
        with self._lock:
            pattern.listed += 1
            pattern.names.update(names)
            pattern.matched |= matched
            if pattern.matched or pattern.listed < len(pattern.targets):
                return None
        whole = target.name if len(pattern.targets) == 1 else _head(target)
        message = f"{_nothing(target)}; there {_some(sorted(pattern.names))}"
        return whole, CallFailure(ErrorKind.FINAL, NO_NAME, message)


@dataclass
class _Pattern:
    """A pattern: the targets that have it, how many of them were listed, and what is known by that."""

    targets: list[Target] = field(default_factory=list)
    listed: int = 0
    names: set[str] = field(default_factory=set)
    matched: bool = False


def _head(target: Target) -> str:
    """What audit.yaml calls a target that stands for several."""
    return target.name.split("/", 1)[0]


def _nothing(target: Target) -> str:
    if target.only:
        return f"nothing of it is called {' or '.join(target.only)}"
    return f"no data store is called {target.datastores}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"are {', '.join(names[:MOST_NAMES])}{more}" if names else "is none"


def _matches(target: Target, store: ListedDatastore) -> bool:
    return fnmatchcase(store.name, target.datastores or "")


def _store(site: TargetSession, store: ListedDatastore) -> TargetSession:
    target = site.target
    own = replace(target, name=f"{target.name}/{store.id}", datastore=store.id, datastores=None, only=())
    found = SearchResults(own.discovery) if own.discovery and site.plan.search else None
    return replace(site, target=own, line=site.line.of_another(), found=found, notes=[], called=store.name)


def _left(site: TargetSession, stores: Mapping[str, ListedDatastore]) -> Iterator[Record]:
    """Records of the data stores that an earlier run had as parts of a target, and that are none any more. One whose
    name is what it was is out by the owner's own pattern."""
    target, earlier = site.target, site.prior.earlier
    for part, run in earlier.parts(target.name) if earlier else ():
        store = stores.get(part)
        if not _is_chosen(target, f"{target.name}/{part}"):
            continue
        if not _DATASTORE.fullmatch(part) or (store and store.status != _DELETED and _matches(target, store)):
            continue
        name = f"{target.name}/{part}"
        if store is None:
            what = f"no data store of this id is listed in {target.region} any more"
        elif store.status == _DELETED:
            what = "the data store is DELETED now"
        elif earlier and earlier.called(name) == store.name:
            which = f"its data store is called {store.name}, which {target.datastores} does not match"
            site.notes.append(f"{name}: it was in the run {run}, and is not audited any more: {which}.")
            continue
        else:
            what = f"its data store is called {store.name} now, which {target.datastores} does not match"
        if part in target.retired:
            if store is not None and store.status != _DELETED:
                which = f"it was in the run {run}; {what}"
                site.notes.append(f"{name}: {which}: it is retired by the owner's word, and not audited.")
            continue
        wrong = _no_longer_listed(run, what)
        site.notes.append(f"{name}: {wrong.message}")
        yield replace(site.record(LIST_DATASTORES, wrong), target=name, datastore_id=part)


def _no_longer_listed(run: str, what: str) -> CallFailure:
    message = f"it was in the run {run}; {what}: what became of its image sets is not known"
    return CallFailure(ErrorKind.FINAL, NO_LONGER_LISTED, message)


def _unread(target: Target, action: str, wrong: CallFailure, at: datetime) -> Record:
    return Record(
        target=target.name,
        image_set_id=None,
        datastore_id=target.datastore or None,
        region=target.region,
        action=action,
        error=(wrong.code, wrong.message),
        collected_at=at,
    )
