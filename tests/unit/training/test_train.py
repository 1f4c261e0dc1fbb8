"""`train`: smoke runs, resuming, stopping, and what it refuses."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.core.checkpoints.load import read_checkpoint, read_metadata
from benchmark.core.errors import DataError, TrainingError, UnknownName
from benchmark.training import read_recipe, train
from benchmark.training.optim import make_optimizer
from benchmark.training.recipe import Turn
from benchmark.training.recipe_tables import OptimizerOptions
from benchmark.training.trainer import CHECKPOINT, Trainer
from detectors import create_detector
from inpainters import create_inpainter
from inpainters.training.safepaint import SafePaintLearner
from tests.unit.training.conftest import recipe

MODELS = ("safepaint", "trufor")


@pytest.mark.parametrize(
    ("model", "edition"),
    [
        ("safepaint", "mini"),
        ("safepaint", "paper"),
        ("safepaint", "text"),
        ("trufor", "mini"),
        ("trufor", "made"),
    ],
)
def test_smoke_runs_every_stage_and_exports(
    model: str, edition: str, photographs: Path, tmp_path: Path
) -> None:
    result = train(model, recipe=edition, data=photographs, out=tmp_path / "out", smoke=True)
    assert result.finished
    assert result.steps >= 2
    assert result.weights is not None
    assert read_metadata(result.weights)["steps"] == result.steps
    make = create_inpainter if model == "safepaint" else create_detector
    loaded = make(model, weights=result.weights)
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    if model == "safepaint":
        masks = torch.zeros(1, 1, 64, 64)
        masks[..., 20:40, 20:40] = 1
        assert loaded.inpaint(images, masks).shape == images.shape  # type: ignore[union-attr]
    else:
        assert loaded.detect(images).heatmap.shape == (1, 64, 64)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "model",
    [
        "safepaint-backbone",
        "safepaint-ddl",
        "safepaint-rwsa",
        "edgeconnect",
        "edgeconnect+rwsa",
        "aotgan",
        "aotgan+rwsa",
    ],
)
def test_a_smoke_run_leaves_weights_of_its_own_name(
    model: str, photographs: Path, tmp_path: Path
) -> None:
    result = train(model, data=photographs, out=tmp_path / "out", smoke=True)
    assert result.weights is not None
    assert result.weights.name == f"{model}.safetensors"
    masks = torch.zeros(1, 1, 64, 64)
    masks[..., 20:40, 20:40] = 1
    painted = create_inpainter(model, weights=result.weights).inpaint(
        masks.expand(1, 3, 64, 64), masks
    )
    assert torch.isfinite(painted).all()


@pytest.mark.parametrize("edition", ["mini", "paper"])
@pytest.mark.parametrize(
    ("model", "rwsa", "domain"),
    [
        ("safepaint-backbone", False, False),
        ("safepaint-ddl", False, True),
        ("safepaint-rwsa", True, False),
        ("safepaint", True, True),
    ],
)
def test_the_ablations_are_safepaint_but_for_two_switches(
    model: str, rwsa: bool, domain: bool, edition: str
) -> None:
    found, whole = read_recipe(model, edition), read_recipe("safepaint", edition)
    assert found.network.get("rwsa", True) == rwsa
    assert bool(found.losses.get("domain", 0.01)) == domain
    same = {"model": "", "about": "", "network": {}, "losses": {}}
    assert found.model_copy(update=same) == whole.model_copy(update=same)
    for table in ("network", "losses"):
        changed = dict(getattr(found, table).items() ^ getattr(whole, table).items())
        assert set(changed) <= {"rwsa", "domain"}


def test_files_of_the_authors_layout_are_left(photographs: Path, tmp_path: Path) -> None:
    result = train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "out")
    names = [path.name for path in result.official]
    assert names == ["InpaintingModel_G.pth", "InpaintingModel_D.pth"]
    generator = read_checkpoint(result.official[0])
    assert generator["iteration"] == 4
    assert "coarse_generator.encoder.1.weight" in generator["generator"]


def test_the_exported_weights_are_the_average_in_half_precision(
    photographs: Path, tmp_path: Path
) -> None:
    result = train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "out")
    assert result.weights is not None
    exported = read_checkpoint(result.weights)
    kept = read_checkpoint(tmp_path / "out" / CHECKPOINT)
    for name, value in kept["average"].items():
        half = value.half() if value.is_floating_point() else value
        assert torch.equal(exported[name], half), name
    moved = kept["modules"]["generator"]
    assert any(not torch.equal(moved[name], value) for name, value in kept["average"].items())


@pytest.mark.parametrize("model", MODELS)
def test_a_stopped_run_resumes_to_the_numbers_of_one_that_was_not(
    model: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(model, recipe=recipe(model), data=photographs, out=tmp_path / "whole")
    stop_after(3, monkeypatch)
    part = train(model, recipe=recipe(model), data=photographs, out=tmp_path / "part")
    monkeypatch.undo()
    assert (part.finished, part.steps, part.weights) == (False, 3, None)
    rest = train(model, recipe=recipe(model), data=photographs, out=tmp_path / "part")
    assert rest.finished
    assert whole.weights is not None
    assert rest.weights is not None
    assert whole.weights.read_bytes() == rest.weights.read_bytes()
    assert losses(tmp_path / "whole") == losses(tmp_path / "part")


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send SIGTERM to this process while the step of that number runs."""
    plain = Trainer._train_step

    def stopping(trainer: Trainer, turn: Turn) -> dict[str, float]:
        if trainer.state.step == steps - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(trainer, turn)

    monkeypatch.setattr(Trainer, "_train_step", stopping)


def losses(out: Path) -> list[list[str]]:
    """The log without the seconds."""
    with (out / "log.csv").open(newline="") as file:
        return [[row[0], *row[2:]] for row in csv.reader(file)]


def test_a_killed_run_resumes_from_its_last_checkpoint(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "whole")
    plain = Trainer._train_step

    def dying(trainer: Trainer, turn: Turn) -> dict[str, float]:
        if trainer.state.step == 3:
            raise KeyboardInterrupt
        return plain(trainer, turn)

    monkeypatch.setattr(Trainer, "_train_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "part")
    monkeypatch.undo()
    assert read_checkpoint(tmp_path / "part" / CHECKPOINT)["step"] == 2
    rest = train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "part")
    assert whole.weights is not None
    assert rest.weights is not None
    assert whole.weights.read_bytes() == rest.weights.read_bytes()
    assert losses(tmp_path / "whole") == losses(tmp_path / "part")


def test_a_nan_names_its_term_and_step_and_keeps_the_checkpoint(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SafePaintLearner.training_step
    seen: list[int] = []

    def spoiled(
        learner: SafePaintLearner, role: str, images: Tensor, masks: Tensor
    ) -> dict[str, Tensor]:
        seen.append(1)
        terms = plain(learner, role, images, masks)
        return terms | {"style": terms["style"] * float("nan")} if len(seen) == 4 else terms

    monkeypatch.setattr(SafePaintLearner, "training_step", spoiled)
    with pytest.raises(TrainingError, match=r"style loss turned nan at step 4"):
        train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "out")
    kept = read_checkpoint(tmp_path / "out" / CHECKPOINT)
    assert kept["step"] == 2
    assert all(torch.isfinite(value).all() for value in kept["modules"]["generator"].values())


def test_another_models_checkpoint_is_refused(photographs: Path, tmp_path: Path) -> None:
    train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "out")
    with pytest.raises(TrainingError, match="checkpoint of safepaint, not of trufor"):
        train("trufor", recipe=recipe("trufor"), data=photographs, out=tmp_path / "out")


def test_another_recipes_checkpoint_is_refused(photographs: Path, tmp_path: Path) -> None:
    train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "out")
    with pytest.raises(TrainingError, match="another recipe"):
        train("safepaint", recipe=recipe(seed=11), data=photographs, out=tmp_path / "out")


def test_a_recipe_may_be_described_anew_between_stop_and_resume(
    photographs: Path, tmp_path: Path
) -> None:
    first = train("safepaint", recipe=recipe(), data=photographs, out=tmp_path / "out")
    messages = recipe(about="what it is")
    again = train("safepaint", recipe=messages, data=photographs, out=tmp_path / "out")
    assert (again.finished, again.steps) == (True, first.steps)


def test_relative_rates_follow_the_fresh_weights() -> None:
    layer = torch.nn.Conv2d(2, 2, 3)
    torch.nn.init.constant_(layer.weight, 3e-4)
    chosen = OptimizerOptions(kind="adam", lr=0.1, relative=True)
    weight, bias = make_optimizer(chosen, {"layer": layer}).param_groups
    assert weight["scale"] == pytest.approx(3e-4)
    assert bias["scale"] == 0.02


def test_decay_spares_biases_and_norms() -> None:
    layer = torch.nn.Conv2d(2, 2, 3)
    chosen = OptimizerOptions(kind="adamw", lr=0.1, weight_decay=0.5)
    weight, bias = make_optimizer(chosen, {"layer": layer}).param_groups
    assert (weight["weight_decay"], bias["weight_decay"]) == (0.5, 0.0)


def test_too_few_images_are_refused(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"8 of 8 files .* at least 9"):
        train("safepaint", recipe=recipe(minimum=9), data=photographs, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unreadable_and_small_images_do_not_count(photographs: Path, tmp_path: Path) -> None:
    (photographs / "0.png").write_text("no image")
    truncated = (photographs / "1.png").read_bytes()[:200]
    (photographs / "1.png").write_bytes(truncated)
    Image.new("RGB", (70, 70)).save(photographs / "2.png")
    with pytest.raises(DataError, match=r"5 of 8 files .* sides of 72"):
        train("safepaint", recipe=recipe(minimum=6), data=photographs, out=tmp_path / "out")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        train("safepaint", recipe=recipe(), data=tmp_path / "nowhere", out=tmp_path / "out")


def test_an_unknown_model_gets_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'safepaint'"):
        train("safepant", data=tmp_path, out=tmp_path / "out")


def test_the_paper_recipe_says_where_vgg_goes(photographs: Path, tmp_path: Path) -> None:
    changed = recipe(losses={"features": "vgg19"})
    with pytest.raises(TrainingError, match=r"VGG-19.*vgg19-dcbb9e9d\.pth"):
        train("safepaint", recipe=changed, data=photographs, out=tmp_path / "out")


def test_start_weights_that_are_not_there_are_named(photographs: Path, tmp_path: Path) -> None:
    changed = recipe("trufor", losses={"extractor": "noiseprint++.th"})
    with pytest.raises(TrainingError, match=r"noiseprint\+\+\.th.*mini recipe"):
        train("trufor", recipe=changed, data=photographs, out=tmp_path / "out")


def test_a_forger_that_is_none_is_named_before_the_first_step(
    photographs: Path, tmp_path: Path
) -> None:
    stages = [{"steps": 1, "batch": 1, "crop": 48, "sides": [64], "forgers": [{"name": "tela"}]}]
    changed = recipe("trufor", stages=stages)
    with pytest.raises(UnknownName, match="Did you mean 'telea'"):
        train("trufor", recipe=changed, data=photographs, out=tmp_path / "out")


def test_the_seed_decides_the_weights(photographs: Path, tmp_path: Path) -> None:
    files = []
    for number, seed in enumerate((10, 10, 11)):
        out = tmp_path / str(number)
        result = train("safepaint", recipe=recipe(seed=seed), data=photographs, out=out)
        assert result.weights is not None
        files.append(read_checkpoint(result.weights))
    same, other = files[0], files[2]
    assert all(torch.equal(files[1][name], value) for name, value in same.items())
    assert any(not torch.equal(other[name], value) for name, value in same.items())
