"""Running a plan from Python: sizes, batches, failures, and what is computed again when."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.card import Card
from benchmark.runner.execute import Progress, Settings
from detectors import DETECTORS
from inpainters import INPAINTERS
from inpainters.baselines import MeanFill

METRICS = ("auc", "f1", "acc", "psnr")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four pictures of three shapes."""
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
            "dataset": "folder", "images": photos, "size": "native", "buckets": ("30-40",),
            "inpainters": ("meanfill",), "detectors": ("flatness",), "metrics": METRICS,
        }  # fmt: skip
        plan = Plan(**{**values, **changes})
        return run(plan, store=tmp_path / store, settings=Settings(batch=batch))

    return call


def jobs(record: RunRecord) -> dict[str, int]:
    return dict(record.document["jobs_run"])


def values(record: RunRecord) -> list[float | None]:
    return [cell.value for cell in record.cells]


def test_pictures_of_several_sizes_run_as_they_are(go: Callable[..., RunRecord]) -> None:
    record = go()
    assert record.complete
    assert all(cell.n == cell.expected == 4 for cell in record.cells)


def test_the_batch_changes_no_number(go: Callable[..., RunRecord]) -> None:
    one, four = go(store="one"), go(batch=4, store="four")
    assert values(one) == pytest.approx(values(four), abs=1e-6)


def test_results_are_a_data_frame(go: Callable[..., RunRecord]) -> None:
    frame = go().results
    assert list(frame["metric"]) == ["auc", "f1", "acc", "psnr"]
    assert frame["weights"].iloc[0] == "meanfill=none flatness=none"
    assert frame["value"].between(0, 100).all()


def test_what_is_stored_is_not_computed_again(go: Callable[..., RunRecord]) -> None:
    assert jobs(go()) == {"fill": 4, "judge": 4, "measure": 16}
    assert jobs(go()) == {"fill": 0, "judge": 0, "measure": 0}
    assert jobs(go(detectors=("flatness", "chance"))) == {"fill": 0, "judge": 4, "measure": 12}
    assert jobs(go(inpainters=("meanfill", "original"))) == {"fill": 4, "judge": 4, "measure": 16}
    assert jobs(go(seed=1)) == {"fill": 4, "judge": 4, "measure": 16}


@pytest.mark.parametrize(
    ("registry", "name", "expected"),
    [
        (INPAINTERS, "meanfill", {"fill": 4, "judge": 4, "measure": 16}),
        (DETECTORS, "flatness", {"fill": 0, "judge": 4, "measure": 12}),
    ],
)
def test_a_new_revision_never_answers_with_old_numbers(
    go: Callable[..., RunRecord],
    monkeypatch: pytest.MonkeyPatch,
    registry: object,
    name: str,
    expected: dict[str, int],
) -> None:
    go()
    from dataclasses import replace

    read = type(registry).card

    def newer(self: object, wanted: str) -> Card:
        card = read(self, wanted)
        return replace(card, revision=card.revision + 1) if wanted == name else card

    monkeypatch.setattr(type(registry), "card", newer)
    assert jobs(go()) == expected


def test_a_changed_picture_is_a_new_sample(go: Callable[..., RunRecord], photos: Path) -> None:
    go()
    Image.new("RGB", (64, 64), "red").save(photos / "1.png")
    assert jobs(go())["fill"] == 1


def test_one_bad_sample_does_not_take_its_batch_with_it(
    go: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = MeanFill._fill
    seen: list[float] = []

    def sometimes(self: MeanFill, images: object, masks: object, *, seed: int) -> object:
        answer = fill(self, images, masks, seed=seed).clone()
        corners = images[:, :, 0, 0].sum(dim=1)
        seen.append(float(corners[-1]))
        answer[corners == bad] = float("nan")
        return answer

    monkeypatch.setattr(MeanFill, "_fill", sometimes)
    bad = -1.0
    go(store="look")
    bad = seen[1]
    record = go(batch=4, store="bad")
    assert [failure.sample for failure in record.failures] == ["1"]
    assert not record.complete
    assert [(cell.value, cell.n, cell.expected) for cell in record.cells] == [(None, 3, 4)] * 4
    bad = -1.0
    healed = go(store="bad")
    assert jobs(healed) == {"fill": 1, "judge": 1, "measure": 4}
    assert values(healed) == pytest.approx(values(go(store="fresh")), abs=1e-6)


def test_progress_counts_every_job(photos: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    plan = Plan(dataset="folder", images=photos, size=64, buckets=("30-40",),
                inpainters=("meanfill",), detectors=("chance",), metrics=("auc",))  # fmt: skip
    run(plan, store=tmp_path / "store", notify=told.append)
    last = {step.stage: (step.done, step.total) for step in told}
    assert last == {"fill": (4, 4), "judge": (4, 4), "measure": (4, 4)}


def test_known_pixels_reach_the_detector_bit_for_bit(photos: Path, tmp_path: Path) -> None:
    plan = Plan(dataset="folder", images=photos, size="native", buckets=("30-40",),
                inpainters=("telea",), detectors=(), metrics=("known_drift", "psnr"))  # fmt: skip
    record = run(plan, store=tmp_path / "store")
    drift = [cell.value for cell in record.cells if cell.metric == "known_drift"]
    assert drift == [0.0]


def test_a_finished_run_loads_no_torch(photos: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from benchmark import Plan, run\n"
        "plan = Plan(dataset='folder', images=sys.argv[1], size=64, buckets=('30-40',),\n"
        "            inpainters=('meanfill',), detectors=('chance',), metrics=('auc', 'psnr'))\n"
        "run(plan, store=sys.argv[2], out=sys.argv[3])\n"
        "print('torch' in sys.modules)\n"
    )
    words = [sys.executable, "-c", code, photos, tmp_path / "store", tmp_path / "out"]
    said = [subprocess.run(words, capture_output=True, text=True, check=True) for _ in range(2)]
    assert [done.stdout.strip() for done in said] == ["True", "False"]
