"""What S3 may answer to whoever reads a run: bodies that break off, are others or have no end, and lists without one."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import struct
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from collection.fixtures import aws_env

from checker.aws import Deadlines, S3Error, Sessions, object_bytes
from checker.aws import s3 as s3_calls
from checker.layout import MANIFEST
from checker.problems import InvalidInputError
from checker.runs.s3_store import S3Store
from runs.folders import RUN

__all__ = ["aws_env"]

BODY = b"{}\n" * 30_000
RECORDS = "records.jsonl"
LIST = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</ListBucketResult>'


def listed(keys):
    items = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
    return f"<IsTruncated>false</IsTruncated>{items}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query)
        if "list-type" in asked:
            return self.listed(asked)
        key = unquote(parts.path).partition("/")[2].partition("/")[2]
        server = self.server
        with server.lock:
            server.asked[key] += 1
            faults = server.faults.get(key, [])
            fault = faults.pop(0) if len(faults) > 1 else (faults or [None])[0]
        return self.send(server.objects[key], fault)

    def listed(self, asked):
        token = asked.get("continuation-token", ["0"])[0]
        with self.server.lock:
            self.server.pages += 1
        body = self.server.list(int(token))
        self.send(body if isinstance(body, bytes) else LIST.format(body).encode(), None)

    def send(self, body, fault):
        self.close_connection = fault is not None
        heads, rest = {"Content-Length": str(len(body))}, body
        if fault in ("cut", "reset"):
            rest = body[: len(body) // 2]
        elif fault == "other length":
            heads["Content-Length"] = str(len(body) + 7)
        elif fault == "longer":
            rest = body + b"more"
        elif fault == "no length":
            del heads["Content-Length"]
        elif fault == "negative length":
            heads["Content-Length"] = "-1"
        elif fault == "of 6 GiB":
            heads["Content-Length"] = str(6 << 30)
        elif fault == "in pieces":
            del heads["Content-Length"]
            heads["Transfer-Encoding"] = "chunked"
        elif fault == "another":
            rest = b"[" + body[1:]
        elif fault == "elsewhere":
            self.send_response(307)
            self.send_header("Location", self.server.elsewhere)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        elif fault == "endless error":
            heads["Content-Length"] = str(1 << 40)
        sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.send_response(503 if fault == "endless error" else 200)
        for name, value in {**heads, "x-amz-checksum-sha256": sha}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.go_on(rest, fault)
        return None

    def go_on(self, rest, fault):
        if fault == "trickle":
            while rest and not self.server.ended.wait(0.05):
                self.wfile.write(rest[:1])
                rest = rest[1:]
        elif fault == "endless error":
            while not self.server.ended.is_set():
                self.wfile.write(b" " * 65536)
        elif fault == "in pieces":
            while not self.server.ended.is_set():
                self.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        else:
            self.wfile.write(rest)
        if fault == "reset":
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects = {f"runs/{RUN}/{RECORDS}": BODY, f"runs/{RUN}/{MANIFEST}": b"{}"}
        self.faults, self.asked, self.pages = {}, Counter(), 0
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.elsewhere = "http://127.0.0.1:1/"
        self.list = lambda page: listed(self.objects)

    def handle_error(self, *_):
        pass


@pytest.fixture
def s3(aws_env, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(s3_calls.time, "sleep", lambda _: None)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    aws_env.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{made.server_address[1]}")
    yield made
    made.ended.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def store(s3):
    quick = Deadlines(answer=0.5, read=0.5, call=0.4, size=None, slowest=1 << 20)
    made = S3Store("archive", "runs", door=Sessions(attempts=3, object_deadlines=quick))
    yield made
    made.close()


def file(name=RECORDS):
    return f"runs/{RUN}/{name}"


@pytest.mark.parametrize("fault", ["cut", "reset", "other length", "another"])
def test_a_body_that_is_not_whole_or_not_the_one_that_was_put_is_read_again(s3, store, fault):
    s3.faults[file()] = [fault, fault, None]
    assert (store.fetch(RUN, RECORDS) / RECORDS).read_bytes() == BODY
    assert s3.asked[file()] == 3


@pytest.mark.parametrize("fault", ["cut", "reset", "other length", "another"])
@pytest.mark.parametrize("files", [(RECORDS,), ()])
def test_a_body_that_is_never_whole_is_told_with_its_bucket_and_key(s3, store, fault, files):
    s3.faults[file()] = [fault]
    with pytest.raises(InvalidInputError) as caught:
        store.fetch(RUN, *files)
    assert str(caught.value).startswith(
        f"s3://archive/runs/{RUN}/{RECORDS}: error: cannot be read: its content could not be read whole in 3 attempts"
    )
    assert s3.asked[file()] == 3


def test_a_manifest_that_is_cut_off_is_read_again(s3, store):
    s3.faults[file(MANIFEST)] = ["cut", "reset", None]
    assert store.manifest(RUN) == b"{}"
    s3.faults[file(MANIFEST)] = ["cut"]
    with pytest.raises(InvalidInputError, match=f"{RUN}/manifest.json: error: cannot be read: its content"):
        S3Store("archive", "runs", door=store.door).manifests([RUN])


def test_a_body_that_comes_too_slowly_is_given_up(s3, store):
    s3.faults[file()] = ["trickle"]
    with pytest.raises(InvalidInputError, match="Read timeout"):
        store.fetch(RUN, RECORDS)
    assert s3.asked[file()] <= 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("no length", "does not say how many bytes it has"),
        ("in pieces", "does not say how many bytes it has"),
        ("of 6 GiB", "it has 6,442,450,944 bytes, and may have 5,368,709,120"),
        ("elsewhere", "307"),
        ("endless error", "larger than 1,048,576 bytes"),
    ],
)
def test_a_body_without_a_length_or_an_end_is_not_read(s3, store, fault, said):
    s3.faults[file()] = [fault]
    with pytest.raises(InvalidInputError) as caught:
        store.fetch(RUN, RECORDS)
    assert f"{RUN}/{RECORDS}: error: cannot be read: " in str(caught.value)
    assert said in str(caught.value)


def test_a_length_below_nothing_is_no_whole_body(s3, store):
    s3.faults[file()] = ["negative length"]
    with pytest.raises(InvalidInputError, match=f"{RECORDS}: error: cannot be read: "):
        store.fetch(RUN, RECORDS)


def test_what_follows_a_body_is_none_of_the_next(s3, store):
    s3.faults[file()] = ["longer", None]
    assert (store.fetch(RUN) / RECORDS).read_bytes() == BODY
    assert (store.fetch(RUN) / MANIFEST).read_bytes() == b"{}"


def test_a_manifest_has_a_size():
    answer = {"ContentLength": 100, "Body": io.BytesIO(b" " * 100)}
    with pytest.raises(S3Error, match="it has 100 bytes, and may have 99"):
        object_bytes(lambda: answer, 99, attempts=1, seconds=1)


def more(items, page):
    return f"<IsTruncated>true</IsTruncated><NextContinuationToken>{page + 1}</NextContinuationToken>{items}"


@pytest.mark.parametrize(
    "items",
    [
        "",
        f"<Contents><Key>runs/{RUN}/{MANIFEST}</Key></Contents>",
        f"<CommonPrefixes><Prefix>runs/{RUN}/</Prefix></CommonPrefixes>",
    ],
)
@pytest.mark.parametrize("ask", [S3Store.names, S3Store.contents, lambda store: store.fetch(RUN)])
def test_a_list_whose_pages_bring_nothing_new_is_given_up(s3, store, items, ask):
    s3.list = lambda page: more(items, page)
    with pytest.raises(InvalidInputError, match="has no end within"):
        ask(store)
    assert s3.pages <= s3_calls.MOST_IDLE + 1


def test_a_list_of_ever_new_names_has_an_end(s3, store, monkeypatch):
    monkeypatch.setattr(s3_calls, "MOST_PAGES", 70)
    s3.list = lambda page: more(f"<Contents><Key>runs/{RUN}/{page}</Key></Contents>", page)
    with pytest.raises(InvalidInputError, match="has no end within 71 pages"):
        store.contents()


@pytest.mark.parametrize(
    "page",
    [
        b"<html>Sign in",
        b"{}",
        LIST.format("<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>").encode(),
        b"<html><body>Sign in</body></html>",
        LIST.format(f"<IsTruncated>true</IsTruncated><Contents><Key>runs/{RUN}/x</Key></Contents>").encode(),
        b" " * (9 << 20),
    ],
    ids=["html", "json", "no key", "xhtml", "no token", "large"],
)
def test_a_list_that_is_none_is_the_stores_fault(s3, page):
    s3.list = lambda _: page
    with pytest.raises(InvalidInputError, match="s3://archive/runs: error: cannot be read: "):
        S3Store("archive", "runs", door=Sessions(attempts=1)).contents()


@pytest.mark.parametrize(
    "name",
    ["a" * 300, f"{RECORDS}/inside", "./x", "a//b", "/etc/passwd", "../EVIL.sh", "a/../../b", "a\\..\\b", "C:x", "a\nb", "a\u202eb"],
)  # fmt: skip
def test_a_name_that_no_file_of_a_run_has_is_refused(s3, store, name, tmp_path):
    s3.objects[file(name)] = b"evil"
    keys = [f"runs/{RUN}/{RECORDS}", f"runs/{RUN}/{name}".replace("\n", "&#10;")]
    s3.list = lambda _: listed(keys)
    with pytest.raises(InvalidInputError, match=f"s3://archive/runs/{RUN}"):
        store.fetch(RUN)
    made = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert made <= {RECORDS}


@pytest.mark.parametrize("digit", ["\uff12", "\u0662"])
def test_digits_of_other_alphabets_name_no_run(s3, store, digit):
    name = digit + RUN[1:]
    prefixes = f"<CommonPrefixes><Prefix>runs/{name}/</Prefix></CommonPrefixes>"
    s3.list = lambda _: f"<IsTruncated>false</IsTruncated>{prefixes}"
    assert store.names() == ()
    with pytest.raises(InvalidInputError, match="no run has such a name"):
        store.fetch(name)
