"""A message shows fields and parameters, says what was not received, and what it does not show is warned of."""

import pytest

from checker.policy.load import load
from checker.problems import InvalidInputError
from tests.language.engine import judge

HEAD = """\
version: 1
pack: p
params:
  window: {type: duration, default: 30d}
  states: {type: {list: {field: imageSetState}}, default: [ACTIVE, LOCKED]}
labels:
  b: {type: boolean}
rules:
  - id: r
    title: t
    severity: low
    deny: {any: [{labels.b: true}, {createdAt: {younger_than: $window}}, {imageSetState: {not_in: $states}}]}
"""
NOW = "2026-01-01T00:00:00Z"
IDS = {"datastoreId": "0" * 32, "imageSetId": "a" * 32}
DENIED = {"error": "AccessDeniedException", "labels": {"b": True}}
GONE = {"error": "ResourceNotFoundException", "labels": {"b": True}}


@pytest.fixture
def loaded(tmp_path):
    def load_it(text):
        (tmp_path / "x.yaml").write_text(HEAD + text)
        return load(["x.yaml"], base=tmp_path)

    return load_it


def policy(**rule):
    return {
        "version": 1,
        "pack": "p",
        "params": {
            "window": {"type": "duration", "default": "30d"},
            "states": {"type": {"list": {"field": "imageSetState"}}, "default": ["ACTIVE", "LOCKED"]},
        },
        "labels": {"b": {"type": "boolean"}},
        "rules": [
            {
                "id": "r",
                "title": "t",
                "severity": "low",
                "deny": {"any": [{"labels.b": True}, {"deletedAt": {"younger_than": "$window"}}]},
                "when": {"any": [{"labels.b": True}, {"imageSetState": {"in": "$states"}}]},
                **rule,
            }
        ],
    }


def said_of(record, **rule):
    (finding,) = judge(policy(**rule), [IDS | record], NOW, {"window": "60d"}).findings
    return finding.message


def test_a_message_shows_the_value_that_a_parameter_has_in_the_run():
    message = "within {{ params.window }}, {{ params.states }}"
    assert said_of(DENIED, message=message) == "within 60d, ACTIVE, LOCKED"


@pytest.mark.parametrize("record", [DENIED, GONE], ids=["unread", "gone"])
def test_a_field_of_an_answer_that_was_not_received_is_not_called_absent(record):
    message = "{{ imageSetState }} {{ labels.b }} {{ overrides.forced }}"
    assert said_of(record, message=message) == "(not received) true (not received)"
    assert said_of(record) == "labels.b is true, imageSetState was not received, deletedAt was not received"


def test_a_field_that_a_received_answer_lacks_is_absent():
    record = {
        "answer": {**IDS, "versionId": "1", "imageSetState": "ACTIVE"},
        "labels": {"b": True},
    }
    assert said_of(record) == "labels.b is true, imageSetState is ACTIVE, deletedAt is absent"
    assert said_of(record, message="{{ deletedAt }}") == "(absent)"


@pytest.mark.parametrize(
    ("message", "warning", "hint"),
    [
        ("version {versionId}", "{versionId} is printed as it is written", "{{ versionId }}"),
        ("within $window", "$window is printed as it is written", "{{ params.window }}"),
        ("within {window}", "{window} is printed as it is written", "{{ params.window }}"),
    ],
)
def test_what_only_looks_like_a_placeholder_is_warned_of(loaded, message, warning, hint):
    (found,) = loaded(f"    message: '{message}'\n").warnings
    assert (found.message, found.hint) == (warning, f"to show the value write {hint}")


def test_other_braces_and_dollars_are_text(loaded):
    assert loaded("    message: 'costs $5 {or so} {unheard}, {{ versionId }}'\n").warnings == ()


def test_a_placeholder_outside_the_message_is_warned_of(loaded):
    (found,) = loaded("    why: 'version {{ versionId }}'\n").warnings
    assert found.message == "why is printed as it is written, with its {{ }}"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("params.windo", "there is no parameter windo", "did you mean window?"),
        ("window", "window is a parameter, and no field", "write {{ params.window }}"),
        ("$window", "$window is a parameter, and no field", "write {{ params.window }}"),
    ],
)
def test_a_parameter_is_named_with_its_prefix(loaded, name, message, hint):
    with pytest.raises(InvalidInputError) as caught:
        loaded(f"    message: 'x {{{{ {name} }}}}'\n")
    assert [(problem.message, problem.hint) for problem in caught.value.problems] == [(message, hint)]


def test_a_parameter_that_only_a_message_shows_is_used(tmp_path):
    text = (
        HEAD.replace("{younger_than: $window}", "{younger_than: 1d}") + "    message: '{{ params.window }}'\n"
    )
    (tmp_path / "x.yaml").write_text(text)
    assert load(["x.yaml"], base=tmp_path).warnings == ()


@pytest.mark.parametrize(
    ("framework", "meant"), [("hippa", "hipaa"), ("HIPAA", "hipaa"), ("nist-80053r5", "nist-800-53r5")]
)
def test_a_framework_that_looks_like_a_slip_is_warned_of(loaded, framework, meant):
    warnings = loaded(f"    controls: {{{framework}: ['1']}}\n").warnings
    assert [warning.message for warning in warnings] == [f"no framework is called {framework}"]
    assert f"did you mean {meant}?" in warnings[0].hint


@pytest.mark.parametrize("framework", ["hipaa", "ours", "nist-800-53r4"])
def test_a_framework_of_the_author_s_own_needs_no_mapping(loaded, framework):
    assert loaded(f"    controls: {{{framework}: ['1']}}\n").warnings == ()


CONTRADICTIONS = [
    ("{found: false, imageSetState: DELETED}", "imageSetState is given, and the image set is not there"),
    ("{found: false, error: AccessDeniedException}", "found beside error"),
    ("{error: AccessDeniedException, isPrimary: true}", "isPrimary is given, and the call failed"),
    ("{overrides: {forced: true}, overrides.forced: false}", "overrides.forced is given twice"),
    ("{overrides.forced: true, overrides: null}", "overrides.forced is given twice"),
    ("{labels: {b: true}, labels.b: false}", "labels.b is given twice"),
    ("{tags.Owner: a, tags: {Owner: b}}", 'tags["Owner"] is given twice'),
    ("{errors: {ListTagsForResource: AccessDenied}, tags: {Owner: a}}", "and ListTagsForResource failed"),
    ("{errors: {GetDatastore: AccessDenied}, datastore: {kmsKeyArn: a}}", "and GetDatastore failed"),
]


@pytest.mark.parametrize(("given", "message"), CONTRADICTIONS)
def test_a_test_that_contradicts_itself_is_an_error(loaded, given, message):
    with pytest.raises(InvalidInputError) as caught:
        loaded(f"    tests: [{{name: n, given: {given}, expect: fail}}]\n")
    (problem,) = caught.value.problems
    assert message in problem.message


def test_a_label_in_given_and_beside_it_is_given_twice(loaded):
    with pytest.raises(InvalidInputError, match=r"labels\.b is given twice"):
        loaded("    tests: [{name: n, given: {labels.b: true}, labels: {b: false}, expect: fail}]\n")
