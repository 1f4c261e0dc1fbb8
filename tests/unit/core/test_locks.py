"""Folder locks: exclusive, shared, and released when the process is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core.locks import lock_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="knows no such locks")
HOLD = """
import sys, time
from pathlib import Path
from benchmark.core.locks import lock_folder
with lock_folder(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


def test_one_holds_a_folder_and_several_share_it(tmp_path: Path) -> None:
    with lock_folder(tmp_path) as first:
        assert first
        with lock_folder(tmp_path) as other, lock_folder(tmp_path, shared=True) as third:
            assert (other, third) == (False, False)
    with lock_folder(tmp_path, shared=True) as one, lock_folder(tmp_path, shared=True) as other:
        assert (one, other) == (True, True)
        with lock_folder(tmp_path) as alone:
            assert alone is False
    with lock_folder(tmp_path) as again:
        assert again
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        with lock_folder(tmp_path) as held:
            assert held is False
        holder.kill()
        holder.wait()
        with lock_folder(tmp_path) as held:
            assert held


def test_a_network_drive_without_locks_cannot_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with lock_folder(tmp_path) as held:
        assert held is None
