"""HTTP/1.1, as much of it as botocore's connections speak, on asyncio's protocols."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus

from .messages import Reply, Request

_END = b"\r\n\r\n"
_LARGEST = 1 << 20

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """A connection of a client: one request after the other, each answered when its delay is over."""

    def __init__(self, handle: Callable[[Request], Reply], living: set[Connection]) -> None:
        self._handle = handle
        self._living = living
        self._buffer = b""
        self._waiting = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remembers the connection, so that it can be closed when the server stops."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._living.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection; what is still to be answered is dropped."""
        self._transport = None
        self._living.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answers the request when it is whole."""
        self._buffer += data
        self._next()

    def close(self) -> None:
        """Closes the connection from this side."""
        if self._transport is not None:
            self._transport.abort()

    def _next(self) -> None:
        """Takes up the next request, if it is whole and no other one waits for its answer."""
        if self._waiting:
            return
        end = self._buffer.find(_END)
        if end < 0:
            if len(self._buffer) > _LARGEST:
                self.close()
            return
        try:
            method, target, headers = _head(self._buffer[:end])
            size = _size(headers)
        except ValueError:
            self._send(Reply(400, b"{}"), last=True)
            return
        whole = end + len(_END) + size
        if len(self._buffer) < whole:
            return
        body = self._buffer[end + len(_END) : whole]
        self._buffer = self._buffer[whole:]
        signed, operation = headers.get("authorization", ""), headers.get("x-amz-target", "")
        reply = self._handle(Request(method, target, signed, body, operation))
        self._waiting = True
        last = headers.get("connection", "").lower() == "close"
        if reply.breaks == "hang":
            return
        if reply.delay > 0:
            self._loop.call_later(reply.delay, self._answer, reply, last)
        else:
            self._answer(reply, last)

    def _answer(self, reply: Reply, last: bool) -> None:
        if self._transport is None:
            return
        self._waiting = False
        if reply.breaks == "reset":
            # closing without lingering sends RST instead of FIN
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()
            return
        self._send(reply, last=last)
        if not last and self._buffer:
            self._next()

    def _send(self, reply: Reply, *, last: bool) -> None:
        assert self._transport is not None
        lines = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        more = "Connection: close\r\n" if last else ""
        reason = _REASONS.get(reply.status, "Unknown")
        head = f"HTTP/1.1 {reply.status} {reason}\r\n{lines}Content-Length: {len(reply.body)}\r\n{more}\r\n"
        cut = reply.breaks == "truncate"
        self._transport.write(
            head.encode("latin-1") + (reply.body[: len(reply.body) // 2] if cut else reply.body)
        )
        if last or cut:
            self._transport.close()


def _head(data: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = data.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return method, target, headers


def _size(headers: dict[str, str]) -> int:
    size = int(headers.get("content-length", "0"))
    if "transfer-encoding" in headers or not 0 <= size <= _LARGEST:
        raise ValueError("the body's length must be given, and small")
    return size
