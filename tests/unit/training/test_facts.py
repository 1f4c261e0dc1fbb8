"""What a finished training leaves for its card: facts, the card's text, the curves, TensorBoard."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.load import read_checkpoint, read_metadata
from benchmark.core.errors import TrainingError
from benchmark.core.training_exposure import training_inpainters
from benchmark.training import TrainOptions, TrainResult, read_recipe, train
from benchmark.training.facts import Measured, evenly_spaced, read_facts, recipe_digest
from benchmark.training.model_card import draw_curves, main, render_card
from benchmark.training.recipe import label_of
from tests.unit.training.conftest import recipe


@pytest.fixture
def done(photographs: Path, tmp_path: Path) -> TrainResult:
    (photographs / "small.png").write_bytes(b"")
    return train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path / "out")


def test_facts_are_what_was_trained(done: TrainResult, photographs: Path, tmp_path: Path) -> None:
    assert done.facts is not None
    assert done.weights is not None
    found = read_facts(done.facts)
    assert (found.model, found.recipe, found.seed) == ("aotgan", "aotgan", 10)
    assert (found.steps, found.stages) == (4, 1)
    assert (found.photographs, found.held_out, found.left_out) == (8, 2, 1)
    assert found.recipe_sha256 == recipe_digest(recipe("aotgan", about="told anew"))
    assert found.recipe_sha256 != recipe_digest(recipe("aotgan", seed=11))
    assert found.sha256 == sha256_of(done.weights)
    assert found.bytes == done.weights.stat().st_size
    assert found.parameters == sum(v.numel() for v in read_checkpoint(done.weights).values())
    assert found.config == read_metadata(done.weights)["config"]
    assert 0 < found.seconds <= found.wall
    assert found.masks == "4 drawn by the generator, 5 to 60 %"
    assert [row["step"] for row in found.curve] == [1, 2, 3, 4]
    assert found.last["total"] == found.curve[-1]["total"]
    assert found.best["total"] == min(row["total"] for row in found.curve)
    (held_out,) = found.held_out_curve
    assert (held_out.step, held_out.side, found.measured) == (4, 64, "psnr")
    assert 5 < held_out.value < 30
    # Names do not count, contents do.
    (photographs / "0.png").rename(photographs / "zero.png")
    again = train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path / "again")
    assert again.facts is not None
    assert read_facts(again.facts).data_sha256 == found.data_sha256
    assert str(tmp_path) not in done.facts.read_text()


def test_times_are_not_in_the_weights(done: TrainResult) -> None:
    assert done.weights is not None
    noted = read_metadata(done.weights)
    assert set(noted) == {"model", "config", "recipe", "steps", "seed", "test_photographs"}


def test_a_detector_is_measured_by_its_auc(photographs: Path, tmp_path: Path) -> None:
    done = train("trufor", recipe=recipe("trufor"), data=photographs, out=tmp_path / "out")
    assert done.facts is not None
    found = read_facts(done.facts)
    assert found.measured == "auc"
    assert found.forgers == {"telea": 1.0, "original": 1.0}
    assert done.weights is not None
    assert training_inpainters(done.weights) == {"telea"}
    row = "| forgers of the last stage | telea 50%, original 50%; no other inpainter |"
    assert row in render_card(found)
    earlier = json.loads(done.facts.read_text())
    del earlier["forgers"]
    done.facts.write_text(json.dumps(earlier))
    assert "forgers" not in render_card(read_facts(done.facts))
    assert all(0 <= row.value <= 1 for row in found.held_out_curve)


def test_measuring_disturbs_no_number(photographs: Path, tmp_path: Path) -> None:
    files = []
    for often in (1, 100):
        chosen = recipe("aotgan", sample_every=often)
        done = train("aotgan", recipe=chosen, data=photographs, out=tmp_path / str(often))
        assert done.weights is not None
        files.append(read_checkpoint(done.weights))
        assert len(list((tmp_path / str(often)).glob("sample-*.png"))) == (4 if often == 1 else 1)
    assert all((files[1][name] == value).all() for name, value in files[0].items())


def test_a_recipe_goes_by_its_name_or_its_file() -> None:
    mini = read_recipe("aotgan", "mini")
    assert label_of(mini, mini) == label_of(mini, "mini") == "mini"
    assert label_of(mini.model_copy(update={"seed": 1}), Path("own/fast.toml")) == "fast.toml"
    assert label_of(mini, mini, smoke=True) == "smoke"


def test_the_card_holds_what_a_reader_asks(done: TrainResult) -> None:
    assert done.facts is not None
    found = read_facts(done.facts)
    card = render_card(found, title="AOT-GAN", results="| a | b |", weak="- Holes are smooth.")
    assert card.startswith("# Model card: AOT-GAN, aotgan edition\n")
    for part in (
        f"SHA-256 {found.sha256}",
        f"{found.parameters:,} parameters",
        "8 images, 2 of them held out; 1 left out as unreadable or too small",
        "4 in one stage; 10",
        found.machine,
        "| step | rate | l1 | perceptual | style | adversarial | discriminator | total |",
        f"| 4 | 64 | {found.held_out_curve[0].value:.4g} |",
        "## Results\n\n| a | b |\n",
        "## Limitations\n\n- Holes are smooth.\n- These are not the authors' weights.",
    ):
        assert part in card
    assert done.facts.with_suffix(".md").read_text() == render_card(found)
    assert "Not measured yet." in render_card(found)


def test_a_card_is_rendered_from_files(
    done: TrainResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weak = tmp_path / "weak.md"
    weak.write_text("- It is tiny.\n")
    assert main([str(done.facts), "--title", "AOT-GAN", "--weak", str(weak)]) == 0
    assert "- It is tiny.\n- These are not" in capsys.readouterr().out
    assert main([str(weak)]) == 2
    assert capsys.readouterr().err.startswith(f"Error: {weak}: not the summary of a training")
    assert main([str(done.facts), "--results", "nowhere.md"]) == 2
    assert "nowhere.md: cannot be read" in capsys.readouterr().err


def test_curves_are_a_small_image(done: TrainResult, tmp_path: Path) -> None:
    assert done.facts is not None
    with Image.open(done.facts.with_suffix(".png")) as picture:
        assert picture.size == (700, 280)
    found = read_facts(done.facts)
    many = tuple(Measured(step=step, side=64, value=20 + step / 10) for step in range(1, 40))
    draw_curves(replace(found, held_out_curve=many), tmp_path / "curves.svg")
    draw_curves(replace(found, held_out_curve=()), tmp_path / "losses.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text()
    assert "held out: PSNR" not in render_card(replace(found, held_out=0, held_out_curve=()))


def test_facts_that_are_none(tmp_path: Path) -> None:
    for content in ("{}", "no JSON", json.dumps({"held_out_curve": [], "curve": []})):
        (tmp_path / "facts.json").write_text(content)
        with pytest.raises(TrainingError, match="not the summary of a training"):
            read_facts(tmp_path / "facts.json")


def test_spaced_rows_have_the_first_and_the_last() -> None:
    assert evenly_spaced(range(3), 12) == [0, 1, 2]
    assert evenly_spaced(range(100), 3) == [0, 50, 99]
    assert evenly_spaced([7], 12) == [7]


def test_tensorboard_gets_losses_rates_and_images(photographs: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="takes the extra 'train'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out, chosen = tmp_path / "out", recipe("aotgan")
    running = TrainOptions(tensorboard=True)
    train("aotgan", recipe=chosen, data=photographs, out=out, running=running)
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"loss/l1", "loss/total", "rate/generator", "rate/discriminator"} <= set(tags["scalars"])
    assert tags["images"] == ["samples"]
    logged = (out / "log.csv").read_text().splitlines()[1:]
    totals = [float(row.rpartition(",")[2]) for row in logged]
    assert [one.value for one in events.Scalars("loss/total")] == pytest.approx(totals, rel=1e-4)
    assert [one.step for one in events.Scalars("held_out/psnr")] == [4]


def test_without_tensorboard_one_line_says_how_to_get_it(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"pip install .*tensorboard>="):
        train(
            "aotgan",
            recipe=recipe("aotgan"),
            data=photographs,
            out=tmp_path / "out",
            running=TrainOptions(tensorboard=True),
        )
