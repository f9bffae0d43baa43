"""How the targets of audit.yaml are reached, so far as several keys say it together: Regions, accounts, data stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checker.problems import Problem, nearest
from checker.yaml_nodes import Entry, Node

ACCOUNT = "{account}"


@dataclass(frozen=True, slots=True)
class TargetSpread:
    """What one entry of `targets` stands for: a target in each Region of each account. Without `accounts` it is the
    account of the credentials, or with `organization` every one of the organization."""

    regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    organization: bool = False

    def parts(self, name: str) -> Iterator[tuple[str, str | None, str | None]]:
        """The targets that one of a name stands for, each as its own name (NAME/ACCOUNT/REGION), account and Region, so
        far as they are known before anything is asked."""
        for account in self.accounts or (None,):
            for region in self.regions or (None,):
                yield "/".join(part for part in (name, account, region) if part), account, region


def entry(root: Node, node: Node, *keys: str) -> Entry | None:
    """The entry of one of several keys that exclude each other: the target's own, else that of `defaults`."""
    defaults = root.value.get("defaults") if isinstance(root.value, dict) else None
    for level in (node, defaults.node if defaults else None):
        if level is None or not isinstance(level.value, dict):
            continue
        for key in keys:
            if found := _given(level, key):
                return found
    return None


def target_spread(root: Node, node: Node) -> TargetSpread:
    """What a target stands for; what is malformed is left out, since the shape's problems say so."""
    where = entry(root, node, "regions", "region")
    whose = entry(root, node, "accounts", "organization")
    return TargetSpread(
        _texts(where.node) if where else (),
        _texts(whose.node) if whose else (),
        organization=bool(whose and whose.node.value is True),
    )


def _texts(node: Node) -> tuple[str, ...]:
    items = node.value if isinstance(node.value, tuple) else ()
    return tuple(item.value for item in items if isinstance(item.value, str))


def location_problems(root: Node, nodes: list[Node]) -> Iterator[Problem]:
    """What does not go together, in `defaults` and in each target."""
    defaults = root.value.get("defaults") if isinstance(root.value, dict) else None
    if defaults and isinstance(defaults.node.value, dict):
        yield from _one_of(defaults.node)
    of_accounts: list[Problem] = []
    for node in nodes:
        yield from _one_of(node)
        yield from _stores(node)
        yield from _one_store(root, node)
        yield from _retired(root, node)
        of_accounts += _accounts(root, node)
    yield from dict.fromkeys(of_accounts)  # what `defaults` says wrong is wrong once
    yield from _names(root, nodes)


def _one_of(node: Node) -> Iterator[Problem]:
    for element, several in (("region", "regions"), ("accounts", "organization")):
        if element in node.value and several in node.value:
            yield node.value[several].key.problem(f"both {element} and {several}", "write one of them")
    for key in ("regions", "accounts"):
        if key not in node.value:
            continue
        seen: set[str] = set()
        items = node.value[key].node.value
        for item in items if isinstance(items, tuple) else ():
            if isinstance(item.value, str) and item.value in seen:
                yield item.problem(f"{item.value} stands twice in {key}", "drop one of them")
            elif isinstance(item.value, str):
                seen.add(item.value)


def _stores(node: Node) -> Iterator[Problem]:
    item, several = _given(node, "datastore"), _given(node, "datastores")
    if item and several:
        yield several.key.problem("both datastore and datastores", "write one of them")
    slip = any(nearest(name, ("datastore", "datastores")) for name in node.value)
    if not item and not several and not slip:
        yield node.problem(
            "datastore is missing", "give the id of a data store, `all`, or names as `datastores: PATTERN`"
        )
    pattern = several or (item if item and item.node.value == "all" else None)
    sets = node.value.get("image_sets")
    if pattern and sets and not is_searched(sets.node):
        message = "image sets by id need the id of their data store"
        yield pattern.key.problem(message, "write `image_sets: all`, or `datastore: ID`")


def _one_store(root: Node, node: Node) -> Iterator[Problem]:
    """The id of one data store, in several places: a warning, since only the service knows which ids there are."""
    item, where = _given(node, "datastore"), target_spread(root, node)
    several = len(where.regions) > 1 or len(where.accounts) > 1 or where.organization
    if item and item.node.value != "all" and several:
        message = (
            "an id is that of one data store, in one Region of one account; the others will be unreadable"
        )
        hint = "write `datastore: all`, or names as `datastores: PATTERN`"
        yield item.node.problem(message, hint, warning=True)


def _retired(root: Node, node: Node) -> Iterator[Problem]:
    """What is gone for good, by the owner's word, and is to be audited by another word of theirs."""
    retired, where = _given(node, "retired"), target_spread(root, node)
    if retired is None or not isinstance(retired.node.value, tuple):
        return
    element = _given(node, "datastore")
    if element and element.node.value != "all" and not where.organization:
        message = "nothing of one data store is missed, so nothing of it is retired"
        yield retired.key.problem(message, "leave it out, or remove the target")
    for item in retired.node.value:
        if item.value in where.accounts:
            yield item.problem(f"the account {item.value} is in accounts, and retired", "drop it from one")


def _given(node: Node, key: str) -> Entry | None:
    found: Entry | None = node.value.get(key)
    return found if found is not None and found.node.value is not None else None


def is_searched(node: Node) -> bool:
    """Whether `image_sets` says that they are to be found: `all`, or `{where: CONDITION}`."""
    return node.value == "all" or (isinstance(node.value, dict) and "where" in node.value)


def _accounts(root: Node, node: Node) -> Iterator[Problem]:
    whose = entry(root, node, "accounts", "organization")
    several = whose is not None and whose.node.value is not False
    role = entry(root, node, "role_arn")
    text = role.node.value if role and isinstance(role.node.value, str) else ""
    if whose and several and f"::{ACCOUNT}:" not in text:
        message = f"{whose.key.value} needs a role_arn with {ACCOUNT} for the account"
        yield whose.key.problem(message, f'write `role_arn: "arn:aws:iam::{ACCOUNT}:role/NAME"`')
    if role and ACCOUNT in text and whose and not several and not _given(node, "role_arn"):
        message = f"the role_arn comes from defaults, and has {ACCOUNT} for an account"
        yield whose.key.problem(message, "give the target a role_arn of its own")
    elif role and ACCOUNT in text and not several:
        message = f"{ACCOUNT} in role_arn, and no accounts to put there"
        yield role.node.problem(message, "add `accounts: [..]` or `organization: true`")


def _names(root: Node, nodes: list[Node]) -> Iterator[Problem]:
    """Names that do not tell the parts of one target from another one."""
    named = [(node, entry.node) for node in nodes if (entry := _given(node, "name"))]
    divided = [str(name.value) for node, name in named if _divided(root, node)]
    for node, name in named:
        if "/" in str(name.value) and _divided(root, node):
            message = "a slash in the name of a target that stands for several"
            yield name.problem(message, "its parts are called NAME/ACCOUNT/REGION/DATASTORE")
        elif whole := next((item for item in divided if str(name.value).startswith(f"{item}/")), None):
            message = f"a part of the target {whole} may be called {name.value} too"
            yield name.problem(message, "choose another name")


def _divided(root: Node, node: Node) -> bool:
    """Whether a target stands for several: of accounts, Regions, data stores."""
    what = target_spread(root, node)
    item = _given(node, "datastore")
    by_name = _given(node, "datastores") or (item and item.node.value == "all")
    return bool(what.regions or what.accounts or what.organization or by_name)
