"""`run`: sizes, batches, failures, and which outputs are computed again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.card import Card
from benchmark.core.errors import MissingWeights, WeightsError
from benchmark.core.tensors import hole_blind
from benchmark.core.types import Case, Detection
from benchmark.metrics.localization import F1
from benchmark.postprocess import PostProcess
from benchmark.runner.settings import Settings
from benchmark.runner.stages import Progress
from detectors import DETECTORS
from detectors.baselines import Flatness
from inpainters import INPAINTERS
from inpainters.aotgan import AOTGANConfig, Generator
from inpainters.baselines import MeanFill

METRICS = ("auc", "f1", "acc", "psnr")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four images of three shapes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for number, size in enumerate([(80, 64), (64, 64), (64, 64), (51, 90)]):
        pixels = generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def go(photos: Path, tmp_path: Path) -> Callable[..., RunRecord]:
    def call(*, batch: int = 1, store: str = "store", **changes: object) -> RunRecord:
        values: dict[str, object] = {
            "datasets": ("folder",), "images": photos, "size": "native", "buckets": ("30-40",),
            "inpainters": ("meanfill",), "detectors": ("flatness",), "metrics": METRICS,
        }  # fmt: skip
        plan = Plan(**{**values, **changes})
        return run(plan, store=tmp_path / store, settings=Settings(batch=batch))

    return call


def jobs(record: RunRecord) -> dict[str, int]:
    return dict(record.document["jobs_run"])


def values(record: RunRecord) -> list[float | None]:
    return [cell.value for cell in record.cells]


def test_images_of_several_sizes(go: Callable[..., RunRecord]) -> None:
    record = go()
    assert record.complete
    assert all(cell.n == cell.expected == 4 for cell in record.cells)


def test_the_batch_changes_no_number(go: Callable[..., RunRecord]) -> None:
    one, four = go(store="one"), go(batch=4, store="four")
    assert values(one) == pytest.approx(values(four), abs=1e-6)


def test_results_are_a_data_frame(go: Callable[..., RunRecord]) -> None:
    frame = go().results
    frame = frame[frame["inpainter"] == "meanfill"]
    assert list(frame["metric"]) == ["auc", "f1", "acc", "psnr"]
    assert frame["weights"].iloc[0] == "meanfill=none flatness=none"
    assert frame["value"].between(0, 100).all()


def test_stored_outputs_are_not_computed_again(go: Callable[..., RunRecord]) -> None:
    # beside the plan's own jobs, the null: the authentic images, and three metrics of them
    assert jobs(go()) == {"fill": 4 + 4, "judge": 4 + 4, "measure": 16 + 12}
    assert jobs(go()) == {"fill": 0, "judge": 0, "measure": 0}
    two = jobs(go(detectors=("flatness", "chance")))
    assert two == {"fill": 0, "judge": 4 + 4, "measure": 12 + 12}
    assert jobs(go(inpainters=("meanfill", "original"))) == {"fill": 0, "judge": 0, "measure": 16}
    assert jobs(go(seed=1)) == {"fill": 4 + 4, "judge": 4 + 4, "measure": 16 + 12}


@pytest.mark.parametrize(
    ("registry", "name", "expected"),
    [
        (INPAINTERS, "meanfill", {"fill": 4, "judge": 4, "measure": 16}),
        (DETECTORS, "flatness", {"fill": 0, "judge": 4 + 4, "measure": 12 + 12}),
    ],
)
def test_a_new_revision_never_uses_old_numbers(
    go: Callable[..., RunRecord],
    monkeypatch: pytest.MonkeyPatch,
    registry: object,
    name: str,
    expected: dict[str, int],
) -> None:
    go()
    read = type(registry).card

    def newer(self: object, wanted: str) -> Card:
        card = read(self, wanted)
        return replace(card, revision=card.revision + 1) if wanted == name else card

    monkeypatch.setattr(type(registry), "card", newer)
    assert jobs(go()) == expected


def test_a_changed_image_is_a_new_sample(go: Callable[..., RunRecord], photos: Path) -> None:
    go()
    Image.new("RGB", (64, 64), "red").save(photos / "1.png")
    assert jobs(go())["fill"] == 1 + 1  # and the authentic one


def test_post_processing_adds_jobs_and_keeps_the_others(go: Callable[..., RunRecord]) -> None:
    go()
    steps = ("jpeg:90", "noise:2")
    assert jobs(go(launder=steps)) == {"fill": 0, "judge": 8 + 8, "measure": 24 + 24}
    assert jobs(go(launder=steps[::-1])) == {"fill": 0, "judge": 0, "measure": 0}
    assert jobs(go(launder=("noise:3",))) == {"fill": 0, "judge": 4 + 4, "measure": 12 + 12}


def test_only_noise_depends_on_the_seed(go: Callable[..., RunRecord], tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    gray = np.zeros((64, 64), np.uint8)
    gray[:22] = 255
    Image.fromarray(gray).save(masks / "one.png")
    same = {"masks": masks, "pairing": "drawn", "launder": ("blur:1", "noise:2")}
    go(**same)
    assert jobs(go(**same, seed=1)) == {"fill": 0, "judge": 4 + 4, "measure": 12 + 12}


def test_a_detector_gets_the_post_processed_image_and_its_size(
    go: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    cases: list[Case] = []
    detect, measure = Flatness._detect, F1.measure

    def watch(self: Flatness, images: Tensor) -> object:
        seen.append(images)
        return detect(self, images)

    def note(self: F1, case: Case) -> object:
        cases.append(case)
        return measure(self, case)

    monkeypatch.setattr(Flatness, "_detect", watch)
    monkeypatch.setattr(F1, "measure", note)
    record = go(size=64, launder=("resize:0.75", "jpeg:60"))
    assert record.complete
    del seen[12:]  # the authentic images, for the null
    assert [tuple(images.shape[2:]) for images in seen] == [(64, 64)] * 4 + [(48, 48)] * 4 + [
        (64, 64)
    ] * 4
    for painted, scaled, saved in zip(seen[:4], seen[4:8], seen[8:], strict=True):
        pixels = (painted[0].permute(1, 2, 0) * 255).round().byte().numpy()
        for text, images in (("resize:0.75", scaled), ("jpeg:60", saved)):
            expected = PostProcess.parse(text).apply(pixels, seed=0)
            assert np.array_equal((images[0].permute(1, 2, 0) * 255).round().numpy(), expected)
    assert {case.mask.shape for case in cases} == {(1, 64, 64), (1, 48, 48)}
    for case in cases:
        assert case.verdict is not None
        assert case.verdict.logits.shape == case.truth.shape == case.filled.shape[:3]
        assert case.image.shape == case.filled.shape


def test_a_failure_after_post_processing_leaves_a_gap_there_only(
    go: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = Flatness._detect

    def fail_on_small(self: Flatness, images: Tensor) -> Detection:
        found = detect(self, images)
        bad = images.shape[2] < 64
        return replace(found, score=found.score * float("nan")) if bad else found

    monkeypatch.setattr(Flatness, "_detect", fail_on_small)
    record = go(size=64, launder=("resize:0.5",))
    assert not record.complete
    assert {(one.model, one.launder, one.dataset) for one in record.failures} == {
        ("flatness", "resize:0.5", "folder")
    }
    gaps = {cell.launder for cell in record.cells if cell.value is None}
    assert gaps == {"resize:0.5"}
    assert record.document["failures"][0]["launder"] == "resize:0.5"


def test_one_bad_sample_does_not_take_its_batch_with_it(
    go: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = MeanFill._fill
    seen: list[float] = []

    def sometimes(self: MeanFill, images: object, masks: object, *, seed: int) -> object:
        output = fill(self, images, masks, seed=seed).clone()
        corners = images[:, :, 0, 0].sum(dim=1)
        seen.append(float(corners[-1]))
        output[corners == bad] = float("nan")
        return output

    monkeypatch.setattr(MeanFill, "_fill", sometimes)
    bad = -1.0
    go(store="look")
    bad = seen[1]
    record = go(batch=4, store="bad")
    assert [failure.sample for failure in record.failures] == ["1"]
    assert not record.complete
    painted = [cell for cell in record.cells if cell.inpainter == "meanfill"]
    assert [(cell.value, cell.n, cell.expected) for cell in painted] == [(None, 3, 4)] * 4
    bad = -1.0
    healed = go(store="bad")
    assert jobs(healed) == {"fill": 1, "judge": 1, "measure": 4}
    assert values(healed) == pytest.approx(values(go(store="fresh")), abs=1e-6)


def test_progress_counts_every_job(photos: Path, tmp_path: Path) -> None:
    steps: list[Progress] = []
    plan = Plan(datasets=("folder",), images=photos, size=64, buckets=("30-40",),
                inpainters=("meanfill",), detectors=("chance",), metrics=("auc",))  # fmt: skip
    run(plan, store=tmp_path / "store", notify=steps.append)
    last = {step.stage: (step.done, step.total) for step in steps}
    assert last == {"fill": (4, 4), "judge": (4, 4), "measure": (16, 16)}  # 12 for the null
    assert not any(step.without_output for step in steps)


def test_progress_tells_jobs_without_an_output_apart(photos: Path, tmp_path: Path) -> None:
    image = photos / "1.png"
    image.write_bytes(image.read_bytes()[:90])  # its header is whole
    steps: list[Progress] = []
    plan = Plan(datasets=("folder",), images=photos, size=64, buckets=("30-40",),
                inpainters=("meanfill",), detectors=("chance",), metrics=("psnr",))  # fmt: skip
    run(plan, store=tmp_path / "store", notify=steps.append)
    last = {step.stage: (step.done, step.total, step.without_output) for step in steps}
    assert last == {"fill": (4, 4, 1), "judge": (4, 4, 1), "measure": (4, 4, 1)}


def test_known_pixels_reach_the_detector_bit_for_bit(photos: Path, tmp_path: Path) -> None:
    plan = Plan(datasets=("folder",), images=photos, size="native", buckets=("30-40",),
                inpainters=("telea",), detectors=(), metrics=("known_drift", "psnr"))  # fmt: skip
    record = run(plan, store=tmp_path / "store")
    drift = [cell.value for cell in record.cells if cell.metric == "known_drift"]
    assert drift == [0.0]


def test_a_finished_run_loads_no_torch(photos: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from benchmark import Plan, run\n"
        "plan = Plan(datasets=('folder',), images=sys.argv[1], size=64, buckets=('30-40',),\n"
        "            inpainters=('meanfill',), detectors=('chance',), metrics=('auc', 'psnr'))\n"
        "run(plan, store=sys.argv[2], out=sys.argv[3])\n"
        "print('torch' in sys.modules)\n"
    )
    words = [sys.executable, "-c", code, photos, tmp_path / "store", tmp_path / "out"]
    runs = [subprocess.run(words, capture_output=True, text=True, check=True) for _ in range(2)]
    assert [done.stdout.strip() for done in runs] == ["True", "False"]


def test_hole_blind_is_another_job_and_keeps_the_authentic_image(
    go: Callable[..., RunRecord],
) -> None:
    models = ("meanfill", "original")
    go(inpainters=models)
    blind = go(inpainters=models, hole_blind=True)
    assert jobs(blind) == {"fill": 4, "judge": 4, "measure": 16}
    assert values(blind) == pytest.approx(values(go(inpainters=models)), abs=1e-6, nan_ok=True)


def test_hole_blind_fills_the_hole_before_the_model(
    go: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    fill = MeanFill._fill

    def look(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        seen.append((images, masks))
        return fill(self, images, masks, seed=seed)

    monkeypatch.setattr(MeanFill, "_fill", look)
    go(hole_blind=True)
    for images, masks in seen:
        assert torch.equal(images, hole_blind(images, masks))
    seen.clear()
    go(store="seeing")
    assert not any(torch.equal(images, hole_blind(images, masks)) for images, masks in seen)


@pytest.mark.usefixtures("no_minis")
def test_a_model_without_weights_is_a_gap_beside_those_that_have_some(
    go: Callable[..., RunRecord],
) -> None:
    record = go(inpainters=("madf", "meanfill"), detectors=("flatness", "iidnet"))
    assert record.complete
    assert jobs(record) == {"fill": 4 + 4, "judge": 4 + 4, "measure": 16 + 12}
    gaps = [cell for cell in record.cells if cell.value is None]
    assert len(gaps) == 7 + 3 + 3
    assert {cell.reason for cell in gaps} == {"no weights here", "no weights here for iidnet"}
    assert set(record.document["absent"]) == {"madf", "iidnet"}
    assert "bench weights" in record.document["absent"]["madf"]


@pytest.mark.usefixtures("no_minis")
@pytest.mark.parametrize(
    "models", [{"inpainters": ("madf", "ctsdg")}, {"detectors": ("iidnet",)}], ids=str
)
def test_nothing_left_to_run_is_an_error(
    go: Callable[..., RunRecord], models: dict[str, tuple[str, ...]]
) -> None:
    with pytest.raises(MissingWeights, match="bench weights"):
        go(**models)


@pytest.mark.usefixtures("no_minis")
def test_strict_runs_refuse_models_without_weights(photos: Path, tmp_path: Path) -> None:
    plan = Plan(datasets=("folder",), images=photos, size=64, buckets=("30-40",),
                inpainters=("meanfill", "madf"), detectors=(), metrics=("psnr",))  # fmt: skip
    with pytest.raises(WeightsError, match="madf"):
        run(plan, store=tmp_path / "store", settings=Settings(strict=True))


def test_a_host_s_checkpoint_is_not_measured_as_its_variant(
    go: Callable[..., RunRecord], tmp_path: Path
) -> None:
    file = tmp_path / "G0000001.pt"
    torch.save(Generator(AOTGANConfig()).state_dict(), file)
    with pytest.raises(WeightsError, match=r"aotgan\+rwsa cannot be measured.*never trained"):
        go(inpainters=("aotgan+rwsa",), weights={"aotgan+rwsa": str(file)})
