"""What is read of a file of waivers, and what is refused: each message with its place."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from checker import api
from checker.cli import main
from checker.instants import DAY
from checker.model import Duration, Severity, Verdict
from checker.problems import InvalidInputError, render
from checker.waivers import file as waivers
from checker.waivers.file import read_waivers
from checker.waivers.limits import WaiverLimits, limits_of
from checker.workflow.schemas import SCHEMAS
from checker.yamlsource import parse
from waivers.waiver_files import ONE, REST, SOUND, TWO, UNSEEN, WRONG, file, one, policies

GOLDEN = Path(__file__).parents[1] / "golden" / "waivers"
LIMITS = WaiverLimits(targets=("archive", "research"))


def read(folder, text, limits=LIMITS):
    path = folder / "w.yaml"
    path.write_text(text, encoding="utf-8")
    return read_waivers(path, policies(folder), limits, "conf/waivers.yaml")


def refused(folder, text, limits=LIMITS) -> str:
    with pytest.raises(InvalidInputError) as raised:
        read(folder, text, limits)
    return str(raised.value)


def golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REGENERATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_read_without_a_word(name, tmp_path):
    found, warnings = read(tmp_path, SOUND[name])
    assert render(warnings) == ""
    assert len(found) == (0 if name.startswith("none") else 1)


def test_a_waiver_has_what_the_file_says(tmp_path):
    text = file(
        one("target: archive"), one(f'image_sets: [{TWO}, {ONE}]\n    version: "3"\n    covers: unknown')
    )
    (first, second), _ = read(tmp_path, text)
    assert (first.number, first.rule, first.target, first.image_sets, first.covers) == (
        1, "p/forced", "archive", (), Verdict.FAIL,
    )  # fmt: skip
    assert (first.reason, first.owner, first.approved_by) == ("Ticket 4711", "imaging", "quality")
    assert (first.created, first.expires) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 3, 31, tzinfo=UTC),
    )
    assert str(first.where) == "conf/waivers.yaml:3:5"
    assert (second.number, second.image_sets, second.version, second.covers) == (
        2,
        (TWO, ONE),
        3,
        Verdict.UNKNOWN,
    )


def test_labels_are_typed_as_the_policies_declare_them(tmp_path):
    (found,), _ = read(tmp_path, SOUND["labels"])
    assert found.labels == {
        "class": "adult", "legal_hold": True, "study_date": datetime(2020, 1, 1, tzinfo=UTC), "copies": 3,
    }  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused_says_why(name, tmp_path):
    golden(name, refused(tmp_path, WRONG[name]))


def test_a_waiver_of_a_pack_that_is_not_loaded_is_ignored_with_a_warning(tmp_path):
    text = file(one("labels: {theirs: x}", "other/forced"), one("labels: {theirs: y}", "other/forced"))
    found, warnings = read(tmp_path, text)
    assert [waiver.rule for waiver in found] == ["other/forced"] * 2
    golden("pack-not-loaded", render(warnings))


def test_a_second_waiver_of_the_same_findings_is_warned_of(tmp_path):
    same = [f"image_sets: [{ONE}, {TWO}]", f"image_sets: [{TWO}, {ONE}]"]
    other = [
        f"image_sets: [{ONE}, {TWO}]\n    version: 1",
        f"image_sets: [{ONE}, {TWO}]\n    covers: unknown",
    ]
    _, warnings = read(tmp_path, file(*map(one, [*other, *same])))
    golden("twice", render(warnings))


def test_an_id_that_other_readers_take_for_a_number_is_text_with_a_warning(tmp_path):
    (found,), warnings = read(tmp_path, file(one(f"image_sets: [{'1' * 32}]")))
    assert found.image_sets == ("1" * 32,)
    assert "other YAML readers take this id for a number" in render(warnings)


@pytest.mark.parametrize(
    ("last", "longest", "sound"),
    [
        ("2026-04-01", {}, True),
        ("2026-04-02", {}, False),
        ("2026-02-28", {Severity.HIGH: Duration(2)}, True),
        ("2026-03-01", {Severity.HIGH: Duration(2)}, True),
        ("2026-03-02", {Severity.HIGH: Duration(2)}, False),
        ("2026-01-01", {Severity.HIGH: Duration(0, DAY // 2)}, True),
        ("2026-01-02", {Severity.HIGH: Duration(0, DAY // 2)}, False),
    ],
)
def test_a_waiver_lasts_at_most_what_its_severity_allows(last, longest, sound, tmp_path):
    limits = WaiverLimits({**LIMITS.longest, **longest}, targets=("archive", "recorded"))
    text = file(one("target: archive", rest=REST.replace("2026-03-31", last)))
    if sound:
        read(tmp_path, text, limits)
    else:
        assert "a waiver of a rule of severity high lasts at most" in refused(tmp_path, text, limits)


def test_the_severity_that_counts_is_that_of_audit_yaml(tmp_path):
    text = file(one("target: archive", rest=REST.replace("2026-03-31", "2026-02-01")))
    limits = replace(LIMITS, severities={"p/forced": Severity.CRITICAL})
    assert "of severity critical lasts at most 30d" in refused(tmp_path, text, limits)
    assert "the last day can be 2026-01-31" in refused(tmp_path, text, limits)
    longer = file(one("target: archive", rest=REST.replace("2026-03-31", "2027-01-01")))
    read(tmp_path, longer, replace(LIMITS, severities={"p/forced": Severity.LOW}))


def test_targets_are_not_looked_up_where_they_are_not_known(tmp_path):
    (found,), _ = read(tmp_path, file(one("target: anything")), WaiverLimits())
    assert found.target == "anything"


def test_the_limits_are_those_of_audit_yaml(tmp_path):
    (tmp_path / "audit.yaml").write_text(
        f"version: 1\npolicies: [p.yaml]\nrules: {{p/forced: {{severity: low}}, p/few: {{off: why}}}}\n"
        f"waivers: {{file: w.yaml, max_duration: {{low: 10d}}}}\n"
        f"targets: [{{name: archive, region: us-east-1, datastore: '{'0' * 32}', image_sets: [{ONE}]}}]\n"
    )
    limits = limits_of(api.configure(tmp_path / "audit.yaml"))
    assert limits.severities == {"p/forced": Severity.LOW}
    assert limits.targets == ("archive", "recorded")
    assert limits.longest[Severity.LOW] == Duration(0, 10 * DAY)
    assert limits.longest[Severity.HIGH] == Duration(0, 90 * DAY)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"w[.]yaml: error: cannot be read: there is no such file\nhelp: write"
    ):
        read_waivers(tmp_path / "w.yaml", policies(tmp_path))


@pytest.fixture(scope="module")
def of_policies(tmp_path_factory):
    return policies(tmp_path_factory.mktemp("policies"))


KEYS = (*waivers.REQUIRED, *waivers.OPTIONAL, "x")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(0, 9) | st.text(max_size=5)
SCALARS |= st.sampled_from(
    ["p/forced", "q/x", ONE, "2026-01-01", "2026-02-01", "fail", "unknown", "archive", "class", "adult"]
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(st.sampled_from(["class", "copies", "y"]), SCALARS, max_size=2)
)
ENTRIES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=11)


@settings(suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries({"version": st.just(1), "waivers": st.lists(ENTRIES, max_size=3)})
    | ENTRIES
    | VALUES
)
def test_whatever_the_file_holds_it_is_read_or_refused(of_policies, value):
    try:
        document = parse(json.dumps(value, ensure_ascii=False).encode(), "w.yaml")
        found, _ = waivers.waivers_in(document, of_policies, LIMITS)
    except InvalidInputError as error:
        assert "error: " in str(error)
    else:
        assert len(found) == len(document.root.plain()["waivers"])
        assert all(
            len([1 for key in (explanation.image_sets, explanation.target, explanation.labels) if key]) == 1
            for explanation in found
        )


# The JSON Schema.


@pytest.fixture(scope="module")
def validator():
    return Draft202012Validator(SCHEMAS["waivers"]())


def test_the_schema_is_printed_for_editors(capsys):
    assert main(["rules", "schema", "--for", "waivers"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMAS["waivers"]()
    assert main(["rules", "schema", "--for", "waiver"]) == 2
    assert "did you mean waivers?" in capsys.readouterr().err


def mistakes(validator, text):
    return list(validator.iter_errors(parse(text.encode(), "w.yaml").root.plain()))


def test_the_schema_has_the_keys_that_the_reader_takes():
    schema = SCHEMAS["waivers"]()["properties"]["waivers"]["items"]
    assert set(schema["properties"]) == {*waivers.REQUIRED, *waivers.OPTIONAL}
    assert set(schema["required"]) == {*waivers.REQUIRED}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_valid(name, validator):
    assert mistakes(validator, SOUND[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused_is_invalid_unless_no_schema_could_see_it(name, validator):
    assert bool(mistakes(validator, WRONG[name])) == (name not in UNSEEN)


def test_a_mistake_in_an_editor_is_where_it_was_made(validator):
    found = {error.json_path for error in mistakes(validator, WRONG["every-problem"])}
    assert found == {"$.waivers[0].covers", "$.waivers[0].expires", "$.waivers[1].image_sets[0]"}
    (error,) = mistakes(validator, WRONG["no-selector"])
    assert error.message == "'image_sets' is a required property"
