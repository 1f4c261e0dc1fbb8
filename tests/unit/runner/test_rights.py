"""Permissions: files follow the umask, groups share a store, and a store may be read-only."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import OutputError
from benchmark.core.paths import write_text
from benchmark.store.database import DATABASE
from benchmark.store.encoding import image_output
from benchmark.store.store import Store

KEY, OTHER = "ab" * 16, "cd" * 16
IMAGE = np.zeros((4, 4, 3), np.uint8)
GROUP, FIRST, SECOND = 54321, 54322, 54323  # nobody's numbers
ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become other users"
)


@pytest.fixture(params=[0o002, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_file_follows_the_umask(tmp_path: Path, umask: int) -> None:
    write_text(tmp_path / "text", "x")
    with Store(tmp_path / "store") as store:
        store.put([image_output(KEY, IMAGE)])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {DATABASE, "text", f"{KEY}.png"} <= {path.name for path in files}
    assert {rights(path) for path in files} == {0o666 & ~umask}
    folders = [path for path in (tmp_path / "store").rglob("*") if path.is_dir()]
    assert {rights(path) for path in folders} == {0o777 & ~umask}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder of a group, which what is made in it belongs to; nobody else's way leads there."""
    with tempfile.TemporaryDirectory(prefix="bench-test-") as place:
        folder = Path(place)
        os.chown(folder, -1, GROUP)
        folder.chmod(0o2775)
        yield folder


def as_user(user: int, do: Callable[[], None]) -> int:
    """Do something as another user of the group, in a process of its own; its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([GROUP])
            os.setgid(GROUP)
            os.setuid(user)
            os.umask(0o002)
            do()
            status = 0
        except OutputError:
            status = 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@ROOT
def test_a_group_shares_a_store(shared: Path) -> None:
    def put(key: str) -> Callable[[], None]:
        def do() -> None:
            with Store(shared / "store") as store:
                store.put([image_output(key, IMAGE)])

        return do

    assert as_user(FIRST, put(KEY)) == 0
    assert as_user(SECOND, put(OTHER)) == 0
    with Store(shared / "store") as store:
        assert store.known([KEY, OTHER]) == {KEY, OTHER}
    assert {path.stat().st_gid for path in (shared / "store").rglob("*")} == {GROUP}


@ROOT
def test_a_store_that_cannot_be_written_can_be_read(shared: Path) -> None:
    with Store(shared / "store") as store:
        store.put([image_output(KEY, IMAGE)])
    for path in [shared / "store", *(shared / "store").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    def read() -> None:
        with Store(shared / "store") as store, store.used():
            store.put([image_output(KEY, IMAGE)])  # it is there, so nothing is written
            assert np.array_equal(store.image(KEY), IMAGE)

    def write() -> None:
        with Store(shared / "store") as store:
            store.put([image_output(OTHER, IMAGE)])

    assert as_user(SECOND, read) == 0
    assert as_user(SECOND, write) == 2  # in a line
