"""A HealthImaging of a few lines over real HTTP, with faults below and above HTTP that a rehearsed backend cannot make.

Faults are drawn from the seed, the image set and the number of the attempt, so the order in which threads ask does not
matter.
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DATASTORE = "0" * 31 + "d"
OTHER = "f" * 32

_GET_SET = re.compile(r"/datastore/([^/]+)/imageSet/([^/]+)/getImageSet")
_GET_STORE = re.compile(r"/datastore/([^/]+)")

CODES = {
    "429": (429, "ThrottlingException"),
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
MIXED = ("429", "409", "500", "503", "reset", "truncated")


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


@dataclass
class Service:
    """What is there, what goes wrong, and what was asked.

    `fault` names what goes wrong with the n-th attempt (from 1) to get an image set, None for nothing; `store_fault`
    the same for the data store. `versions` are those that each image set has.
    """

    sets: dict[str, dict[str, object]] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=lambda: {DATASTORE: "ACTIVE"})
    fault: Callable[[str, int], str | None] = lambda name, attempt: None
    store_fault: Callable[[str, int], str | None] = lambda name, attempt: None
    sts_fault: str | None = None
    versions: range = range(1, 10)
    attempts: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
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
    service: Service

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with self.service.lock:
            self.service.requests.append((self.path, body, dict(self.headers)))
        path = urlsplit(self.path).path
        if match := _GET_SET.fullmatch(path):
            self.get_image_set(match[1], match[2])
        elif match := _GET_STORE.fullmatch(path):
            self.get_datastore(match[1])
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
        properties = {"datastoreId": store, "datastoreName": "archive", "datastoreStatus": status}
        fault = self.service.store_fault(store, self.attempt(f"store {store}"))
        if fault == "another":
            self.send(200, json.dumps({"datastoreProperties": properties | {"datastoreId": OTHER}}).encode())
        elif fault or status is None:
            self.go_wrong(fault or "404", {"datastoreProperties": properties})
        else:
            self.send(200, json.dumps({"datastoreProperties": properties}).encode())

    def sts(self, body: str) -> None:
        if self.service.sts_fault:
            status, code = CODES[self.service.sts_fault]
            error = f"<ErrorResponse><Error><Code>{code}</Code><Message>rehearsed</Message></Error></ErrorResponse>"
            return self.send(status, error.encode(), "text/xml")
        xml = (
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
            "<Arn>arn:aws:iam::111122223333:user/auditor</Arn><Account>111122223333</Account></GetCallerIdentityResult>"
            "</GetCallerIdentityResponse>"
        )
        return self.send(200, xml.encode(), "text/xml")

    def go_wrong(self, fault: str, good: dict[str, object]) -> None:
        text = json.dumps(good).encode()
        if fault in CODES:
            status, code = CODES[fault]
            return self.send(status, json.dumps({"message": "rehearsed"}).encode(), code=code)
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
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
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
        self.server = _Server(("127.0.0.1", 0), handler)
        service.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
