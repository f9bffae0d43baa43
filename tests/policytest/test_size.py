"""What proofs cost: a bounded number of answers for each rule, whatever it is like; what is left open is named."""

import pytest
import yaml
from duckdb import OutOfMemoryException

from checker.cli import main
from checker.policy.load import load
from checker.policytest import mutation_score, rule_pairs, subsumption, warnings
from checker.policytest.answer_grid import MOST
from checker.policytest.answer_space import AnswerSpace
from checker.policytest.cases import run_rule
from checker.policytest.mutation_score import score_tests
from checker.policytest.warnings import examine

LABELS = {
    "superseded_by": {"type": "string"},
    **{name: {"type": "time"} for name in ("a", "b", "c", "d")},
    **{f"text{number}": {"type": "string"} for number in range(40)},
    **{f"number{number}": {"type": "integer"} for number in range(40)},
}
IMPOSSIBLE = {
    "id": "b",
    "title": "B",
    "severity": "low",
    "deny": {"imageSetState": {"in": ["ACTIVE"], "ne": "ACTIVE"}},
}
TWELVE = [
    {"createdAt": {"older_than": "1d"}},
    {"updatedAt": {"older_than": "2mo"}},
    {"deletedAt": {"older_than": "3y"}},
    {"lastAccessedAt": {"older_than": "4d"}},
    {"versionId": {"gt": 4}},
    {"imageSetState": "LOCKED"},
    {"imageSetWorkflowStatus": "COPYING"},
    {"isPrimary": False},
    {"storageTier": "ARCHIVE_INSTANT_ACCESS"},
    {"tags.A": {"starts_with": "a"}},
    {"tags.B": {"ends_with": "b"}},
    {"datastore.tags.C": "c"},
]
SOURCES = [
    {"tags.A": {"starts_with": "a"}},
    {"datastore.createdAt": {"older_than": "7y"}},
    {"datastore.tags.B": {"starts_with": "a"}},
    {"dicom.DICOMPatientId": {"ends_with": "ec"}},
    {"successor.imageSetState": "ACTIVE"},
    {"previous.updatedAt": {"older_than": "7y"}},
    {"previous.imageSetState": "LOCKED"},
    {"createdAt": {"older_than": "7y"}},
    {"labels.a - createdAt": {"gt": "7y"}},
    {"labels.number1": {"between": [1, 5]}},
]
DIFFERENCES = [
    {f"labels.{item} - {other}": {"gt": f"{number}mo"}}
    for number, (item, other) in enumerate(
        [
            (x, y)
            for x in "abcd"
            for y in ("createdAt", "updatedAt", "deletedAt", "lastAccessedAt", "labels.a")
            if y[-1] != x
        ],
        1,
    )
]
MANY = [{f"labels.number{number}": {"between": [number, 2 * number + 1]}} for number in range(40)]
TEXTS = [
    {"labels.text0": {name: f"{name[0]}{number}"}}
    for number in range(60)
    for name in ("starts_with", "ends_with", "contains")
]
LARGE = {
    "an any of twelve": TWELVE,
    "all sources": SOURCES,
    "differences": DIFFERENCES,
    "numbers": MANY,
    "texts": TEXTS,
}


def rule(name, **condition):
    return {"id": name, "title": name, "severity": "low", **condition}


def loaded(tmp_path, *rules):
    (tmp_path / "p.yaml").write_text(
        yaml.safe_dump({"version": 1, "pack": "p", "labels": LABELS, "rules": list(rules)})
    )
    return load([str(tmp_path / "p.yaml")])


def many(tmp_path, number):
    """Rules as departments have them: alike, each for its own."""
    return loaded(
        tmp_path,
        *(
            rule(
                f"r{at}",
                when={"found": True, "tags.Dept": f"dept{at}"},
                require={"createdAt": {"younger_than": f"{at + 1}d"}},
            )
            for at in range(number)
        ),
    )


@pytest.mark.parametrize("entries", LARGE.values(), ids=LARGE)
def test_a_large_rule_is_named_and_the_others_are_examined(tmp_path, entries, monkeypatch):
    tried = []
    made = AnswerSpace.__enter__

    def entered(space):
        tried.append(space.grid.rows.aggregate("count(*)").fetchall()[0][0])
        return made(space)

    monkeypatch.setattr(AnswerSpace, "__enter__", entered)
    found = examine(loaded(tmp_path, rule("a", deny={"any": entries}), IMPOSSIBLE))
    assert [note.partition(":")[0] for note in found.notes] == ["p/a"]
    assert any(text in found.notes[0] for text in ("too large to examine", "not every value of labels.text0"))
    assert "the rule b can never fail" in found.warnings[-1].message
    assert max(tried) <= MOST


def test_a_rule_for_which_memory_is_too_little_is_named_and_the_others_are_examined(tmp_path, monkeypatch):
    def short(ready, space, inner=warnings.impossible_parts):
        if ready.rule.id == "a":
            raise OutOfMemoryException("Out of Memory Error: failed to allocate")
        return inner(ready, space)

    monkeypatch.setattr(warnings, "impossible_parts", short)
    found = examine(loaded(tmp_path, rule("a", deny={"isPrimary": False}), IMPOSSIBLE))
    assert found.notes == ("p/a: too large to examine",)
    assert len(found.warnings) == 1


def test_a_mutant_for_which_memory_is_too_little_ends_its_rule_alone(tmp_path, monkeypatch):
    tests = [{"name": "a", "given": {}, "expect": "pass"}]
    (pack,) = loaded(tmp_path, rule("a", deny={"isPrimary": False}, tests=tests)).packs

    def short(*_):
        raise OutOfMemoryException("Out of Memory Error: failed to allocate")

    monkeypatch.setattr(mutation_score, "_compared", short)
    assert score_tests(pack, pack.rules[0], run_rule(pack, pack.rules[0])).reason == mutation_score.TOO_LARGE


def test_a_large_rule_has_its_mutants_tried(tmp_path):
    tests = [{"name": "a", "given": {"found": False}, "expect": "unknown"}]
    (pack,) = loaded(tmp_path, rule("a", deny={"any": TWELVE[:9]}, tests=tests)).packs
    found = score_tests(pack, pack.rules[0], run_rule(pack, pack.rules[0]))
    assert not found.reason
    assert found.total


def test_twice_the_rules_cost_twice_the_answers(tmp_path, monkeypatch):
    """Rules that differ are told apart without a space of each pair."""
    made = []
    filled = AnswerSpace._fill
    monkeypatch.setattr(
        AnswerSpace, "_fill", lambda space, *more: made.append(space.name) or filled(space, *more)
    )
    for number in (4, 8):
        made.clear()
        assert examine(many(tmp_path, number)) == warnings.Examination((), ())
        assert len(made) == number


def test_rules_that_are_not_told_apart_are_tried_so_far_as_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr(subsumption, "PROOFS", 1)
    monkeypatch.setattr(subsumption, "PROOFS_EACH", 0)
    rules = [rule(f"r{at}", deny={"createdAt": {"older_than": f"{at + 1}d"}}) for at in range(4)]
    found = examine(loaded(tmp_path, *rules))
    assert [warning.message.split(" is ")[0] for warning in found.warnings] == ["the rule r1"]
    assert found.notes == (f"p/r2, p/r3: {subsumption._LATE}",)


def tagged(number):
    """Rules on all image sets, and rules on those with a tag, each with its own; of the latter every second one says nothing."""
    older = [
        {"createdAt": {"older_than": f"{at + 1}d"}, "isPrimary": at % 2 == 0} for at in range(number // 2)
    ]
    return [
        *(rule(f"all{at}", deny=condition) for at, condition in enumerate(older)),
        *(
            rule(f"tag{at}", deny={f"tags.T{at}": "x", **(condition if at % 2 else {"isPrimary": True})})
            for at, condition in enumerate(older)
        ),
    ]


def test_twice_the_rules_cost_twice_the_verdicts_whatever_they_read(tmp_path, monkeypatch):
    made = []
    verdict = rule_pairs.verdict
    monkeypatch.setattr(rule_pairs, "verdict", lambda *more: made.append(more) or verdict(*more))
    monkeypatch.setattr(subsumption, "_compared", lambda *_: False)
    for number in (4, 8):
        made.clear()
        examine(loaded(tmp_path, *tagged(number)))
        # each on its own answers, and once on those of all
        assert len(made) == 2 * number


def test_rules_that_need_several_tables_are_told_apart_as_those_of_one_table(tmp_path, monkeypatch):
    policies = loaded(tmp_path, *tagged(12))
    found = examine(policies)
    superfluous = [warning.message.split(" is ")[0] for warning in found.warnings]
    assert superfluous == ["the rule all2", "the rule all3", "the rule all4", "the rule all5"] + [
        f"the rule tag{at}" for at in (1, 3, 5)
    ]
    for widest in (1, 4):
        monkeypatch.setattr(rule_pairs, "WIDEST", widest)
        assert examine(policies) == found


def test_a_rule_whose_comparison_takes_too_many_answers_is_named_and_nothing_is_said_of_it(
    tmp_path, monkeypatch
):
    rules = [rule(f"r{at}", deny={"createdAt": {"older_than": f"{at + 1}d"}}) for at in range(4)]
    monkeypatch.setattr(subsumption, "MOST_ANSWERS", 0)
    found = examine(loaded(tmp_path, *rules))
    assert found == warnings.Examination((), (f"p/r1, p/r2, p/r3: {subsumption._LARGE}",))


def test_a_rule_that_was_not_tried_on_answers_is_named_and_nothing_is_said_of_it(tmp_path, monkeypatch):
    rules = [rule(f"r{at}", deny={"createdAt": {"older_than": f"{at + 1}d"}}) for at in range(4)]
    monkeypatch.setattr(rule_pairs, "MOST_JUDGED", 0)
    found = examine(loaded(tmp_path, *rules))
    assert found.warnings == ()
    assert found.notes == (f"p/r0, p/r1, p/r2, p/r3: {subsumption._LATE}",)


def test_what_has_no_value_is_named(tmp_path):
    item = rule("a", deny={"createdAt": {"older_than": "$x"}}, params={"x": {"type": "duration"}})
    assert examine(loaded(tmp_path, item)).notes == ("p/a: not examined, since a parameter has no default",)


def test_a_question_that_stays_open_is_named(tmp_path):
    item = rule("a", deny={"labels.text1": {"matches": "^(a|b)[0-9]{2}[xyz]{3}$"}})
    (note,) = examine(loaded(tmp_path, item)).notes
    assert (
        note == "p/a: not found out, since not every value of labels.text1 can be tried: whether it can fail"
    )


def test_of_a_long_list_one_item_is_tried(tmp_path):
    ids = [f"{number:032x}" for number in range(3000)]
    item = rule("a", when={"isPrimary": True, "imageSetState": "ACTIVE"}, deny={"imageSetId": {"in": ids}})
    assert examine(loaded(tmp_path, item)) == warnings.Examination((), ())


def test_notes_stand_beside_warnings_and_are_no_errors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    loaded(tmp_path, rule("a", deny={"createdAt": {"older_than": "$x"}}, params={"x": {"type": "duration"}}))
    assert main(["rules", "validate", "p.yaml"]) == 0
    assert "note: p/a: not examined, since a parameter has no default\n" in capsys.readouterr().err
    assert main(["rules", "validate", "--json", "p.yaml"]) == 0
    assert '"p/a: not examined, since a parameter has no default"' in capsys.readouterr().out
