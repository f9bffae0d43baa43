"""Which policies `rules ...` is about: those that are named, else those of audit.yaml, else the shipped packs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from checker import api
from checker.model import Rule
from checker.policy.policy_files import SHIPPED
from checker.workflow.options import DEFAULT_CONFIG

OURS = "the shipped packs"


class PolicySelection(NamedTuple):
    """Policies, and whose they are where nobody named any: empty where somebody did."""

    policies: api.Policies
    whose: str = ""

    @property
    def remark(self) -> str:
        """Whose they are, as the end of a line."""
        return f" ({self.whose})" if self.whose else ""


def policies_in_force(paths: list[str]) -> PolicySelection:
    """The policies of paths; without any, those of the audit.yaml that is here, else the shipped packs.

    Raises:
        InvalidInputError: with every problem of them.
    """
    if paths:
        return PolicySelection(api.load(paths))
    if not Path(DEFAULT_CONFIG).is_file():
        return PolicySelection(api.load([SHIPPED]), OURS)
    from checker.config import named_policies

    requests = [api.Request(str(node.value), node) for node in named_policies(Path(DEFAULT_CONFIG))]
    return PolicySelection(api.load(requests, base=Path()), f"the policies of {DEFAULT_CONFIG}")


def packs_text(policies: api.Policies) -> str:
    """The packs by name, so that nobody takes one for another."""
    return f"the pack{'s' * (len(policies.packs) > 1)} {', '.join(pack.name for pack in policies.packs)}"


def plain(rule: Rule) -> dict[str, object]:
    """A rule as JSON."""
    return {
        "rule": rule.name,
        "id": rule.id,
        "pack": rule.pack,
        "title": rule.title,
        "severity": rule.severity.value,
        "scope": rule.scope,
        "tags": list(rule.tags),
        "where": str(rule.where),
    }
