"""What bounds a client's calls: all of an answer has a deadline and a size, and all attempts of a call one together.

botocore's own timeout is for each piece of an answer: a service that sends one byte a second, or `100 Continue` for ever,
would never meet it, and an answer without end would be read into memory. A test shows that the installed botocore can be
bounded so.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from checker.aws.deadlines import Deadlines
from checker.aws.profiles import exceptions

if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse

LARGEST_HEAD = 1 << 16
"""Bytes before the body of an answer, with all `100 Continue` before it."""
LARGEST_ERROR = 1 << 20
"""Bytes of an answer that is an error."""
_BEGAN, _SPENT = "imageset-checker.began", "imageset-checker.spent"


class OversizeError(Exception):
    """An answer is larger than any that the service gives."""


def limit_answers(client: Any, deadlines: Deadlines) -> None:
    """Bounds every answer to a client that has made no call yet."""
    pools = client._endpoint.http_session._pool_classes_by_scheme  # noqa: SLF001 - there is no other way in
    for scheme, pool in pools.items():
        connection = type("Connection", (pool.ConnectionCls,), {"response_class": _response_class(deadlines)})
        pools[scheme] = type("Pool", (pool,), {"ConnectionCls": connection})


def _response_class(deadlines: Deadlines) -> type[HTTPResponse]:
    from http.client import HTTPResponse

    class Response(HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self._metered = _Metered(self.fp.detach(), sock, deadlines)
            self.fp = io.BufferedReader(self._metered)

        def begin(self) -> None:
            super().begin()
            self._metered.most = deadlines.size if self.status < 300 else LARGEST_ERROR

    return Response


class _Metered(io.RawIOBase):
    """The bytes of one answer, from the status line on."""

    def __init__(self, raw: Any, sock: socket.socket, deadlines: Deadlines) -> None:
        self._raw, self._sock = raw, sock
        self._size = 0
        self.most: int | None = LARGEST_HEAD
        self._piece = sock.gettimeout() or deadlines.read
        self._seconds = deadlines.answer
        self._slowest = deadlines.slowest
        self._began = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._seconds is not None:
            seconds = self._seconds + (self._size / self._slowest if self._slowest else 0.0)
            left = self._began + seconds - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no whole answer came within {seconds:g} s")
            self._sock.settimeout(min(self._piece, left))
        count: int = self._raw.readinto(buffer) or 0
        self._size += count
        if self.most is not None and self._size > self.most:
            raise OversizeError(f"it is larger than {self.most:,} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def is_oversize(error: BaseException | None) -> bool:
    """Whether a call failed since its answer was too large."""
    known = exceptions().HTTPClientError
    return isinstance(error, known) and isinstance(error.kwargs.get("error"), OversizeError)


def start_attempt(request: Any) -> None:
    """An attempt of a call begins."""
    request.context[_BEGAN] = time.monotonic()


def may_retry(request: dict[str, Any], error: BaseException | None, seconds: float) -> bool:
    """Whether a call may be tried again after an attempt: not once its attempts have taken so many seconds, nor where its
    answer was too large, as it will be the next time."""
    context = request["context"]
    now = time.monotonic()
    context[_SPENT] = context.get(_SPENT, 0.0) + now - context.get(_BEGAN, now)
    return context[_SPENT] < seconds and not is_oversize(error)
