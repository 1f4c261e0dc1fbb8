"""Models that fail on a sample; impossible sizes; outputs that depend on file names."""

from __future__ import annotations

import csv
import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench

RUN = (
    "run", "--images", "photos", "--masks", "masks", "--size", "native", "--buckets", "20-30",
    "--store", "store",
)  # fmt: skip


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images, the second of odd and small sides, each with a mask of its name."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(5)
    for folder in ("photos", "masks"):
        Path(folder).mkdir()
    for name, (height, width) in {"a": (80, 96), "b": (63, 63), "c": (80, 96)}.items():
        pixels = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{name}.png")
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 255
        Image.fromarray(mask).save(f"masks/{name}.png")
    return tmp_path


def samples(out: str = "out") -> dict[tuple[str, str], dict[str, str]]:
    with Path(out, "samples.csv").open(newline="") as file:
        return {(row["inpainter"], row["sample"]): row for row in csv.DictReader(file)}


def test_an_image_below_a_model_s_smallest_side_is_that_sample_s_failure(
    bench: Bench, inputs: Path
) -> None:
    result = bench(
        *RUN, "--inpainter", "meanfill,safepaint", "--detector", "none", "--metrics", "psnr",
        "--out", "out",
    )  # fmt: skip
    assert result.exit_code == 1
    (line,) = (one for one in result.stderr.splitlines() if one.startswith("failed"))
    assert "b at 20-30 % (safepaint)" in line
    assert "at least 64, got 63x63" in line
    found = samples()
    assert {key for key, row in found.items() if not row["psnr"]} == {("safepaint", "b")}
    assert len(found) == 6


PLUGIN = """
import torch
from benchmark.core.card import Card
from inpainters.base import Inpainter

class Odd(Inpainter):
    card = Card(name="odd", title="odd", sizes="even")

    def _fill(self, images, masks, *, seed):
        if images.shape[-1] % 2:
            raise ValueError("my network needs even sides")
        return torch.full_like(images, 0.5)
"""


def test_a_class_that_raises_fails_for_that_sample(bench: Bench, inputs: Path) -> None:
    Path("pick_odd.py").write_text(PLUGIN)
    result = bench(
        *RUN, "--inpainter", "meanfill,odd=pick_odd:Odd", "--detector", "none",
        "--metrics", "psnr", "--out", "out", "--batch-size", "3",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    (line,) = (one for one in result.stderr.splitlines() if one.startswith("failed"))
    assert "b at 20-30 % (odd): raised ValueError: my network needs even sides" in line
    assert "Traceback" in Path("out/logs/odd.log").read_text()
    found = samples()
    assert {key for key, row in found.items() if not row["psnr"]} == {("odd", "b")}
    strict = bench(
        *RUN, "--inpainter", "odd=pick_odd:Odd", "--detector", "none", "--metrics", "psnr",
        "--out", "strict", "--strict",
    )  # fmt: skip
    assert strict.exit_code == 2
    assert "even sides" in strict.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "48", "--inpainter", "safepaint"), ("--size 48", "safepaint", "64")),
        (
            ("--size", "128", "--inpainter", "telea", "--detector", "trufor",
             "--launder", "jpeg:90,resize:0.1"),
            ("--launder resize:0.1", "13 of --size 128", "trufor", "29"),
        ),
    ],
)  # fmt: skip
def test_a_size_that_no_sample_can_pass_is_refused_before_anything_runs(
    bench: Bench, inputs: Path, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    result = bench("run", "--images", "photos", "--out", "out", "--store", "store", *words)
    assert result.exit_code == 2
    assert all(one in result.stderr for one in said), result.stderr
    assert not Path("out").exists()


def half(side: str, size: tuple[int, int]) -> np.ndarray:
    """A heatmap that finds the middle, or everything else."""
    height, width = size
    found = np.zeros(size, np.uint8)
    found[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 255
    return found if side == "in" else 255 - found


@pytest.mark.parametrize("warm", [False, True])
def test_heatmaps_of_equal_images_go_by_their_own_files(
    bench: Bench, inputs: Path, *, warm: bool
) -> None:
    """Two inpainters with equal answers, one of whose heatmaps finds the hole."""
    size = (80, 96)
    Path("photos/b.png").unlink()
    for name, side in (("one", "in"), ("other", "out")):
        Path("looked", name).mkdir(parents=True)
        for sample in "ac":
            Image.fromarray(half(side, size)).save(f"looked/{name}/{sample}.png")
    words = ("--detector", "mine=heatmaps:looked", "--metrics", "auc", "--out")
    if warm:
        alone = bench(*RUN, "--inpainter", "other=meanfill", *words, "first")
        assert alone.exit_code == 2  # a name of ours is no label for another; nothing was stored
    Path("flat").mkdir()
    for sample in "ac":
        image = np.asarray(Image.open(f"photos/{sample}.png")).copy()
        image[half("in", size) > 0] = 7
        Image.fromarray(image).save(f"flat/{sample}.png")
    if warm:
        assert bench(*RUN, "--inpainter", "other=outputs:flat", *words, "warm").exit_code == 0
    both = bench(*RUN, "--inpainter", "one=outputs:flat,other=outputs:flat", *words, "out")
    assert both.exit_code == 0, both.output
    found = {key: float(row["auc"]) for key, row in samples().items()}
    assert found == {
        ("one", "a"): 1, ("one", "c"): 1, ("other", "a"): 0, ("other", "c"): 0,
    }  # fmt: skip


def test_another_heatmap_under_the_same_name_is_another_answer(bench: Bench, inputs: Path) -> None:
    Path("photos/b.png").unlink()
    Path("looked").mkdir()
    words = (*RUN, "--inpainter", "meanfill", "--detector", "mine=heatmaps:looked", "--metrics",
             "auc", "--out")  # fmt: skip
    for out, side, expected in (("first", "in", 1), ("second", "out", 0)):
        for sample in "ac":
            Image.fromarray(half(side, (80, 96))).save(f"looked/{sample}.png")
        assert bench(*words, out).exit_code == 0
        assert {float(row["auc"]) for row in samples(out).values()} == {expected}
    Path("looked/c.png").unlink()
    result = bench(*words, "third")
    assert result.exit_code == 1
    assert "failed: c at 20-30 % (mine)" in result.stderr
    assert samples("third")["meanfill", "c"]["auc"] == ""
    record = json.loads(Path("third/record.json").read_text())
    assert [one["model"] for one in record["failures"]] == ["mine"]


def test_a_program_that_looks_at_names_answers_under_them(bench: Bench, inputs: Path) -> None:
    """Twins: equal images and masks under two names; the program finds the hole of one."""
    Path("photos/b.png").unlink()
    Path("photos/c.png").write_bytes(Path("photos/a.png").read_bytes())
    Path("look.py").write_text(
        "import sys\nfrom pathlib import Path\nimport numpy as np\nfrom PIL import Image\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    found = np.zeros((80, 96), np.uint8)\n"
        "    found[20:60, 24:72] = 255\n"
        "    found = found if path.stem.endswith('_a') else 255 - found\n"
        "    Image.fromarray(found).save(Path(sys.argv[2]) / path.name)\n"
    )
    result = bench(
        *RUN, "--inpainter", "meanfill",
        "--detector", f"mine=cmd:{sys.executable} look.py {{images}} {{out}}",
        "--metrics", "auc", "--out", "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = {sample: float(row["auc"]) for (_, sample), row in samples().items()}
    assert found == {"a": 1, "c": 0}


def closed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Some files may not be opened, by their paths."""
    opened = Path.open

    def open_(self: Path, *words: object, **named: object) -> object:
        if str(self) in names:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", open_)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda patch: closed(patch, "photos/b.png"),
            "photos/b.png: cannot be read (Permission denied)",
        ),
        (
            lambda _: Path("photos/b.png").write_bytes(Path("photos/b.png").read_bytes()[:900]),
            "photos/b.png: damaged or truncated image",
        ),
        (lambda _: Path("masks/b.png").write_text("no mask"), "masks/b.png: not a PNG"),
        (
            lambda _: Image.new("RGB", (63, 63), (200, 20, 20)).save("masks/b.png"),
            "masks/b.png: colored",
        ),
    ],
    ids=["may not be opened", "damaged", "no mask", "coloured mask"],
)
def test_an_image_or_mask_that_cannot_be_read_is_that_sample_s_failure(
    bench: Bench,
    inputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[pytest.MonkeyPatch], object],
    said: str,
) -> None:
    words = ("--inpainter", "meanfill", "--detector", "none", "--metrics", "psnr", "--out")
    assert bench(*RUN, *words, "whole").exit_code == 0
    spoil(monkeypatch)
    result = bench(*RUN, *words, "out")
    assert result.exit_code == 1, result.output
    (line,) = (one for one in result.stderr.splitlines() if one.startswith("skipped: b"))
    assert said in line
    whole, found = samples("whole"), samples()
    assert found.keys() == whole.keys() - {("meanfill", "b")} or not found["meanfill", "b"]["psnr"]
    assert all(found["meanfill", one] == whole["meanfill", one] for one in "ac")
    (failure,) = json.loads(Path("out/record.json").read_text())["failures"]
    assert (failure["kind"], failure["sample"]) == ("skipped", "b")
    assert ",2,2," in Path("out/results.csv").read_text()  # neither in the mean nor expected
    assert bench("check", "out").exit_code == 0
    strict = bench(*RUN, *words, "strict", "--strict")
    assert strict.exit_code == 2
    assert said in strict.stderr
    assert not Path("strict").exists()


def test_no_image_that_can_be_read_is_refused(
    bench: Bench, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(monkeypatch, *(f"photos/{name}.png" for name in "abc"))
    result = bench("run", "--images", "photos", "--inpainter", "meanfill", "--out", "out")
    assert result.exit_code == 2
    assert "none of the samples can be used; the first: photos/a.png: cannot be" in result.stderr
    assert not Path("out").exists()


def test_a_heatmap_that_cannot_be_read_is_that_sample_s_failure(
    bench: Bench, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("looked").mkdir()
    for sample, size in (("a", (80, 96)), ("b", (63, 63)), ("c", (80, 96))):
        Image.fromarray(half("in", size)).save(f"looked/{sample}.png")
    Path("looked/a.png").rename("looked/a.npy")  # no array
    Path("looked/b.png").write_bytes(b"")
    words = ("--inpainter", "meanfill", "--detector", "mine=heatmaps:looked", "--metrics", "auc")
    result = bench(*RUN, *words, "--out", "out")
    assert result.exit_code == 1, result.output
    assert {key[1]: row["auc"] for key, row in samples().items()} == {
        "a": "",
        "b": "",
        "c": "1.000000",
    }
    lines = [one for one in result.stderr.splitlines() if one.startswith("failed: ")]
    assert "looked/a.npy" in lines[0]
    assert "looked/b.png" in lines[1]


def test_shards_merge_around_an_image_that_cannot_be_read(
    bench: Bench, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*RUN[:-2], "--inpainter", "meanfill", "--detector", "none", "--metrics", "psnr")
    closed(monkeypatch, "photos/b.png")
    for shard in ("1/2", "2/2"):
        assert bench(*words, "--shard", shard, "--out", f"part{shard[0]}").exit_code in (0, 1)
    merged = bench("merge", "out", "part1", "part2")
    assert merged.exit_code == 1, merged.output
    (failure,) = json.loads(Path("out/record.json").read_text())["failures"]
    assert failure["sample"] == "b"
    assert ",2,2," in Path("out/results.csv").read_text()


@pytest.mark.parametrize("scheme", ["outputs", "heatmaps"])
def test_files_of_names_that_differ_in_case_alone_are_not_mixed_up(
    bench: Bench, inputs: Path, scheme: str
) -> None:
    Path("photos/c.png").rename("photos/A.png")
    Path("masks/c.png").rename("masks/A.png")
    Path("photos/b.png").unlink()
    Path("made").mkdir()
    if scheme == "outputs":
        Path("made/a.png").write_bytes(Path("photos/a.png").read_bytes())
        words = ("--inpainter", "mine=outputs:made", "--detector", "none", "--metrics", "psnr")
    else:
        Image.fromarray(half("in", (80, 96))).save("made/a.png")
        words = ("--inpainter", "meanfill", "--detector", "mine=heatmaps:made", "--metrics", "auc")
    result = bench(*RUN, *words, "--out", "out")
    assert result.exit_code == 1, result.output
    (line,) = (one for one in result.stderr.splitlines() if one.startswith("failed: "))
    assert line.startswith("failed: A at 20-30 % (mine): made/A.*: no such file; another sample's")
