"""A server on this machine that sends what a test says, as hosts of weights do."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest


@dataclass
class Reply:
    """What an address sends.

    Attributes:
        content: the body.
        status: the status.
        headers: further headers.
        cut: bytes after which the connection breaks off, or None.
        length: the stated length; by default the true one, None for a body without end.
        pause: seconds before each byte.
        ranges: whether parts are sent, as long as the ETag is the same.
    """

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    length: int | None = -1
    pause: float = 0
    ranges: bool = True


class Standin:
    """The server: replies by path, and the requests that came."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | Callable[[Mapping[str, str]], Reply]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers
        self.sent = 0  # bytes of bodies
        self.url = ""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    standin: Standin

    def do_HEAD(self) -> None:
        self._reply(body=False)

    def do_GET(self) -> None:
        self._reply(body=True)

    def log_message(self, *args: object) -> None:
        pass

    def _reply(self, *, body: bool) -> None:
        self.close_connection = True
        asked = {name.lower(): value for name, value in self.headers.items()}
        self.standin.asked.append((self.command, self.path, asked))
        reply = self.standin.replies.get(self.path) or Reply(b"no such file", 404)
        reply = reply if isinstance(reply, Reply) else reply(asked)
        content, status = reply.content, reply.status
        extra: dict[str, str] = {}
        start = asked.get("range", "").removeprefix("bytes=").removesuffix("-")
        same = asked.get("if-range") == reply.headers.get("ETag")
        if start and reply.ranges and same:
            extra["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[int(start) :], 206
            reply = replace(reply, length=-1)
        self.send_response(status)
        self.send_header("Connection", "close")  # else a client may ask again as it is closed
        for name, value in {**reply.headers, **extra}.items():
            self.send_header(name, value)
        if reply.length is not None:
            self.send_header(
                "Content-Length", str(len(content) if reply.length < 0 else reply.length)
            )
        self.end_headers()
        if body:
            with suppress(OSError):
                self._send(reply, content)

    def _send(self, reply: Reply, content: bytes) -> None:
        if reply.length is None:
            while self.standin.sent < 10**8:  # no end, unless the limit does not work
                self.wfile.write(content)
                self.standin.sent += len(content)
        content = content[: reply.cut]
        if not reply.pause:
            self.wfile.write(content)
            self.standin.sent += len(content)
            return
        for number in range(len(content)):
            time.sleep(reply.pause)
            self.wfile.write(content[number : number + 1])


@contextmanager
def standing_in() -> Iterator[Standin]:
    """Serve until the block ends."""
    standin = Standin()
    handler = type("Handler", (_Handler,), {"standin": standin})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        standin.url = f"http://127.0.0.1:{server.server_port}"
        yield standin
        server.shutdown()
        thread.join()


def stand_in_for_the_hub(standin: Standin, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let huggingface_hub ask a server on this machine, with an empty cache and no credentials."""
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, standin.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", standin.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no token"))


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as found:
        yield found


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder
