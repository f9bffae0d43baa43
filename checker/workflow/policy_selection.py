"""Which policies are in force: those that are named, else those of audit.yaml, else the shipped packs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from checker.policy.load import Policies, load
from checker.policy.policy_files import SHIPPED, Request
from checker.workflow.options import DEFAULT_CONFIG

OURS = "the shipped packs"


class PolicySelection(NamedTuple):
    """Policies, and whose they are where nobody named any: empty where somebody did."""

    policies: Policies
    whose: str = ""

    @property
    def remark(self) -> str:
        """Whose they are, as the end of a line."""
        return f" ({self.whose})" if self.whose else ""

    @property
    def packs(self) -> str:
        """The packs by name, so that nobody takes one for another: `the packs core, security`."""
        packs = self.policies.packs
        return f"the pack{'s' * (len(packs) > 1)} {', '.join(pack.name for pack in packs)}"


def policies_in_force(paths: Sequence[str] = ()) -> PolicySelection:
    """The policies of paths; without any, those of the audit.yaml that is here, else the shipped packs.

    Raises:
        InvalidInputError: with every problem of them.
    """
    if paths:
        return PolicySelection(load(paths))
    if not Path(DEFAULT_CONFIG).is_file():
        return PolicySelection(load([SHIPPED]), OURS)
    from checker.config import named_policies

    requests = [Request(str(node.value), node) for node in named_policies(Path(DEFAULT_CONFIG))]
    return PolicySelection(load(requests, base=Path()), f"the policies of {DEFAULT_CONFIG}")
