"""Bundles on a board: marked by what they prove, left out if they contradict, read as hostile."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from datetime import datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from benchmark import Plan, run
from benchmark.bundle import submit
from benchmarks.bundles import Bundle, make_bundle
from reports.board.run_numbers import RowProof, strongest, weakest
from reports.board.sources import LeftOut
from reports.board.values import board_values
from reports.board.write import write_board
from tests.docs.world import write_forgeries
from tests.unit.reports.board.made import sources, views


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `make_bundle`: run/, store/, and bundle.zip with all maps and images."""
    folder = tmp_path_factory.mktemp("bundle")
    make_bundle(folder, images=2)
    return folder


def proofs(*paths: Path) -> dict[str, str]:
    (view,) = views(*paths)
    rows = board_values([view], view.section.runs)["sections"][0]["rows"]
    return {row["name"]: row.get("proof", "") for row in rows}


def changed_record(folder: Path, **changes: object) -> Path:
    path = folder / "record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "files": {}, **changes}), encoding="utf-8")
    return folder


def test_rows_are_marked_by_what_is_enclosed(world: Path, tmp_path: Path) -> None:
    maps = submit(world / "run", tmp_path / "maps.zip").path
    assert set(proofs(maps).values()) == {"scored again, quality consistent"}
    assert set(proofs(world / "run").values()) == {""}
    numbers = changed_record(shutil.copytree(world / "run", tmp_path / "numbers"), store="gone")
    bare = submit(numbers, tmp_path / "bare.zip").path
    os.utime(bare, (1e9, 1e9))
    made = write_board([bare], tmp_path / "site")
    assert set(re.findall('"proof":"([^"]*)"', made.page.read_text())) == {"consistent"}
    text = (made.page.parent / "images.html").read_text(encoding="utf-8")
    assert "0 of 4 images have thumbnails; the numbers are of all." in text
    (about,) = (made.page.parent / "runs").iterdir()
    assert (
        f"{datetime.fromtimestamp(1e9).astimezone():%Y-%m-%d %H:%M} (of its bundle)"
        in about.read_text()
    )


def test_a_changed_bundle_is_left_out_and_named(world: Path, tmp_path: Path) -> None:
    forged = Bundle(world / "bundle.zip")
    rows = forged.rows("run/results.csv")
    rows[1][rows[0].index("value")] = "0.500000"
    forged.set_rows("run/results.csv", rows)
    path = forged.save(tmp_path / "forged.zip")
    found = sources(path, world / "run")
    assert [one.name for one in found.runs] == ["run"]
    (left,) = found.left_out
    said = "forged.zip: its numbers contradict what it holds (1 times, first: results.csv, row 2"
    assert left.reason.startswith(said)


def test_a_bundle_and_its_folder_are_one_run(world: Path, tmp_path: Path) -> None:
    maps = submit(world / "run", tmp_path / "maps.zip").path
    found = sources(maps, world / "run", world / "bundle.zip")
    ((shown,), left) = found
    assert (shown.name, shown.of_bundle) == ("run", False)
    said = "the same run as 'run' (equal files); shown once, with the marks of the bundle"
    assert left == tuple(
        LeftOut(name, f"{name}: {said}", twice=True) for name in ("maps.zip", "bundle.zip")
    )
    assert shown.proof["telea"] == RowProof("scored again", "scored again")


def test_the_numbers_of_a_folder_are_not_checked(world: Path, tmp_path: Path) -> None:
    other = changed_record(shutil.copytree(world / "run", tmp_path / "other"), commit="another")
    assert set(proofs(other, world / "bundle.zip").values()) == {"not checked"}


@pytest.mark.parametrize(
    ("name", "content"),
    [("../../evil.py", b"x"), ("outputs/ab/ab" + "0" * 30 + ".npy", bytes(30_000_000))],
)
def test_a_hostile_bundle_is_left_out(
    world: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    folder = tmp_path / "in" / "it"
    folder.mkdir(parents=True)
    path = Path(shutil.copy(world / "bundle.zip", folder / "<b>bad.zip"))
    with warnings.catch_warnings(), ZipFile(path, "a", ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a duplicate name
        archive.writestr(name, content)
    made = write_board([world / "run", path], folder / "site")
    (left,) = made.left_out
    assert left.reason.startswith("<b>bad.zip: ")
    assert str(tmp_path) not in left.reason
    assert "&lt;b&gt;bad.zip: " in made.page.read_text(encoding="utf-8")
    assert {one.name for one in tmp_path.rglob("*.py")} == set()


def test_forgeries_are_left_out_and_named(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_forgeries(Path("set"))
    run(Plan(forgeries="set", detectors="flatness", limit=1), out="forged", store="store")
    submit("forged", "forged.zip")
    found = sources(world / "run", Path("forged"), Path("forged.zip"))
    assert [one.run for one in found.left_out] == ["forged", "forged.zip"]
    for one in found.left_out:
        assert one.reason.startswith(f"{one.run}: a run of forgeries: a board ranks inpainters;")


def test_marks_have_an_order() -> None:
    assert weakest(["scored again", "", "consistent"]) == "consistent"
    assert weakest(["claim", "not checked"]) == "not checked"
    assert weakest([]) == ""
    pair = RowProof("claim", "scored again"), RowProof("consistent", "")
    assert strongest(pair) == RowProof("consistent", "")
