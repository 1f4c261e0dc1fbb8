"""One worker's answers, each beside the same answer made by hand."""

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
from benchmark.store.store import StoredOutput, decode_image
from detectors.base import Detector
from detectors.baselines import Flatness
from inpainters.base import Inpainter
from inpainters.baselines import MeanFill, Original
from tests.unit.runner.made import judge_job, measure_job

SIDE = 15
NAMES = ("a", "b", "c")


def refs() -> list[SampleRef]:
    return [SampleRef("folder", name, "10-20", "drawn", f"sample {name}") for name in NAMES]


def sample(name: str) -> Loaded:
    draw = np.random.default_rng(ord(name))
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[3:9, 5:14] = True
    image = draw.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return Loaded(id=name, image=image, mask=mask, bucket="10-20")


def inputs(**more: object) -> Inputs:
    return Inputs(samples={ref.key: sample(ref.id) for ref in refs()}, **more)


def model(card: Card, **changes: object) -> ResolvedModel:
    return ResolvedModel(
        name=card.name, card=replace(card, **changes), weights=Weights(edition="none")
    )


def fills(chosen: ResolvedModel, *, seed: int = 0) -> list[InpaintJob]:
    return [make_inpaint_job(chosen, ref, seed=seed, rounding="even") for ref in refs()]


def work(jobs: list[Job], given: Inputs, *, batch: int = 1) -> ChunkResult:
    worker = Worker(InputLoader(None, Path("nowhere")), device="cpu", batch=batch)  # type: ignore[arg-type]
    outcome = worker(Chunk(jobs=jobs), given)
    assert not outcome.failures
    return outcome


def pictures(answers: list[StoredOutput]) -> list[Pixels]:
    found = [decode_image(answer.content) for answer in answers]
    assert all(picture is not None for picture in found)
    return found  # type: ignore[return-value]


def seed_by_hand(*parts: object) -> int:
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") // 2


def draw(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, 3, SIDE, SIDE), generator=generator) / 255


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_each_sample_of_a_model_that_draws_has_its_own_seed_whatever_the_batch(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return draw(seed).expand_as(images)

    monkeypatch.setattr(MeanFill, "_fill", fill)
    jobs = fills(model(MeanFill.card, seeded=True), seed=7)
    found = pictures(work([*jobs], inputs(), batch=batch).answers)
    for name, picture in zip(NAMES, found, strict=True):
        drawn = (draw(seed_by_hand(7, name))[0] * 255).round().byte().permute(1, 2, 0).numpy()
        mask = sample(name).mask
        assert np.array_equal(picture[mask], drawn[mask])
        assert np.array_equal(picture[~mask], sample(name).image[~mask])


def test_a_model_that_draws_nothing_sees_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        sizes.append(len(images))
        return torch.zeros_like(images)

    monkeypatch.setattr(MeanFill, "_fill", fill)
    work([*fills(model(MeanFill.card))], inputs(), batch=2)
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
    for picture in pictures(work([*jobs], inputs()).answers):
        assert (picture[sample("a").mask] == level).all()


def test_the_noise_of_two_samples_differs_and_is_the_seed_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Pixels] = []

    def look(self: Flatness, images: Tensor) -> Detection:
        seen.extend((images * 255).round().byte().permute(0, 2, 3, 1).numpy())
        return Detection(heatmap=images.mean(dim=1), score=images.mean(dim=(1, 2, 3)))

    monkeypatch.setattr(Flatness, "_detect", look)
    jobs = fills(model(MeanFill.card), seed=7)
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    judges = [judge_job(model(Flatness.card), job, "noise:4") for job in jobs]
    work([*judges], inputs(pictures={job.key: grey for job in jobs}))
    for name, picture in zip(NAMES, seen, strict=True):
        generator = np.random.default_rng(seed_by_hand("launder", 7, name))
        noise = 4 * generator.standard_normal(grey.shape, dtype=np.float32)
        assert np.array_equal(picture, np.rint(128 + noise).astype(np.uint8))
    assert not np.array_equal(seen[0], seen[1])


def measured(
    painter: type[MeanFill | Original], metric: str, launder: str = ""
) -> tuple[list[tuple[float, ...]], list[np.ndarray]]:
    """What a metric gives of detector and inpainter, and the logits it was given."""
    jobs = fills(model(painter.card))
    judges = [judge_job(model(Flatness.card), job, launder) for job in jobs]
    side = 9 if launder else SIDE
    logits = [np.random.default_rng(row).normal(size=(side, side)).astype("f2") for row in range(3)]
    painted = {job.key: 255 - sample(job.sample.id).image for job in jobs}
    if painter is Original:
        painted = {job.key: sample(job.sample.id).image for job in jobs}
    given = inputs(
        pictures=painted,
        heatmaps={job.key: one for job, one in zip(judges, logits, strict=True)},
        scores={job.key: 0.5 for job in judges},
    )
    measures = [measure_job(metric, "1", job.inpaint_job, job) for job in judges]
    return [answer.numbers for answer in work([*measures], given).answers], logits


def test_what_is_painted_is_true_in_the_hole_and_of_original_nowhere() -> None:
    found, logits = measured(MeanFill, "f1")
    expected = [f1_score(sample("a").mask.ravel(), one.ravel() > 0) for one in logits]
    assert [row for (row,) in found] == pytest.approx(expected, abs=1e-12)
    for metric in ("auc", "f1", "iou", "mcc"):
        found, _ = measured(Original, metric)
        assert np.isnan(found).all()
    counts, logits = measured(Original, "f1_pooled")
    assert [row[0] for row in counts] == [0, 0, 0]  # hits
    assert [row[1] for row in counts] == [int((one > 0).sum()) for one in logits]  # all alarms
    assert [row[2] for row in counts] == [0, 0, 0]  # misses


def test_original_keeps_its_hole_where_the_image_is_compared() -> None:
    jobs = fills(model(Original.card))
    given = inputs(pictures={job.key: sample(job.sample.id).image for job in jobs})
    measures = [measure_job("psnr_hole", "1", job, None) for job in jobs]
    found = [answer.numbers for answer in work([*measures], given).answers]
    assert found == [(np.inf,)] * 3  # NaN were it without a hole


def test_a_resized_image_is_measured_against_its_resized_truth() -> None:
    found, logits = measured(MeanFill, "f1", "resize:0.6")
    places = np.floor((np.arange(9) + 0.5) * 5 / 3).astype(int)  # the pixel below each centre
    truth = sample("a").mask[places][:, places]
    expected = [f1_score(truth.ravel(), one.ravel() > 0) for one in logits]
    assert [row for (row,) in found] == pytest.approx(expected, abs=1e-12)


def test_a_blind_hole_hides_the_image_from_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
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
    """Writes into what it is given, as much code does that brings images to a mean of 0."""

    card = Card(name="overwrites", title="overwrites", sizes="any")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        masks.zero_()
        return images.mul_(0).add_(0.25)


class Looks(Detector):
    """The same of a detector."""

    card = Card(name="looks", title="looks", sizes="any")

    def _detect(self, images: Tensor) -> Detection:
        heatmap = images.sub_(images)[:, 0]
        return Detection(heatmap=heatmap, score=heatmap.mean(dim=(1, 2)))


def test_a_model_that_writes_into_its_input_changes_no_known_pixel() -> None:
    images, masks = draw(0), torch.zeros(1, 1, SIDE, SIDE)
    masks[..., 3:9, 5:14] = 1
    before, hole = images.clone(), masks.clone()
    painted = Overwrites().inpaint(images, masks)
    assert torch.equal(painted, torch.where(hole.bool(), torch.full_like(before, 0.25), before))
    Looks().detect(images)
    assert torch.equal(images, before)
    assert torch.equal(masks, hole)


class Spoils(Metric):
    """A metric that writes into its case."""

    name, title, better, needs = "spoils", "spoils", "higher", "verdict"

    def measure(self, case: Case) -> NDArray[np.float64]:
        assert case.verdict is not None
        for array in (case.image, case.filled, case.mask, case.truth, case.verdict.logits):
            array[...] = 0
        return np.zeros((1, 1))


def test_a_metric_that_writes_into_its_case_changes_no_other_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(InputLoader(None, Path("nowhere")), device="cpu", batch=1)  # type: ignore[arg-type]
    fill = fills(model(MeanFill.card))[0]
    judge = judge_job(model(Flatness.card), fill)
    image = sample(fill.sample.id).image
    logits = np.linspace(-1, 1, SIDE * SIDE, dtype=np.float16).reshape(SIDE, SIDE)
    given = inputs(
        pictures={fill.key: image // 2}, heatmaps={judge.key: logits}, scores={judge.key: 0.5}
    )
    jobs = [measure_job(metric, "1", fill, judge) for metric in ("psnr", "f1")]
    alone = [one.numbers for one in worker(Chunk(jobs=jobs), given).answers]
    spoils = measure_job("psnr", "1", fill, judge)
    worker._metrics["spoils"] = Spoils()
    both = worker(Chunk(jobs=[replace(spoils, metric="spoils", key="0" * 32), *jobs]), given)
    assert [one.numbers for one in both.answers][1:] == alone
