"""Reads audit.yaml and the CSV files that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from checker import aws, yamlsource
from checker.config import image_set_lists, schema, target_locations
from checker.config.audit import AuditConfig, ListedImageSet, Rate, TargetConfig
from checker.config.csv_tables import Table
from checker.config.image_set_lists import CsvFiles
from checker.model import JUNIT_OPTIONS, Renames
from checker.policy.tailoring import Override, read_overrides
from checker.problems import InvalidInputError, Problem, nearest
from checker.yaml_nodes import Document, Node

# https://docs.aws.amazon.com/general/latest/gr/healthimaging.html; boto3 cannot list them for this service.
KNOWN_REGIONS = ("us-east-1", "us-west-2", "ap-southeast-2", "eu-west-1", "eu-west-2")

_SECTIONS = ("name", "defaults", "gate", "waivers", "events", "runs", "collect")
"""What is as the file has it."""
_Parts = tuple[tuple[ListedImageSet, ...], tuple[tuple[str, Any], ...], Table | None]


class _Found(NamedTuple):
    """What was found beside the shape, a region and parts for each target."""

    regions: list[str]
    parts: list[_Parts]
    files: CsvFiles
    rules: tuple[Override, ...]
    warnings: list[Problem]


def load(path: Path, shown: str | None = None) -> AuditConfig:
    """The audit that a file describes; `shown` is the path that messages print.

    Raises:
        InvalidInputError: the file, or a CSV file that it names, cannot be read or used; with every problem.
    """
    shown = shown or path.as_posix()
    document = yamlsource.read(path, shown)
    root = document.root
    checked, problems = schema.validate(root)
    files = CsvFiles(path.parent, shown, problems)
    nodes = _target_nodes(root)
    rules = read_overrides(_child(root, "rules"), problems)
    parts = [_parts(node, files) for node in nodes]
    problems += _pinned_of_all(nodes, parts)
    problems += _between_targets(root, nodes)
    problems += target_locations.location_problems(root, nodes)
    problems += _complete(nodes)
    problems += _profiles(root, nodes)
    problems += _store(root)
    problems += _renamed(root, nodes)
    regions = [_region(root, node, problems) for node in nodes]
    errors = [problem for problem in problems if not problem.warning]
    if errors or checked is None:
        raise InvalidInputError([*problems, *document.warnings])
    warnings = [*document.warnings, *problems, *_unlisted_regions(root, nodes)]
    return _config(path, document, checked, _Found(regions, parts, files, rules, warnings))


def named_policies(path: Path) -> tuple[Node, ...]:
    """The policies that a file names; nothing else of it is looked at, and none of the other files that it names.

    Raises:
        InvalidInputError: the file cannot be read, or names none; with every problem of it.
    """
    node = _child(yamlsource.read(path, path.as_posix()).root, "policies")
    items = node.value if node is not None and isinstance(node.value, tuple) else ()
    if items and all(isinstance(item.value, str) and item.value for item in items):
        return items
    return load(path).policies


def _child(root: Node, key: str) -> Node | None:
    return root.value[key].node if isinstance(root.value, dict) and key in root.value else None


def _target_nodes(root: Node) -> list[Node]:
    targets = root.value.get("targets") if isinstance(root.value, dict) else None
    items = targets.node.value if targets else ()
    return [node for node in items if isinstance(node.value, dict)] if isinstance(items, tuple) else []


def _parts(node: Node, files: CsvFiles) -> _Parts:
    """What pydantic does not look into: the image sets, the labels, the inventory."""
    entries = node.value
    store = _text(node, "datastore")
    own = store.value if store and store.value != "all" else ""
    sets = (
        image_set_lists.listed_image_sets(entries["image_sets"].node, files, own)
        if "image_sets" in entries
        else ()
    )
    labels = (
        image_set_lists.label_entries(entries["labels"].node, files.problems) if "labels" in entries else ()
    )
    inventory = entries["labels_from"].node if "labels_from" in entries else None
    usable = inventory is not None and isinstance(inventory.value, str) and inventory.value
    return sets, labels, files.table(inventory) if inventory is not None and usable else None


def _text(node: Node, *keys: str) -> Node | None:
    """The text under a path of keys, if that is what stands there."""
    for key in keys:
        if not isinstance(node.value, dict) or key not in node.value:
            return None
        node = node.value[key].node
    return node if isinstance(node.value, str) and node.value else None


def _reach(root: Node, node: Node, key: str) -> Node | None:
    """How a target is reached: its own word, else that of `defaults`."""
    return _text(node, key) or _text(root, "defaults", key)


def _pinned_of_all(nodes: list[Node], parts: list[_Parts]) -> Iterator[Problem]:
    """A target that covers its data store, and yet lists one version of an image set."""
    for node, (sets, _, _) in zip(nodes, parts, strict=True):
        whole = node.value["complete"].node if "complete" in node.value else None
        pinned = next((cell for cell in sets if cell.version is not None), None)
        if whole is not None and whole.value is True and pinned is not None:
            message = f"the target is not complete: {pinned.id} is listed in version {pinned.version} only"
            hint = f"list the image set without a version ({pinned.place.where}), or leave `complete` out"
            yield whole.problem(message, hint)


def _complete(nodes: list[Node]) -> Iterator[Problem]:
    """`complete` beside image sets that are searched: it goes without saying, or cannot be."""
    for node in nodes:
        sets, whole = node.value.get("image_sets"), node.value.get("complete")
        if not sets or not whole or not target_locations.is_searched(sets.node):
            continue
        if sets.node.value == "all" and whole.node.value is False:
            yield whole.node.problem("`image_sets: all` is complete", "leave `complete` out")
        elif sets.node.value != "all" and whole.node.value is True:
            message = "image sets that a condition chooses are not all of the data store"
            yield whole.node.problem(message, "write `image_sets: all`, or leave `complete` out")


def _between_targets(root: Node, nodes: list[Node]) -> Iterator[Problem]:
    first: dict[str, Node] = {}
    for node in nodes:
        name = _text(node, "name")
        if name and first.setdefault(name.value, name) is not name:
            line = first[name.value].where.line
            yield name.problem(f"a second target is called {name.value}", f"the first one is in line {line}")
        external_id = _reach(root, node, "external_id")
        if external_id and not _reach(root, node, "role_arn"):
            yield external_id.problem("external_id without role_arn", "it is sent when a role is assumed")


def _profiles(root: Node, nodes: list[Node]) -> Iterator[Problem]:
    """Profiles that AWS's configuration files do not have. Only asked where one is named: it imports botocore."""
    named = {id(found): found for node in nodes if (found := _reach(root, node, "profile"))}
    reasons: dict[str, tuple[str, str]] = {}
    for node in named.values():
        if node.value not in reasons:
            reasons[node.value] = aws.profile_error(node.value)
        message, hint = reasons[node.value]
        if message:
            yield node.problem(message, hint)


def _store(root: Node) -> Iterator[Problem]:
    """An object lock that cannot be: of a folder, or for no time."""
    runs = _child(root, "runs")
    entries = runs.value if runs is not None and isinstance(runs.value, dict) else {}
    if "object_lock" not in entries:
        return
    key, path = entries["object_lock"].key, entries.get("path")
    if path and isinstance(path.node.value, str) and not path.node.value.startswith("s3://"):
        yield key.problem("a folder has no object lock", "s3://BUCKET/PREFIX has; leave it out")
    if "keep" not in entries:
        yield key.problem("object_lock without keep", "say for how long, as in `keep: 6y`")


def _renamed(root: Node, nodes: list[Node]) -> Iterator[Problem]:
    """Names of now that nothing has, and rules that are not written as PACK/RULE."""
    renamed = _child(root, "renamed")
    if renamed is None or not isinstance(renamed.value, dict):
        return
    names = [name.value for node in nodes if (name := _text(node, "name"))]
    for kind, entry in renamed.value.items():
        for new, old in entry.node.value.items() if isinstance(entry.node.value, dict) else ():
            if old.node.value == new:
                yield old.key.problem(f"{new} is called that already", "write NEW: OLD")
            if kind == "targets" and new not in names:
                hint = nearest(new, names) or "write NEW: OLD"
                yield old.key.problem(f"no target is called {new}", hint)
            for place, text in ((old.key, new), (old.node, old.node.value)):
                if kind == "rules" and not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", str(text)):
                    yield place.problem(f"{text} names no rule", "write PACK/RULE")


def _region(root: Node, node: Node, problems: list[Problem]) -> str:
    """The Region of a target: its own, that of `defaults`, or the one that AWS's settings have for its profile."""
    found = target_locations.entry(root, node, "region", "regions")
    if found is not None:
        several = target_locations.target_spread(root, node).regions
        if isinstance(found.node.value, str) or several:
            return several[0] if several else str(found.node.value)
        return ""  # there, but no text: the shape's problem says so
    profile = _reach(root, node, "profile")
    name = profile.value if profile else None
    if name and aws.profile_error(name)[0]:
        return ""  # the profile's problem says so
    region = aws.default_region(name)
    if not region:
        hint = "add it, or set one for all targets under defaults, or set AWS_REGION"
        problems.append(node.problem("region is missing", hint))
    return region or ""


def _unlisted_regions(root: Node, nodes: list[Node]) -> Iterator[Problem]:
    entries = [
        entry.node for node in nodes if (entry := target_locations.entry(root, node, "region", "regions"))
    ]
    regions = [
        item for entry in entries for item in (entry.value if isinstance(entry.value, tuple) else (entry,))
    ]
    found = {id(region): region for region in regions}
    for region in found.values():
        if region.value not in KNOWN_REGIONS:
            message = f"HealthImaging is not known to be in {region.value}"
            yield region.problem(message, f"it is known to be in {', '.join(KNOWN_REGIONS)}", warning=True)


def _config(path: Path, document: Document, checked: Any, found: _Found) -> AuditConfig:
    root = document.root
    params = root.value["params"].node.value if checked.params else {}
    targets = zip(_target_nodes(root), checked.targets, found.regions, found.parts, strict=True)
    return AuditConfig(
        path=path,
        root=path.parent,
        document=document,
        policies=root.at(("policies",)).value,
        targets=tuple(
            _target(target_locations.target_spread(root, node), node, checked.defaults, *rest)
            for node, *rest in targets
        ),
        params=dict(params),
        rules=found.rules,
        renamed=Renames(checked.renamed.packs, checked.renamed.rules, checked.renamed.targets),
        rates={action: Rate(rate.rate, rate.burst) for action, rate in checked.rates.items()},
        reports=checked.reports.model_extra,
        junit=checked.reports.model_dump(include=set(JUNIT_OPTIONS), exclude_unset=True),
        **{name: getattr(checked, name) for name in _SECTIONS},
        files={table.path: table.sha256 for table in found.files.read.values() if table},
        warnings=tuple(found.warnings),
    )


def _target(  # noqa: PLR0917 - one of each for a target
    spread: target_locations.TargetSpread, node: Node, defaults: Any, own: Any, region: str, part: _Parts
) -> TargetConfig:
    sets, labels, labels_from = part
    entry = node.value["image_sets"].node
    return TargetConfig(
        name=own.name,
        region=region,
        datastore="" if own.datastore in (None, "all") else own.datastore,
        node=node,
        listed=sets,
        labels=labels,
        labels_from=labels_from,
        profile=own.profile or defaults.profile,
        role_arn=own.role_arn or defaults.role_arn,
        external_id=own.external_id or defaults.external_id,
        complete=own.complete or entry.value == "all",
        datastores=own.datastores or ("*" if own.datastore == "all" else None),
        searched=target_locations.is_searched(entry),
        where=entry.value["where"].node if isinstance(entry.value, dict) and "where" in entry.value else None,
        spread=spread,
        retired=tuple(own.retired),
    )
