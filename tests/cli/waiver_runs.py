"""A kept run with fails and unknowns, for the commands on waivers."""

from __future__ import annotations

import json

from checker.cli import main
from tests.copies import copied

STORE = "12345678901234567890123456789012"
HEALTHY, FORCED, TOO, UNREAD = (f"{number}8f88ac7870584f58d56256646b4d92b" for number in range(1, 5))
POLICY = """\
version: 1
pack: p
rules:
  - {id: forced, title: Not forced, severity: high, deny: {overrides.forced: true}}
  - {id: primary, title: Primary, severity: low, require: {isPrimary: true}}
  - {id: few, title: Few, severity: medium, scope: datastore, deny: {count: {gt: 1}}}
  - {id: ever, title: Never forced, severity: low, scope: version, deny: {overrides.forced: true}}
"""
AUDIT = f"""\
version: 1
policies: [p.yaml]
targets: [{{name: recorded, region: us-east-1, datastore: "{STORE}", image_sets: ["{HEALTHY}"]}}]
waivers: waivers.yaml
runs: runs/
"""


def answer(image_set_id, version="3", **members):
    return {
        "datastoreId": STORE, "imageSetId": image_set_id, "versionId": version, "imageSetState": "ACTIVE",
        "createdAt": "2026-01-01T00:00:00Z", "isPrimary": True, **members,
    }  # fmt: skip


SETS = [
    answer(HEALTHY),
    answer(FORCED, overrides={"forced": True}),
    answer(TOO, "2", overrides={"forced": True}),
    {
        "datastoreId": STORE,
        "imageSetId": UNREAD,
        "error": {"code": "ThrottlingException", "message": "slower"},
    },
]


VERSIONS = [
    {
        "imageSetPropertiesList": [
            {"imageSetId": FORCED, "versionId": str(number), "imageSetState": "ACTIVE", "ImageSetWorkflowStatus": "UPDATED",
             "overrides": {"forced": number > 1}}
            for number in (3, 2, 1)
        ]
    }
]  # fmt: skip


def keep_run(folder, sets=SETS) -> str:
    """A run in runs/; its path."""
    (folder / "p.yaml").write_text(POLICY)
    (folder / "sets.json").write_text(json.dumps(sets))
    before = set((folder / "runs").glob("*"))
    given = ["-p", "p.yaml", "--image-sets", "sets.json", "--complete", "--as-of", "2026-01-02"]
    assert main(["check", *given, "--runs", "runs", "-q"]) in (0, 1, 3)
    (made,) = set((folder / "runs").glob("*")) - before
    return f"runs/{made.name}"


kept_run = copied(keep_run)
"""What copies one run, made once, into a folder; the run's path."""
