"""`--out` in folders that do not exist: every command creates them, or names what is in the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmark.cli import app

OUTPUTS = [
    (("run --images photos --inpainter meanfill --detector flatness --buckets 10-20 --size 32 "
     "--metrics auc --store store --out"), "new", "results.csv"),
    ("detect photos/a.png --detector flatness --store store --out", "new", "a"),
    ("inpaint photos/a.png --box 8,8,16,16 --inpainter meanfill --store store --out", "new", "a"),
    (("try photos/a.png --box 8,8,16,16 --inpainter meanfill --detector flatness --store store "
     "--out"), "new", "index.html"),
    ("report --compare one two --out", "new.html", ""),
    ("compare one two --out", "new.html", ""),
    ("compare one two --format junit --out", "new.xml", ""),
    ("compare one two --format github --out", "new.md", ""),
    ("board one two --out", "new", "index.html"),
    ("submit one --out", "new.zip", ""),
    ("export one --format every-eval-ever --out", "new", "data"),
    ("export one --format model-index --out", "new", ""),
    ("export one --format parquet --out", "new.parquet", ""),
    ("merge shard --store store --out", "new", "results.csv"),
]  # fmt: skip
RUN = OUTPUTS[0][0].split()[:-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs and one made as the only shard, over one image."""
    root = tmp_path_factory.mktemp("out")
    (root / "photos").mkdir()
    rough = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(rough).resize((48, 48)).save(root / "photos" / "a.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name, more in (("one", ()), ("two", ()), ("shard", ("--shard", "1/1"))):
            result = CliRunner().invoke(app, [*RUN, "--out", name, *more])
            assert result.exit_code == 0, result.output
    return root


@pytest.mark.parametrize(("words", "name", "inside"), OUTPUTS, ids=lambda text: text[:40])
def test_missing_folders_above_the_output_are_created(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: str,
    name: str,
    inside: str,
) -> None:
    if "parquet" in words:
        pytest.importorskip("pyarrow")
    monkeypatch.chdir(folder)
    out = tmp_path / "not" / "there" / name
    result = CliRunner().invoke(app, [*words.split(), str(out)])
    assert result.exit_code == 0, result.output
    assert list(out.glob(f"**/{inside}*")) if inside else out.exists()


@pytest.mark.parametrize(
    ("words", "name"), [one[:2] for one in OUTPUTS], ids=lambda text: text[:40]
)
def test_a_file_in_the_way_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, name: str
) -> None:
    if "parquet" in words:
        pytest.importorskip("pyarrow")
    monkeypatch.chdir(folder)
    way = tmp_path / "file"
    way.write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(app, [*words.split(), str(way / name)])
    assert result.exit_code == 2, result.output
    (line,) = [one for one in result.stderr.splitlines() if one.startswith("Error:")]
    assert str(way) in line
    assert "cannot make this folder" in line
    assert way.read_text(encoding="utf-8") == "mine"
