"""SafePaint's recipes `paper` and `text`: both tried with --smoke, and they are not the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmark.core.training_exposure import read_bench_metadata
from benchmark.training import chosen_recipe, train
from inpainters import create_inpainter

TEXT = {
    "l1_form": "paper", "adversarial_form": "hinge", "discriminator_form": "sum",
    "judged": "composite", "frozen": True, "compared": "composites", "spectral": True,
}  # fmt: skip


@pytest.fixture
def trained(photographs: Path, tmp_path: Path) -> dict[str, Path]:
    """The weights that a smoke run of each recipe exports."""
    found = {}
    for recipe in ("paper", "text"):
        done = train(
            "safepaint", recipe=recipe, data=photographs, out=tmp_path / recipe, smoke=True
        )
        assert done.weights is not None
        found[recipe] = done.weights
    return found


@pytest.mark.filterwarnings("ignore:safepaint.*takes no 64x64")
def test_both_are_tried_with_smoke_and_inpaint(trained: dict[str, Path]) -> None:
    images, masks = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    masks[..., 16:48, 16:48] = 1
    answers = [
        create_inpainter("safepaint", weights=path).inpaint(images, masks)
        for path in trained.values()
    ]
    assert torch.isfinite(torch.stack(answers)).all()
    assert not torch.equal(*answers)


def test_a_smoke_run_of_text_learns_by_the_text_s_forms(trained: dict[str, Path]) -> None:
    noted = {name: read_bench_metadata(path)["recipe"]["losses"] for name, path in trained.items()}
    assert noted["text"].items() >= TEXT.items()
    assert not any(noted["paper"].get(key) == value for key, value in TEXT.items())
    names = {name: load_file(path).keys() for name, path in trained.items()}
    assert names["text"] == names["paper"]  # spectral norms are divided out


def test_all_but_the_forms_is_alike() -> None:
    paper, text = (chosen_recipe("safepaint", name) for name in ("paper", "text"))
    same: dict[str, object] = {"about": "", "losses": {}}
    assert paper.model_copy(update=same) == text.model_copy(update=same)
    left = [
        {key: value for key, value in one.losses.items() if key not in TEXT}
        for one in (paper, text)
    ]
    assert left[0] == left[1]
