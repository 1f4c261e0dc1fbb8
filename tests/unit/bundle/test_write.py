"""`submit`: the same bytes for the same run, and only what may be passed on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from benchmark import Plan, run
from benchmark.bundle import submit
from benchmark.core.errors import DataError, OutputError
from benchmark.datasets.folder import Folder
from benchmark.datasets.places2 import Places2
from benchmark.datasets.samples import Samples
from benchmark.store.store import Store


def test_the_same_run_gives_the_same_bytes(bundle: Path, made: Path, tmp_path: Path) -> None:
    again = submit(made / "run", tmp_path / "again.zip", images=True)
    assert again.path.read_bytes() == bundle.read_bytes()
    names = ZipFile(bundle).namelist()
    assert {"manifest.json", "cards.json", "numbers.csv", "run/plan.toml"} <= set(names)
    cards = json.loads(ZipFile(bundle).read("cards.json"))
    assert cards["detectors"]["flatness"]["weights"] == {"edition": "none", "sha256": ""}


def test_own_images_are_enclosed_only_on_request(made: Path, tmp_path: Path) -> None:
    done = submit(made / "run", tmp_path / "maps.zip")
    assert "Images of folder are not enclosed: a folder of your own" in str(done.notes)
    with Store(made / "store", read_only=True) as store:
        images = [name for name in ZipFile(done.path).namelist() if name.endswith(".png")]
        for name in images:  # masks alone
            key = name.rpartition("/")[2].removesuffix(".png")
            assert not set(store.mask(key).ravel()) - {True, False}
            assert set(store.image(key).ravel()) <= {0, 255}
    assert len(images) == done.samples


def test_terms_of_a_data_set_decide_about_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Samples, "may_redistribute", lambda name: name != "chelsea")
    plan = Plan(
        inpainters="telea", detectors="none", metrics="psnr", size=32, limit=2, buckets="30-40"
    )
    run(plan, out=tmp_path / "run", store=tmp_path / "store")
    done = submit(tmp_path / "run", tmp_path / "bundle.zip")
    images = [name for name in ZipFile(done.path).namelist() if name.endswith(".png")]
    assert len(images) == 2 + 2  # two masks; original and inpainted image of one sample
    assert Samples.terms
    assert not Places2.terms
    assert not Folder.terms


def test_an_incomplete_store_is_told(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "store", tmp_path / "store")
    for path in (tmp_path / "store").rglob("*.npy"):
        path.unlink()
    done = submit(made / "run", tmp_path / "bundle.zip", store=tmp_path / "store")
    assert done.enclosed == 0
    assert "run the plan again to complete the store" in str(done.notes)


def test_what_is_refused(bundle: Path, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "run", tmp_path / "run")
    folder, out = tmp_path / "run", tmp_path / "bundle.zip"
    with pytest.raises(OutputError, match="plan, record and numbers alone take"):
        submit(folder, out, limit=100)
    with pytest.raises(OutputError, match="exists and is not a bundle"):
        submit(folder, folder / "plan.toml")
    with pytest.raises(DataError, match="is not a store"):
        submit(folder, out, store=tmp_path / "none")
    with (folder / "samples.csv").open("a") as file:
        file.write("x\n")
    with pytest.raises(DataError, match=r"samples\.csv"):
        submit(folder, out)
    (folder / "record.json").unlink()
    with pytest.raises(DataError, match="has not ended"):
        submit(folder, out)
    assert not out.exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".draft")] == []
