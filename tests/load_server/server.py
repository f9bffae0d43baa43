"""The load server: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from functools import partial
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from .control import handle
from .errors import status_of
from .http import Connection
from .service import LoadService
from .store import SyntheticStore

Result = TypeVar("Result")


class RunningLoad:
    """A server that answers until `stop`, or the end of a `with` block.

    Clients of it need `botocore.config.Config(inject_host_prefix=False)`, or they ask for a host named
    `runtime-127.0.0.1`.

    Attributes:
        service: what answers; only the server's own thread may touch it, see `ask`.
        host: the address it is bound to.
        port: the port it is bound to, also where 0 was asked for.
    """

    def __init__(self, service: LoadService, host: str, port: int) -> None:
        self.service = service
        self._loop = asyncio.new_event_loop()
        self._living: set[Connection] = set()
        # bound here, so that a port that is taken is the caller's error
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=1024)
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        # now, because reading the model would hold up every call when the first error is given
        status_of("")
        self._thread = Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What to give as `endpoint_url`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def ask(self, what: Callable[[LoadService], Result]) -> Result:
        """What a function says of the service, called between two requests: to read its counts or to change it."""

        async def call() -> Result:
            return what(self.service)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def counts(self, account: str | None = None) -> dict[str, dict[str, int]]:
        """The calls of each action, received, served and throttled: those of one account, or of all."""
        places = self.ask(lambda service: service.gate.to_json())
        totals: dict[str, dict[str, int]] = {}
        for place, actions in places.items():
            if account in (None, place.partition("/")[0]):
                for action, count in actions.items():
                    total = totals.setdefault(action, {"received": 0, "served": 0, "throttled": 0})
                    for name in total:
                        total[name] += count[name]
        return totals

    def wait(self) -> None:
        """Block until someone else stops the server."""
        self._thread.join()

    def stop(self) -> None:
        """Stop answering, and close every connection; may be called again."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(
                self._loop.create_server(
                    lambda: Connection(partial(handle, self.service), self._living),
                    sock=self._socket,
                    backlog=1024,
                )
            )
            self._loop.run_forever()
            server.close()
            for connection in list(self._living):
                connection.close()
            # one more turn, in which the transports close their sockets
            self._loop.run_until_complete(asyncio.sleep(0))
        finally:
            self._loop.close()


def serve_load(
    stores: Iterable[SyntheticStore], *, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> RunningLoad:
    """Start a load server; it answers from here on.

    Args:
        stores: its data stores.
        host: an address of this machine. Think before giving one that others reach: there are no passwords.
        port: 0 takes a free one.
        options: those of `LoadService`.

    Raises:
        OSError: the address is taken, or is not of this machine.
    """
    return RunningLoad(LoadService(stores, **options), host, port)
