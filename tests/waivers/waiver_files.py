"""Files of waivers, sound and wrong, and the policies that they are read by."""

from __future__ import annotations

from checker import api
from checker.policy.load import Policies

ONE = "18f88ac7870584f58d56256646b4d92b"
TWO = "28f88ac7870584f58d56256646b4d92b"
POLICY = """\
version: 1
pack: p
labels:
  class: {type: string, one_of: [adult, child]}
  legal_hold: {type: boolean}
  study_date: {type: date}
  copies: {type: integer}
rules:
  - {id: forced, title: Not forced, severity: high, deny: {overrides.forced: true}}
  - {id: primary, title: Primary, severity: low, require: {isPrimary: true}}
  - {id: few, title: Few, severity: low, scope: datastore, deny: {count: {gt: 1}}}
"""
REST = "    reason: Ticket 4711\n    owner: imaging\n    approved_by: quality\n    created: 2026-01-01\n    expires: 2026-03-31\n"


def policies(folder) -> Policies:
    path = folder / "p.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return api.load([str(path)])


def one(selector: str, rule: str = "p/forced", rest: str = REST) -> str:
    """An entry of the list."""
    return f"  - rule: {rule}\n    {selector}\n{rest}"


def file(*entries: str) -> str:
    return f"version: 1\nwaivers:\n{''.join(entries)}"


SOUND = {
    "image sets": file(one(f"image_sets: [{ONE}, {TWO}]")),
    "one image set": file(one(f"image_sets: {ONE}")),
    "a target": file(one("target: archive")),
    "labels": file(one("labels: {class: adult, legal_hold: true, study_date: 2020-01-01, copies: 3}")),
    "a version": file(one(f"image_sets: [{ONE}]\n    version: 3")),
    "a version in quotes": file(one(f'image_sets: [{ONE}]\n    version: "3"')),
    "a version of a target": file(one("target: archive\n    version: 3")),
    "unknowns": file(one("target: archive\n    covers: unknown")),
    "dates in quotes": file(one("target: archive", rest=REST.replace("2026-03-31", '"2026-03-31"'))),
    "one day": file(one("target: archive", rest=REST.replace("2026-03-31", "2026-01-01"))),
    "none": "version: 1\nwaivers: []\n",
    "none yet": "version: 1\nwaivers:\n",
}  # fmt: skip

WRONG = {
    "empty": "",
    "a-list": "- rule: p/forced\n",
    "no-list": "version: 1\nwaivers: {rule: p/forced}\n",
    "keys-of-the-file": "versoin: 1\nwaiver: []\n",
    "version-2": "version: 2\nwaivers: []\n",
    "version-as-text": 'version: "1"\nwaivers: []\n',
    "not-a-mapping": "version: 1\nwaivers: [p/forced]\n",
    "missing-keys": "version: 1\nwaivers:\n  - {rule: p/forced}\n",
    "mistyped-keys": file(one(f"image_set: [{ONE}]", rest=REST.replace("owner", "onwer").replace("expires", "until"))),
    "unknown-rule": file(one("target: archive", "p/forcd"), one("target: archive", "p/few-of-them")),
    "rule-without-pack": file(one("target: archive", "forced"), one("target: archive", "frced"), one("target: archive", "3")),
    "no-selector": file(one("covers: fail")),
    "two-selectors": file(one(f"image_sets: [{ONE}]\n    target: archive\n    labels: {{class: adult}}")),
    "image-sets": file(one(f"image_sets: [{ONE[:-1]}, {ONE.upper()}, 42, [x], {TWO}, {TWO}]"), one("image_sets: []")),
    "unquoted-number": file(one("image_sets: 1234567890123456789")),
    "target": file(one("target: archiv"), one("target: 3")),
    "labels": file(one("labels: {clas: adult, class: adlt, legal_hold: 1, study_date: 2020, copies: x}")),
    "labels-of-another-kind": file(one("labels: [adult]"), one("labels: {}", "p/primary")),
    "scope-datastore": file(one(f"image_sets: [{ONE}]\n    version: 1", "p/few"), one("labels: {class: adult}", "p/few")),
    "version-of-an-image-set": file(*(one(f"image_sets: [{ONE}]\n    version: {text}") for text in ("0", "1.5", "v3", "[1]", "-1"))),
    "covers": file(one("target: archive\n    covers: fails"), one("target: archive\n    covers: pass")),
    "owner-approves": file(one("target: archive", rest=REST.replace("quality", '" IMAGING "'))),
    "empty-texts": file(one("target: archive", rest=REST.replace("Ticket 4711", '""').replace("imaging", "").replace("quality", "[a]"))),
    "dates": file(one("target: archive", rest=REST.replace("2026-01-01", "2026-02-30").replace("2026-03-31", "31.03.2026"))),
    "instants": file(one("target: archive", rest=REST.replace("2026-03-31", "2026-03-31T00:00:00Z"))),
    "expires-first": file(one("target: archive", rest=REST.replace("2026-03-31", "2025-12-31"))),
    "too-long": file(one("target: archive", rest=REST.replace("2026-03-31", "2026-04-02")), one("target: archive", "p/primary", REST.replace("2026-03-31", "2027-01-02"))),
    "every-problem": file(one("target: nowhere\n    covers: all", "p/frced", REST.replace("2026-03-31", "never")), one("image_sets: [x]", rest=REST.replace("quality", "imaging"))),
}  # fmt: skip

UNSEEN = {
    "unknown-rule",
    "target",
    "labels",
    "scope-datastore",
    "owner-approves",
    "expires-first",
    "too-long",
}
"""What no schema can see: names that policies and audit.yaml declare, and values against each other."""
