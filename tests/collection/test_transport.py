"""What bounds an answer holds over TLS too, and with the installed botocore."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import HTTPClientError, ReadTimeoutError

from checker.aws import Access, Deadlines, Sessions, is_oversize
from collection.service import DATASTORE, image_set_id

REGION = "us-east-1"


class Endless(BaseHTTPRequestHandler):
    """Answers with more than anybody waits for: quickly, or a byte at a time."""

    protocol_version = "HTTP/1.1"
    pause = 0.0
    ended = threading.Event()

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 40))
        self.end_headers()
        try:
            while not self.ended.wait(self.pause):
                self.wfile.write(b" " if self.pause else b" " * 65536)
        except OSError:
            pass


def certificate(folder: Path) -> Path:
    """A key and a certificate of this machine that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin.replace(year=2090))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "own.pem"
    path.write_bytes(secret + made.public_bytes(pem))
    return path


@pytest.fixture
def endless(aws_env, tmp_path) -> Iterator[type[Endless]]:
    """A service over TLS whose answers have no end."""
    path = certificate(tmp_path)
    handler = type("Handler", (Endless,), {"ended": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    aws_env.setenv("AWS_CA_BUNDLE", str(path))
    aws_env.setenv("AWS_ENDPOINT_URL", f"https://localhost:{server.server_address[1]}")
    yield handler
    handler.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


def ask(**deadlines: float) -> None:
    door = Sessions(deadlines=Deadlines(**deadlines), attempts=1)  # type: ignore[arg-type]
    try:
        runtime = door.clients(Access(), REGION).runtime
        runtime.get_image_set(datastoreId=DATASTORE, imageSetId=image_set_id(1))
    finally:
        door.close()


def test_an_answer_over_tls_has_a_size(endless) -> None:
    with pytest.raises(HTTPClientError) as raised:
        ask(size=1 << 20)
    assert is_oversize(raised.value)


def test_an_answer_over_tls_has_a_deadline(endless) -> None:
    endless.pause = 0.05
    with pytest.raises(ReadTimeoutError):
        ask(answer=0.5)
