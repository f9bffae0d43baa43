"""`init`: a commented audit.yaml and a first policy."""

from __future__ import annotations

from pathlib import Path

from checker import api, temporary_files
from checker.cli.console import print_line
from checker.problems import InvalidInputError, Problem

AUDIT = """\
# What to audit, and what gates it. Paths are relative to this file.
version: 1
name: my-archive

policies:
  - policies/                          # your own
  # - pack:healthimaging-integrity    # a shipped one; `imageset-checker rules list pack:` shows them all

targets:
  - name: archive                      # shown in reports in place of the id
    region: us-east-1
    datastore: "00000000000000000000000000000000"    # aws medical-imaging list-datastores; or all
    # role_arn: arn:aws:iam::123456789012:role/Audit
    image_sets:                        # ids, or {file: sets.csv} with an imageSetId column
      - "00000000000000000000000000000000"
    # image_sets: all                  # in their place: every one that a search of the data store finds

gate:
  fail_on: high                        # info | low | medium | high | critical | never
  on_unknown: incomplete               # incomplete | violation | ignore

reports:
  html: out/report.html
  junit: out/junit.xml
  json: out/results.json
  # junit_for: jenkins                 # who reads it: jenkins | gitlab | github | azure | strict

# collect: {share: 0.4}                # leaves the rest of each quota to viewers
# runs: runs/                          # keeps the evidence of every run; the next one says what changed
# waivers: waivers.yaml                # findings that somebody answers for, until a day: `imageset-checker waive`
"""

POLICY = """\
# yaml-language-server: $schema=policy.schema.json
# Editors complete and check this file by the line above; `imageset-checker rules schema` makes the schema again.
version: 1
pack: first
title: A first policy
params:
  review_window: {type: duration, default: 30d, description: Deletions younger than this are reviewed.}
rules:
  - id: no-forced-overrides
    title: No image set was written with force
    severity: high
    why: A forced copy or update skips the check that patient, study and series match.
    fix: Compare both image sets, then revert to the last unforced version.
    deny: {overrides.forced: true}
    message: "version {{ versionId }} was written with force"
    tests:                             # run them with `imageset-checker rules test policies/`
      - {name: forced is denied, given: {overrides: {forced: true}}, expect: fail}
      - {name: an ordinary version passes, given: {}, expect: pass}
      - {name: a set that is not there proves nothing, given: {found: false}, expect: unknown}

  - id: no-recent-deletions
    title: No image set was deleted within the review window
    severity: medium
    why: A recent deletion can still be noticed by those who miss the study.
    fix: Confirm each deletion with the archive's owner.
    deny:
      imageSetState: DELETED
      deletedAt: {younger_than: $review_window}
    tests:                             # tests run as of 2026-01-01
      - {name: young, given: {imageSetState: DELETED, deletedAt: 2025-12-20}, expect: fail}
      - {name: old, given: {imageSetState: DELETED, deletedAt: 2025-11-20}, expect: pass}
      - {name: undated, given: {imageSetState: DELETED}, expect: unknown}
"""

FILES = {"audit.yaml": AUDIT, "policies/first.yaml": POLICY}
SCHEMA = "policies/policy.schema.json"


def run(folder: str) -> int:
    """Writes the files; 2 where one of them is there already, and then none is written."""
    root = Path(folder)
    files = FILES | {SCHEMA: api.schema_text("policy") + "\n"}
    there = [path for path in files if (root / path).exists()]
    if there:
        raise InvalidInputError(
            Problem(
                (root / path).as_posix(),
                "is there already, and nothing is overwritten",
                "choose another folder",
            )
            for path in there
        )
    with temporary_files.defer_signals():  # a part of them would be in the way of the next time
        for path, text in files.items():
            api.write_text(root / path, text)
    for path in files:
        print_line(f"wrote {(root / path).as_posix()}")
    print_line("next: fill in the data store and the image sets, then run `imageset-checker check`")
    return 0
