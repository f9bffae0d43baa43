"""Reads a file of waivers: findings that somebody answers for, until a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from checker import yamlsource
from checker.config.image_set_lists import id_problem, positive_number
from checker.config.labels import typed_label
from checker.instants import add_duration, iso
from checker.model import Label, Rule, Scalar, Verdict, Waiver
from checker.policy.load import Policies
from checker.policy.mapping_shape import Shape, assert_whole
from checker.problems import InvalidInputError, Problem, errors_in, nearest, suggest
from checker.values import BadValueError, parse_date, show
from checker.waivers.limits import WaiverLimits
from checker.yaml_nodes import Document, Node

REQUIRED = ("rule", "reason", "owner", "approved_by", "created", "expires")
SELECTORS = ("image_sets", "target", "labels")
OPTIONAL = (*SELECTORS, "version", "covers")
COVERS = (Verdict.FAIL.value, Verdict.UNKNOWN.value)


def read_waivers(
    path: Path, policies: Policies, limits: WaiverLimits | None = None, shown: str | None = None
) -> tuple[tuple[Waiver, ...], tuple[Problem, ...]]:
    """The waivers in a file, and warnings.

    Args:
        path: the file.
        policies: the policies, whose rules and labels waivers name.
        limits: what they are held to; the standard ones unless given.
        shown: the path that messages print.

    Raises:
        InvalidInputError: with every problem of the file.
    """
    if not path.exists():
        # an audit names the file before there is a finding to waive
        hint = "write `version: 1` and `waivers: []` into it; `imageset-checker waive` adds to it"
        message = "cannot be read: there is no such file"
        raise InvalidInputError(Problem(shown or path.as_posix(), message, hint))
    return waivers_in(yamlsource.read(path, shown), policies, limits)


def waivers_in(
    document: Document, policies: Policies, limits: WaiverLimits | None = None
) -> tuple[tuple[Waiver, ...], tuple[Problem, ...]]:
    """The waivers in a document that was read, as `read_waivers` gives them.

    Raises:
        InvalidInputError: with every problem of the file.
    """
    reader = _Reader(policies, limits or WaiverLimits())
    waivers = reader.file(document.root)
    problems = errors_in(reader.problems)
    warnings = [*document.warnings, *(problem for problem in reader.problems if problem.warning)]
    if problems:
        raise InvalidInputError([*problems, *warnings])
    return waivers, tuple(warnings)


def recorded_waivers(path: Path, policies: Policies, shown: str) -> tuple[Waiver, ...]:
    """The waivers that a run kept. They were accepted then, and are not held to today's limits.

    Args:
        path: the copy of their file.
        policies: the policies of the run.
        shown: what the run called the file.

    Raises:
        InvalidInputError: the file cannot be read.
    """
    waivers, _ = read_waivers(path, policies, WaiverLimits(longest={}), shown)
    return waivers


class _Reader:
    """Waivers, with every problem of the file noted."""

    def __init__(self, policies: Policies, limits: WaiverLimits) -> None:
        self.rules: dict[str, Rule] = {rule.name: rule for rule in policies.rules}
        self.packs = [pack.name for pack in policies.packs]
        self.labels: Mapping[str, Label] = policies.labels
        self.limits = limits
        self.problems: list[Problem] = []

    def file(self, root: Node) -> tuple[Waiver, ...]:
        if root.value is None:
            self.problems.append(root.problem("the file is empty", "it begins with `version: 1`"))
            return ()
        shape = Shape(root, "a file of waivers", self.problems)
        if not shape.keys(("version", "waivers")):
            return ()
        version = shape.get("version")
        if version is not None and (version.value != 1 or type(version.value) is not int):
            number = version.kind == "a number"
            what = (
                f"version {version.value} of waivers is not known"
                if number
                else f"version is a number, not {version.kind}"
            )
            shape.error(version, what, "write `version: 1`")
        items = shape.get("waivers")
        if items is None or items.value is None:
            return ()
        if not isinstance(items.value, tuple):
            shape.error(items, f"waivers is a list, not {items.kind}", "each begins with `- rule: PACK/RULE`")
            return ()
        read = [self.entry(number, item) for number, item in enumerate(items.value, start=1)]
        found = tuple(waiver for waiver in read if waiver)
        if not errors_in(self.problems):
            assert_whole(items, found)
        self.problems += _twice(found, items)
        return found

    def entry(self, number: int, node: Node) -> Waiver | None:
        before = len(self.problems)
        shape = Shape(node, "a waiver", self.problems)
        if not shape.keys(REQUIRED, OPTIONAL):
            return None
        name = shape.text("rule")
        covers = shape.choice(
            "covers", COVERS, noun="verdict that a waiver covers", default=Verdict.FAIL.value
        )
        rule = self._rule(shape, name)
        self._one_selector(shape)
        image_sets, labels = self._image_sets(shape), self._labels(shape, known=rule is not None)
        target = self._target(shape)
        if rule is not None and rule.scope == "datastore":
            self._of_a_store(shape)
        version = shape.get("version")
        pinned = positive_number(version, self.problems) if version else None
        reason, owner, approver = (shape.text(key) for key in ("reason", "owner", "approved_by"))
        if owner and _same_person(owner, approver):
            place = shape.get("approved_by")
            assert place is not None
            shape.error(
                place, f"{approver} owns the waiver and approves it", "somebody else has to approve it"
            )
        created, expires = self._date(shape, "created"), self._date(shape, "expires")
        if created and expires:
            self._length(shape, name, created, expires)
        if any(not problem.warning for problem in self.problems[before:]) or not created or not expires:
            return None
        return Waiver(
            number, name, reason, owner, approver, created, expires, node.where,
            image_sets, target, labels, pinned, Verdict(covers),
        )  # fmt: skip

    def _rule(self, shape: Shape, name: str) -> Rule | None:
        node = shape.get("rule")
        if node is None or not name or name in self.rules:
            return self.rules.get(name)
        pack, slash, _ = name.partition("/")
        if not slash:
            full = {rule.id: rule.name for rule in self.rules.values()}
            hint = nearest(full.get(name, name), [*full.values(), *full])
            shape.error(node, f"{name} names no rule", "write PACK/RULE" + (f"; {hint}" if hint else ""))
        elif pack not in self.packs:
            message = f"no loaded pack is called {pack}; the waiver is ignored"
            hint = suggest(pack, self.packs, what="packs are")
            self.problems.append(node.problem(message, hint, warning=True))
        else:
            shape.error(node, f"no loaded rule is called {name}", suggest(name, self.rules, what="rules are"))
        return None

    def _one_selector(self, shape: Shape) -> None:
        given = [name for name in SELECTORS if shape.get(name)]
        meant = {nearest(name, (*REQUIRED, *OPTIONAL)) for name in shape.node.value}
        # a mistyped selector is one problem, not also a missing one
        if not given and not meant & {f"did you mean {name}?" for name in SELECTORS}:
            hint = "write one of image_sets, target, labels"
            shape.error(shape.node, "the waiver does not say what it covers", hint)
        for name in given[1:]:
            key = shape.node.value[name].key
            shape.error(key, f"{name} beside {given[0]}", "a waiver has one of them; write two waivers")

    def _image_sets(self, shape: Shape) -> tuple[str, ...]:
        node = shape.get("image_sets")
        if node is None:
            return ()
        items = node.value if isinstance(node.value, tuple) else (node,)
        if not items:
            shape.error(node, "image_sets is empty", "list at least one id")
        first: dict[str, Node] = {}
        for item in items:
            wrong = id_problem(item, what="an image set")
            if wrong:
                self.problems.append(wrong)
            elif first.setdefault(item.value, item) is not item:
                hint = f"the first one is in line {first[item.value].where.line}"
                shape.error(item, f"{item.value} is listed twice", hint)
        return tuple(first)

    def _labels(self, shape: Shape, *, known: bool) -> dict[str, Scalar]:
        """Labels of the declared types; where the rule is not `known`, its pack may declare others."""
        node = shape.get("labels")
        if node is None:
            return {}
        if not isinstance(node.value, dict) or not node.value:
            kind = "an empty mapping" if isinstance(node.value, dict) else node.kind
            shape.error(node, f"labels maps labels to values, not {kind}", "write {class: adult}")
            return {}
        found: dict[str, Scalar] = {}
        for name, entry in node.value.items():
            label = self.labels.get(name)
            if label is None and not known:
                found[name] = show(entry.node.plain())
                continue
            if label is None:
                hint = suggest(name, self.labels, what="labels are")
                shape.error(entry.key, f"no policy declares the label {name}", hint)
                continue
            problem, value = typed_label(label, entry.node)
            if problem:
                self.problems.append(problem)
            elif value is not None:
                found[name] = value
        return found

    def _target(self, shape: Shape) -> str | None:
        node = shape.get("target")
        if node is None:
            return None
        name, known = shape.text("target"), self.limits.targets
        part = name.partition("/")[0] in self.limits.divided
        if name and part and "/" not in name:
            hint = f"write `target: {name}/PART` for each, as reports call them"
            shape.error(node, f"{name} stands for several targets", hint)
        elif name and not part and known is not None and name not in known:
            shape.error(node, f"no target is called {name}", suggest(name, known, what="targets are"))
        return name or None

    def _of_a_store(self, shape: Shape) -> None:
        for name in ("image_sets", "labels", "version"):
            if shape.get(name):
                key = shape.node.value[name].key
                shape.error(key, f"{name} of a rule that judges data stores", "write `target: NAME`")

    def _date(self, shape: Shape, name: str) -> datetime | None:
        node, text = shape.get(name), shape.text(name)
        if node is None or not text:
            return None
        try:
            return parse_date(text)
        except BadValueError as error:
            message = str(error).replace("is not a time", "is not a date")
            hint = error.hint if error.hint.startswith("write 2") else "write it as 2026-01-31"
            shape.error(node, message, hint)
            return None

    def _length(self, shape: Shape, name: str, created: datetime, expires: datetime) -> None:
        node = shape.get("expires")
        assert node is not None
        if expires < created:
            shape.error(node, f"expires before it is created ({show(created)[:10]})")
            return
        rule = self.rules.get(name)
        severity = self.limits.severities.get(name, rule.severity if rule else None)
        longest = self.limits.longest.get(severity) if severity else None
        if longest is not None and add_duration(created, longest) < expires:
            day = iso(add_duration(created, longest))[:10]
            message = f"a waiver of a rule of severity {severity} lasts at most {show(longest)}"
            shape.error(node, message, f"the last day can be {day}; then it has to be approved again")


def _same_person(text: str, other: str) -> bool:
    return " ".join(text.split()).casefold() == " ".join(other.split()).casefold()


def _twice(waivers: Iterable[Waiver], items: Node) -> list[Problem]:
    """Waivers that say the same of the same findings."""
    first: dict[object, Waiver] = {}
    found = []
    for waiver in waivers:
        labels = tuple(sorted((name, show(value)) for name, value in waiver.labels.items()))
        key = (
            waiver.rule,
            frozenset(waiver.image_sets),
            waiver.target,
            labels,
            waiver.version,
            waiver.covers,
        )
        before = first.setdefault(key, waiver)
        if before is not waiver:
            message = "another waiver covers the same findings"
            hint = f"it is in line {before.where.line}; the first one that is in force counts"
            found.append(items.value[waiver.number - 1].problem(message, hint, warning=True))
    return found
