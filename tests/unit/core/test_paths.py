"""Atomic writes: files appear complete or not at all."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark.core.errors import OutputError
from benchmark.core.paths import atomic, create_new_folder, home, make_folder, write_text


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")

    def fail() -> None:
        with atomic(path) as draft:
            draft.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_error_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def fail() -> None:
        with atomic(path):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        fail()
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot make this folder"):
        make_folder(tmp_path / "file" / "folder")


def test_home_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "here"))
    assert home() == tmp_path / "here"


def test_what_is_durable_is_synced_before_and_after_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "record.json", []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def replaced(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_text(path, "{}")
    assert done == ["name"]
    write_text(path, "{ }", durable=True)
    assert done == ["name", "file", "name", "folder"]
    assert path.read_text() == "{ }"


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as many:
        for turn in range(20):
            folder = tmp_path / "runs" / str(turn)
            assert sum(many.map(lambda _, at=folder: create_new_folder(at), range(8))) == 1
    (tmp_path / "file").touch()
    assert not create_new_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot make this folder"):
        create_new_folder(tmp_path / "file" / "run")


def test_folders_above_a_file_are_created_and_removed_if_it_fails(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="stop"), atomic(tmp_path / "there/a/b/x", parents=True):
        raise ValueError("stop")
    assert not list((tmp_path / "there").iterdir())
    write_text(tmp_path / "there/a/b/x", "text", parents=True)
    assert (tmp_path / "there/a/b/x").read_text(encoding="utf-8") == "text"
    with pytest.raises(OutputError, match="there/a/b/x: cannot make this folder"):
        write_text(tmp_path / "there/a/b/x/y", "text", parents=True)
