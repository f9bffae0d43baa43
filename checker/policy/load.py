"""Policy files to packs of rules, or every problem in all of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.model import Framework, Label, Location, Pack, Rule
from checker.policy.controls import ControlMap, clashes, is_control_map, mapped_packs, read_control_map
from checker.policy.declarations import TYPES, declared_names, read_labels, read_params
from checker.policy.mapping_shape import Shape, assert_whole
from checker.policy.policy_files import CONTROLS, SHIPPED, Request, files_of, no_policy, shipped_files
from checker.policy.rules import RuleReader
from checker.problems import InvalidInputError, Problem, errors_in
from checker.yaml_nodes import Document, Node
from checker.yamlsource import read

REQUIRED = ("version", "pack", "rules")
MOST_LABELS = 500
"""Of all packs together: each is a column of a run's tables."""
OPTIONAL = ("title", "revision", "owner", "approved_by", "review_by", "labels", "params")


@dataclass(frozen=True, slots=True)
class Policies:
    """Every loaded pack in the order asked for, warnings, and the files they came from."""

    packs: tuple[Pack, ...]
    warnings: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()
    frameworks: tuple[Framework, ...] = ()
    """The mapping files whose controls the rules have."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of all packs, in order."""
        return tuple(rule for pack in self.packs for rule in pack.rules)

    @property
    def labels(self) -> dict[str, Label]:
        """The labels that any pack declares; the packs agree on them."""
        return {name: label for pack in self.packs for name, label in pack.labels.items()}


def load(requests: Iterable[str | Request], base: Path | None = None) -> Policies:
    """The packs in files, folders (searched through, by name) and shipped packs (`pack:NAME`).

    A file that maps the controls of a framework to rules (`framework:`) may stand beside them.

    Args:
        requests: what to load; without any, the shipped packs.
        base: the folder that relative paths start from; the working directory unless given.

    Raises:
        InvalidInputError: with every problem of every file.
    """
    problems: list[Problem] = []
    asked = [request if isinstance(request, Request) else Request(request) for request in requests]
    files: dict[Path, str] = {}
    for request in asked or [Request(SHIPPED)]:
        for path, shown in files_of(request, base or Path(), problems):
            files.setdefault(path.resolve(), shown)
    packs: dict[Path, Pack] = {}
    maps: list[ControlMap] = []
    named: list[tuple[str, Node]] = []
    for path, shown in files.items():
        try:
            document = read(path, shown)
        except InvalidInputError as error:
            problems += error.problems
            continue
        problems += document.warnings
        if is_control_map(document):
            control_map = read_control_map(document, problems, implied=shown.startswith(CONTROLS))
            maps += [control_map] if control_map else []
        elif pack := read_pack(document, problems, named):
            packs[path] = pack
    if maps and not packs and not errors_in(problems):
        problems.append(_only_maps(asked, maps))
    problems += _clashes(tuple(packs.values()))
    problems += clashes(maps)
    _refuse(problems)
    copies = frozenset(((base or Path()) / item.text).resolve() for item in asked if item.shipped)
    own, frameworks = _with_controls(packs, maps, frozenset(files), copies, problems)
    problems += _unknown_frameworks(
        named, {*shipped_files("framework"), *(mapping.framework.key for mapping in maps)}
    )
    _refuse(problems)
    if len(packs) + len(maps) != len(files):
        raise RuntimeError(f"{len(packs)} packs and {len(maps)} mapping files came of {len(files)} files")
    return Policies(own, tuple(problems), tuple(files), frameworks)


def _refuse(problems: Sequence[Problem]) -> None:
    if errors_in(problems):
        raise InvalidInputError(problems)


def _only_maps(asked: Sequence[Request], maps: Sequence[ControlMap]) -> Problem:
    message = f"{maps[0].framework.path} maps controls to rules, and no pack of rules is named"
    return asked[0].problem(message, f"name one too, or {SHIPPED}NAME")


def _with_controls(
    packs: Mapping[Path, Pack],
    maps: Sequence[ControlMap],
    asked: frozenset[Path],
    copies: frozenset[Path],
    problems: list[Problem],
) -> tuple[tuple[Pack, ...], tuple[Framework, ...]]:
    """The packs with what mapping files say of their rules. Those that come with the checker speak of its own packs by
    themselves, unless another file maps their framework."""
    ours = {path.resolve() for path in shipped_files().values()}
    of_copies = {pack.name for path, pack in packs.items() if path in copies}
    shipped_packs = frozenset(pack.name for path, pack in packs.items() if path in ours)
    every = list(maps)
    named = {control_map.framework.key for control_map in maps}
    for name, path in shipped_files("framework").items() if shipped_packs else ():
        if path.resolve() not in asked and name not in named:
            document = read(path, CONTROLS + name)
            implied = read_control_map(document, problems, implied=True)
            every += [implied] if implied else []
    return mapped_packs(tuple(packs.values()), every, shipped_packs | of_copies, problems)


def _unknown_frameworks(named: Sequence[tuple[str, Node]], known: Collection[str]) -> Iterator[Problem]:
    """Warnings of frameworks whose names look like slips; any other one is the author's own."""
    for name, key in named:
        near = (
            difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.75) if name not in known else []
        )
        # another number is another edition, or another framework
        if near and re.sub(r"\d", "", near[0]) != re.sub(r"\d", "", name):
            message = f"no framework is called {name}"
            yield key.problem(
                message, f"did you mean {near[0]}? Else map it in a file of its own", warning=True
            )


def read_pack(
    document: Document, problems: list[Problem], named: list[tuple[str, Node]] | None = None
) -> Pack | None:
    """The pack in a document; None, with the problems noted, where it has any. The frameworks that its rules name are
    added to `named`."""
    before = len(errors_in(problems))
    shape = Shape(document.root, "a policy file", problems)
    if document.root.value is None:
        problems.append(document.root.problem("the file is empty", "it begins with `version: 1`"))
        return None
    if other := no_policy(document.root):
        problems.append(other)
        return None
    if not shape.keys(REQUIRED, OPTIONAL, "it begins with `version: 1`, `pack: NAME` and `rules:`"):
        return None
    shape.version()
    name = shape.name("pack")
    path = Path(document.path).name if Path(document.path).is_absolute() else document.path
    params = read_params(shape.get("params"), problems)
    labels = read_labels(shape.get("labels"), problems)
    broken = declared_names(shape.get("params")) - params.keys()
    lost = declared_names(shape.get("labels")) - labels.keys()
    reader = RuleReader(name, path, params, labels, problems, broken=broken, broken_labels=lost)
    rules = _rules(shape, reader)
    problems += reader.warnings
    if named is not None:
        named += reader.frameworks.items()
    # a name that is mistyped where it is used would be called unused too
    for unused in params.keys() - reader.used if len(errors_in(problems)) == before else ():
        key = document.root.value["params"].node.value[unused].key
        shape.error(key, f"the parameter {unused} is not used", "use it as $" + unused + ", or drop it")
    if len(errors_in(problems)) > before:
        return None
    assert_whole(shape.get("rules"), rules)
    return Pack(
        name=name,
        title=shape.text("title", default=name),
        path=path,
        sha256=document.sha256,
        source=document.source,
        rules=rules,
        params=params,
        labels=labels,
        revision=shape.text("revision"),
        owner=shape.text("owner"),
        approved_by=shape.text("approved_by"),
        review_by=shape.date("review_by"),
    )


def _rules(shape: Shape, reader: RuleReader) -> tuple[Rule, ...]:
    node = shape.get("rules")
    if node is None:
        return ()
    if not isinstance(node.value, tuple) or not node.value:
        kind = "an empty list" if isinstance(node.value, tuple) else node.kind
        shape.error(node, f"rules is a list of rules, not {kind}", "each begins with `- id: NAME`")
        return ()
    read = [(item, reader.read(item)) for item in node.value]
    seen: dict[str, Node] = {}
    for item, _ in read:
        entry = item.value.get("id") if isinstance(item.value, dict) else None
        if entry is None or not isinstance(entry.node.value, str):
            continue
        name = entry.node.value.strip()
        if name in seen:
            hint = f"the first one is in line {seen[name].where.line}"
            shape.error(entry.node, f"duplicate rule id {name}", hint)
        seen.setdefault(name, entry.node)
    return tuple(rule for _, rule in read if rule)


def _declared(label: Label) -> str:
    """A label's declaration: `{type: string, one_of: [a, b]}`."""
    names = [name for name, kind in TYPES.items() if kind is label.type]
    kind = next((name for name in names if (name == "date") is label.day), names[0])
    one_of = f", one_of: [{', '.join(label.one_of)}]" if label.one_of else ""
    return f"{{type: {kind}{one_of}}}"


def _clashes(packs: Sequence[Pack]) -> list[Problem]:
    """Two packs of one name, and labels that two packs declare differently."""
    problems = []
    names: dict[str, Pack] = {}
    labels: dict[str, Label] = {}
    for pack in packs:
        if pack.name in names:
            where = Location(pack.path, 1, 1)
            message = f"the pack {pack.name} is in {names[pack.name].path} too"
            problems.append(Problem(where, message, "give each file a pack name of its own"))
        names.setdefault(pack.name, pack)
        for label in pack.labels.values():
            other = labels.setdefault(label.name.casefold(), label)
            if other.name != label.name:
                message = f"the label {label.name} differs in case alone from {other.name} at {other.where}"
                problems.append(
                    Problem(label.where, message, "packs that run together agree on their labels")
                )
            elif (other.type, other.one_of) != (label.type, label.one_of):
                message = f"the label {label.name} is {_declared(label)} here, and {_declared(other)} at {other.where}"
                problems.append(
                    Problem(label.where, message, "packs that run together agree on their labels")
                )
    if len(labels) > MOST_LABELS:
        first = list(labels.values())[MOST_LABELS]
        message = (
            f"{len(labels):,} labels are declared, and a run takes {MOST_LABELS}: {first.name} is one more"
        )
        problems.append(Problem(first.where, message, "declare only what rules, waivers or reports name"))
    return problems
