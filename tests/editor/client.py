"""A language server's client over its standard streams: enough of the protocol to ask for completions and diagnostics."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

SECONDS = 60
"""How long an answer may take; one that takes longer fails the test in place of hanging it."""

SETTINGS = {
    "yaml": {
        "validate": True, "completion": True, "hover": True, "format": {"enable": False},
        "schemaStore": {"enable": False, "url": ""}, "kubernetesCRDStore": {"enable": False},
    },
    "http": {"proxy": "", "proxyStrictSSL": False},
}  # fmt: skip


class Client:
    """Talks to a server that was started by `command`."""

    def __init__(self, *command: str | Path) -> None:
        self.process = subprocess.Popen(
            [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.answers: dict[int, dict[str, Any]] = {}
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}
        self.arrived: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.last = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, folder: Path) -> None:
        """Begins the conversation."""
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities={
            "textDocument": {"completion": {"completionItem": {"snippetSupport": True}}, "publishDiagnostics": {}},
            "workspace": {"configuration": True},
        })  # fmt: skip
        self.tell("initialized")

    def open(self, path: Path, text: str) -> str:
        """Opens a document as an editor does; returns its URI."""
        uri = path.as_uri()
        self.diagnostics.pop(uri, None)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        return uri

    def completions(self, uri: str, line: int, character: int) -> dict[str, dict[str, Any]]:
        """What the server offers at a place, by label."""
        place = {"line": line, "character": character}
        answer = self.ask("textDocument/completion", textDocument={"uri": uri}, position=place)
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return {item["label"]: item for item in items}

    def hover(self, uri: str, line: int, character: int) -> str:
        """What the server shows of a place."""
        place = {"line": line, "character": character}
        answer = self.ask("textDocument/hover", textDocument={"uri": uri}, position=place)
        return answer["contents"]["value"] if answer else ""

    def problems(self, uri: str) -> list[dict[str, Any]]:
        """The diagnostics of a document."""
        while uri not in self.diagnostics:
            self._take()
        return self.diagnostics[uri]

    def ask(self, method: str, **params: Any) -> Any:
        """A request's result."""
        self.last += 1
        number = self.last
        self._send({"id": number, "method": method, "params": params})
        while number not in self.answers:
            self._take()
        answer = self.answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def tell(self, method: str, **params: Any) -> None:
        """A notification."""
        self._send({"method": method, "params": params})

    def stop(self) -> None:
        """Ends the server, whatever it is doing."""
        self.process.kill()
        self.process.wait(SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()

    def _take(self) -> None:
        message = self.arrived.get(timeout=SECONDS)
        assert message is not None, f"the server ended with {self.process.wait(SECONDS)}"
        if "method" not in message:
            self.answers[message["id"]] = message
        elif message["method"] == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message:
            self._send({"id": message["id"], "result": self._answer(message)})

    def _answer(self, message: dict[str, Any]) -> Any:
        if message["method"] == "workspace/configuration":
            return [SETTINGS.get(item.get("section")) for item in message["params"]["items"]]
        return None

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _listen(self) -> None:
        stream = self.process.stdout
        try:
            while line := stream.readline():
                length = 0
                while line.strip():
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                    line = stream.readline()
                self.arrived.put(json.loads(stream.read(length)))
        except ValueError:
            pass  # closed, or cut off in the middle
        self.arrived.put(None)
