"""Failures of `bench train`: one line, exit status 2 for user errors, nothing lost."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.training.checkpoint import CHECKPOINT
from benchmark.training.recipe import Turn
from benchmark.training.trainer import Trainer
from tests.cli.conftest import Bench

TINY = """
model = "aotgan"
held_out = 2
minimum = 4
checkpoint_every = 2
log_every = 1
sample_every = 3

[network]
width = 4
blocks = 1

[losses]
features = "texture"
discriminator_width = 4

[optimizer]
kind = "adam"
rate = 1e-3

[holes]
pool = 4

[[stages]]
steps = 6
batch = 2
crop = 64
sides = [64]
"""


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sums depend on how many threads share them."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def words(bench: Bench, photos: Path) -> list[str]:
    """A command that trains on six images by the tiny recipe, into the folder `out`."""
    for name in ("d", "e", "f"):
        (photos / f"{name}.png").write_bytes((photos / "a.png").read_bytes())
    Path("tiny.toml").write_text(TINY)
    command = ["train", "aotgan", "--recipe", "tiny.toml", "--data", str(photos)]
    return [*command, "--out", "out"]


def refused(bench: Bench, *words: object) -> str:
    """The one line of a command that ends with status 2."""
    result = bench(*words)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("aotgan  ")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


def test_too_few_images(bench: Bench, words: list[str], photos: Path) -> None:
    for name in ("a", "b"):
        (photos / f"{name}.png").write_text("no image")
    (photos / "c.png").write_bytes((photos / "c.png").read_bytes()[:300])
    assert "3 of 6 files can be read" in refused(bench, *words)
    assert not Path("out").exists()


def test_unreadable_images_among_enough_are_said(
    bench: Bench, words: list[str], photos: Path
) -> None:
    (photos / "b.png").write_text("no image")
    result = bench(*words)
    assert result.exit_code == 0, result.output
    (line,) = (one for one in result.stderr.splitlines() if one.startswith("Left out: "))
    assert line.startswith("Left out: 1 of 6 images: b.png: not a PNG")


def test_one_bad_mask_is_left_out_and_said(bench: Bench, words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    half = np.zeros((64, 64), dtype=np.uint8)
    half[:20] = 255
    Image.fromarray(half).save(folder / "good.png")
    (folder / "bad.png").write_text("no image")
    Image.new("RGB", (64, 64), (200, 10, 10)).save(folder / "red.png")
    (folder / "notes.txt").write_text("none either")
    result = bench(*words, "--masks", folder)
    assert result.exit_code == 0, result.output
    lines = [one for one in result.stderr.splitlines() if one.startswith("Left out")]
    assert lines[0].startswith("Left out: 2 of 3 masks: bad.png: not a PNG")
    assert "; red.png: colored" in lines[0]
    assert lines[1] == "Left out beside the masks: .txt (1): notes.txt"
    (folder / "good.png").unlink()
    said = refused(bench, *words, "--masks", folder, "--out", "other")
    assert "none of 2 masks can be used; bad.png: not a PNG" in said


def test_one_mask_alone_will_do(bench: Bench, words: list[str], tmp_path: Path) -> None:
    half = np.zeros((64, 64), dtype=np.uint8)
    half[:20] = 255
    Image.fromarray(half).save(tmp_path / "one.png")
    result = bench(*words, "--masks", tmp_path / "one.png")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("out/aotgan.json").read_text())["masks"] == "1 files, 5 to 60 %"


def test_one_image_alone_is_too_few_for_this_recipe(
    bench: Bench, words: list[str], photos: Path
) -> None:
    words[words.index("--data") + 1] = str(photos / "a.png")
    assert "1 of 1 files can be read" in refused(bench, *words)


def test_masks_that_fall_in_no_bucket(bench: Bench, words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "inverted"
    folder.mkdir()
    white = np.full((64, 64), 255, dtype=np.uint8)
    white[:9] = 0
    Image.fromarray(white).save(folder / "mask.png")
    said = refused(bench, *words, "--masks", folder)
    assert "none of 1 masks can be used" in said
    assert "mask.png: its hole (white) covers 86%, expected 5 to 60 %" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('model = "aotgan"', 'model = "aotgan"\nspeed = 3', "speed: unknown key; known: about"),
        ("batch = 2", "batch = 2\nbatches = 3", "stages.0.batches: unknown key"),
        ("blocks = 1", "blocs = 1", "blocs"),
        ('features = "texture"', 'featurs = "texture"', "featurs: unknown key"),
        ('kind = "adam"', 'kind = "lion"', "optimizer.kind"),
        ('model = "aotgan"', 'model = "lama"', "a recipe of lama, not of aotgan"),
        ('model = "aotgan"', "model = ", "not a readable TOML file"),
    ],
)
def test_a_recipe_with_a_mistake(
    bench: Bench, words: list[str], old: str, new: str, said: str
) -> None:
    Path("tiny.toml").write_text(TINY.replace(old, new, 1))
    assert said in refused(bench, *words)
    assert not Path("out", CHECKPOINT).exists()


def test_a_checkpoint_of_another_model_or_recipe(bench: Bench, words: list[str]) -> None:
    assert bench(*words).exit_code == 0
    kept = Path("out", CHECKPOINT).read_bytes()
    other = ["train", "madf", *words[4:], "--smoke"]
    assert "a checkpoint of aotgan, not of madf; choose another --out" in refused(bench, *other)
    Path("tiny.toml").write_text(TINY.replace("steps = 6", "steps = 7"))
    assert "made by another recipe; choose another --out" in refused(bench, *words)
    assert Path("out", CHECKPOINT).read_bytes() == kept


def test_a_checkpoint_that_was_cut_off(bench: Bench, words: list[str]) -> None:
    assert bench(*words).exit_code == 0
    checkpoint = Path("out", CHECKPOINT)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert f"{checkpoint}: damaged, truncated or no checkpoint" in refused(bench, *words)


def test_losses_that_turn_nan_keep_the_last_good_checkpoint(bench: Bench, words: list[str]) -> None:
    wild = TINY.replace("rate = 1e-3", "rate = 1e25").replace("checkpoint_every = 2", "")
    Path("tiny.toml").write_text(wild + "\n")
    said = refused(bench, *words)
    assert "loss turned" in said
    assert "at step 2; lower the learning rate" in said  # none is saved yet, and none is claimed
    Path("tiny.toml").write_text(wild.replace("log_every", "checkpoint_every = 1\nlog_every", 1))
    assert "at step 2; out/checkpoint.pt keeps step 1; lower" in refused(bench, *words)
    kept = read_checkpoint(Path("out", CHECKPOINT))
    assert kept["step"] == 1
    weights = [w for part in kept["modules"].values() for w in part.values()]
    assert all(torch.isfinite(w).all() for w in weights)


def test_weights_that_turn_nan_are_not_saved(bench: Bench, words: list[str]) -> None:
    plain = TINY.replace("checkpoint_every = 2", "checkpoint_every = 1")
    wild = 'kind = "sgd"\nrate = 1e20\ndecay = 1e30'  # their product is beyond float32
    Path("tiny.toml").write_text(plain.replace('kind = "adam"\nrate = 1e-3', wild))
    said = refused(bench, *words)
    assert "a weight turned NaN or infinite by step 1; lower the learning rate" in said
    assert not Path("out", CHECKPOINT).exists()


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """No file grows beyond a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C while the step of that number runs."""
    plain = Trainer._train_step

    def stopping(loop: Trainer, turn: Turn) -> dict[str, float]:
        if loop.state.step == steps - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return plain(loop, turn)

    monkeypatch.setattr(Trainer, "_train_step", stopping)


@pytest.mark.parametrize(
    ("size", "file", "sample_every"),
    [(20_000, CHECKPOINT, 6), (300, "log.csv", 6), (1_000, "sample-0000003.png", 3)],
)
def test_a_full_disk_keeps_the_last_good_checkpoint(
    size: int, file: str, sample_every: int, bench: Bench, words: list[str]
) -> None:
    Path("tiny.toml").write_text(TINY.replace("every = 3", f"every = {sample_every}"))
    assert bench(*words[:-1], "whole").exit_code == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_after(2, patch)
        stopped = bench(*words)
    assert stopped.exit_code == 130
    assert "rerun the same command" in stopped.stderr
    kept = Path("out", CHECKPOINT).read_bytes()
    with full_at(size):
        assert f"out/{file}: cannot be written (File too large)" in refused(bench, *words)
    assert Path("out", CHECKPOINT).read_bytes() == kept
    assert not [*Path("out").glob(".draft-*")]
    again = bench(*words)
    assert again.exit_code == 0, again.output
    assert_same("out", "whole")


def assert_same(one: str, other: str) -> None:
    """The exported bytes, and the log but for the seconds."""
    for name in ("aotgan.safetensors", "G0000006.pt", "D0000006.pt"):
        assert Path(one, name).read_bytes() == Path(other, name).read_bytes(), name
    logs = []
    for folder in (one, other):
        with Path(folder, "log.csv").open(newline="") as file:
            logs.append([[row[0], *row[2:]] for row in csv.reader(file)])
    assert logs[0] == logs[1]


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(bench: Bench, words: list[str]) -> None:
    assert bench(*words[:-1], "whole").exit_code == 0
    code = "import sys; from benchmark.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words, "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + 300
        while not Path("out", CHECKPOINT).exists() and time.monotonic() < until:
            time.sleep(0.01)
        running.kill()
        running.communicate(timeout=60)  # its workers hold the other end until they have ended too
    assert running.returncode == -signal.SIGKILL  # it was in the middle of its six steps
    assert read_checkpoint(Path("out", CHECKPOINT))["step"] < 6
    again = bench(*words)
    assert again.exit_code == 0, again.output
    assert_same("out", "whole")


@pytest.mark.parametrize(
    ("words_", "said"),
    [
        (("--device", "cuda:99"), "cuda:99"),
        (("--workers", "-1"), "--workers counts from 0"),
        (("--devices", "0"), "--devices from 1"),
        (("--only", "lama"), "--only and --jobs require --edition"),
        (("--out", "tiny.toml"), "tiny.toml: cannot make this folder"),
        (("--data", "nowhere"), "nowhere: no such folder of images"),
        (("--masks", "nowhere"), "nowhere: no such folder of masks"),
    ],
)
def test_options_that_cannot_be(
    bench: Bench, words: list[str], words_: tuple[str, ...], said: str
) -> None:
    assert said in refused(bench, *words, *words_)
