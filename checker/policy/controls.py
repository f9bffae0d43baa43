"""Controls of frameworks: as a rule names them, and as mapping files (`framework:`) map them to rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.model import Control, Framework, Location, MissingRule, Pack, Param, Rule
from checker.policy.control_requirements import read_demands
from checker.policy.mapping_shape import Shape, assert_whole
from checker.policy.params import used_params
from checker.problems import Problem, suggest
from checker.yaml_nodes import Document, Node

REQUIRED = ("version", "framework", "controls")
OPTIONAL = ("title", "source", "note")
DETAILS = ("requires", "does_not_prove")


@dataclass(frozen=True, slots=True)
class MappingEntry:
    """A rule under a control of a mapping file. Its demands are read once the rule is known."""

    control: Control
    rule: str
    place: Node
    requires: Node | None


@dataclass(frozen=True, slots=True)
class ControlMap:
    """A mapping file; `implied` where it came with the checker and nobody asked for it."""

    framework: Framework
    mapped: tuple[MappingEntry, ...]
    implied: bool = False


def is_control_map(document: Document) -> bool:
    """Whether a file maps controls rather than being a pack."""
    return isinstance(document.root.value, dict) and document.root.value.keys() & {"framework", "pack"} == {
        "framework"
    }


def read_controls(
    node: Node | None, path: str, params: Mapping[str, Param], problems: list[Problem]
) -> tuple[Control, ...]:
    """The controls that a rule names in its own `controls:`; problems are noted.

    Args:
        node: frameworks, each with a list of ids or of mappings with an id.
        path: the file as reports show it.
        params: the parameters that the rule reads.
        problems: where problems are noted.
    """
    if node is None:
        return ()
    if not isinstance(node.value, dict):
        hint = 'write `{nist-800-53r5: ["SI-7"]}`'
        problems.append(node.problem(f"controls maps a framework to control ids, not {node.kind}", hint))
        return ()
    found: dict[tuple[str, str], Control] = {}
    for framework, entry in node.value.items():
        items = entry.node.value if isinstance(entry.node.value, tuple) else (entry.node,)
        for item in items:
            control = _control(framework, item, path, params, problems)
            if control is None:
                continue
            if (framework, control.id) in found:
                problems.append(item.problem(f"the control {control.id} stands twice", "drop one of them"))
            found[framework, control.id] = control
    return tuple(found.values())


def _control(
    framework: str, node: Node, path: str, params: Mapping[str, Param], problems: list[Problem]
) -> Control | None:
    where = Location(path, node.where.line, node.where.column)
    if not isinstance(node.value, dict):
        if isinstance(node.value, str) and node.value.strip():
            return Control(framework, node.value.strip(), where=where)
        if isinstance(node.value, str):
            problems.append(
                node.problem(f"a control of {framework} has no id", "write it, or drop the entry")
            )
            return None
        message = f"controls.{framework} is a list of texts, not {node.kind}"
        problems.append(node.problem(message, f'put it in quotes: "{node.written}"'))
        return None
    shape = Shape(node, "a control", problems)
    shape.keys(("id",), ("title", *DETAILS))
    requires = read_demands(shape.get("requires"), "the rule", params, problems)
    title, open_ = shape.text("title"), shape.text("does_not_prove")
    return Control(framework, _id(shape), title, requires, open_, where) if shape.get("id") else None


def _id(shape: Shape) -> str:
    node = shape.get("id")
    if node is not None and not isinstance(node.value, str):
        shape.error(node, f"id is text, not {node.kind}", f'put it in quotes: "{node.written}"')
        return ""
    return shape.text("id")


def read_control_map(
    document: Document, problems: list[Problem], *, implied: bool = False
) -> ControlMap | None:
    """The mapping file in a document; None, with the problems noted, where it has any."""
    before = len(problems)
    shape = Shape(document.root, "a mapping file", problems)
    shape.keys(REQUIRED, OPTIONAL)
    shape.version()
    key, path = shape.name("framework"), document.path
    path = Path(path).name if Path(path).is_absolute() else path
    node = shape.get("controls")
    items = node.value if node is not None and isinstance(node.value, tuple) else ()
    if node is not None and not items:
        kind = "an empty list" if isinstance(node.value, tuple) else node.kind
        shape.error(node, f"controls is a list of controls, not {kind}", "each begins with `- id: ID`")
    mapped: list[MappingEntry] = []
    seen: dict[str, Node] = {}
    for item in items:
        control = Shape(item, "a control", problems)
        if not control.keys(("id", "title", "rules")):
            continue
        name = _id(control)
        if name in seen:
            hint = f"the first one is in line {seen[name].where.line}"
            control.error(item.value["id"].node, f"duplicate control id {name}", hint)
        seen.setdefault(name, item)
        mapped += _mapped(Control(key, name, control.text("title")), control, path)
    framework = Framework(
        key=key,
        title=shape.text("title", default=key),
        path=path,
        sha256=document.sha256,
        source=shape.text("source"),
        note=shape.text("note"),
        controls=tuple(seen),
        content=document.source,
    )
    if len(problems) > before:
        return None
    assert_whole(node, seen)
    return ControlMap(framework, tuple(mapped), implied)


def _mapped(control: Control, shape: Shape, path: str) -> list[MappingEntry]:
    """The rules of a control of a mapping file."""
    node = shape.get("rules")
    if node is None:
        return []
    if not isinstance(node.value, tuple) or not node.value:
        kind = "an empty list" if isinstance(node.value, tuple) else node.kind
        shape.error(node, f"rules is a list of rules, not {kind}", "each begins with `- rule: PACK/RULE`")
        return []
    found: dict[str, MappingEntry] = {}
    before = len(shape.problems)
    for item in node.value:
        entry = Shape(item, "a rule of a control", shape.problems)
        place, details = item, control
        requires = None
        if not isinstance(item.value, str):
            if not entry.keys(("rule",), DETAILS) or "rule" not in item.value:
                continue
            place, requires = item.value["rule"].node, entry.get("requires")
            details = dataclasses.replace(control, does_not_prove=entry.text("does_not_prove"))
        name = place.value.strip() if isinstance(place.value, str) else ""
        if name.count("/") != 1:
            shape.error(
                place, "a rule is named PACK/RULE here", "as in healthimaging-retention/no-early-deletion"
            )
        elif name in found:
            shape.error(place, f"the rule {name} stands twice under {control.id}", "drop one of them")
        where = Location(path, place.where.line, place.where.column)
        found[name] = MappingEntry(dataclasses.replace(details, where=where), name, place, requires)
    if len(shape.problems) == before:
        assert_whole(node, found)
    return list(found.values())


def clashes(maps: Sequence[ControlMap]) -> list[Problem]:
    """Two files for one framework. One that was named takes the place of the one that comes with the checker."""
    problems = []
    first: dict[str, Framework] = {}
    for control_map in maps:
        framework = control_map.framework
        if not control_map.implied and framework.key in first:
            message = f"the framework {framework.key} is mapped in {first[framework.key].path} too"
            where = Location(framework.path, 1, 1)
            problems.append(Problem(where, message, "put all of its controls into one file"))
        if not control_map.implied:
            first.setdefault(framework.key, framework)
    return problems


def mapped_packs(
    packs: Sequence[Pack], maps: Sequence[ControlMap], shipped: frozenset[str], problems: list[Problem]
) -> tuple[tuple[Pack, ...], tuple[Framework, ...]]:
    """The packs, their rules with the controls that mapping files map to them; and the frameworks that apply.

    Args:
        packs: the loaded packs.
        maps: the mapping files. A rule of a pack that is not loaded is noted in its framework: it leaves the control open.
        shipped: the names of the packs that come with the checker: an implied file speaks of no others.
        problems: where rules that a loaded pack does not have are noted.
    """
    rules = {rule.name: (pack, rule) for pack in packs for rule in pack.rules}
    names = {pack.name for pack in packs}
    added: dict[str, list[Control]] = {}
    frameworks = []
    for control_map in maps:
        known = names & shipped if control_map.implied else names
        here = [mapped for mapped in control_map.mapped if mapped.rule.partition("/")[0] in known]
        if here or not control_map.implied:
            frameworks.append(_with_unloaded(control_map, known))
        for mapped in here:
            if mapped.rule not in rules:
                hint = suggest(mapped.rule, rules, what="rules are")
                problems.append(mapped.place.problem(f"no loaded rule is called {mapped.rule}", hint))
                continue
            pack, rule = rules[mapped.rule]
            demands = read_demands(mapped.requires, mapped.rule, _params(pack, rule), problems)
            added.setdefault(mapped.rule, []).append(dataclasses.replace(mapped.control, requires=demands))
    whole = tuple(
        dataclasses.replace(
            pack,
            rules=tuple(
                dataclasses.replace(rule, controls=_merged(rule.controls, added.get(rule.name, [])))
                for rule in pack.rules
            ),
        )
        for pack in packs
    )
    return whole, tuple(frameworks)


def _with_unloaded(control_map: ControlMap, known: frozenset[str] | set[str]) -> Framework:
    """The framework with the rules of packs that are not loaded."""
    unloaded = (
        MissingRule(mapped.rule, mapped.control)
        for mapped in control_map.mapped
        if mapped.rule.partition("/")[0] not in known
    )
    return dataclasses.replace(control_map.framework, unloaded=tuple(unloaded), implied=control_map.implied)


def _params(pack: Pack, rule: Rule) -> dict[str, Param]:
    read = used_params(rule)
    return {name: param for name, param in {**pack.params, **rule.params}.items() if name in read}


def _merged(own: Sequence[Control], added: Sequence[Control]) -> tuple[Control, ...]:
    """A rule's own controls, then those of mapping files; of one that both name, what both say."""
    merged: dict[tuple[str, str], Control] = {(control.framework, control.id): control for control in own}
    for control in added:
        before = merged.get((control.framework, control.id))
        if before is not None:
            texts = dict.fromkeys(text for text in (before.does_not_prove, control.does_not_prove) if text)
            control = dataclasses.replace(  # noqa: PLW2901 - the same control, completed
                control,
                title=control.title or before.title,
                requires=(*before.requires, *control.requires),
                does_not_prove=" ".join(texts),
            )
        merged[control.framework, control.id] = control
    return tuple(merged.values())
