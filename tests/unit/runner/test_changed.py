"""Files that change during a run: a failure in one line, and no output under a wrong key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import FileChanged, WeightsError
from benchmark.core.images import read_image
from benchmark.masks.files import read_mask
from inpainters.baselines import MeanFill
from tests.small import small_weights


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    for folder in ("photos", "masks"):
        (tmp_path / folder).mkdir()
    rng = np.random.default_rng(6)
    mask = np.zeros((48, 48), np.uint8)
    mask[12:36, 12:36] = 255
    for name in "abc":
        pixels = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{name}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    return Plan(
        datasets=("folder",), images=tmp_path / "photos", masks=tmp_path / "masks", size="native",
        buckets=("20-30",), inpainters=("meanfill",), detectors=(), metrics=("psnr",),
    )  # fmt: skip


def another(path: Path) -> None:
    """Replace the file by another image of the same size."""
    pixels = np.asarray(Image.open(path))
    Image.fromarray(255 - pixels if pixels.ndim == 3 else np.roll(pixels, 6, axis=0)).save(path)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Call a function once, when the first sample is inpainted."""
    fill = MeanFill._fill

    def call(change: Callable[[], None]) -> None:
        left = [change]

        def first(self: MeanFill, *tensors: object, **words: object) -> object:
            if left:
                left.pop()()
            return fill(self, *tensors, **words)  # type: ignore[arg-type]

        monkeypatch.setattr(MeanFill, "_fill", first)

    return call


@pytest.mark.parametrize("folder", ["photos", "masks"])
def test_a_changed_image_or_mask_is_a_failure_and_not_stored(
    plan: Plan,
    tmp_path: Path,
    folder: str,
    meanwhile: Callable[[Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = run(plan, store=tmp_path / "fresh")
    path = tmp_path / folder / "c.png"
    genuine = path.read_bytes()
    meanwhile(lambda: another(path))
    during = run(plan, store=tmp_path / "store")
    assert not during.complete
    assert {(one.kind, one.sample) for one in during.failures} == {("failed", "c")}
    assert all("changed while the run was going on" in one.reason for one in during.failures)
    path.write_bytes(genuine)
    after = run(plan, store=tmp_path / "store")
    assert after.complete
    assert after.cells == fresh.cells


def test_the_decoded_bytes_are_those_that_were_hashed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((8, 8, 3), 255, np.uint8)).save(path)
    digest = sha256_of(path)
    assert (read_image(path, sha256=digest) == 255).all()
    assert read_mask(path, sha256=digest).white.all()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    for read in (read_image, read_mask):
        with pytest.raises(FileChanged, match=r"a\.png: changed while the run was going on"):
            read(path, sha256=digest)  # type: ignore[operator]


def test_weights_replaced_before_loading_are_refused(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "own.safetensors"
    weights.write_bytes(small_weights("fcf").read_bytes())
    mine = Plan(
        **{
            **plan.model_dump(exclude_unset=True),
            "size": 64,
            "masks": None,
            "inpainters": ("fcf",),
            "weights": {"fcf": str(weights)},
        }
    )
    from benchmark.runner.worker_spec import WorkerSpec

    worker = WorkerSpec.worker

    def replaced(self: WorkerSpec, device: str) -> object:
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1  # the last bit of the last tensor
        weights.write_bytes(content)
        return worker(self, device)

    monkeypatch.setattr(WorkerSpec, "worker", replaced)
    with pytest.raises(WeightsError, match="fcf changed while the run was going on"):
        run(mine, store=tmp_path / "store")
