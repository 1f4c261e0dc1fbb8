"""Outputs of one worker compared with independent computations."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.types import Case, Detection, Pixels
from benchmark.core.types import Sample as Loaded
from benchmark.metrics.base import Metric
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import InpaintJob, Job, ResolvedModel, SampleRef, make_inpaint_job
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.worker import Worker
from benchmark.store.encoding import StoredOutput, decode_image
from detectors.base import Detector
from detectors.baselines import Flatness
from inpainters.base import Inpainter
from inpainters.baselines import MeanFill, Original
from tests.unit.runner.single_jobs import detect_job, measure_job

SIDE = 15
NAMES = ("a", "b", "c")


def refs() -> list[SampleRef]:
    return [SampleRef("folder", name, "10-20", "generated", f"sample {name}") for name in NAMES]


def sample(name: str) -> Loaded:
    rng = np.random.default_rng(ord(name))
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[3:9, 5:14] = True
    image = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return Loaded(id=name, image=image, mask=mask, bucket="10-20")


def inputs(**more: object) -> Inputs:
    return Inputs(samples={ref.key: sample(ref.id) for ref in refs()}, **more)


def model(card: Card, **changes: object) -> ResolvedModel:
    return ResolvedModel(
        name=card.name, card=replace(card, **changes), weights=Weights(edition="none")
    )


def inpaint_jobs(model: ResolvedModel, *, seed: int = 0) -> list[InpaintJob]:
    return [make_inpaint_job(model, ref, seed=seed, rounding="even") for ref in refs()]


def work(jobs: list[Job], given: Inputs, *, batch: int = 1) -> ChunkResult:
    worker = Worker(InputLoader(None, Path("nowhere")), device="cpu", batch=batch)  # type: ignore[arg-type]
    result = worker(Chunk(jobs=jobs), given)
    assert not result.failures
    return result


def images_of(outputs: list[StoredOutput]) -> list[Pixels]:
    found = [decode_image(output.content) for output in outputs]
    assert all(image is not None for image in found)
    return found  # type: ignore[return-value]


def seed_by_hand(*parts: object) -> int:
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") // 2


def random_image(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, 3, SIDE, SIDE), generator=generator) / 255


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_each_sample_of_a_seeded_model_has_its_own_seed_in_any_batch(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return random_image(seed).expand_as(images)

    monkeypatch.setattr(MeanFill, "_fill", fill)
    jobs = inpaint_jobs(model(MeanFill.card, seeded=True), seed=7)
    found = images_of(work([*jobs], inputs(), batch=batch).outputs)
    for name, image in zip(NAMES, found, strict=True):
        random = (
            (random_image(seed_by_hand(7, name))[0] * 255).round().byte().permute(1, 2, 0).numpy()
        )
        mask = sample(name).mask
        assert np.array_equal(image[mask], random[mask])
        assert np.array_equal(image[~mask], sample(name).image[~mask])


def test_an_unseeded_model_gets_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        sizes.append(len(images))
        return torch.zeros_like(images)

    monkeypatch.setattr(MeanFill, "_fill", fill)
    work([*inpaint_jobs(model(MeanFill.card))], inputs(), batch=2)
    assert sizes == [2, 1]


@pytest.mark.parametrize(("rounding", "level"), [("even", 101), ("authors", 100)])
def test_images_are_rounded_by_the_job_s_rule(
    monkeypatch: pytest.MonkeyPatch, rounding: str, level: int
) -> None:
    monkeypatch.setattr(
        MeanFill, "_fill", lambda self, images, masks, *, seed: torch.full_like(images, 100.7 / 255)
    )
    chosen = model(MeanFill.card, rounding="cut")
    jobs = [make_inpaint_job(chosen, ref, seed=0, rounding=rounding) for ref in refs()]
    for image in images_of(work([*jobs], inputs()).outputs):
        assert (image[sample("a").mask] == level).all()


def test_noise_depends_on_seed_and_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Pixels] = []

    def detect(self: Flatness, images: Tensor) -> Detection:
        seen.extend((images * 255).round().byte().permute(0, 2, 3, 1).numpy())
        return Detection(heatmap=images.mean(dim=1), score=images.mean(dim=(1, 2, 3)))

    monkeypatch.setattr(Flatness, "_detect", detect)
    jobs = inpaint_jobs(model(MeanFill.card), seed=7)
    gray = np.full((SIDE, SIDE, 3), 128, np.uint8)
    detections = [detect_job(model(Flatness.card), job, "noise:4") for job in jobs]
    work([*detections], inputs(images={job.key: gray for job in jobs}))
    for name, image in zip(NAMES, seen, strict=True):
        generator = np.random.default_rng(seed_by_hand("launder", 7, name))
        noise = 4 * generator.standard_normal(gray.shape, dtype=np.float32)
        assert np.array_equal(image, np.rint(128 + noise).astype(np.uint8))
    assert not np.array_equal(seen[0], seen[1])


def measured(
    inpainter: type[MeanFill | Original], metric: str, launder: str = ""
) -> tuple[list[tuple[float, ...]], list[np.ndarray]]:
    """Return a metric's values for an inpainter, and the logits that it was given."""
    jobs = inpaint_jobs(model(inpainter.card))
    detections = [detect_job(model(Flatness.card), job, launder) for job in jobs]
    side = 9 if launder else SIDE
    logits = [np.random.default_rng(row).normal(size=(side, side)).astype("f2") for row in range(3)]
    inpainted = {job.key: 255 - sample(job.sample.id).image for job in jobs}
    if inpainter is Original:
        inpainted = {job.key: sample(job.sample.id).image for job in jobs}
    given = inputs(
        images=inpainted,
        heatmaps={job.key: one for job, one in zip(detections, logits, strict=True)},
        scores={job.key: 0.5 for job in detections},
    )
    measures = [measure_job(metric, "1", job.inpaint_job, job) for job in detections]
    return [output.numbers for output in work([*measures], given).outputs], logits


def test_the_truth_is_the_hole_and_empty_for_original() -> None:
    found, logits = measured(MeanFill, "f1")
    expected = [f1_score(sample("a").mask.ravel(), one.ravel() > 0) for one in logits]
    assert [row for (row,) in found] == pytest.approx(expected, abs=1e-12)
    for metric in ("auc", "f1", "iou", "mcc"):
        found, _ = measured(Original, metric)
        assert np.isnan(found).all()
    counts, logits = measured(Original, "f1_pooled")
    assert [row[0] for row in counts] == [0, 0, 0]  # hits
    assert [row[1] for row in counts] == [int((one > 0).sum()) for one in logits]  # false positives
    assert [row[2] for row in counts] == [0, 0, 0]  # misses


def test_image_metrics_of_original_use_the_hole() -> None:
    jobs = inpaint_jobs(model(Original.card))
    given = inputs(images={job.key: sample(job.sample.id).image for job in jobs})
    measures = [measure_job("psnr_hole", "1", job, None) for job in jobs]
    found = [output.numbers for output in work([*measures], given).outputs]
    assert found == [(np.inf,)] * 3  # NaN without a hole


def test_a_resized_image_is_measured_against_the_resized_truth() -> None:
    found, logits = measured(MeanFill, "f1", "resize:0.6")
    places = np.floor((np.arange(9) + 0.5) * 5 / 3).astype(int)  # the pixel below each center
    truth = sample("a").mask[places][:, places]
    expected = [f1_score(truth.ravel(), one.ravel() > 0) for one in logits]
    assert [row for (row,) in found] == pytest.approx(expected, abs=1e-12)


def test_hole_blind_hides_the_hole_from_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        seen.append(images)
        return images

    monkeypatch.setattr(MeanFill, "_fill", fill)
    for blind in (False, True):
        jobs = [
            make_inpaint_job(model(MeanFill.card), ref, seed=0, rounding="even", blind=blind)
            for ref in refs()[:1]
        ]
        work([*jobs], inputs())
    mask, image = sample("a").mask, sample("a").image
    plain, covered = ((one[0] * 255).round().permute(1, 2, 0).numpy() for one in seen)
    assert np.array_equal(plain, image)
    assert np.array_equal(covered[~mask], image[~mask])
    mean = np.rint(image[~mask].astype(np.float64).mean(axis=0))
    assert np.array_equal(covered[mask], np.broadcast_to(mean, (mask.sum(), 3)))


class Overwrites(Inpainter):
    """An inpainter that modifies its inputs in place, as normalization often does."""

    card = Card(name="overwrites", title="overwrites", sizes="any")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        masks.zero_()
        return images.mul_(0).add_(0.25)


class OverwritingDetector(Detector):
    """A detector that modifies its input in place."""

    card = Card(name="overwriting", title="overwriting", sizes="any")

    def _detect(self, images: Tensor) -> Detection:
        heatmap = images.sub_(images)[:, 0]
        return Detection(heatmap=heatmap, score=heatmap.mean(dim=(1, 2)))


def test_a_model_that_modifies_its_input_changes_no_known_pixel() -> None:
    images, masks = random_image(0), torch.zeros(1, 1, SIDE, SIDE)
    masks[..., 3:9, 5:14] = 1
    before, hole = images.clone(), masks.clone()
    inpainted = Overwrites().inpaint(images, masks)
    assert torch.equal(inpainted, torch.where(hole.bool(), torch.full_like(before, 0.25), before))
    OverwritingDetector().detect(images)
    assert torch.equal(images, before)
    assert torch.equal(masks, hole)


class Overwriting(Metric):
    """A metric that modifies its case in place."""

    name, title, better, needs = "overwriting", "overwriting", "higher", "verdict"

    def measure(self, case: Case) -> NDArray[np.float64]:
        assert case.verdict is not None
        for array in (case.image, case.filled, case.mask, case.truth, case.verdict.logits):
            array[...] = 0
        return np.zeros((1, 1))


def test_a_metric_that_modifies_its_case_changes_no_other_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(InputLoader(None, Path("nowhere")), device="cpu", batch=1)  # type: ignore[arg-type]
    inpaint = inpaint_jobs(model(MeanFill.card))[0]
    detect = detect_job(model(Flatness.card), inpaint)
    image = sample(inpaint.sample.id).image
    logits = np.linspace(-1, 1, SIDE * SIDE, dtype=np.float16).reshape(SIDE, SIDE)
    given = inputs(
        images={inpaint.key: image // 2}, heatmaps={detect.key: logits}, scores={detect.key: 0.5}
    )
    jobs = [measure_job(metric, "1", inpaint, detect) for metric in ("psnr", "f1")]
    alone = [one.numbers for one in worker(Chunk(jobs=jobs), given).outputs]
    overwriting = measure_job("psnr", "1", inpaint, detect)
    worker._measurer.metrics["overwriting"] = Overwriting()
    both = worker(
        Chunk(jobs=[replace(overwriting, metric="overwriting", key="0" * 32), *jobs]), given
    )
    assert [one.numbers for one in both.outputs][1:] == alone
