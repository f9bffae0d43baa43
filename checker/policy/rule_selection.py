"""The rules of a run: those that were asked for, with the value of every parameter they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checker.model import Needs, Rule, Shortfall, Tailoring
from checker.policy.control_requirements import shortfalls
from checker.policy.load import Policies
from checker.policy.needs import needs
from checker.policy.params import Bound, Given, bind, resolve
from checker.policy.tailoring import Override, tailor
from checker.problems import InvalidInputError, Problem, ProblemCollection, suggest
from checker.values import show

MOST_TAGS = 50
"""Tags that a message lists."""
MOST_RULES = 500
"""Rules in a run. All of them are one query, and DuckDB limits how deep that may be."""


@dataclass(frozen=True)
class Rules:
    """The rules of a run with their parameters bound. `params` and `left_out` are texts for the report."""

    rules: tuple[Rule, ...]
    policies: Policies
    params: Mapping[str, str]
    left_out: tuple[str, ...] = ()
    changes: tuple[Tailoring, ...] = ()
    """What audit.yaml changed of the policies' rules, those that were not chosen too."""
    shortfalls: tuple[Shortfall, ...] = ()
    """What controls demand of parameters, and their values do not meet."""
    warnings: tuple[Problem, ...] = ()

    @property
    def needs(self) -> Needs:
        """Which calls it takes to judge them, and which tables a snapshot then has."""
        return needs(self.rules)


def choose(
    policies: Policies,
    *,
    params: Mapping[str, str] | None = None,
    configured: Given | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    tags: Sequence[str] = (),
    changes: Sequence[Override] = (),
) -> Rules:
    """The rules to run, with every parameter they need.

    Args:
        policies: what `load` returned.
        params: values as text, by `param`, `PACK.param` or `PACK/RULE.param`.
        configured: those of audit.yaml, which `params` overrides.
        only: ids of the rules to run (`RULE` or `PACK/RULE`); every rule unless given.
        skip: ids of rules not to run.
        tags: run only rules with one of these tags.
        changes: `rules` of audit.yaml: other severities, and rules that are switched off.

    Raises:
        InvalidInputError: a name that no policy has, nothing left to run, or a parameter without a value.
    """
    gathered = ProblemCollection()
    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()
    with gathered.step():
        wanted = rule_names(policies, only, "--rule")
    with gathered.step():
        unwanted = rule_names(policies, skip, "--skip-rule")
    known_tags = sorted({tag for rule in policies.rules for tag in rule.tags})
    gathered.problems += [
        Problem(
            "--tag", f"no rule has the tag {tag}", suggest(tag, known_tags, what="tags are", most=MOST_TAGS)
        )
        for tag in tags
        if tag not in known_tags
    ]
    left, changed_rules = tailor(policies.rules, changes, gathered.problems)
    chosen = [
        rule
        for rule in left.values()
        if (not only or rule.name in wanted)
        and rule.name not in unwanted
        and (not tags or set(tags) & set(rule.tags))
    ]
    if len(chosen) > MOST_RULES:
        message = f"{len(chosen):,} rules are chosen, and a run takes {MOST_RULES}"
        gathered.problems.append(Problem("--rule", message, "choose fewer with --rule, --skip-rule or --tag"))
    if not chosen and all(problem.warning for problem in gathered.problems):
        hint = "see --rule, --skip-rule and --tag" + (", and rules in audit.yaml" if changes else "")
        gathered.problems.append(Problem("rules", "no rule is left to run", hint))
    gathered.check()
    names = frozenset(rule.name for rule in chosen)
    bound = resolve(policies.packs, configured or {}, params or {}, chosen=names)
    left_out = tuple(f"rule {name}" for name in left if name not in names)
    return Rules(
        tuple(bind(rule, bound[rule.name]) for rule in chosen),
        policies,
        _shown(chosen, bound),
        left_out,
        changed_rules,
        tuple(shortfall for rule in chosen for shortfall in shortfalls(rule, bound[rule.name])),
        tuple(gathered.problems),
    )


def _shown(chosen: Sequence[Rule], bound: Mapping[str, Bound]) -> dict[str, str]:
    """The values of parameters as texts, by `PACK.param` or `PACK/RULE.param`."""
    texts = {}
    for rule in chosen:
        for name, value in bound[rule.name].items():
            owner = rule.name if name in rule.params else rule.pack
            texts[f"{owner}.{name}"] = param_text(value)
    return texts


def param_text(value: object) -> str:
    """The value of a parameter as text; those of a list with commas between."""
    return ", ".join(map(show, value)) if isinstance(value, tuple) else show(value)


def rule_names(policies: Policies, ids: Sequence[str], flag: str) -> frozenset[str]:
    """The full names of the rules that are called so, `RULE` or `PACK/RULE`.

    Raises:
        InvalidInputError: no rule is called so; `flag` says where the name was given.
    """
    problems, found = [], set()
    for wanted in ids:
        names = {rule.name for rule in policies.rules if wanted in (rule.id, rule.name)}
        if not names:
            hint = suggest(wanted, [rule.id for rule in policies.rules], what="rules are")
            problems.append(Problem(flag, f"no loaded rule is called {wanted}", hint))
        found |= names
    if problems:
        raise InvalidInputError(problems)
    return frozenset(found)
