"""Data workers: the same batches as without them, and errors in one line."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.core.errors import DataError
from benchmark.training import TrainOptions, train
from benchmark.training import options as running_module
from benchmark.training.data import images as photographs_module
from benchmark.training.data.batches import WHOLE_BATCH, BatchShard, InpaintingData, Sample
from benchmark.training.data.forgeries import ForgeryData
from benchmark.training.data.images import TrainingImages, read_training_images
from benchmark.training.data.loader import load_batches
from benchmark.training.data.masks import Masks
from tests.unit.training.conftest import recipe

STEPS = range(1, 4)


def source_of(model: str, photographs: TrainingImages) -> Any:
    """What a model's tests learn from."""
    chosen = recipe(model)
    masks = Masks(chosen.holes, seed=chosen.seed)
    if model == "trufor":
        return ForgeryData(chosen, photographs, masks, device="cpu")
    return InpaintingData(chosen, photographs, masks)


@pytest.fixture
def read(photographs: Path) -> TrainingImages:
    return read_training_images(photographs, sides=(64, 72), minimum=1)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("model", ["safepaint", "trufor"])
def test_workers_make_the_same_batches(model: str, workers: int, read: TrainingImages) -> None:
    plain = [*load_batches(source_of(model, read), STEPS, WHOLE_BATCH, 0)]
    ahead = [*load_batches(source_of(model, read), STEPS, WHOLE_BATCH, workers)]
    assert len(plain) == len(ahead) == len(STEPS)
    for one, other in zip(plain, ahead, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


@pytest.mark.parametrize("model", ["safepaint", "trufor"])
def test_shares_of_a_batch_make_the_batch(model: str, read: TrainingImages) -> None:
    source = source_of(model, read)
    whole = source.batch(2)
    parts = [source.batch(2, BatchShard(number, 2)) for number in range(2)]
    for kind in range(2):
        assert torch.equal(torch.cat([part[kind] for part in parts]), whole[kind])


def test_a_training_with_workers_leaves_the_same_bytes(photographs: Path, tmp_path: Path) -> None:
    files = []
    for workers in (0, 2):
        out = tmp_path / str(workers)
        running = TrainOptions(workers=workers)
        done = train("aotgan", recipe=recipe("aotgan"), data=photographs, out=out, running=running)
        assert done.weights is not None
        files.append(done.weights.read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("running", "cores", "count"),
    [
        (TrainOptions(), 16, 0),
        (TrainOptions(devices=2), 16, 0),
        (TrainOptions(device="cuda:0"), 16, 2),
        (TrainOptions(device="cuda:0"), 2, 1),
        (TrainOptions(device="cuda:0"), 1, 0),
        (TrainOptions(device="cuda", devices=4), 8, 1),
        (TrainOptions(device="cuda:0", workers=0), 16, 0),
        (TrainOptions(workers=3), 1, 3),
    ],
)
def test_workers_by_default_where_networks_leave_cores(
    running: TrainOptions, cores: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "available_cores", lambda: cores)
    assert running.data_workers == count


def test_images_too_many_to_keep_are_read_when_they_are_used(
    photographs: Path, read: TrainingImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs_module, "IN_MEMORY", 7)
    lazy = read_training_images(photographs, sides=(64, 72), minimum=1, workers=2)
    assert not lazy.shrunk
    assert (lazy.names, lazy.digests) == (read.names, read.digests)
    plain, late = (source_of("safepaint", some).batch(1) for some in (read, lazy))
    assert torch.equal(plain[0], late[0])
    (photographs / lazy.names[0]).unlink()
    with pytest.raises(DataError, match=lazy.names[0]):
        lazy.picture(0, 64)


class Failing:
    """A source whose second step cannot be made."""

    def __init__(self, fail: Callable[[], None]) -> None:
        self._fail = fail
        self._samples: list[Sample] = []

    def build(self, step: object) -> list[Sample]:
        if step == 2:
            self._fail()
        pixels = torch.zeros(4, 4, 3, dtype=torch.uint8).numpy()
        return [Sample(pixels, pixels[..., 0] > 0)]

    def plan(self, step: int, shard: BatchShard = WHOLE_BATCH) -> int:
        return step

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> Any:
        raise NotImplementedError

    def held_out(self, step: int, count: int) -> Any:
        raise NotImplementedError


def gone() -> None:
    raise DataError("7.png: no such file")


def broken() -> None:
    raise RuntimeError("a bug")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("fail", "kind", "said"),
    [
        (gone, DataError, r"^7\.png: no such file$"),
        (killed, DataError, r"^a data worker ended .*exited unexpectedly\); give fewer --workers$"),
        (broken, RuntimeError, "a bug"),  # keeps its trace
    ],
)
def test_what_goes_wrong_in_a_worker(
    fail: Callable[[], None], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        list(load_batches(Failing(fail), STEPS, WHOLE_BATCH, 1))
