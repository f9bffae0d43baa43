"""Labels of image sets, typed by the packs' declarations, and the targets that carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from checker.config.audit import AuditConfig, ListedImageSet, TargetConfig
from checker.config.csv_tables import COLUMNS, Cell, Table
from checker.config.image_set_lists import id_problem, row_store, row_version
from checker.config.target_locations import ACCOUNT
from checker.config.where_conditions import read_where
from checker.model import Discovery, ImageSetRef, Label, Scalar, Target, Type
from checker.problems import InvalidInputError, Problem, nearest, suggest
from checker.values import INTEGERS, BadValueError, parse_scalar, show
from checker.yaml_nodes import Entry, Node

MOST_UNMATCHED = 20
"""Rows of an inventory without an image set that are each warned of; the rest is counted."""

Source = Entry | Cell
_Key = tuple[str, int | None]
_Rows = dict[_Key, list[list[tuple[str, Source]]]]


def resolve_targets(
    config: AuditConfig, labels: Mapping[str, Label]
) -> tuple[tuple[Target, ...], tuple[Problem, ...]]:
    """The targets with the labels of their image sets as typed values, and warnings.

    Args:
        config: the audit.
        labels: what the loaded packs declare, by name. A label that none declares is left out, with a warning.

    Raises:
        InvalidInputError: a label's value is not of the declared type, or two sources disagree about a label of one
            image set; with every such problem.
    """
    found = resolve_labels(config, labels)
    return found.targets, found.warnings


class LabeledTargets(NamedTuple):
    """Targets with their labels, warnings, and as texts for reports what of the labels and inventories was of no use."""

    targets: tuple[Target, ...]
    warnings: tuple[Problem, ...]
    left_out: tuple[str, ...]


def resolve_labels(config: AuditConfig, labels: Mapping[str, Label]) -> LabeledTargets:
    """As `resolve_targets`, which raises the same."""
    work = _Work(labels)
    joined: dict[tuple[str, str], _Rows] = {}
    for target in config.targets:
        if target.labels_from and _inventory(target) not in joined:
            joined[_inventory(target)] = work.by_set(target.labels_from, _inventory(target)[1])
    targets = tuple(
        each
        for target in config.targets
        for each in _spread(_target(target, work, joined.get(_inventory(target), {})), target)
    )
    inventories = {
        target.labels_from.path: target.labels_from for target in config.targets if target.labels_from
    }
    for path, table in inventories.items():
        wanted: dict[str, set[_Key]] = {}
        for target in config.targets:
            if _inventory(target)[0] == path:
                wanted.setdefault(target.datastore, set()).update(_wanted(target, joined[_inventory(target)]))
        missing, warnings = _unmatched(table, wanted)
        work.warnings += warnings
        work.left_out += [f"{path}: {missing} rows of image sets that no target lists"] if missing else []
    work.warnings += _listed_twice(config.targets)
    if work.problems:
        # a table is read anew for each data store that it has rows of
        raise InvalidInputError([*dict.fromkeys(work.problems), *work.warnings])
    return LabeledTargets(targets, tuple(work.warnings), tuple(work.left_out))


def _inventory(target: TargetConfig) -> tuple[str, str]:
    """The path of a target's inventory, empty where it has none, and the data store whose rows it takes, empty for all."""
    table = target.labels_from
    if table is None:
        return "", ""
    return table.path, target.datastore if table.store_column is not None else ""


def _wanted(target: TargetConfig, joined: Mapping[_Key, object]) -> set[_Key]:
    """What a target takes of its inventory: the rows of its image sets, and of those that a search may find."""
    keys = {key for cell in target.listed for key in ((cell.id, None), (cell.id, cell.version))}
    # which image sets there are is known once they are found
    return keys | {key for key in joined if target.searched and key[1] is None}


def _listed_twice(targets: Sequence[TargetConfig]) -> Iterator[Problem]:
    """Image sets that two targets list, one warning for each two: the findings of both count."""
    first: dict[tuple[str, str, int | None], tuple[TargetConfig, ListedImageSet]] = {}
    again: dict[tuple[str, str], list[tuple[ListedImageSet, ListedImageSet]]] = {}
    for target in targets:
        for cell in target.listed:
            other, before = first.setdefault((target.datastore, cell.id, cell.version), (target, cell))
            if other is not target:
                again.setdefault((other.name, target.name), []).append((before, cell))
    for (name, _), pairs in again.items():
        before, cell = pairs[0]
        more = f", and so are {len(pairs) - 1} more" if len(pairs) > 1 else ""
        message = f"the image set {cell.id} is listed in the target {name} too{more}: each counts twice"
        yield cell.place.problem(message, f"the other one is at {before.place.where}", warning=True)


@dataclass
class _Work:
    """The declarations, what was found wrong, and values already parsed: most cells repeat."""

    labels: Mapping[str, Label]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    undeclared: set[tuple[str, str]] = field(default_factory=set)
    parsed: dict[tuple[str, str], Scalar] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)

    def by_set(self, table: Table, datastore: str) -> _Rows:
        """The labels of an inventory's rows by id, and by version where a row has one. Rows of another data store than the
        one named, if one is, are left out."""
        rows: _Rows = {}
        for line, row in table.rows:
            store = row_store(table, line, row, self.problems)
            if store and datastore and store.value != datastore:
                continue
            place = table.cell(line, table.id_column, row[table.id_column].strip())
            if wrong := id_problem(place, what="an image set"):
                self.problems.append(wrong)
                continue
            version = row_version(table, line, row, self.problems)
            found: list[tuple[str, Source]] = [
                (name, Cell(table, line, index, text))
                for index, name in table.label_columns
                if (text := row[index].strip())
            ]
            rows.setdefault((place.value, version), []).append(found)
        return rows

    def value(self, name: str, source: Source) -> Scalar | None:
        """A label's typed value; None, with the problem noted once, where it has none."""
        label = self.labels.get(name)
        if label is None:
            self._warn_undeclared(name, source)
            return None
        place = _place(source)
        raw = place.value
        known = self.parsed.get((name, raw)) if isinstance(raw, str) else None
        if known is not None:
            return known
        if isinstance(source, Entry) and id(place) in self.failed:
            return None
        problem, value = typed_label(label, place)
        if problem:
            self.problems.append(problem)
            self.failed.add(id(place))
        elif isinstance(raw, str) and value is not None:
            self.parsed[name, raw] = value
        return value

    def _warn_undeclared(self, name: str, source: Source) -> None:
        head = source.key if isinstance(source, Entry) else source.head
        file = head.where.path
        if (file, name) not in self.undeclared:
            self.undeclared.add((file, name))
            self.left_out.append(f"{file}: the label {name}, which no policy declares")
            known = self.labels if isinstance(source, Entry) else (*self.labels, *COLUMNS)
            hint = nearest(name, known) or "declare it under `labels:` of a policy, or leave it out"
            message = f"no policy declares the label {name}; it is ignored"
            self.warnings.append(head.problem(message, hint, warning=True))


def _spread(target: Target, config: TargetConfig) -> Iterator[Target]:
    """The targets that an entry stands for."""
    for name, account, region in config.spread.parts(config.name):
        role = target.role_arn
        yield replace(
            target,
            name=name,
            region=region or target.region,
            role_arn=role.replace(ACCOUNT, account) if role and account else role,
            organization=config.spread.organization,
        )


def _discovery(config: TargetConfig, work: _Work, joined: _Rows) -> Discovery | None:
    """How the image sets of a target are found. Of those that an inventory names, only the latest version is judged."""
    if not config.searched:
        return None
    where = read_where(config.where, work.labels, work.problems) if config.where else None
    of_all: list[tuple[str, Source]] = list(config.labels)
    listed = {
        name: ImageSetRef(name, None, *_merge(name, [*(pair for row in rows for pair in row), *of_all], work))
        for (name, version), rows in joined.items()
        if version is None
    }
    return Discovery(where, *_merge(f"the target {config.name}", of_all, work), listed)


def _target(config: TargetConfig, work: _Work, joined: _Rows) -> Target:
    refs = []
    for cell in config.listed:
        rows = joined.get((cell.id, None), []) if joined else []
        if joined and cell.version is not None:
            rows = rows + joined.get((cell.id, cell.version), [])
        # the target's labels are what holds where a set's own entry says nothing else
        own = {name for name, source in cell.labels if work.value(name, source) is not None}
        sources: list[tuple[str, Source]] = [
            *cell.labels,
            *(pair for row in rows for pair in row),
            *(pair for pair in config.labels if pair[0] not in own),
        ]
        refs.append(ImageSetRef(cell.id, cell.version, *_merge(cell.id, sources, work)))
    return Target(
        name=config.name,
        region=config.region,
        datastore=config.datastore,
        profile=config.profile,
        role_arn=config.role_arn,
        external_id=config.external_id,
        image_sets=tuple(refs),
        complete=config.complete,
        discovery=_discovery(config, work, joined),
        datastores=config.datastores,
        retired=config.retired,
    )


def _merge(
    whose: str, sources: list[tuple[str, Source]], work: _Work
) -> tuple[dict[str, Scalar], dict[str, str]]:
    """The labels of an image set, and where each was given."""
    values: dict[str, Scalar] = {}
    origin: dict[str, Source] = {}
    for name, source in sources:
        value = work.value(name, source)
        if value is None:
            continue
        if name not in values:
            values[name], origin[name] = value, source
        elif values[name] != value:
            first = _place(origin[name])
            message = f"the label {name} of {whose} is {show(values[name])} here, but {show(value)} elsewhere"
            work.problems.append(first.problem(message, f"the other one is at {_place(source).where}"))
    return values, {name: _shown(source) for name, source in origin.items()}


def _shown(source: Source) -> str:
    """A place as `explain` prints it; of a table the line, since a cell's column would be counted for each anew."""
    return str(source.node.where) if isinstance(source, Entry) else f"{source.table.path}:{source.line}"


def _place(source: Source) -> Node | Cell:
    return source.node if isinstance(source, Entry) else source


def typed_label(label: Label, place: Node | Cell) -> tuple[Problem | None, Scalar | None]:
    """A cell's text or a YAML scalar as a value of the label's type, or what is wrong with it."""
    raw = place.value
    value: Scalar
    if isinstance(raw, str):
        try:
            value = parse_scalar(raw, label.type)
        except BadValueError as error:
            return place.problem(f"labels.{label.name}: {error}", error.hint), None
    elif _fits(raw, label.type):
        value = raw
    else:
        kind = place.kind if isinstance(place, Node) else "text"
        article = "an" if label.type in (Type.INTEGER, Type.ENUM) else "a"
        message = f"labels.{label.name} takes {article} {label.type}, not {kind}"
        return place.problem(message, _how_to_write(label.type, place)), None
    if label.one_of and show(value) not in label.one_of:
        hint = suggest(show(value), label.one_of, what="it is one of")
        return place.problem(f"labels.{label.name} is never {show(value)}", hint), None
    return None, value


def _how_to_write(kind: Type, place: Node | Cell) -> str:
    quoted = kind in (Type.STRING, Type.ENUM) and isinstance(place.value, bool | int | float)
    if quoted and isinstance(place, Node):
        return f'put it in quotes: "{place.written}"'
    return {
        Type.BOOLEAN: "write true or false",
        Type.INTEGER: "write a whole number",
        Type.DURATION: "write a number and a unit, such as 30d or 7y",
        Type.TIME: "write a date (2026-01-31) or a time with a zone (2026-01-31T12:00:00Z)",
    }.get(kind, "")


def _fits(raw: object, kind: Type) -> bool:
    if kind is Type.BOOLEAN:
        return isinstance(raw, bool)
    return kind is Type.INTEGER and isinstance(raw, int) and not isinstance(raw, bool) and raw in INTEGERS


def _unmatched(table: Table, users: Mapping[str, set[_Key]]) -> tuple[int, list[Problem]]:
    """Rows of an inventory that are about no listed image set: a typing error, or an inventory of more than these. How many
    there are, and warnings.

    Args:
        table: the inventory.
        users: by data store, empty where it is found later, what the targets take that go by it.
    """
    missing, warnings = 0, list[Problem]()
    for line, row in table.rows:
        place = table.cell(line, table.id_column, row[table.id_column].strip())
        version, store = row_version(table, line, row, []), row_store(table, line, row, [])
        wanted = [keys for own, keys in users.items() if store is None or store.value == (own or store.value)]
        if any((place.value, version) in keys for keys in wanted) or id_problem(place, what="an image set"):
            continue
        missing += 1
        if missing <= MOST_UNMATCHED:
            pinned = version is not None and any((place.value, None) in keys for keys in wanted)
            of = f"version {version} of " if pinned else ""
            warnings.append(place.problem(f"no target lists {of}the image set {place.value}", warning=True))
    if missing > MOST_UNMATCHED:
        message = f"{missing - MOST_UNMATCHED} more rows are about image sets that no target lists"
        warnings.append(Problem(table.path, message, warning=True))
    return missing, warnings
