"""Folders of external programs that a killed run left: removed, but not those of active runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.external.files import ExternalOptions
from benchmark.core.locks import lock_folder
from benchmark.core.types import NamedImage
from benchmark.store import clean as module
from benchmark.store.clean import clean_folder


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The folder of one chunk that a killed `bench` leaves."""
    folder = tmp_path / "logs" / ".draft-bench-abc"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "0000.png").write_bytes(b"12345")
    (folder / "out").mkdir()
    (tmp_path / "logs" / "cmd.1.log").write_text("kept")
    return folder


def test_a_folder_is_removed_with_its_size(left: Path, tmp_path: Path) -> None:
    (reported,) = clean_folder(tmp_path, dry_run=True)
    assert left.is_dir()
    (removed,) = clean_folder(tmp_path)
    assert (removed.kind, removed.where, removed.size) == ("draft", str(left), 5)
    assert reported == removed
    assert not left.exists()
    assert (tmp_path / "logs" / "cmd.1.log").read_text() == "kept"


def test_the_folder_of_an_active_run_is_kept(left: Path, tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        assert list(clean_folder(tmp_path)) == []
    assert left.is_dir()


def test_a_young_folder_is_kept_where_there_are_no_locks(
    left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.core.locks.sys.platform", "win32")
    assert list(clean_folder(tmp_path)) == []
    monkeypatch.setattr(module, "_MIN_AGE", -1.0)
    assert len(list(clean_folder(tmp_path))) == 1
    assert not left.exists()


def test_a_link_of_such_a_name_is_removed_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").write_text("kept")
    run = tmp_path / "run"
    run.mkdir()
    (run / ".draft-link").symlink_to(other)
    assert len(list(clean_folder(run))) == 1
    assert (other / "kept").read_text() == "kept"
    assert not (run / ".draft-link").is_symlink()


def test_a_program_gets_its_folders_below_the_run(tmp_path: Path) -> None:
    import sys

    import numpy as np

    from inpainters.external.program import Command

    code = (
        "import pathlib, shutil, sys; images, masks, out = map(pathlib.Path, sys.argv[1:])\n"
        "for one in images.iterdir(): shutil.copy(one, out)\nprint(out)"
    )
    script = tmp_path / "paint.py"
    script.write_text(code)
    image, mask = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.bool_)
    mask[8:16] = True
    model = Command(f"{sys.executable} {script} {{images}} {{masks}} {{out}}")
    logs = tmp_path / "run" / "logs"
    (result,) = model.inpaint_named(
        [NamedImage(sample="a", image=image, mask=mask)], ExternalOptions(logs=logs)
    )
    assert isinstance(result, np.ndarray)
    (log,) = logs.iterdir()  # the folder itself is removed
    assert log.read_text().splitlines()[-1].startswith(f"{logs}/.draft-bench-")
