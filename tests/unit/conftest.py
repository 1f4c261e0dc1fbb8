"""What unit tests share: a server on this machine, and a disk that is full."""

from __future__ import annotations

import gc
import http.server
import resource
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from inpainters import INPAINTERS

Register = Callable[..., None]
FullAt = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The test's folder over HTTP on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    with warnings.catch_warnings():  # a refused download leaves its socket to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def full_at() -> FullAt:
    """No file grows beyond a size, as on a full disk."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


MODULE = """
from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import load_strict, part_of, read_checkpoint
from inpainters.base import Inpainter
from torch import nn


class Tiny(Inpainter):
    card = Card(
        name="tiny",
        title="Tiny",
        checkpoints=(
            Checkpoint(
                file="tiny.pth", url="{url}", source="a test", license="test terms",
                sha256="{sha256}", git_blob="{git_blob}", size={size},
                archive="{archive}", member="{member}",
            ),
        ),
    )

    def _load(self, path):
        self.network = nn.Conv2d(3, 3, 1)
        load_strict(self.network, part_of(read_checkpoint(path), "net", path), path)

    def _fill(self, images, masks, *, seed):
        return self.network(images)
"""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pth"
    torch.save({"net": torch.nn.Conv2d(3, 3, 1).state_dict()}, path)
    return path


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Add an inpainter: one file and one line."""
    module = f"tiny_{tmp_path.name}"

    def write(archive: str = "", size: int = 0, **known: str) -> None:
        words = {"url": "", "sha256": "", "git_blob": "", **known}
        member = "weights/tiny.pth" if archive else ""
        text = MODULE.format(archive=archive, member=member, size=size, **words)
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(INPAINTERS._table, "tiny", f"{module}:Tiny")

    return write
