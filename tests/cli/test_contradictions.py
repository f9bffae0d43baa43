"""Answers of the service that cannot all be true: asked again, then unknown in every output, and never a pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from collection.fixtures import service
from collection.service import DATASTORE, Service, answer, image_set_id, version

from checker.cli import main

__all__ = ["service"]
A, B = image_set_id(1), image_set_id(2)
CREATED = 1.679592510753e9
CODE = "ContradictoryAnswers"
RULES = {
    "number": "{id: number, title: T, severity: high, require: {versionId: {gte: 1}}}",
    "state": "{id: state, title: T, severity: high, require: {imageSetState: ACTIVE}}",
    "forced": "{id: forced, title: T, severity: high, deny: {overrides.forced: true}}",
    "there": "{id: there, title: T, severity: high, require: {found: true}}",
    "ever": "{id: ever, title: T, severity: high, scope: version, deny: {overrides.forced: true}}",
    "tier": "{id: tier, title: T, severity: high, require: {storageTier: FREQUENT_ACCESS}}",
}
OF_A_SEARCH = ("number", "tier", "there")


class Archive:
    """An audit of a service, in a folder."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder, self.service = folder, service
        service.sets = {}

    def put(
        self, name: str, got: int = 1, searched: int = 1, numbers: range = range(1, 2), **more: Any
    ) -> None:
        """An image set as GetImageSet, SearchImageSets and ListImageSetVersions tell of it."""
        of = int(name, 16)
        self.service.sets[name] = answer(of, versionId=str(got), storageTier="FREQUENT_ACCESS") | more.get(
            "said", {}
        )
        self.service.histories[name] = [version(number, of=of) for number in numbers]
        item = {
            "imageSetId": name,
            "version": searched,
            "createdAt": CREATED,
            "storageTier": "FREQUENT_ACCESS",
        }
        self.service.listed.setdefault(DATASTORE, []).append(item | more.get("listed", {}))

    def write(self, rules: tuple[str, ...], image_sets: str = "all", more: str = "") -> None:
        policy = "version: 1\npack: p\nrules:\n" + "".join(f"  - {RULES[name]}\n" for name in rules)
        (self.folder / "p.yaml").write_text(policy)
        target = f'{{name: archive, region: us-east-1, datastore: "{DATASTORE}", image_sets: {image_sets}}}'
        audit = f"version: 1\nname: a\npolicies: [p.yaml]\nruns: runs/\ntargets:\n  - {target}\n{more}"
        (self.folder / "audit.yaml").write_text(audit)

    def check(self, *options: str) -> tuple[int, dict[str, Any]]:
        code = main(["check", "-q", "--report", "json=out.json", *options])
        return code, json.loads((self.folder / "out.json").read_text())

    def asked(self, action: str, name: str = A) -> int:
        return sum(f"/imageSet/{name}/{action}" in path for path in self.service.paths())


@pytest.fixture
def archive(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.chdir(tmp_path)
    return Archive(tmp_path, service)


def verdicts(document: dict[str, Any], name: str = A) -> dict[str, str]:
    return {
        finding["rule"]: f"{finding['verdict']} {(finding['reason'] or '').partition(':')[0]}".rstrip()
        for finding in document["findings"]
        if finding["imageSetId"] == name
    }


AHEAD = {"searched": 3, "got": 2, "numbers": range(1, 3)}
SHORT = {"searched": 3, "got": 3, "numbers": range(1, 3)}
ALL = ("number", "state", "forced", "there", "ever")


@pytest.mark.parametrize("image_sets", ["all", "{where: {isPrimary: {exists: false}}}"])
@pytest.mark.parametrize("what", [AHEAD, SHORT])
def test_an_image_set_of_which_two_answers_cannot_be_true_is_unknown(
    archive: Archive, image_sets: str, what: dict[str, Any]
) -> None:
    archive.put(A, **what)
    archive.put(B)
    archive.write(ALL, image_sets)
    code, document = archive.check()
    assert code == 3
    assert verdicts(document) == dict.fromkeys(ALL, f"unknown {CODE}")
    assert verdicts(document, B) == {}
    (reason,) = {finding["reason"] for finding in document["findings"] if finding["imageSetId"] == A}
    assert "version 3" in reason
    assert "version 2" in reason
    assert document["summary"]["unreadable"] == 1
    assert main(["verify", "runs/"]) == 0


@pytest.mark.parametrize("rules", [("forced", "ever"), ALL])
def test_a_listed_image_set_too(archive: Archive, rules: tuple[str, ...]) -> None:
    archive.put(A, **SHORT)
    archive.put(B)
    archive.write(rules, f'["{A}", "{B}"]')
    code, document = archive.check()
    assert (code, verdicts(document)) == (3, dict.fromkeys(rules, f"unknown {CODE}"))
    assert verdicts(document, B) == {}


def test_a_pinned_version_that_the_list_lacks(archive: Archive) -> None:
    archive.put(A, got=3, numbers=range(1, 4))
    archive.service.histories[A].pop(1)
    archive.write(("state", "ever"), f'[{{id: "{A}", version: "2"}}, "{A}"]')
    archive.service.versions = range(1, 4)
    code, document = archive.check()
    assert code == 3
    assert set(verdicts(document).values()) == {f"unknown {CODE}"}


def test_a_flag_that_only_one_of_two_calls_has(archive: Archive) -> None:
    archive.put(A)
    archive.service.histories[A] = [version(1, of=1, overrides={"forced": True})]
    archive.write(("forced", "ever"), f'["{A}"]')
    code, document = archive.check()
    assert (code, verdicts(document)) == (3, dict.fromkeys(("forced", "ever"), f"unknown {CODE}"))
    assert "overrides.forced true" in document["findings"][0]["reason"]


@pytest.mark.parametrize("second", [{"version": 2}, {"createdAt": CREATED + 5}])
def test_two_pages_of_a_search_alone(archive: Archive, second: dict[str, Any]) -> None:
    archive.put(A, searched=3)
    archive.put(A, searched=3, listed=second)
    archive.put(B, listed={"createdAt": CREATED + 9})
    archive.service.page = 1
    archive.write(OF_A_SEARCH)
    code, document = archive.check()
    assert not archive.asked("getImageSet")
    assert (code, verdicts(document)) == (3, dict.fromkeys(OF_A_SEARCH, f"unknown {CODE}"))
    assert (verdicts(document, B), document["summary"]["image_sets"]) == ({}, 2)
    assert main(["verify", "runs/"]) == 0


def test_it_is_asked_about_twice_more_and_each_call_is_counted(archive: Archive) -> None:
    archive.put(A, **AHEAD)
    archive.put(B)
    archive.write(("state", "ever"))
    _, document = archive.check()
    assert archive.asked("listImageSetVersions") == 3
    assert document["run"]["calls"]["ListImageSetVersions"] == 4


def test_what_agrees_when_it_is_asked_for_again_is_judged(archive: Archive) -> None:
    archive.put(A, **AHEAD)
    moved = archive.service.sets[A] | {"versionId": "3"}

    def settle(name: str, attempt: int) -> None:
        if attempt == 2:
            archive.service.sets[A] = moved

    archive.service.fault = settle
    archive.write(("tier", "forced"), "all", "collect: {evidence: exact}\n")
    code, document = archive.check()
    assert (code, document["findings"]) == (0, [])
    assert archive.asked("getImageSet") == 2
    assert main(["verify", "runs/"]) == 0


def test_each_output_names_both_answers(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    archive.put(A, **AHEAD)
    archive.write(("state",), "all", "collect: {evidence: exact}\n")
    reports = ("junit=out.xml", "html=out.html", "text=out.txt")
    archive.check(*(part for report in reports for part in ("--report", report)))
    (archive.folder / "said.txt").write_text("")
    assert main(["explain", "state", A, "--evidence", "latest"]) == 0
    told = capsys.readouterr().out
    for text in (
        told,
        *((archive.folder / item).read_text() for item in ("out.xml", "out.html", "out.txt", "out.json")),
    ):
        plain = " ".join(text.split())
        assert CODE in plain
        assert "says version 3" in plain
        assert "says version 2" in plain


def test_a_replay_says_the_same_and_the_next_run_asks_anew(archive: Archive) -> None:
    archive.put(A, **AHEAD)
    archive.put(B)
    archive.write(("forced",))
    _, document = archive.check()
    code, again = archive.check("--evidence", "latest")
    assert code == 3
    assert verdicts(again) == verdicts(document)
    archive.service.listed[DATASTORE][0]["version"] = 2
    code, document = archive.check()
    assert (code, document["findings"]) == (0, [])


def test_labels_are_known_of_it_all_the_same(archive: Archive) -> None:
    archive.put(A, **AHEAD)
    archive.write(("state",), "all", "collect: {evidence: exact}\n")
    (archive.folder / "p.yaml").write_text(
        "version: 1\npack: p\nlabels: {held: {type: boolean}}\nrules:\n"
        "  - {id: held, title: T, severity: high, require: {labels.held: true}}\n"
        "  - {id: other, title: T, severity: high, when: {labels.held: false}, require: {imageSetState: DELETED}}\n"
        "  - {id: state, title: T, severity: high, require: {imageSetState: ACTIVE}}\n"
    )
    audit = (self := archive.folder / "audit.yaml").read_text()
    self.write_text(audit.replace("image_sets: all", "image_sets: all, labels: {held: true}"))
    code, document = archive.check()
    assert (code, verdicts(document)) == (3, {"state": f"unknown {CODE}"})


def test_recorded_answers(archive: Archive) -> None:
    archive.put(A, **SHORT)
    archive.write(ALL, f'["{A}"]')
    got = archive.folder / "got.json"
    got.write_text(json.dumps(archive.service.sets[A]))
    (archive.folder / "listed.json").write_text(
        json.dumps({"imageSetPropertiesList": archive.service.histories[A]})
    )
    options = ("--report", "json=out.json", "--image-sets", "got.json", "--image-sets", "listed.json")
    assert main(["check", "-q", "-p", "p.yaml", *options]) == 3
    document = json.loads((archive.folder / "out.json").read_text())
    assert verdicts(document) == dict.fromkeys(ALL, f"unknown {CODE}")


def flips(archive: Archive, after: int, change: Any) -> None:
    """From the given attempt on the service says something else of the image set."""

    def fault(name: str, attempt: int) -> None:
        if name == A and attempt >= after:
            change()

    archive.service.fault = fault


def test_a_flag_that_a_later_answer_takes_back_is_not_forgotten(archive: Archive) -> None:
    archive.put(A)
    archive.put(B)
    archive.service.histories[A] = [version(1, of=1, overrides={"forced": True})]
    flips(archive, 2, lambda: archive.service.histories.update({A: [version(1, of=1)]}))
    archive.write(("forced", "ever"), f'["{A}", "{B}"]')
    code, document = archive.check()
    assert (code, verdicts(document)) == (3, dict.fromkeys(("forced", "ever"), f"unknown {CODE}"))
    assert any('"forced":true' in path.read_text() for path in archive.folder.glob("runs/*/records.jsonl"))
    assert main(["verify", "runs/"]) == 0


def test_a_time_of_creation_that_a_later_answer_takes_back_is_not_forgotten(archive: Archive) -> None:
    archive.put(A, said={"createdAt": CREATED + 99_999})
    archive.service.histories[A] = [version(1, of=1, createdAt=CREATED + 50)]
    flips(archive, 2, lambda: archive.service.sets[A].update(createdAt=CREATED + 50))
    archive.write(("state", "ever"), f'["{A}"]')
    code, document = archive.check()
    assert (code, verdicts(document)) == (3, dict.fromkeys(("state", "ever"), f"unknown {CODE}"))


def test_what_one_call_calls_deleted_and_the_other_does_not_is_asked_about_again(archive: Archive) -> None:
    archive.put(A, got=2)
    gone = {"imageSetState": "DELETED", "deletedAt": CREATED + 9}
    archive.service.histories[A] = [version(1, of=1), version(2, of=1, **gone)]
    archive.write(("state", "ever"), f'["{A}"]')
    code, document = archive.check()
    assert (code, verdicts(document)) == (3, dict.fromkeys(("state", "ever"), f"unknown {CODE}"))
    assert archive.asked("getImageSet") > 1
