"""The simulator over HTTP, in a thread of this process."""

from __future__ import annotations

import socket
from threading import Thread
from typing import TYPE_CHECKING, Self

from .registration import SimulatorMissingError, register

if TYPE_CHECKING:
    from types import TracebackType

    from werkzeug.serving import BaseWSGIServer

# seconds; the server looks that often whether it shall stop
_POLL = 0.05


class RunningSimulator:
    """A server that answers until `stop`, or the end of a `with` block.

    It serves all of moto beside the simulator, so sts, s3 and iam work too. Clients of it need
    `botocore.config.Config(inject_host_prefix=False)`, or they ask for a host named `runtime-127.0.0.1`.

    Attributes:
        host: the address it is bound to.
        port: the port it is bound to, also where 0 was asked for.
    """

    def __init__(self, server: BaseWSGIServer, host: str) -> None:
        self.host = host
        self.port = int(server.server_address[1])
        self._server = server
        self._thread = Thread(target=server.serve_forever, args=(_POLL,), name="simulator", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What to give as `endpoint_url`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def wait(self) -> None:
        """Block until someone else stops the server."""
        self._thread.join()

    def stop(self) -> None:
        """Stop answering; may be called again."""
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(host: str = "127.0.0.1", port: int = 0, *, verbose: bool = False) -> RunningSimulator:
    """Start the simulator's server; it answers from here on.

    Args:
        host: an address of this machine. Think before giving one that others reach: there are no passwords.
        port: 0 takes a free one.
        verbose: log each request to standard error, as werkzeug does.

    Raises:
        SimulatorMissingError: moto, or what its server needs, is not installed.
        OSError: the address is taken, or is not of this machine.
    """
    register()
    try:
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server
    except ImportError as error:
        raise SimulatorMissingError from error

    class Handler(MotoRequestHandler):  # type: ignore[misc]
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if verbose:
                super().log_request(code, size)

    # Bound here: werkzeug would call sys.exit() on a port that is taken, and moto's ThreadedMotoServer, which
    # lets it do so in a thread, would then wait for ever. It also takes half a second to stop.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        server = make_server(
            host,
            listening.getsockname()[1],
            DomainDispatcherApplication(create_backend_app),
            threaded=True,
            request_handler=Handler,
            fd=listening.fileno(),
        )
    return RunningSimulator(server, host)
