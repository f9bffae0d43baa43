"""A HealthImaging of a few lines over real HTTP, with faults below and above HTTP that a rehearsed backend cannot make.

Faults are drawn from the seed, the image set and the number of the attempt, so the order in which threads ask does not
matter.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import re
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

DATASTORE = "0" * 31 + "d"
OTHER = "f" * 32

_GET_SET = re.compile(r"/datastore/([^/]+)/imageSet/([^/]+)/getImageSet")
_GET_STORE = re.compile(r"/datastore/([^/]+)")
_LIST_VERSIONS = re.compile(r"/datastore/([^/]+)/imageSet/([^/]+)/listImageSetVersions")
_SEARCH = re.compile(r"/datastore/([^/]+)/searchImageSets")
_LIST_STORES = "/datastore"
_LIST_TAGS = re.compile(r"/tags/(.+)")

CODES = {
    "429": (429, "ThrottlingException"),
    "400": (400, "ValidationException"),
    "409": (409, "ConflictException"),
    "500": (500, "InternalServerException"),
    "503": (503, "ServiceUnavailable"),
    "403": (403, "AccessDeniedException"),
    "404": (404, "ResourceNotFoundException"),
    "404 under 200": (200, "ResourceNotFoundException"),
    "404 under 500": (500, "ResourceNotFoundException"),
    "bad token": (403, "UnrecognizedClientException"),
    "expired": (403, "ExpiredTokenException"),
}
_CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = (
    "silent", "trickle", "slow head", "continue", "huge", "pieces", "slow pieces", "piece of a piece", "long header",
    "many headers", "slow headers", "many error",
)  # fmt: skip
MIXED = ("429", "409", "500", "503", "reset", "truncated")


@cache
def _bomb() -> bytes:
    """Of a few KiB, and 2 MiB unpacked."""
    return gzip.compress(b" " * (2 << 20), 1)


def image_set_id(number: int) -> str:
    return f"{number:032x}"


def answer(number: int, **changed: object) -> dict[str, object]:
    """A healthy answer in the wire form: epoch seconds, an explicit null."""
    return {
        "datastoreId": DATASTORE,
        "imageSetId": image_set_id(number),
        "versionId": "1",
        "imageSetState": "ACTIVE",
        "imageSetWorkflowStatus": "CREATED",
        "createdAt": 1.679592510753e9,
        "updatedAt": 1680027253.471,
        "message": None,
        "isPrimary": True,
    } | changed


def version(number: int, of: int, **changed: object) -> dict[str, object]:
    """An item of ListImageSetVersions in the wire form, which spells one member with a capital."""
    return {
        "imageSetId": image_set_id(of),
        "versionId": str(number),
        "imageSetState": "ACTIVE",
        "ImageSetWorkflowStatus": "UPDATED",
        "createdAt": 1.679592510753e9,
        "message": None,
    } | changed


@dataclass(frozen=True)
class Reply:
    """An answer as it goes out; `code` is the header that names an error."""

    status: int
    body: bytes
    kind: str = "application/json"
    code: str = ""


@dataclass
class Service:
    """What is there, what goes wrong, and what was asked.

    `fault` names what goes wrong with the n-th attempt (from 1) to get an image set, None for nothing; `store_fault`,
    `list_fault` and `tags_fault` the same for the data store, for versions and for tags. `versions` are those that each
    image set has, `histories` the items of their lists, `page` how many of them a page has. `tags` are by ARN. `listed`
    are the image sets that a search of a data store lists, `unsorted` in the order given, `unfiltered`
    whatever was asked for; with more than `most_filters`, or
    beyond the `deepest` item, it is refused. `names` are of data stores. `raw` is the body of an action, as it is; `endless` are the bodies of lists by action, each
    given again and again with a new token; `said` is the message of every error, by the headers asked with. `role` is the body that AssumeRole is
    answered with. `spoil` may put another reply in the place of one, by the action and the path of the request. `ended` is set
    once it stops.
    """

    sets: dict[str, dict[str, object]] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=lambda: {DATASTORE: "ACTIVE"})
    fault: Callable[[str, int], str | None] = lambda name, attempt: None
    store_fault: Callable[[str, int], str | None] = lambda name, attempt: None
    list_fault: Callable[[str, int], str | None] = lambda name, attempt: None
    tags_fault: Callable[[str, int], str | None] = lambda name, attempt: None
    histories: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    page: int = 50
    listed: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    search_fault: Callable[[str, int], str | None] = lambda name, attempt: None
    stores_fault: Callable[[str, int], str | None] = lambda name, attempt: None
    names: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    endless: dict[str, dict[str, object] | Callable[[int], dict[str, object]]] = field(default_factory=dict)
    said: Callable[[Mapping[str, str]], str] = lambda headers: "rehearsed"
    elsewhere: str = ""
    unsorted: bool = False
    unfiltered: bool = False
    most_filters: int = 2
    deepest: float = math.inf
    tags: dict[str, dict[str, object]] = field(default_factory=dict)
    store_more: dict[str, object] = field(default_factory=dict)
    sts_fault: str | None = None
    role: str | None = None
    spoil: Callable[[str, str, Reply], Reply] = lambda action, path, reply: reply
    versions: range = range(1, 10)
    attempts: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.requests]


def mixed(seed: int, share: float) -> Callable[[str, int], str | None]:
    def fault(name: str, attempt: int) -> str | None:
        dice = random.Random(f"{seed}/{name}/{attempt}")
        return dice.choice(MIXED) if dice.random() < share else None

    return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: Service

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with self.service.lock:
            self.service.requests.append((self.path, body, dict(self.headers)))
        path, self.action = urlsplit(self.path).path, ""
        if match := _GET_SET.fullmatch(path):
            self.action = "GetImageSet"
            self.get_image_set(match[1], match[2])
        elif match := _GET_STORE.fullmatch(path):
            self.action = "GetDatastore"
            self.get_datastore(match[1])
        elif match := _LIST_VERSIONS.fullmatch(path):
            self.action = "ListImageSetVersions"
            self.list_versions(match[2])
        elif match := _SEARCH.fullmatch(path):
            self.action = "SearchImageSets"
            self.search(match[1], json.loads(body or "{}"))
        elif path == _LIST_STORES:
            self.action = "ListDatastores"
            self.list_stores()
        elif match := _LIST_TAGS.fullmatch(path):
            self.action = "ListTagsForResource"
            self.list_tags(unquote(match[1]))
        else:
            self.sts(body)

    def attempt(self, name: str) -> int:
        with self.service.lock:
            self.service.attempts[name] += 1
            return self.service.attempts[name]

    def get_image_set(self, store: str, name: str) -> None:
        fault = self.service.fault(name, self.attempt(name))
        version = parse_qs(urlsplit(self.path).query).get("version")
        found = self.service.sets.get(name)
        wanted = int(version[0]) if version else 1
        if found and version:
            found = found | {"versionId": version[0]}
        if fault:
            self.go_wrong(fault, found or answer(0))
        elif found is None or store not in self.service.stores or wanted not in self.service.versions:
            self.go_wrong("404", {})
        else:
            self.send(200, json.dumps(found).encode())

    def get_datastore(self, store: str) -> None:
        status = self.service.stores.get(store)
        name = self.service.names.get(store, "archive")
        properties = {"datastoreId": store, "datastoreName": name, "datastoreStatus": status}
        properties |= self.service.store_more
        fault = self.service.store_fault(store, self.attempt(f"store {store}"))
        if fault == "another":
            self.send(200, json.dumps({"datastoreProperties": properties | {"datastoreId": OTHER}}).encode())
        elif fault or status is None:
            self.go_wrong(fault or "404", {"datastoreProperties": properties})
        else:
            self.send(200, json.dumps({"datastoreProperties": properties}).encode())

    def list_versions(self, name: str) -> None:
        if "ListImageSetVersions" in self.service.endless:
            return self.go_on("ListImageSetVersions")
        asked = parse_qs(urlsplit(self.path).query)
        begin = int(asked.get("nextToken", ["0"])[0])
        fault = self.service.list_fault(name, self.attempt(f"versions {name}"))
        items = self.service.histories.get(name)
        if items is None:
            own = self.service.sets.get(name)
            items = [version(1, of=int(name, 16), createdAt=own.get("createdAt"))] if own else []
        end = begin + min(self.service.page, int(asked.get("maxResults", ["50"])[0]))
        more = {"nextToken": str(end)} if end < len(items) else {}
        good = {"imageSetPropertiesList": items[begin:end], **more}
        if fault or not items:
            return self.go_wrong(fault or "404", good)
        return self.send(200, json.dumps(good).encode())

    def search(self, store: str, body: dict[str, list[dict[str, object]]]) -> None:
        if "SearchImageSets" in self.service.raw:
            return self.send(200, self.service.raw["SearchImageSets"])
        if "SearchImageSets" in self.service.endless:
            return self.go_on("SearchImageSets")
        asked = parse_qs(urlsplit(self.path).query)
        begin, _, of = asked.get("nextToken", ["0-"])[0].partition("-")
        mark = str(zlib.crc32(json.dumps(body).encode()))
        if of not in ("", mark):  # a token is of the criteria that it was given for
            return self.go_wrong("400", {})
        if len(body.get("filters", [])) > self.service.most_filters or int(begin) >= self.service.deepest:
            return self.go_wrong("400", {})
        fault = self.service.search_fault(store, self.attempt(f"search {store}"))
        items = self.service.listed.get(store, [])
        if not self.service.unsorted:
            items = sorted(items, key=lambda item: (item.get("createdAt") or math.inf, item["imageSetId"]))
        if body.get("sort", {}).get("sortOrder") == "DESC":  # type: ignore[attr-defined]
            items = items[::-1]
        for entry in [] if self.service.unfiltered else body.get("filters", []):
            assert entry["operator"] == "BETWEEN"
            (name,) = entry["values"][0]
            low, high = (value[name] for value in entry["values"])
            items = [item for item in items if item.get(name) and low <= item[name] <= high]
        end = int(begin) + min(self.service.page, int(asked.get("maxResults", ["50"])[0]))
        more = {"nextToken": f"{end}-{mark}"} if end < len(items) else {}
        good = {"imageSetsMetadataSummaries": items[int(begin) : end], **more}
        if fault or store not in self.service.stores:
            self.go_wrong(fault or "404", good)
        else:
            self.send(200, json.dumps(good).encode())
        return None

    def list_stores(self) -> None:
        if "ListDatastores" in self.service.endless:
            return self.go_on("ListDatastores")
        fault = self.service.stores_fault("", self.attempt("stores"))
        names = self.service.names
        stores = [
            {"datastoreId": store, "datastoreName": names.get(store, "archive"), "datastoreStatus": status}
            for store, status in self.service.stores.items()
        ]
        if fault:
            return self.go_wrong(fault, {"datastoreSummaries": stores})
        return self.send(200, json.dumps({"datastoreSummaries": stores}).encode())

    def list_tags(self, arn: str) -> None:
        fault = self.service.tags_fault(arn, self.attempt(f"tags {arn}"))
        tags = self.service.tags.get(arn, {})
        if fault:
            self.go_wrong(fault, {"tags": tags})
        else:
            self.send(200, json.dumps({"tags": tags}).encode())

    def sts(self, body: str) -> None:
        if self.service.sts_fault:
            status, code = CODES[self.service.sts_fault]
            error = f"<ErrorResponse><Error><Code>{code}</Code><Message>rehearsed</Message></Error></ErrorResponse>"
            return self.send(status, error.encode(), "text/xml")
        if self.service.role and "AssumeRole" in body:
            return self.send(200, self.service.role.encode(), "text/xml")
        xml = (
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
            "<Arn>arn:aws:iam::111122223333:user/auditor</Arn><Account>111122223333</Account></GetCallerIdentityResult>"
            "</GetCallerIdentityResponse>"
        )
        return self.send(200, xml.encode(), "text/xml")

    def go_on(self, action: str) -> None:
        """A page of a list that has no end."""
        number = self.attempt(f"page of {action}")
        page = self.service.endless[action]
        page = page(number) if callable(page) else page
        self.send(200, json.dumps(page | {"nextToken": f"token {number}"}).encode())

    def go_on_for_ever(self, fault: str) -> None:
        """An answer that never ends, until the client or the service does."""
        self.close_connection = True
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
        first, more, pause = {
            "silent": (b"", b"", 0.05),
            "trickle": (head, b" ", 0.02),
            "slow head": (b"HTTP/1.1 200 O", b"K", 0.02),
            "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.0),
            "huge": (head, b" " * (1 << 16), 0.0),
            "pieces": (_CHUNKED, b"10000\r\n" + b" " * (1 << 16) + b"\r\n", 0.0),
            "slow pieces": (_CHUNKED, b"1\r\n \r\n", 0.02),
            "piece of a piece": (_CHUNKED, b"0", 0.0),
            "long header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * (1 << 16), 0.0),
            "many headers": (b"HTTP/1.1 200 OK\r\n", b"X-One: 1\r\n" * 1000, 0.0),
            "slow headers": (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n", 0.02),
            "many error": (b"HTTP/1.1 500 No\r\n\r\n", b" " * (1 << 16), 0.0),
        }[fault]
        try:
            self.wfile.write(first)
            while not self.service.ended.wait(pause):
                self.wfile.write(more)
        except OSError:
            pass

    def go_wrong(self, fault: str, good: dict[str, object]) -> None:
        text = json.dumps(good).encode()
        if fault in ENDLESS:
            return self.go_on_for_ever(fault)
        if fault in CODES:
            status, code = CODES[fault]
            return self.send(
                status, json.dumps({"message": self.service.said(dict(self.headers))}).encode(), code=code
            )
        if fault in ("301", "302", "307", "308"):
            return self.send(int(fault), b"{}", more={"Location": self.service.elsewhere})
        if fault == "gzip":
            return self.send(200, _bomb(), more={"Content-Encoding": "gzip"})
        if fault in ("201", "204", "206", "300"):
            return self.send(int(fault), b"" if fault == "204" else text)
        if fault == "cut":
            self.close_connection = True
            return self.send(200, text[: len(text) // 2], length=len(text))
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return None
        items = good.get("imageSetPropertiesList") or [{}]
        bodies = {
            "truncated": text[: len(text) // 2],
            "html": b"<html><body>Sign in to the proxy</body></html>",
            "empty": b"",
            "list": b"[1, 2]",
            "text": b'"hello"',
            "null": b"null",
            "other set": json.dumps(good | {"imageSetId": OTHER}).encode(),
            "other store": json.dumps(good | {"datastoreId": OTHER}).encode(),
            "other version": json.dumps(good | {"versionId": "77"}).encode(),
            "number for text": json.dumps(good | {"versionId": 1, "imageSetState": 7}).encode(),
            "text for time": json.dumps(good | {"createdAt": "yesterday"}).encode(),
            "milliseconds": json.dumps(good | {"createdAt": 1679592510753}).encode(),
            "object for time": json.dumps(good | {"createdAt": {"a": 1}}).encode(),
            "list for overrides": json.dumps(good | {"overrides": [1]}).encode(),
            "text for forced": json.dumps(good | {"overrides": {"forced": "no"}}).encode(),
            "number for forced": json.dumps(good | {"overrides": {"forced": 1}}).encode(),
            "list for primary": json.dumps(good | {"isPrimary": [True]}).encode(),
            "true for time": json.dumps(good | {"createdAt": True}).encode(),
            "month for time": json.dumps(good | {"createdAt": "May"}).encode(),
            "no version": json.dumps({k: v for k, v in good.items() if k != "versionId"}).encode(),
            "member twice": text[:-1] + b', "overrides": {"forced": true}, "overrides": {}}',
            "forced twice": text[:-1] + b', "overrides": {"forced": true, "forced": false}}',
            "other case": json.dumps(good | {"Overrides": {"Forced": True}}).encode(),
            "other case inside": json.dumps(good | {"overrides": {"Forced": True}}).encode(),
            "empty state": json.dumps(good | {"imageSetState": ""}).encode(),
            "not a number": text[:-1] + b', "updatedAt2": NaN}',
            "no items": b'{"imageSetPropertiesList": []}',
            "null item": b'{"imageSetPropertiesList": [null]}',
            "items as object": b'{"imageSetPropertiesList": {}}',
            "items of another": json.dumps(
                {"imageSetPropertiesList": [items[0] | {"imageSetId": OTHER}]}
            ).encode(),
            "item without version": json.dumps(
                {"imageSetPropertiesList": [{k: v for k, v in items[0].items() if k != "versionId"}]}
            ).encode(),
            "item twice": json.dumps({"imageSetPropertiesList": [items[0], items[0]]}).encode(),
            "item in another case": json.dumps(
                {"imageSetPropertiesList": [items[0] | {"Overrides": {"Forced": True}}]}
            ).encode(),
            "item with text for forced": json.dumps(
                {"imageSetPropertiesList": [items[0] | {"overrides": {"forced": "no"}}]}
            ).encode(),
            "page again": json.dumps(good | {"nextToken": "0"}).encode(),
            "token as number": json.dumps(good | {"nextToken": 1}).encode(),
            "no tags": b"{}",
            "tag as number": b'{"tags": {"Owner": 1}}',
            "tag as null": b'{"tags": {"Owner": null}}',
            "tags as list": b'{"tags": [{"Key": "Owner", "Value": "x"}]}',
            "tag twice": b'{"tags": {"Owner": "a", "Owner": "b"}}',
            "tags in another case": b'{"Tags": {"Owner": "a"}}',
            "deep": b'{"datastoreId": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "long number": text[:-1] + b', "versions": ' + b"9" * 10_000 + b"}",
            "infinite": text[:-1] + b', "updatedAt": 1e999}',
            "surrogate": text[:-1] + b', "message": "\\ud800"}',
            "not utf-8": b'{"datastoreId": "\xff\xfe"}',
        }
        return self.send(200, bodies[fault])

    def send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        *,
        code: str = "",
        length: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        if self.action:
            reply = self.service.spoil(self.action, self.path, Reply(status, body, kind, code))
            if reply.body is not body:
                length = None
            status, body, kind, code = reply.status, reply.body, reply.kind, reply.code
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        if code:
            self.send_header("x-amzn-errortype", code)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was reset on purpose is nothing to report."""


class Running:
    """A service that answers until `stop`."""

    def __init__(self, service: Service) -> None:
        handler = type("Handler", (_Handler,), {"service": service})
        self.service = service
        self.server = _Server(("127.0.0.1", 0), handler)
        service.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.service.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
