"""What came of testing rules: their tests, the verdicts that no test shows, and how they do against mutants."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

from checker.model import Pack, Rule, Verdict
from checker.policy.load import Policies
from checker.policytest.cases import CaseResult, run_rule, snapshot
from checker.policytest.mutation_score import MutationScore, score_tests
from checker.policytest.required_verdicts import missing_verdicts


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """A rule with what its tests showed. `lacking` are verdicts that some test should expect; `score` is there where
    mutants were tried."""

    pack: Pack
    rule: Rule
    proved: tuple[CaseResult, ...]
    lacking: tuple[Verdict, ...] = ()
    score: MutationScore | None = None

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The tests that did not get the verdict they expect."""
        return tuple(case_result for case_result in self.proved if not case_result.held)


def run_rule_tests(
    policies: Policies,
    wanted: Container[str],
    *,
    required: bool = False,
    mutate: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[RuleTestResult]:
    """Tests rules.

    Args:
        policies: the loaded policies.
        wanted: the names of the rules to test.
        required: look for verdicts that no test shows.
        mutate: try each rule's mutants.
        progress: told how many rules are done, of how many.

    Raises:
        InvalidInputError: a test gives parameters that do not fit each other.
    """
    rules = [(pack, rule) for pack in policies.packs for rule in pack.rules if rule.name in wanted]
    tested = []
    for number, (pack, rule) in enumerate(rules, start=1):
        with snapshot(pack, rule) as folder:
            proved = tuple(run_rule(pack, rule, folder))
            found = score_tests(pack, rule, proved, folder) if mutate else None
        tested.append(
            RuleTestResult(pack, rule, proved, missing_verdicts(pack, rule) if required else (), found)
        )
        if progress:
            progress(number, len(rules))
    return tested
