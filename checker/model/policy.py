"""What a policy file says: rules with their tests and controls, packs, and what an audit changes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checker.model.language import Condition, Field, Label, Param, RuleScope, Scalar, Test, Value
from checker.model.vocabulary import Location, Severity, Verdict


@dataclass(frozen=True, slots=True)
class CaseSets:
    """Image sets of the data store that a test describes: `count` of them, all alike."""

    count: int
    given: Mapping[str, object]
    labels: Mapping[str, Scalar]
    found: bool = True
    error: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    successor: bool = False
    known: bool | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A test written inside a rule: what differs from a healthy answer, and the verdict it must get.

    `error` is the code of the call on the subject itself, `errors` those of other calls by action. `previous` says that
    there is a version before, `successor` that the image set that `superseded_by` names is among the listed ones; `known`
    whether earlier runs have seen the image set, None where there were none.
    `image_sets` and `complete` are those of a data store.
    """

    name: str
    given: Mapping[str, object]
    labels: Mapping[str, Scalar]
    params: Mapping[str, object]
    as_of: datetime
    expect: Verdict
    where: Location
    found: bool = True
    error: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    previous: bool = False
    successor: bool = False
    known: bool | None = None
    image_sets: tuple[CaseSets, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ControlRequirement:
    """What a control demands of a parameter of a rule: every test holds of its value, of each one of a list."""

    param: str
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework that a rule is mapped to, what it demands of the rule's parameters, and what a pass
    leaves open."""

    framework: str
    id: str
    title: str = ""
    requires: tuple[ControlRequirement, ...] = ()
    does_not_prove: str = ""
    where: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class MissingRule:
    """A rule that a mapping file maps to a control, of a pack that is not loaded."""

    rule: str
    control: Control


@dataclass(frozen=True, slots=True)
class Framework:
    """A file that maps the controls of a framework to rules. `key` is what `controls:` calls the framework, `controls`
    are the ids in the file's order, `content` its bytes; `implied` where it came with the checker and nobody named it."""

    key: str
    title: str
    path: str
    sha256: str
    source: str = ""
    note: str = ""
    controls: tuple[str, ...] = ()
    content: bytes = field(default=b"", repr=False)
    unloaded: tuple[MissingRule, ...] = ()
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement. It is violated where `deny` holds, or where `require` does not."""

    id: str
    pack: str
    title: str
    severity: Severity
    condition: Condition
    deny: bool
    when: Condition | None
    where: Location
    why: str = ""
    fix: str = ""
    caveat: str = ""
    message: str = ""
    scope: RuleScope = "image_set"
    controls: tuple[Control, ...] = ()
    tags: tuple[str, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)
    tests: tuple[Case, ...] = ()
    fields: tuple[Field, ...] = ()
    """Every field that `when` and the condition read, in the order in which they are written."""
    message_fields: tuple[Field, ...] = ()
    message_params: Mapping[str, Value] = field(default_factory=dict)
    """The parameters that the message shows, until they are bound as references."""

    @property
    def name(self) -> str:
        """`pack/rule`, unique in a run."""
        return f"{self.pack}/{self.id}"


@dataclass(frozen=True, slots=True)
class Tailoring:
    """What audit.yaml changed of a rule, which is as its pack has it here: `what` is `off`, or as in
    `severity high -> low`."""

    rule: Rule
    what: str
    reason: str
    where: Location

    @property
    def off(self) -> bool:
        """Whether the rule was not run."""
        return self.what == "off"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A control's demand that the value of a rule's parameter does not meet."""

    rule: str
    control: Control
    demand: ControlRequirement
    value: object


@dataclass(frozen=True, slots=True)
class Pack:
    """A policy file: its rules, and what they may name."""

    name: str
    title: str
    path: str
    sha256: str
    source: bytes
    rules: tuple[Rule, ...]
    params: Mapping[str, Param]
    labels: Mapping[str, Label]
    revision: str = ""
    owner: str = ""
    approved_by: str = ""
    review_by: str = ""
