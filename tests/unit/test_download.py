"""Downloads are bounded, and failed ones raise a one-line error."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark import download as module
from benchmark.core.errors import OutputError, Unreachable, WeightsError
from benchmark.download import download
from tests.unit.conftest import FullAt


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_the_file_as_it_is(served: str, tmp_path: Path, into: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "a.bin").write_bytes(content)
    for most in (0, len(content)):
        assert download(f"{served}/a.bin", into, most=most).read_bytes() == content
    assert [one.name for one in into.iterdir()] == ["a.bin"]


def test_no_more_than_is_stated_is_written(served: str, tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(1_000_000))
    with pytest.raises(WeightsError, match="expected at most 300,000 bytes"):
        download(f"{served}/a.bin", into, most=300_000)
    assert (into / "a.bin").stat().st_size <= 300_000


def test_a_file_whose_size_nobody_states_has_a_limit_too(
    served: str, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    (tmp_path / "a.bin").write_bytes(bytes(1001))
    with pytest.raises(WeightsError, match="expected at most 1,000 bytes"):
        download(f"{served}/a.bin", into)


@pytest.fixture
def cut() -> Iterator[str]:
    """A server that announces 1,000 bytes and sends 400."""

    class Cut(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(bytes(400))

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cut) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_body_that_breaks_off(cut: str, into: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be downloaded") as caught:
        download(f"{cut}/a.bin", into)
    assert "\n" not in str(caught.value)


def test_addresses_that_give_nothing(served: str, into: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/a.bin"
        for url in (f"{served}/nowhere.bin", closed, "file:///etc/hostname", "http://[/a.bin"):
            with pytest.raises(Unreachable, match="cannot be downloaded") as caught:
                download(url, into)
            assert "\n" not in str(caught.value)


def test_a_host_that_does_not_answer_is_given_up(
    into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.CONNECT <= 5
    monkeypatch.setattr(module, "READ", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.bin"
        with pytest.raises(Unreachable, match="timed out"):
            download(url, into)


def test_a_full_disk(served: str, tmp_path: Path, into: Path, full_at: FullAt) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(1_000_000))
    with full_at(100_000), pytest.raises(OutputError, match=r"a\.bin: cannot be written") as caught:
        download(f"{served}/a.bin", into)
    assert "\n" not in str(caught.value)
