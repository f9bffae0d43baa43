"""`rules validate` warns of tags that no resource of HealthImaging can have."""

from __future__ import annotations

import pytest

from checker.policy.load import load
from checker.policytest.warnings import examine


@pytest.mark.parametrize(
    ("rule", "tag"),
    [
        ("deny: {'tags[\"Cost Centre\"]': x}", 'tags["Cost Centre"]'),
        ("when: {tags.aws:x: {exists: true}}, deny: {isPrimary: false}", 'tags["aws:x"]'),
        ("scope: datastore, require: {'datastore.tags[\"ö\"]': x}", 'datastore.tags["ö"]'),
        ("scope: datastore, deny: {count: {of: {tags.a@b: x}, gt: 1}}", 'tags["a@b"]'),
        ("deny: {tags.Owner: {eq: {field: tags.a@b}}}", 'tags["a@b"]'),
    ],
)
def test_a_tag_that_no_resource_can_have_is_a_warning_at_its_condition(tmp_path, rule, tag):
    text = f"version: 1\npack: p\nrules:\n  - {{id: r, title: T, severity: low, {rule}}}\n"
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    policies = load(["p.yaml"], base=tmp_path)
    assert len(policies.rules) == 1
    (said,) = [warning for warning in examine(policies).warnings if "no resource" in warning.message]
    assert said.warning
    assert f"has the tag {tag}: " in said.message
    assert str(said.where).startswith("p.yaml:4:")


def test_tags_that_resources_can_have_are_no_matter(tmp_path):
    text = "version: 1\npack: p\nrules:\n  - {id: r, title: T, severity: low, deny: {'tags[\"a,b\"]': x, tags.Owner: y}}\n"
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    assert [
        warning
        for warning in examine(load(["p.yaml"], base=tmp_path)).warnings
        if "no resource" in warning.message
    ] == []
