"""Targets of which audit.yaml does not list the image sets, and those over several Regions, accounts or data stores."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from checker.config import load, resolve_targets
from checker.model import Duration, Group, Label, Leaf, Location, Target, Type
from checker.problems import InvalidInputError

STORE, ID = "1" * 32, "a" * 32
ROLE = "arn:aws:iam::{account}:role/Audit"
REGION = "defaults: {region: us-east-1}\n"
LABELS = {name: Label(name, Type.STRING, (), "", Location("p.yaml", 1, 1)) for name in ("site", "ward")}


def written(folder: Path, target: str, more: str = "", **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    path = folder / "audit.yaml"
    path.write_text(
        f"version: 1\npolicies: [p]\n{more}targets:\n  - {{name: t, {target}}}\n", encoding="utf-8"
    )
    return path


def targets(folder: Path, target: str, more: str = "", **files: str) -> list[Target]:
    if "defaults" not in more and "region" not in target:
        more += "defaults: {region: us-east-1}\n"
    found, _ = resolve_targets(load(written(folder, target, more, **files), "audit.yaml"), LABELS)
    return list(found)


def refused(folder: Path, target: str, more: str = REGION, **files: str) -> str:
    with pytest.raises(InvalidInputError) as raised:
        resolve_targets(load(written(folder, target, more, **files), "audit.yaml"), LABELS)
    return str(raised.value)


def test_all_image_sets_of_a_data_store(tmp_path: Path) -> None:
    (item,) = targets(tmp_path, f"datastore: {STORE}, image_sets: all")
    assert item.discovery is not None
    assert (item.datastore, item.image_sets, item.complete, item.discovery.where) == (STORE, (), True, None)


def test_a_condition_chooses_image_sets(tmp_path: Path) -> None:
    where = "{where: {isPrimary: true, labels.site: north}}"
    (item,) = targets(tmp_path, f"datastore: {STORE}, image_sets: {where}")
    assert item.discovery is not None
    assert isinstance(item.discovery.where, Group)
    assert [leaf.operand.left.path for leaf in item.discovery.where.members if isinstance(leaf, Leaf)] == [
        "isPrimary",
        "labels.site",
    ]
    assert not item.complete


def test_labels_of_what_is_searched(tmp_path: Path) -> None:
    table = f"imageSetId,site\n{ID},north\n"
    given = f"datastore: {STORE}, image_sets: all, labels_from: sets.csv, labels: {{ward: x7}}"
    (item,) = targets(tmp_path, given, sets=table)
    assert item.discovery is not None
    assert dict(item.discovery.labels) == {"ward": "x7"}
    ref = item.discovery.listed[ID]
    assert (ref.id, ref.version, dict(ref.labels)) == (ID, None, {"site": "north", "ward": "x7"})
    assert ref.label_places["site"] == "sets.csv:2"
    assert ref.label_places["ward"] == item.discovery.label_places["ward"]


def test_labels_of_what_is_searched_agree(tmp_path: Path) -> None:
    given = f"datastore: {STORE}, image_sets: all, labels_from: sets.csv, labels: {{site: south}}"
    message = refused(tmp_path, given, sets=f"imageSetId,site\n{ID},north\n")
    assert f"sets.csv:2:34: error: the label site of {ID} is north here, but south elsewhere" in message


def test_an_inventorys_rows_of_one_version_are_warned_of(tmp_path: Path) -> None:
    given = f"datastore: {STORE}, image_sets: all, labels_from: sets.csv"
    path = written(
        tmp_path, given, REGION, sets=f"id,version,site\n{ID},,north\n{ID},2,south\n{'b' * 32},,x\n"
    )
    (item,), warnings = resolve_targets(load(path, "audit.yaml"), LABELS)
    assert item.discovery is not None
    assert {name: dict(ref.labels) for name, ref in item.discovery.listed.items()} == {
        ID: {"site": "north"}, "b" * 32: {"site": "x"},
    }  # fmt: skip
    (warning,) = warnings
    assert str(warning.where) == "sets.csv:3:1"
    assert warning.message == f"no target lists version 2 of the image set {ID}"


@pytest.mark.parametrize(
    ("given", "pattern"), [("datastore: all", "*"), ('datastores: "radiology-*"', "radiology-*")]
)
def test_data_stores_by_name(tmp_path: Path, given: str, pattern: str) -> None:
    (item,) = targets(tmp_path, f"{given}, image_sets: all")
    assert (item.datastore, item.datastores) == ("", pattern)


def test_a_target_in_each_region_of_each_account(tmp_path: Path) -> None:
    more = "defaults: {regions: [us-east-1, eu-west-1]}\n"
    given = f'datastore: all, image_sets: all, role_arn: "{ROLE}", accounts: ["012345678901", "222222222222"]'
    found = targets(tmp_path, given, more)
    assert [(explanation.name, explanation.region) for explanation in found] == [
        ("t/012345678901/us-east-1", "us-east-1"),
        ("t/012345678901/eu-west-1", "eu-west-1"),
        ("t/222222222222/us-east-1", "us-east-1"),
        ("t/222222222222/eu-west-1", "eu-west-1"),
    ]
    assert found[0].role_arn == "arn:aws:iam::012345678901:role/Audit"
    assert not any(explanation.organization for explanation in found)


def test_an_organization_is_expanded_while_it_is_collected(tmp_path: Path) -> None:
    more = f'defaults: {{region: us-east-1, organization: true, role_arn: "{ROLE}"}}\n'
    (item,) = targets(tmp_path, "datastore: all, image_sets: all", more)
    assert (item.name, item.organization, item.role_arn) == ("t", True, ROLE)


def test_the_own_word_of_a_target_holds_over_defaults(tmp_path: Path) -> None:
    more = f'defaults: {{regions: [us-east-1, eu-west-1], organization: true, role_arn: "{ROLE}"}}\n'
    given = 'datastore: all, image_sets: all, region: us-west-2, accounts: ["222222222222"]'
    assert [target.name for target in targets(tmp_path, given, more)] == ["t/222222222222"]
    given = "datastore: all, image_sets: all, region: us-west-2, organization: false, role_arn: arn:aws:iam::222222222222:role/A"
    assert [(target.name, target.region) for target in targets(tmp_path, given, more)] == [("t", "us-west-2")]


def test_how_answers_are_collected(tmp_path: Path) -> None:
    more = (
        "defaults: {region: us-east-1}\ncollect: {evidence: exact, share: 40%, incremental: false, "
        "recheck_deleted: 7d, deletions_known_since: 2026-01-31}\n"
    )
    collect = load(written(tmp_path, f"datastore: {STORE}, image_sets: all", more)).collect
    assert (collect.evidence, collect.share, collect.incremental) == ("exact", 0.4, False)
    assert collect.recheck_deleted == Duration(0, 7 * 86_400_000)
    assert collect.deletions_known_since == datetime(2026, 1, 31, tzinfo=UTC)


def test_what_is_gone_for_good(tmp_path: Path) -> None:
    (item,) = targets(tmp_path, f'datastore: all, image_sets: all, retired: [{STORE}, "222222222222"]')
    assert item.retired == (STORE, "222222222222")


def test_what_is_retired_is_named_at_its_place(tmp_path: Path) -> None:
    message = refused(tmp_path, "datastore: all, image_sets: all, retired: [archive-1]")
    assert "audit.yaml:5:58: error: `archive-1` is neither the id of a data store nor that of" in message
    assert "help: a data store's id has 32 characters" in message


BAD = {
    "retired without quotes": ("datastore: all, image_sets: all, retired: [222222222222]", 'quotes: "2222'),
    "retired of one store": (f"datastore: {STORE}, image_sets: all, retired: [{ID}]", "nothing of one data"),
    "retired and audited": (
        f'datastore: all, image_sets: all, role_arn: "{ROLE}", accounts: ["111111111111"], retired: ["111111111111"]',
        "the account 111111111111 is in accounts, and retired",
    ),
    "no store": ("image_sets: all", "datastore is missing"),
    "two stores": (f"datastore: {STORE}, datastores: x, image_sets: all", "both datastore and datastores"),
    "ids of several stores": (f"datastore: all, image_sets: [{ID}]", "need the id of their data store"),
    "both regions": (
        f"datastore: {STORE}, image_sets: all, region: us-east-1, regions: [us-east-1]",
        "both region and regions",
    ),
    "region twice": (
        f"datastore: {STORE}, image_sets: all, regions: [us-east-1, us-east-1]",
        "us-east-1 stands twice in regions",
    ),
    "no region": (f"datastore: {STORE}, image_sets: all, regions: []", "regions"),
    "no role": (
        f'datastore: {STORE}, image_sets: all, accounts: ["111111111111"]',
        "accounts needs a role_arn with {account}",
    ),
    "no account": (f'datastore: {STORE}, image_sets: all, role_arn: "{ROLE}"', "no accounts to put there"),
    "a short account": (
        f'datastore: {STORE}, image_sets: all, role_arn: "{ROLE}", accounts: ["11"]',
        "`11` is not the id of an account",
    ),
    "an account without quotes": (
        f'datastore: {STORE}, image_sets: all, role_arn: "{ROLE}", accounts: [111111111111]',
        "put it in quotes",
    ),
    "complete where": (
        f"datastore: {STORE}, image_sets: {{where: {{isPrimary: true}}}}, complete: true",
        "are not all of the data store",
    ),
    "not all": (f"datastore: {STORE}, image_sets: all, complete: false", "`image_sets: all` is complete"),
    "where of a state": (
        f"datastore: {STORE}, image_sets: {{where: {{imageSetState: ACTIVE}}}}",
        "imageSetState is not known when image sets are chosen",
    ),
    "where of a parameter": (
        f"datastore: {STORE}, image_sets: {{where: {{updatedAt: {{older_than: $x}}}}}}",
        "parameter",
    ),
    "where of a tag": (f"datastore: {STORE}, image_sets: {{where: {{tags.a: b}}}}", "tags.a is not known"),
    "where of a count": (f"datastore: {STORE}, image_sets: {{where: {{count: {{gt: 1}}}}}}", "count"),
    "where and file": (f"datastore: {STORE}, image_sets: {{where: {{}}, file: x}}", "both file and where"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    given, message = BAD[name]
    assert message in refused(tmp_path, given)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("al", "did you mean all?"),
        ("All", "did you mean all?"),
        ("alle", "did you mean all?"),
        ('"*"', "write `image_sets: all`"),
        ("every", "write `image_sets: all`"),
    ],
)
def test_a_word_that_means_all_is_told_what_to_write(tmp_path: Path, word: str, hint: str) -> None:
    assert f"help: {hint}" in refused(tmp_path, f"datastore: {STORE}, image_sets: {word}")


def test_a_word_that_means_nothing_is_told_nothing_more(tmp_path: Path) -> None:
    assert "did you mean" not in refused(tmp_path, f"datastore: {STORE}, image_sets: xyz")


@pytest.mark.parametrize("share", ["0.0000001", "0.5%"])
def test_a_share_of_next_to_nothing_is_refused(tmp_path: Path, share: str) -> None:
    more = f"defaults: {{region: us-east-1}}\ncollect: {{share: {share}}}\n"
    message = refused(tmp_path, f"datastore: {STORE}, image_sets: all", more)
    assert "share takes a number from 0.01 to 1" in message
    assert "below 0.01 a run would take weeks" in message


ALL = f"datastore: {STORE}, image_sets: all"
HINTS = {
    "all in a list": (f"datastore: {STORE}, image_sets: [all]", REGION, "write `image_sets: all`"),
    "no image sets": (f"datastore: {STORE}", REGION, "write a list of ids, {file: sets.csv}, `all`, or"),
    "a store misspelt": ("datastore: al, image_sets: all", REGION, "did you mean all?"),
    "all regions": (f"{ALL}, regions: all", REGION, "name the Regions, as in [us-east-1, eu-west-2]"),
    "a share in quotes": (ALL, REGION + 'collect: {share: "0.4"}\n', "without quotes: `share: 0.4`"),
    "no": (ALL, REGION + "collect: {incremental: no}\n", "write false"),
    "no burst": (ALL, REGION + "rates: {GetImageSet: {rate: 25}}\n", "as in {rate: 25, burst: 50}"),
    "not of a target": (ALL + ", collect: {share: 0.4}", REGION, "collect stands at the top of the file"),
    "a role of defaults": (
        f"{ALL}, organization: false",
        f'defaults: {{region: us-east-1, organization: true, role_arn: "{ROLE}"}}\n',
        "the role_arn comes from defaults, and has {account} for an account",
    ),
    "an account alone": (f"{ALL}, accounts: 123456789012", REGION, 'write ["123456789012"]'),
    "an account in quotes": (f'{ALL}, accounts: "123456789012"', REGION, 'write ["123456789012"]'),
}


@pytest.mark.parametrize("name", HINTS)
def test_what_is_mistyped_is_told_how_to_write(tmp_path: Path, name: str) -> None:
    given, more, hint = HINTS[name]
    assert hint in refused(tmp_path, given, more)


@pytest.mark.parametrize("share", ["0", "1.2", "true", "x"])
def test_a_share_is_a_part_of_the_quota(tmp_path: Path, share: str) -> None:
    more = f"defaults: {{region: us-east-1}}\ncollect: {{share: {share}}}\n"
    assert "share" in refused(tmp_path, f"datastore: {STORE}, image_sets: all", more)
