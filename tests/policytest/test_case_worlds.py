"""Each test inside a rule has a world of its own: what two of them say of one image set is no contradiction."""

import yaml

from checker.cli import main

ONE = "1" * 32


def test_two_tests_may_say_different_things_of_one_image_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [
        {"imageSetId": ONE, "versionId": number, "collectedAt": f"2025-12-0{9 - number}"} for number in (1, 2)
    ]
    cases = [
        {
            "name": f"version {item['versionId']}",
            "given": item,
            "expect": "fail" if item["versionId"] == 2 else "pass",
        }
        for item in given
    ]
    rule = {"id": "r", "title": "R", "severity": "low", "deny": {"versionId": {"gt": 1}}, "tests": cases}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"version": 1, "pack": "p", "rules": [rule]}))
    assert main(["rules", "test", "p.yaml"]) == 0
