from __future__ import annotations

import os
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from collection.fixtures import aws_env
from hypothesis import given
from hypothesis import strategies as st

from checker import config
from checker.config import Rate, load, resolve_targets
from checker.config.audit import AuditConfig
from checker.config.csv_tables import Cell, read
from checker.instants import DAY
from checker.model import LONGEST, SOON, Duration, ImageSetRef, Label, Location, Severity, Target, Type
from checker.problems import InvalidInputError, render
from checker.yamlsource import parse

__all__ = ["aws_env"]

GOLDEN = Path(__file__).parent / "golden" / "config"
HERE = Location("policies/p.yaml", 4, 3)
ID = "18f88ac7870584f58d56256646b4d92b"
OTHER = "ea92b0d8838c72a3f25d00d13616f87e"
STORE = "0123456789abcdef0123456789abcdef"

LABELS = {
    "class": Label("class", Type.ENUM, ("mammography", "adult", "paediatric"), "", HERE),
    "legal_hold": Label("legal_hold", Type.BOOLEAN, (), "", HERE),
    "study_date": Label("study_date", Type.TIME, (), "", HERE),
    "retention": Label("retention", Type.DURATION, (), "", HERE),
    "copies": Label("copies", Type.INTEGER, (), "", HERE),
    "ward": Label("ward", Type.STRING, (), "", HERE),
}

TARGET = f"""
  - name: archive
    region: us-east-1
    datastore: {STORE}
"""
SOUND = f"version: 1\npolicies: [policies/]\ntargets:{TARGET}    image_sets: [{ID}]\n"


@pytest.fixture(autouse=True)
def no_machine(aws_env):
    """No profile and no Region of the machine's own."""
    return aws_env


def write(folder: Path, text: str, **files: str) -> Path:
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8", newline="")
    (folder / "audit.yaml").write_text(text, encoding="utf-8")
    return folder / "audit.yaml"


def loaded(folder: Path, text: str, **files: str) -> AuditConfig:
    return load(write(folder, text, **files), "conf/audit.yaml")


def resolved(folder: Path, image_sets: str, more: str = "", **files: str) -> tuple[Target, str]:
    """The one target that lists these image sets, and the warnings as text."""
    text = f"version: 1\npolicies: [p]\ntargets:{TARGET}    image_sets: {image_sets}\n{more}"
    targets, warnings = resolve_targets(loaded(folder, text, **files), LABELS)
    return targets[0], render(warnings)


# What is read.


def test_a_whole_audit(tmp_path: Path) -> None:
    text = f"""
version: 1
name: radiology-archive
policies: [policies/, "pack:healthimaging-retention"]
params: {{healthimaging-retention.review_window: 14d, p/r.states: [DELETED]}}
defaults: {{role_arn: "arn:aws:iam::123456789012:role/Audit", external_id: x1, endpoint_url: "https://vpce.example"}}
targets:
  - name: archive
    region: us-east-1
    datastore: "{STORE}"
    role_arn: arn:aws-us-gov:iam::999999999999:role/path/Other
    image_sets:
      - {ID}
      - {{id: {OTHER}, version: "3", labels: {{class: mammography, legal_hold: true}}}}
  - {{name: two, region: eu-west-2, datastore: "{STORE}", image_sets: [{ID}]}}
gate: {{fail_on: high, on_unknown: violation}}
reports: {{html: out/report.html, junit: "-"}}
runs: runs/
rates: {{GetImageSet: {{rate: 100, burst: 0.5e1}}}}
"""
    found = loaded(tmp_path, text)
    assert found.name == "radiology-archive"
    assert [node.value for node in found.policies] == ["policies/", "pack:healthimaging-retention"]
    assert str(found.policies[1].where) == "conf/audit.yaml:4:23"
    assert {key: entry.node.plain() for key, entry in found.params.items()} == {
        "healthimaging-retention.review_window": "14d", "p/r.states": ["DELETED"],
    }  # fmt: skip
    assert (found.gate.fail_on, found.gate.on_unknown, found.runs.path) == (
        Severity.HIGH,
        "violation",
        "runs/",
    )
    assert found.reports == {"html": "out/report.html", "junit": "-"}
    assert str(found.report_key("junit").where) == "conf/audit.yaml:17:34"
    assert found.rates == {"GetImageSet": Rate(100, 5)}
    assert (found.defaults.endpoint_url, found.defaults.runtime_endpoint_url) == (
        "https://vpce.example",
        None,
    )
    assert found.at("out/x") == tmp_path / "out" / "x"
    assert found.source.decode() == text
    assert len(found.sha256) == 64
    assert found.warnings == ()
    first, second = found.targets
    assert (first.role_arn, first.external_id) == ("arn:aws-us-gov:iam::999999999999:role/path/Other", "x1")
    assert (second.role_arn, second.profile) == ("arn:aws:iam::123456789012:role/Audit", None)
    assert [(item.id, item.version) for item in first.listed] == [(ID, None), (OTHER, 3)]


def test_what_is_changed_of_rules(tmp_path: Path) -> None:
    first, second = loaded(tmp_path, SOUND + 'rules: {p/r: {severity: low}, p/s: {off: "not here"}}\n').rules
    assert (first.rule, first.severity, first.reason) == ("p/r", Severity.LOW, "")
    assert (second.rule, second.severity, second.reason) == ("p/s", None, "not here")
    assert str(second.key.where) == "conf/audit.yaml:8:31"


def test_mistakes_in_changes_come_with_all_others(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as raised:
        loaded(tmp_path, SOUND.replace("version: 1", "version: 2") + "rules: {p/r: {severity: hihg}}\n")
    assert "version 2 of audit.yaml is not known" in str(raised.value)
    assert "conf/audit.yaml:8:25: error: `hihg` is no severity" in str(raised.value)
    with pytest.raises(InvalidInputError, match="rules maps rules to what is changed of them, not a list"):
        loaded(tmp_path, SOUND + "rules: [p/r]\n")


def test_what_may_be_left_out(tmp_path: Path) -> None:
    found = loaded(tmp_path, SOUND)
    assert (found.name, found.gate.fail_on, found.gate.on_unknown) == ("audit", Severity.LOW, "incomplete")
    assert (found.reports, found.runs, found.rates, found.params) == ({}, None, {}, {})


def test_what_waivers_the_gate_runs_and_events_say(tmp_path: Path) -> None:
    found = loaded(tmp_path, SOUND + """
waivers: {file: w.yaml, max_duration: {high: 10d, low: 2y}, soon: 3d}
gate: {new_only: 20260101T000000Z-0123abcd, max: {high: 0, medium: 20}, min_coverage: 99.5%}
runs: {path: "s3://bucket/prefix", keep: 6y, object_lock: compliance}
events: [a.jsonl, b.jsonl]
""")  # fmt: skip
    assert (found.waivers.file, found.soon) == ("w.yaml", Duration(0, 3 * DAY))
    assert found.longest == {**LONGEST, Severity.HIGH: Duration(0, 10 * DAY), Severity.LOW: Duration(24)}
    assert (found.gate.new_only, found.gate.max) == (
        "20260101T000000Z-0123abcd",
        {Severity.HIGH: 0, Severity.MEDIUM: 20},
    )
    assert found.gate.min_coverage == Fraction(995, 1000)
    assert (found.runs.path, found.runs.keep, found.runs.object_lock) == (
        "s3://bucket/prefix",
        Duration(72),
        "compliance",
    )
    assert found.events == ["a.jsonl", "b.jsonl"]


def test_the_short_forms_say_the_same(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, SOUND + "waivers: w.yaml\ngate: {new_only: true}\nruns: runs/\nevents: a.jsonl\n"
    )
    assert (found.waivers.file, found.longest, found.soon) == ("w.yaml", LONGEST, SOON)
    assert (found.gate.new_only, found.gate.max, found.gate.min_coverage) == (True, {}, None)
    assert (found.runs.path, found.runs.keep, found.runs.object_lock, found.events) == (
        "runs/",
        None,
        None,
        ["a.jsonl"],
    )


def test_without_them_nothing_is_waived_or_kept(tmp_path: Path) -> None:
    found = loaded(tmp_path, SOUND)
    assert (found.waivers, found.longest, found.soon, found.events) == (None, LONGEST, SOON, [])
    assert (found.gate.new_only, found.gate.max, found.gate.min_coverage) == (False, {}, None)


def test_never_is_no_severity(tmp_path: Path) -> None:
    assert loaded(tmp_path, SOUND + "gate: {fail_on: never}\n").gate.fail_on is None


def test_a_region_that_is_left_out_is_that_of_aws_settings(tmp_path: Path, no_machine) -> None:
    no_machine.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    found = loaded(tmp_path, SOUND.replace("    region: us-east-1\n", ""))
    assert found.targets[0].region == "eu-west-1"


def test_a_csv_file(tmp_path: Path) -> None:
    table = f'\ufeffimageSetId,class,version,ward\r\n{ID},adult,,\r\n\r\n{OTHER}, adult ,12,"3, east"\r\n'
    target, warnings = resolved(tmp_path, "{file: sets.csv}", sets=table)
    assert target.image_sets == (
        ImageSetRef(ID, None, {"class": "adult"}, {"class": "conf/sets.csv:2"}),
        ImageSetRef(
            OTHER,
            12,
            {"class": "adult", "ward": "3, east"},
            {"class": "conf/sets.csv:4", "ward": "conf/sets.csv:4"},
        ),
    )
    assert warnings == ""
    assert set(loaded(tmp_path, SOUND.replace(f"[{ID}]", "{file: sets.csv}"), sets=table).files) == {
        "conf/sets.csv"
    }


def test_labels_are_typed(tmp_path: Path) -> None:
    text = (
        f"[{{id: {ID}, labels: {{class: adult, legal_hold: true, study_date: 2020-02-03, retention: 7y,"
        ' copies: 3, ward: "7"}}]'
    )
    target, warnings = resolved(tmp_path, text)
    assert target.image_sets[0].labels == {
        "class": "adult", "legal_hold": True, "study_date": datetime(2020, 2, 3, tzinfo=UTC),
        "retention": Duration(84), "copies": 3, "ward": "7",
    }  # fmt: skip
    assert warnings == ""


def test_labels_come_from_four_places(tmp_path: Path) -> None:
    more = "    labels: {ward: east}\n    labels_from: inventory.csv\n"
    inventory = f"id,version,legal_hold,copies\n{ID},,TRUE,\n{ID},2,,9\n"
    text = f"[{ID}, {{id: {ID}, version: 2, labels: {{class: adult}}}}]"
    target, warnings = resolved(tmp_path, text, more, inventory=inventory)
    assert [ref.labels for ref in target.image_sets] == [
        {"legal_hold": True, "ward": "east"},
        {"class": "adult", "legal_hold": True, "copies": 9, "ward": "east"},
    ]
    pinned = target.image_sets[1].label_places
    assert {name: pinned[name] for name in ("legal_hold", "copies")} == {
        "legal_hold": "conf/inventory.csv:2",
        "copies": "conf/inventory.csv:3",
    }
    lines = (tmp_path / "audit.yaml").read_text(encoding="utf-8").splitlines()
    for name, value in (("class", "adult"), ("ward", "east")):
        path, line, column = pinned[name].split(":")
        assert path == "conf/audit.yaml"
        assert lines[int(line) - 1][int(column) - 1 :].startswith(value)
    assert warnings == ""


def test_sources_that_agree_in_other_words_agree(tmp_path: Path) -> None:
    more = "    labels: {retention: 12mo}\n"
    target, _ = resolved(tmp_path, f"[{{id: {ID}, labels: {{retention: P1Y}}}}]", more)
    assert target.image_sets[0].labels == {"retention": Duration(12)}


def test_an_inventory_of_two_targets_warns_of_rows_that_neither_lists(tmp_path: Path) -> None:
    text = f"""version: 1
policies: [p]
targets:
  - {{name: a, region: us-east-1, datastore: {STORE}, image_sets: [{ID}], labels_from: inventory.csv}}
  - {{name: b, region: us-east-1, datastore: {STORE}, image_sets: [{OTHER}], labels_from: inventory.csv}}
"""
    rows = "".join(f"{number:032x},x\n" for number in range(25))
    inventory = f"id,ward\n{ID},x\n{OTHER},y\n{rows}"
    targets, warnings = resolve_targets(loaded(tmp_path, text, inventory=inventory), LABELS)
    assert [target.image_sets[0].labels for target in targets] == [{"ward": "x"}, {"ward": "y"}]
    assert len(warnings) == 21
    assert str(warnings[0].where) == "conf/inventory.csv:4:1"
    assert warnings[-1].message == "5 more rows are about image sets that no target lists"


def test_a_cell_knows_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('id,a,b\n1,"x,""y",3\n', encoding="utf-8")
    problems: list = []
    table = read(tmp_path / "x.csv", "x.csv", parse(b"x", "y").root, problems)
    assert table is not None
    assert (problems, table.rows) == ([], [(2, ["1", 'x,"y', "3"])])
    columns = [Cell(table, 2, column, "").where.column for column in range(3)]
    assert columns == [1, 3, 11]
    assert str(Cell(table, 2, 1, "").head.where) == "x.csv:1:4"


# What is refused, each with its golden message; `REGENERATE_GOLDEN=1 pytest tests/test_config.py` writes them anew.

REFUSED = {
    "empty": ("", {}),
    "a-list": ("- 1\n", {}),
    "everything-at-once": (
        f"""version: "1"
nam: x
policies: policies/
params: {{foo: 1}}
defaults: {{rle_arn: x, region: us_east_1}}
targets:
  - name: archive
    regio: us-east-1
    datastore: "{STORE[:-1]}"
    image_sets:
      - {ID[:-1]}
      - {ID.upper()}
      - {{id: {OTHER}, version: 0, lables: {{class: mammography}}}}
      - {{id: {OTHER}, version: 2}}
      - {{id: {OTHER}, version: "2"}}
      - {{version: 1.5}}
      - 42
      - [x]
    labels: {{class: [adult], ward: }}
  - name: archive
    datastore: 7
    image_sets: []
    role_arn: Audit
    endpoint_url: x
  - 3
gate: {{fail_on: hgih, on_unknown: 3, x: 1}}
reports: {{html: 3, "": x}}
runs: [runs]
rates: {{GetImageSets: {{rate: 3}}, GetImageSet: {{rate: 0, burst: x}}}}
""",
        {},
    ),
    "whole-accounts": (
        f"""version: 1
policies: [p]
waivers: waivers.yaml
rules: {{p/r: {{severity: low}}}}
collect: {{everything: true, share: 2, evidence: best}}
defaults: {{role_arn: "arn:aws:iam::{{account}}:role/Audit", region: us-east-1}}
targets:
  - {{name: a, datastore: {STORE}, image_sets: all}}
  - {{name: b, datastore: {STORE}, image_sets: {{where: {{isPrimary: true}}}}}}
  - {{name: c, datastore: archive-*, image_sets: [{ID}], accounts: ["123456789012"]}}
  - {{name: d, datastore: all, image_sets: [{ID}], organization: true}}
reports: {{html: "s3://bucket/report.html"}}
runs: s3://bucket/prefix
""",
        {},
    ),
    "missing-keys": ("name: x\ntargets: [{}, {name: a}]\n", {}),
    "nothing-to-audit": ("version: 1\npolicies: []\ntargets: []\n", {}),
    "new-keys": (
        SOUND
        + """waivers: {max_duration: {hihg: 30d, high: 30, low: 5m}, son: 3d, soon: 14, file: "s3://x/y"}
gate:
  new_only: 3
  max: {hgih: 0, high: -1, low: "3", medium: 1.5}
  min_coverage: 99.5
runs: {path: "gs://bucket", keep: 6years, object_lock: goverance, kep: 3}
events: [3, "s3://x"]
""",
        {},
    ),
    "new-keys-of-another-kind": (
        SOUND + "waivers: [a]\ngate: {max: [3], min_coverage: 120%, new_only: ' '}\nruns: 3\nevents: {a: b}\n",
        {},
    ),
    "new-keys-without-paths": (
        SOUND + 'waivers: {soon: 3d}\ngate: {min_coverage: "99.5"}\nruns: {keep: 0d, object_lock: governance}\nevents: ""\n',
        {},
    ),
    "lock-of-a-folder": (SOUND + "runs: {path: runs/, object_lock: governance}\n", {}),
    "version-2": (SOUND.replace("version: 1", "version: 2"), {}),
    "complete-but-pinned": (
        SOUND.replace(f"[{ID}]", f"[{OTHER}, {{id: {ID}, version: 3}}]\n    complete: true"),
        {},
    ),
    "complete-but-pinned-in-csv": (
        SOUND.replace(f"[{ID}]", "{file: sets.csv}\n    complete: true"),
        {"sets": f"id,version\n{OTHER},\n{ID},3\n"},
    ),
    "complete-is-text": (SOUND + "    complete: yes\n", {}),
    "external-id-alone": (SOUND.replace("    image_sets", "    external_id: x\n    image_sets"), {}),
    "image-sets-as-text": (SOUND.replace(f"[{ID}]", ID), {}),
    "image-sets-file-unknown": (SOUND.replace(f"[{ID}]", "{file: missing.csv, fields: x}"), {}),
    "image-sets-empty-mapping": (SOUND.replace(f"[{ID}]", "{}"), {}),
    "control-characters": (SOUND.replace("archive", '"arch\\nive"'), {}),
    "csv": (
        SOUND.replace(f"[{ID}]", "{file: sets.csv}"),
        {"sets": f"imageSetId,version,class\n{ID},x,adult\n{OTHER}\nabc,1,\n{OTHER},3,\n{OTHER},3,x\n"},
    ),
    "csv-semicolons": (SOUND.replace(f"[{ID}]", "{file: sets.csv}"), {"sets": f"imageSetId;class\n{ID};adult\n"}),
    "csv-no-header": (SOUND.replace(f"[{ID}]", "{file: sets.csv}"), {"sets": f"{ID}\n{OTHER}\n"}),
    "csv-header-twice": (
        SOUND.replace(f"[{ID}]", "{file: sets.csv}"), {"sets": f"imageSetId,class,,class,id\n{ID},a,b,c,d\n"},
    ),
    "csv-only-header": (SOUND.replace(f"[{ID}]", "{file: sets.csv}"), {"sets": "imageSetId,class\n"}),
    "csv-empty": (SOUND.replace(f"[{ID}]", "{file: sets.csv}"), {"sets": ""}),
    "csv-open-quote": (SOUND.replace(f"[{ID}]", "{file: sets.csv}"), {"sets": f'imageSetId,ward\n{ID},"x\n'}),
}  # fmt: skip

BAD_LABELS = {
    "labels-of-the-wrong-type": (
        f"[{{id: {ID}, labels: {{class: adlt, legal_hold: yes, study_date: 3, retention: 5m, copies: 1.5, ward: 7}}}}]",
        "",
        {},
    ),
    "labels-disagree": (
        f"[{{id: {ID}, labels: {{class: mammography}}}}]",
        "    labels: {class: adult}\n    labels_from: inventory.csv\n",
        {"inventory": f"id,class\n{ID},paediatric\n"},
    ),
    "labels-in-csv": (
        "{file: sets.csv}",
        "    labels_from: inventory.csv\n",
        {
            "sets": f"id,class,study_date\n{ID},adlt,2020-13-01\n{OTHER},,2020-01-01T10:00\n",
            "inventory": f"id,version,ward\nx,1,a\n{ID},0,b\n",
        },
    ),
}


def check(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REGENERATE_GOLDEN"):
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why(tmp_path: Path, name: str) -> None:
    text, files = REFUSED[name]
    with pytest.raises(InvalidInputError) as raised:
        loaded(tmp_path, text, **files)
    check(name, str(raised.value))


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_are_refused_say_why(tmp_path: Path, name: str) -> None:
    image_sets, more, files = BAD_LABELS[name]
    with pytest.raises(InvalidInputError) as raised:
        resolved(tmp_path, image_sets, more, **files)
    check(name, str(raised.value))


def test_a_target_may_cover_its_data_store(tmp_path: Path) -> None:
    assert not resolved(tmp_path, f"[{ID}]")[0].complete
    assert resolved(tmp_path, f"[{ID}]", "    complete: true\n")[0].complete
    assert not resolved(tmp_path, f"[{{id: {ID}, version: 3}}]", "    complete: false\n")[0].complete


def test_a_csv_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND.replace(f"[{ID}]", "{file: sets.csv}"))
    (tmp_path / "sets.csv").write_bytes(f"id,ward\n{ID},caf\xe9\n".encode("latin-1"))
    with pytest.raises(InvalidInputError) as raised:
        load(path, "conf/audit.yaml")
    check("csv-not-utf-8", str(raised.value))


def test_a_profile_that_is_not_there(tmp_path: Path, no_machine) -> None:
    (tmp_path / "aws-config").write_text("[profile audit]\nregion = eu-west-2\n", encoding="utf-8")
    no_machine.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    sound = SOUND.replace("    region: us-east-1\n", "    profile: audit\n")
    assert loaded(tmp_path, sound).targets[0].region == "eu-west-2"
    with pytest.raises(InvalidInputError) as raised:
        loaded(tmp_path, sound.replace("audit", "audti"))
    check("unknown-profile", str(raised.value))


def test_warnings(tmp_path: Path) -> None:
    text = (
        SOUND.replace("us-east-1", "us-east-2").replace(STORE, "1" * 32)
        + "    labels: {clas: adult, ward: x}\n"
    )
    found = loaded(
        tmp_path, text.replace(f"[{ID}]", "{file: sets.csv}"), sets=f"id,wrad\n{ID},x\n{OTHER},y\n"
    )
    _, warnings = resolve_targets(found, LABELS)
    check("warnings", render([*found.warnings, *warnings]))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"audit[.]yaml: error: cannot be read"):
        load(tmp_path / "audit.yaml", "conf/audit.yaml")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["version", "policies", "targets", "name", "region", "datastore", "image_sets", "labels", "labels_from",
             "complete", "id", "file", "gate", "waivers", "runs", "path", "keep", "object_lock", "events", "max", "new_only", "fail_on", "rates", "GetImageSet", "defaults", "reports", "params", "x",
             "datastores", "regions", "accounts", "organization", "role_arn", "where", "collect", "share"]
        ),
        inner, max_size=5,
    ),
    max_leaves=12,
))  # fmt: skip
def test_whatever_the_file_holds_it_is_loaded_or_refused(tmp_path_factory, value: object) -> None:
    import json

    folder = tmp_path_factory.mktemp("any")
    (folder / "audit.yaml").write_text(json.dumps(value), encoding="utf-8")
    try:
        load(folder / "audit.yaml")
    except InvalidInputError as error:
        assert str(error)


def test_the_package_says_what_it_offers() -> None:
    assert set(config.__all__) == {
        "AuditConfig", "Rate", "TargetConfig", "load", "named_policies", "resolve_targets",
    }  # fmt: skip


def test_an_entrys_own_label_stands_before_the_targets(tmp_path: Path) -> None:
    image_sets = f"[{OTHER}, {{id: {ID}, labels: {{class: mammography}}}}]"
    target, _ = resolved(tmp_path, image_sets, "    labels: {class: adult}\n")
    assert [dict(image_set.labels) for image_set in target.image_sets] == [
        {"class": "adult"},
        {"class": "mammography"},
    ]
