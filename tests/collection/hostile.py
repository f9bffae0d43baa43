"""Answers of a hostile service, whose truth is known: by one policy everything fails, so that a pass is of something that was
not seen; by its opposite everything passes, so that what is unknown by the one is unknown by the other.

What befalls the calls of one image set leaves the others alone, so that an audit has a fault for each of many; what befalls a
whole data store has an audit of its own."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from checker.cli import main
from collection.service import DATASTORE, OTHER, Reply, Service, answer, image_set_id, version

ACCOUNT = "111122223333"
SETS = tuple(image_set_id(number) for number in range(101, 131))
STORE_ARN = f"arn:aws:medical-imaging:us-east-1:{ACCOUNT}:datastore/{DATASTORE}"
POLICY = """\
version: 1
pack: hostile
rules:
  - {id: forced, title: T, severity: high, deny: {overrides.forced: true}}
  - {id: state, title: T, severity: high, require: {imageSetState: DELETED}}
  - {id: states, title: T, severity: medium, deny: {imageSetState: {in: [ACTIVE, LOCKED]}}}
  - {id: status, title: T, severity: low, require: {imageSetWorkflowStatus: {not_in: [UPDATED, CREATED]}}}
  - {id: old, title: T, severity: high, deny: {createdAt: {older_than: 30d}}}
  - {id: before, title: T, severity: high, require: {updatedAt: {before: 2023-01-01}}}
  - {id: number, title: T, severity: high, deny: {versionId: {lte: 5}}}
  - {id: arn, title: T, severity: high, deny: {imageSetArn: {matches: "^arn:aws:.*"}}}
  - {id: account, title: T, severity: high, require: {account: "999999999999"}}
  - {id: primary, title: T, severity: high, deny: {isPrimary: true}}
  - {id: message, title: T, severity: high, deny: {message: {contains: rror}}}
  - {id: tier, title: T, severity: high, deny: {storageTier: FREQUENT_ACCESS}}
  - {id: accessed, title: T, severity: high, deny: {lastAccessedAt: {older_than: 30d}}}
  - {id: tag, title: T, severity: high, deny: {tags.Owner: {exists: true}}}
  - {id: other-tag, title: T, severity: high, require: {tags.Owner: {ne: nobody}}}
  - {id: version, title: T, severity: high, scope: version, deny: {imageSetWorkflowStatus: UPDATED}}
  - {id: versions, title: T, severity: high, scope: version, deny: {createdAt: {older_than: 30d}}}
  - {id: store, title: T, severity: high, scope: datastore, deny: {datastore.datastoreStatus: ACTIVE}}
  - {id: key, title: T, severity: high, scope: datastore, require: {datastore.kmsKeyArn: {exists: false}}}
  - {id: store-tag, title: T, severity: high, scope: datastore, deny: {datastore.tags.Owner: nobody}}
  - {id: count, title: T, severity: high, scope: datastore, deny: {count: {of: {imageSetState: ACTIVE}, gte: 1}}}
  - {id: share, title: T, severity: high, scope: datastore, require: {ratio: {of: {imageSetState: DELETED}, gt: 1%}}}
"""
LEFT_OUT = {"overrides": "forced", "message": "message", "kmsKeyArn": "key", "tags": "tag"}
"""Members that an answer may leave out, and the rules for which that means that there is none: nobody can know better."""
TARGETS = {
    "listed": f'datastore: "{DATASTORE}", image_sets: {{file: sets.csv}}, complete: true',
    "searched": f'datastore: "{DATASTORE}", image_sets: all',
    "every": "datastore: all, image_sets: all",
}
RATES = "rates: {GetImageSet: {rate: 5000, burst: 5000}, ListImageSetVersions: {rate: 5000, burst: 5000}, ListTagsForResource: {rate: 5000, burst: 5000}}\n"


def arn(name: str, store: str = DATASTORE, account: str = ACCOUNT) -> str:
    return f"arn:aws:medical-imaging:us-east-1:{account}:datastore/{store}/imageset/{name}"


def truth(service: Service) -> None:
    """What is there, as every rule forbids it."""
    service.sets.clear()
    for number, name in enumerate(SETS, 101):
        seen = {"createdAt": 1.679592510753e9, "updatedAt": 1680027253.471, "lastAccessedAt": 1680027253.5}
        tier = {"storageTier": "FREQUENT_ACCESS"}
        service.sets[name] = answer(
            number, imageSetArn=arn(name), overrides={"forced": True}, message="an error", **seen, **tier
        )
        service.histories[name] = [
            version(
                1,
                of=number,
                overrides={"forced": True},
                message="an error",
                updatedAt=1680027253.471,
                isPrimary=True,
            )
        ]
        service.tags[arn(name)] = {"Owner": "nobody"}
        found = {
            "imageSetId": name,
            "version": 1,
            "isPrimary": True,
            "DICOMTags": {"DICOMPatientName": "Secret^Name"},
        }
        service.listed.setdefault(DATASTORE, []).append(found | seen | tier)
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    service.store_more = {"kmsKeyArn": key, "datastoreArn": STORE_ARN}
    service.tags[STORE_ARN] = {"Owner": "nobody"}


OF_ONE = ("GetImageSet", "ListImageSetVersions", "ListTagsForResource")
"""Calls that are of one image set."""
OF_ALL = (
    "SearchImageSets",
    "GetDatastore",
    "ListDatastores",
    "GetImageSet",
    "ListImageSetVersions",
    "ListTagsForResource",
)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the answers of an action, with the first one alone or with all; `member` is what is touched."""

    action: str
    name: str
    make: Callable[[Reply], Reply]
    member: str = ""
    once: bool = False

    def excuses(self, rule: str) -> bool:
        """Whether a pass of a rule is what the answer says, and nobody can know better."""
        absent = any(name in self.member and rule.endswith(of) for name, of in LEFT_OUT.items())
        return (
            absent
            or (rule == "account" and "another account" in self.name)
            or self.name in _INSTANTS.get(rule, ())
        )

    def __str__(self) -> str:
        return f"{self.action} {self.name}{' once' * self.once}"


_INSTANTS = {"before": tuple(f"value updatedAt: {item}" for item in ("zero", "a fraction", "true"))}
"""Values of an instant by which a rule would pass, and which are instants."""
CODES = (
    "AccessDeniedException", "ThrottlingException", "ResourceNotFoundException", "ValidationException",
    "ConflictException", "InternalServerException", "ServiceUnavailable", "ExpiredTokenException",
    "UnrecognizedClientException", "InvalidSignatureException", "ServiceQuotaExceededException", "NoSuchThing", "", "0", "404",
    "com.amazonaws.medicalimaging#ThrottlingException", "ResourceNotFoundException:http://internal/",
)  # fmt: skip
STATUSES = (200, 202, 301, 400, 401, 403, 404, 405, 408, 409, 410, 413, 418, 429, 500, 501, 502, 503, 504)
BODIES: dict[str, Callable[[str, bytes], bytes]] = {
    "message": lambda code, good: json.dumps({"message": "rehearsed"}).encode(),
    "type": lambda code, good: json.dumps({"__type": code, "message": "rehearsed"}).encode(),
    "code": lambda code, good: json.dumps({"code": code, "Message": "rehearsed"}).encode(),
    "number": lambda code, good: json.dumps({"__type": 7, "message": ["a"]}).encode(),
    "html": lambda code, good: b"<html><body>Sign in</body></html>",
    "xml": lambda code, good: f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode(),
    "empty": lambda code, good: b"",
    "null": lambda code, good: b"null",
    "list": lambda code, good: b"[]",
    "object": lambda code, good: b"{}",
    "cut": lambda code, good: good[: len(good) // 2],
    "bytes": lambda code, good: b"\xff\xfe\x00",
    "good": lambda code, good: good,
}
VALUES: dict[str, Callable[[Any, str], Any]] = {
    "null": lambda value, name: None,
    "empty": lambda value, name: "",
    "zero": lambda value, name: 0,
    "minus one": lambda value, name: -1,
    "true": lambda value, name: True,
    "list": lambda value, name: [],
    "object": lambda value, name: {},
    "in a list": lambda value, name: [value],
    "in an object": lambda value, name: {"value": value},
    "as text": lambda value, name: str(value),
    "space before": lambda value, name: f" {value}",
    "space after": lambda value, name: f"{value} ",
    "small": lambda value, name: str(value).lower(),
    "large": lambda value, name: str(value).upper(),
    "new": lambda value, name: "SOMETHING_NEW",
    "huge": lambda value, name: 10**30,
    "huge text": lambda value, name: "9" * 30,
    "zeros before": lambda value, name: f"0{value}",
    "a fraction": lambda value, name: 1.5,
    "NaN": lambda value, name: float("nan"),
    "infinity": lambda value, name: float("inf"),
    "milliseconds": lambda value, name: 1679592510753,
    "year 10000": lambda value, name: 253402300800,
    "before 1970": lambda value, name: -86400,
    "no instant": lambda value, name: "NaN",
    "long": lambda value, name: "x" * 100_000,
    "line break": lambda value, name: f"{value}\n",
    "another id": lambda value, name: OTHER,
    "another's ARN": lambda value, name: arn(OTHER),
    "ARN of another store": lambda value, name: arn(str(value)[-32:], OTHER),
    "ARN of another account": lambda value, name: arn(str(value)[-32:], account="999999999999"),
    "no ARN": lambda value, name: "arn:aws:s3:::bucket",
}  # fmt: skip
KEYS: dict[str, Callable[[str], str]] = {
    "capital": lambda key: key[0].swapcase() + key[1:],
    "large": str.upper,
    "snake": lambda key: "".join(f"_{item.lower()}" if item.isupper() else item for item in key),
    "space": lambda key: key + " ",
    "gone": lambda key: "",
}


def fault(dice: random.Random, actions: Sequence[str], good: Mapping[str, Any], *, alone: bool) -> Fault:
    """A fault of one of these actions; `alone`, of all kinds, else of those that leave the calls of other image sets alone."""
    while True:
        action, once = dice.choice(actions), dice.random() < 0.2
        kind = dice.choice(("error", "value", "value", "value", "key", "key", "list"))
        path = dice.choice(list(_paths(good[action])))
        member = ".".join(str(item) for item in path if not isinstance(item, int))
        if kind == "error":
            status, code, where = dice.choice(STATUSES), dice.choice(CODES), dice.choice(list(BODIES))
            header, media = dice.choice((code, "")), dice.choice(("application/json", "text/html", ""))
            if (status == 200 and where == "good") or (
                not alone and (status in _OF_OTHERS or code in _OF_OTHERS)
            ):
                continue
            name = f"{status} {where} {code!r} in the header {header!r} {media}"
            return Fault(action, name, _error(status, where, code, header, media), once=once)
        if kind == "value":
            name = dice.choice(list(VALUES))
            return Fault(action, f"value {member}: {name}", _changed(path, VALUES[name]), member, once)
        if kind == "key" and isinstance(path[-1], str):
            name = dice.choice(list(KEYS))
            return Fault(action, f"key {member}: {name}", _renamed(path, KEYS[name]), member, once)
        if kind == "list":
            name, make = dice.choice(list(LISTS.items()))
            return Fault(action, f"list {name}", make, "", once)


_OF_OTHERS = {301, 401, 403, 429, 500, 502, 503, 504, "ExpiredTokenException", "UnrecognizedClientException",
    "InvalidSignatureException", "ThrottlingException", "com.amazonaws.medicalimaging#ThrottlingException"}  # fmt: skip
"""What is said of credentials, or of the service, and so has whole targets given up; or what is asked again slowly."""


def _error(status: int, where: str, code: str, header: str, media: str) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(status, BODIES[where](code, reply.body), media, header)


def good_answers(service: Service) -> dict[str, Any]:
    return {
        "GetImageSet": service.sets[SETS[0]],
        "ListImageSetVersions": {"imageSetPropertiesList": service.histories[SETS[0]]},
        "SearchImageSets": {"imageSetsMetadataSummaries": service.listed[DATASTORE]},
        "GetDatastore": {
            "datastoreProperties": {
                "datastoreId": 1,
                "datastoreName": 1,
                "datastoreStatus": 1,
                **service.store_more,
            }
        },
        "ListDatastores": {
            "datastoreSummaries": [{"datastoreId": 1, "datastoreName": 1, "datastoreStatus": 1}]
        },
        "ListTagsForResource": {"tags": {"Owner": "nobody"}},
    }


def _paths(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in pairs:
        yield (*above, key)
        yield from _paths(value, (*above, key))


def _inside(change: Callable[[Any], None]) -> Callable[[Reply], Reply]:
    def made(reply: Reply) -> Reply:
        document = copy.deepcopy(json.loads(reply.body))
        try:
            change(document)
        except (KeyError, IndexError, TypeError):
            return reply
        return Reply(reply.status, json.dumps(document).encode(), reply.kind, reply.code)

    return made


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for item in path:
        document = document[item]
    return document


def _changed(path: tuple[Any, ...], value: Callable[[Any, str], Any]) -> Callable[[Reply], Reply]:
    def change(document: Any) -> None:
        parent = _at(document, path[:-1])
        parent[path[-1]] = value(parent[path[-1]], str(path[-1]))

    return _inside(change)


def _renamed(path: tuple[Any, ...], key: Callable[[str], str]) -> Callable[[Reply], Reply]:
    def change(document: Any) -> None:
        parent = _at(document, path[:-1])
        value, name = parent.pop(path[-1]), key(path[-1])
        if name:
            parent[name] = value

    return _inside(change)


def _items(document: Any) -> list[Any]:
    (found,) = (value for value in document.values() if isinstance(value, list))
    return found


LISTS: dict[str, Callable[[Reply], Reply]] = {
    "item twice": _inside(lambda document: _items(document).append(_items(document)[0])),
    "null item": _inside(lambda document: _items(document).append(None)),
    "text item": _inside(lambda document: _items(document).insert(0, "x")),
    "empty item": _inside(lambda document: _items(document).append({})),
    "token as object": _inside(lambda document: document.update(nextToken={"a": 1})),
    "token empty": _inside(lambda document: document.update(nextToken="")),
    "token as list": _inside(lambda document: document.update(nextToken=[])),
    "members beside": _inside(lambda document: document.update(error="AccessDenied", __type="AccessDeniedException")),
    "twice in the text": lambda reply: Reply(reply.status, reply.body[:-1] + b"," + reply.body[1:].replace(b"true", b"false").replace(b"ACTIVE", b"DELETED"), reply.kind),
    "text after": lambda reply: Reply(reply.status, reply.body + b"{}", reply.kind),
    "in a list": lambda reply: Reply(reply.status, b"[" + reply.body + b"]", reply.kind),
    "as text": lambda reply: Reply(reply.status, json.dumps(reply.body.decode()).encode(), reply.kind),
    "mark before": lambda reply: Reply(reply.status, b"\xef\xbb\xbf" + reply.body, reply.kind),
    "in UTF-16": lambda reply: Reply(reply.status, reply.body.decode().encode("utf-16"), reply.kind),
    "no object": lambda reply: Reply(reply.status, b"{}", reply.kind),
    "status 201": lambda reply: Reply(201, reply.body, reply.kind),
    "status 203": lambda reply: Reply(203, reply.body, reply.kind),
    "status 206": lambda reply: Reply(206, reply.body, reply.kind),
}  # fmt: skip


def spoil(service: Service, faults: Mapping[str, Fault]) -> None:
    """Lets a fault befall the answers that are of an image set; that of "" befalls all answers of its action."""
    count: Counter[str] = Counter()

    def made(action: str, path: str, reply: Reply) -> Reply:
        name = next((item for item in SETS if item in unquote(path)), "")
        fault = faults.get(name) or faults.get("")
        if fault is None or action != fault.action or not reply.body:
            return reply
        count[name] += 1
        return reply if fault.once and count[name] > 1 else fault.make(reply)

    service.spoil = made


Pair = tuple[str, str]
"""A rule and the image set that it judged, or none."""


@dataclass(frozen=True)
class Verdicts:
    """What an audit said: its exit code, what passed and what is unknown, how many image sets were seen, how much was not, and
    where it contradicts itself."""

    code: int
    passed: frozenset[Pair] = frozenset()
    unknown: Mapping[Pair, str] = field(default_factory=dict)
    evaluated: int = 0
    unread: int = 0
    wrong: str = ""


def judged(folder: Path, policy: str, target: str) -> Verdicts:
    """An audit of a target in a folder."""
    (folder / "p.yaml").write_text(policy)
    (folder / "sets.csv").write_text("\n".join(["imageSetId", *SETS]))
    text = f"version: 1\npolicies: [p.yaml]\ntargets: [{{name: t, region: us-east-1, {TARGETS[target]}}}]\n"
    (folder / "audit.yaml").write_text(text + "reports: {json: r.json, junit: r.xml}\n" + RATES)
    for name in ("r.json", "r.xml"):
        (folder / name).unlink(missing_ok=True)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["check", "-q", "-c", str(folder / "audit.yaml")])
    if missing := [name for name in ("r.json", "r.xml") if not (folder / name).exists()]:
        return Verdicts(code, wrong=f"no {missing}: {err.getvalue()[-500:]}")
    document = json.loads((folder / "r.json").read_bytes())
    told, cases = document["summary"], list(ET.parse(folder / "r.xml").iter("testcase"))
    red = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    wrong = f"JSON says exit code {told['exit_code']}" * (told["exit_code"] != code)
    wrong += f"JUnit has {red} red cases" * (bool(red) != bool(code))
    green = [
        case for case in cases if all(case.find(item) is None for item in ("failure", "error", "skipped"))
    ]
    green = [case for case in green if case.get("classname", "").startswith("hostile.")]
    wrong += f"JUnit has {len(green)} green cases, JSON {told['pass']}" * (len(green) != told["pass"])
    return Verdicts(
        code,
        frozenset(
            (case.get("classname", "").partition(".")[2], _set_in(case.get("name", ""))) for case in green
        ),
        {
            (finding["rule"], finding["imageSetId"] or ""): finding["reason"] or ""
            for finding in document["findings"]
            if finding["verdict"] == "unknown"
        },
        told["evaluated"],
        told["unreadable"] + told["unreadable_targets"] + told["unlisted_targets"] + told["versions_unread"],
        wrong,
    )


def _set_in(name: str) -> str:
    return next((item for item in SETS if item in name), "")


def opposite(policy: str) -> str:
    """The policy by which everything passes that fails by the other one."""
    return policy.replace("deny:", "DENY:").replace("require:", "deny:").replace("DENY:", "require:")


def suspicions(faults: Mapping[str, Fault], wrong: Verdicts, right: Verdicts) -> Iterator[str]:
    """What faults brought about that must not be: `wrong` is the audit by which everything fails, `right` the opposite."""

    def excused(pair: Pair) -> bool:
        fault = faults.get(pair[1]) or faults.get("")
        return fault is not None and fault.excuses(pair[0])

    def of(pair: Pair) -> str:
        return f"{pair}: {faults.get(pair[1]) or faults.get('')}"

    for verdicts in (wrong, right):
        if verdicts.code not in (0, 1, 3) or verdicts.wrong:
            yield f"exit code {verdicts.code}: {verdicts.wrong}"
    for pair in sorted(wrong.passed):
        if not excused(pair):
            yield f"passed what fails: {of(pair)}"
    for pair in sorted(wrong.unknown.keys() & right.passed):
        if not excused(pair):
            yield f"passed what is unknown: {of(pair)}: {wrong.unknown[pair]}"
    if not right.code and (right.unread or right.unknown):
        yield f"exit code 0 with {right.unread} unread and {len(right.unknown)} unknown"
    if not right.code and right.evaluated < len(SETS):
        yield f"exit code 0 with {right.evaluated} of {len(SETS)} seen"
