"""The JSON Schema of policies: what loads is valid, and what an author mistypes is not, by a validator of others."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from project.source import ROOT

from checker.cli.init import POLICY
from checker.fields import catalogue
from checker.model import RuleScope
from checker.package_data import folder
from checker.policy import controls, load, policy_files, rules
from checker.policy.operators import OPERATORS
from checker.policy.policy_files import shipped_files
from checker.problems import InvalidInputError
from checker.workflow.schemas import SCHEMAS
from checker.yamlsource import parse, read
from tests.budgets import examples
from tests.language import strategies

BAD = Path(__file__).parent / "bad"

# What no schema can see: names that the pack itself declares, values against each other, and what text means.
UNSEEN = {
    "labels-differ-in-case", "between-swapped", "duplicate-id", "if-absent-on-required", "label-one-of", "message-unknown-field",
    "message-with-logic", "filter-in-message", "no-such-day", "not-re2", "param-of-another-type", "repeated-condition", "shadowed-param",
    "string-param-for-enum", "text-no-member", "undeclared-label", "unknown-label", "unknown-param", "unused-param",
}  # fmt: skip

# Mistakes whose place in the file the schema must know.
PLACES = {
    "unknown-field": ("$.rules[0].deny", "overrides.force"),
    "field-without-prefix": ("$.rules[0].deny", "forced"),
    "unknown-operator": ("$.rules[0].deny.deletedAt", "newer_than"),
    "operator-of-another-type": ("$.rules[0].deny.deletedAt", "lt"),
    "wrong-enum": ("$.rules[0].deny.imageSetState", "DELETE"),
    "bad-severity": ("$.rules[0].severity", "hihg"),
    "scope-typo": ("$.rules[0].scope", "imageset"),
    "bad-if-absent": ("$.rules[0].deny.deletedAt.if_absent", "fail"),
    "unknown-key": ("$.rules[0]", "whi"),
    "missing-keys": ("$.rules[0]", "title"),
    "minutes-or-months": ("$.rules[0].deny.deletedAt.younger_than", "30m"),
    "time-without-zone": ("$.rules[0].deny.deletedAt.before", "2026-01-01T12:00"),
    "no-is-text": ("$.rules[0].deny.isPrimary", "no"),
    "exists-on-required": ("$.rules[0].deny.imageSetId", "exists"),
    "not-of-several": ("$.rules[0].deny.not", "too many"),
    "fields-of-two-types": ("$.rules[0].deny.createdAt.before.field", "versionId"),
}


@cache
def validator(kind: str = "policy") -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[kind]())


def mistakes(data: Any, kind: str = "policy") -> list[tuple[str, str]]:
    return [(error.json_path, error.message) for error in validator(kind).iter_errors(data)]


def of_rule(text: str) -> list[tuple[str, str]]:
    """What is wrong with a rule, written as YAML."""
    rule = {"id": "r", "title": "t", "severity": "low", **parse(text.encode(), "r.yaml").root.plain()}
    return mistakes({"version": 1, "pack": "p", "rules": [rule]})


@pytest.mark.parametrize("kind", SCHEMAS)
def test_it_is_a_schema(kind):
    schema = SCHEMAS[kind]()
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    references = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)))
    assert references == schema.get("$defs", {}).keys()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_pattern_is_one_of_ecmascript_and_python(kind):
    def patterns(node: Any):
        if isinstance(node, dict):
            yield from (node[key] for key in ("pattern",) if isinstance(node.get(key), str))
            yield from node.get("patternProperties", {})
            for value in node.values():
                yield from patterns(value)
        elif isinstance(node, list):
            for value in node:
                yield from patterns(value)

    for pattern in set(patterns(SCHEMAS[kind]())):
        re.compile(pattern)
        # with the flag u, which validators set, an escape that is not needed is an error
        assert not re.search(r"\\(?![\\.$^*+?()\[\]{}|/sSdDwWbB])", pattern), pattern


def test_it_has_the_keys_that_the_loader_takes():
    schema = SCHEMAS["policy"]()
    assert set(schema["properties"]) == {*load.REQUIRED, *load.OPTIONAL}
    assert set(schema["required"]) == {*load.REQUIRED}
    rule = schema["$defs"]["rule"]
    assert set(rule["properties"]) == {"id", "title", "severity", *rules.OPTIONAL}
    mapping = SCHEMAS["mapping"]()
    assert set(mapping["properties"]) == {*controls.REQUIRED, *controls.OPTIONAL}
    assert set(mapping["required"]) == {*controls.REQUIRED}


@pytest.mark.parametrize("scope", get_args(RuleScope))
def test_it_names_every_field_with_its_documentation(scope):
    properties = SCHEMAS["policy"]()["$defs"][scope]["properties"]
    for path, field in catalogue(scope=scope).items():
        assert field.doc in properties[path]["description"], path


def test_it_names_every_operator_with_its_documentation():
    text = json.dumps(SCHEMAS["policy"]())
    for name, operator in OPERATORS.items():
        assert f'"{name}": ' in text
        assert json.dumps(operator.doc)[1:-1] in text


def every_file():
    files = sorted(file for suffix in policy_files.SUFFIXES for file in folder("rules").rglob(f"*{suffix}"))
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.mark.parametrize("file", every_file())
def test_every_file_in_rules_is_valid(file):
    kind = "mapping" if file in shipped_files("framework").values() else "policy"
    assert mistakes(read(file).root.plain(), kind) == []


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda file: file.stem)
def test_examples_are_valid(file):
    assert mistakes(read(file).root.plain()) == []


def test_the_first_policy_is_valid():
    assert mistakes(parse(POLICY.encode(), "first.yaml").root.plain()) == []


def bad_files():
    for file in sorted(BAD.glob("*.yaml")):
        try:
            yield file.stem, read(file).root.plain()
        except InvalidInputError:
            continue  # no editor reads it either


BAD_FILES = dict(bad_files())


@pytest.mark.parametrize("name", sorted(BAD_FILES))
def test_a_bad_policy_is_rejected_unless_no_schema_could(name):
    assert bool(mistakes(BAD_FILES[name])) == (name not in UNSEEN)


@pytest.mark.parametrize("name", sorted(PLACES))
def test_a_mistake_has_its_place(name):
    place, word = PLACES[name]
    found = mistakes(BAD_FILES[name])
    assert place in [path for path, _ in found]
    assert word in next(message for path, message in found if path == place)


@settings(
    max_examples=examples(20, 60), deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(strategies.policies())
def test_a_policy_that_loads_is_valid(drawn):
    policy, _ = drawn
    assert mistakes(policy) == []


@pytest.mark.parametrize(
    "rule",
    [
        "{scope: version, deny: {versionId - previous_version.versionId: {ne: 1}}}",
        "{scope: version, deny: {createdAt: {ne: {field: previous_version.createdAt}}, previous_version.overrides.forced: true}}",
        "{scope: datastore, deny: {ratio: {of: {isPrimary: false}, among: {imageSetState: ACTIVE}, gt: 1%}}}",
        "{scope: datastore, deny: {ratio: {of: {isPrimary: false}, between: [0.5%, $most], if_absent: match}}}",
        "{scope: datastore, deny: {count: {of: {labels.class: adult, tags.Owner: x}, gte: 3, lt: $most}}}",
        "{scope: datastore, deny: {count: 0}, when: {now - datastore.createdAt: {gt: 30d}}}",
        "{scope: datastore, deny: {datastore.kmsKeyArn: {exists: false}, 'datastore.tags[\"Cost Centre\"]': x}}",
        "{deny: {successor.found: false, successor.imageSetState: DELETED}}",
        "{deny: {labels.a - labels.b: {gt: 3}, 'now - labels.a': {lt: {field: labels.b}}}}",
        "{deny: {imageSetState: $state, message: $$5, imageSetId: {in: $ids}, versionId: {in: [1, $two]}}}",
        '{deny: {message: {matches: "^a|b$", contains: {field: region}}, region: {field: tags.Region}}}',
        "{deny: {isPrimary: true}, controls: {hipaa: ['164.312(c)(1)', {id: a, requires: {x: {gte: 10y}}, does_not_prove: b}], x: y}}",
        "{deny: {isPrimary: true}, params: {a: {type: {list: {field: imageSetState}}, default: [ACTIVE]}, b: {type: ratio, default: 1%}}}",
    ],
)  # fmt: skip
def test_the_whole_language_is_valid(rule):
    assert of_rule(rule) == []


@pytest.mark.parametrize(
    "rule",
    [
        "{deny: {previous_version.isPrimary: true}}",
        "{deny: {count: {gt: 3}}}",
        "{scope: version, deny: {storageTier: {exists: true}}}",
        "{scope: version, deny: {account: '1'}}",
        "{scope: version, deny: {successor.found: false}}",
        "{scope: datastore, deny: {imageSetState: ACTIVE}}",
        "{scope: datastore, deny: {labels.x: true}}",
        "{scope: datastore, deny: {ratio: {gt: 1%}}}",
        "{scope: datastore, deny: {ratio: {of: {isPrimary: true}}}}",
        "{scope: datastore, deny: {ratio: {of: {isPrimary: true}, gt: 0.01}}}",
        "{scope: datastore, deny: {count: {of: {isPrimry: true}, gt: 1}}}",
        "{scope: datastore, deny: {count: {of: {count: 3}, gt: 1}}}",
        "{scope: datastore, deny: {count: {gt: {field: count}}}}",
        "{deny: {now - createdAt: {older_than: 3d}}}",
        "{deny: {createdAt - versionId: {gt: 3}}}",
        "{deny: {createdAt: {field: updatedAt, after: now}}}",
        "{deny: {isPrimary: true}, params: {a: {type: {list: {field: imageSetState}}, default: [ACTIV]}}}",
        "{deny: {isPrimary: true}, params: {a: {type: durations}}}",
        "{deny: {isPrimary: true}, controls: {hipaa: [{requires: {}}]}}",
        "{deny: {isPrimary: true}, controls: {hipaa: [{id: a, requires: {x: {atleast: 10y}}}]}}",
    ],
)
def test_what_the_language_refuses_is_not(rule):
    assert of_rule(rule)


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        ("image_set", "{overrides: {forced: true}, deletedAt: 2025-12-20, storageTier: null, imageSetState: NOT_YET_LISTED}"),
        ("image_set", "{overrides.forced: null, overrides: null, labels.class: adult, labels: {hold: true}, found: false, error: X}"),
        ("image_set", "{tags: {K: v, Odd Key: null}, tags.Owner: x, datastore: {tags: {K: v}, kmsKeyArn: a}, successor: {found: false}}"),
        ("image_set", "{errors: {ListTagsForResource: X, GetDatastore: Y}, params: {a: [1, 2]}, as_of: 2025-01-01}"),
        ("version", "{versionId: 3, previous_version: {imageSetState: DELETED, overrides: {forced: true}}}"),
        ("version", "{versionId: 3, previous_version: {}}"),
        ("datastore", "{image_sets: [{count: 98}, {found: false}, {error: X, labels: {a: b}}], complete: false, datastore: {kmsKeyArn: null}}"),
    ],
)  # fmt: skip
def test_what_a_test_may_give(scope, given):
    assert of_rule(_with_test(scope, given)) == []


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        ("image_set", "{isPrimry: true}"),
        ("image_set", "{overrides: {force: true}}"),
        ("image_set", "{isPrimary: 1}"),
        ("image_set", "{imageSetState: null}"),
        ("image_set", "{errors: {GetImageSet: X}}"),
        ("image_set", "{image_sets: []}"),
        ("image_set", "{previous_version: {}}"),
        ("version", "{storageTier: FREQUENT_ACCESS}"),
        ("datastore", "{imageSetState: ACTIVE}"),
        ("datastore", "{found: false}"),
        ("datastore", "{image_sets: [{count: 0}]}"),
        ("datastore", "{image_sets: [{as_of: 2025-01-01}]}"),
    ],
)
def test_what_a_test_may_not_give(scope, given):
    assert of_rule(_with_test(scope, given))


def _with_test(scope: str, given: str) -> str:
    condition = "{count: {gt: 3}}" if scope == "datastore" else "{isPrimary: true}"
    return f"{{scope: {scope}, deny: {condition}, tests: [{{name: a, given: {given}, expect: fail}}]}}"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"framework": "A B"}, "$.framework"),
        ({"versoin": 1}, "$"),
        ({"controls": []}, "$.controls"),
        ({"controls": [{"id": "a", "title": "b"}]}, "$.controls[0]"),
        ({"controls": [{"id": 1, "title": "b", "rules": ["p/r"]}]}, "$.controls[0].id"),
        ({"controls": [{"id": "a", "title": "b", "rules": ["r"]}]}, "$.controls[0].rules[0]"),
        ({"controls": [{"id": "a", "title": "b", "rules": [{"rule": "p/r", "proves": "x"}]}]}, "$.controls[0].rules[0]"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_file_is_rejected(change, place):
    sound = {"version": 1, "framework": "f", "controls": [{"id": "a", "title": "b", "rules": ["p/r"]}]}
    assert mistakes(sound, "mapping") == []
    assert [path for path, _ in mistakes(sound | change, "mapping")] == [place]
