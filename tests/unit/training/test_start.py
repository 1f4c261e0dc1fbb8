"""Trainings that start from weights (--start), and what their weights say of their training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from benchmark.core.checkpoints.load import read_checkpoint, read_metadata
from benchmark.core.errors import BadInput, DataError, MissingWeights, TrainingError, WeightsError
from benchmark.core.training_exposure import UNNAMED, count_trained_on, training_inpainters
from benchmark.training import Folders, Recipe, SetOptions, TrainResult, chosen_recipe, train
from benchmark.training.data.images import read_training_images
from benchmark.training.data.sets import divide_by_original, read_training_forgeries
from benchmark.training.exposure import exposure
from benchmark.training.facts import TrainingData
from benchmark.training.options import DEFAULT_OPTIONS
from benchmark.training.recipe import LEARNERS, read_part
from benchmark.training.run import _Job, _origin
from benchmark.training.start import find_start, load_start
from detectors import create_detector
from tests.unit.training.conftest import recipe, write_photographs, write_set
from tests.unit.training.test_train import losses, stop_after

Go = Callable[..., TrainResult]
STAGE = {
    "steps": 4, "batch": 2, "crop": 48, "sides": [64],
    "forgers": [{"name": "telea", "pool": 3}, {"name": "original", "pool": 3}],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _no_curves() -> Iterator[None]:
    """Drawing takes most of such a training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.training.model_card.draw_curves", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a set of forgeries and trainings, which tests only read."""
    folder = tmp_path_factory.mktemp("world")
    write_photographs(folder / "photographs")
    write_set(folder / "forgeries")
    return folder


@pytest.fixture
def go(world: Path, tmp_path: Path) -> Go:
    def train_it(name: str, made: Recipe | None = None, **changes: Any) -> TrainResult:
        chosen = small() if made is None else made
        folders = replace(Folders(photographs=world / "photographs"), **changes)
        return train(chosen.model, recipe=chosen, data=folders, out=tmp_path / name)

    return train_it


@pytest.fixture(scope="module")
def plain(world: Path) -> TrainResult:
    """A training on made forgeries alone."""
    return train("iidnet", recipe=small(), data=world / "photographs", out=world / "plain")


@pytest.fixture(scope="module")
def mixed(world: Path) -> TrainResult:
    """A training on made and existing forgeries, from start to end."""
    folders = Folders(
        photographs=world / "photographs", forgeries=SetOptions(place=world / "forgeries")
    )
    return train("iidnet", recipe=small(), data=folders, out=world / "mixed")


def small(**changes: Any) -> Recipe:
    """A recipe of four steps of the smallest detector."""
    return recipe("iidnet", **{"stages": [STAGE]} | changes)


def weights_of(result: TrainResult) -> Path:
    assert result.weights is not None
    return result.weights


def of_forgeries(world: Path, **changes: Any) -> dict[str, Any]:
    return {"forgeries": SetOptions(place=world / "forgeries"), **changes}


def test_made_and_existing_forgeries_together_resume_to_the_same_numbers(
    go: Go, world: Path, mixed: TrainResult, plain: TrainResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(3, monkeypatch)
    part = go("part", **of_forgeries(world))
    monkeypatch.undo()
    assert (part.finished, part.steps) == (False, 3)
    with pytest.raises(TrainingError, match=r"begun with --forgeries \w{12} \(0\.5 .* not none"):
        go("part")
    rest = go("part", **of_forgeries(world))
    assert rest.finished
    assert weights_of(mixed).read_bytes() == weights_of(rest).read_bytes()
    assert losses(weights_of(mixed).parent) == losses(weights_of(rest).parent)
    assert weights_of(plain).read_bytes() != weights_of(rest).read_bytes()


def test_the_origin_says_which_images_of_a_set_are_held_out_and_drawn(tmp_path: Path) -> None:
    """After renaming, held-out images would be trained on by a resume."""

    def order(place: Path) -> tuple[str, str, str]:
        whole = read_training_forgeries(SetOptions(place=place), least=1)
        _, held = divide_by_original(whole, 2)
        data = TrainingData(None, None, whole, held, 1.0)
        job = _Job(recipe=small(), label="", data=Folders(), out=tmp_path, running=DEFAULT_OPTIONS)
        return whole.digest, data.set_order(small()), _origin(job, data)["--forgeries"]

    write_set(tmp_path / "a")
    write_set(tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.csv"
    named = manifest.read_text()
    assert order(tmp_path / "a") == order(tmp_path / "b")
    renamed = {f"{number}-": f"{(number * 3 + 1) % 10}=" for number in range(10)}
    for path in list((tmp_path / "b").glob("*.png")):
        path.rename(path.with_name(renamed[path.name[:2]] + path.name[2:]))
    for old, new in renamed.items():
        named = named.replace(old, new)
    manifest.write_text(named)
    first, second = order(tmp_path / "a"), order(tmp_path / "b")
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert first[2] != second[2]


def test_weights_with_nan_and_devices_are_no_start(
    go: Go, plain: TrainResult, tmp_path: Path
) -> None:
    path = tmp_path / "nan.safetensors"
    state = load_file(weights_of(plain))
    state["conv1.weight"][0] = float("nan")
    with safe_open(weights_of(plain), "pt") as file:
        save_file(state, path, metadata=file.metadata())
    with pytest.raises(WeightsError, match=r"nan.safetensors: a number of conv1.weight is NaN"):
        go("out", start=path)
    with pytest.raises(WeightsError, match="/dev/zero: not a regular file"):
        find_start("iidnet", Path("/dev/zero"))


def test_the_weights_name_the_set_and_the_card_counts_it(world: Path, mixed: TrainResult) -> None:
    weights = weights_of(mixed)
    found = read_training_forgeries(SetOptions(place=world / "forgeries"), least=1)
    noted = read_metadata(weights)["forgeries"]
    assert [one["sha256"] for one in noted] == [found.digest]
    assert (noted[0]["forged"], noted[0]["authentic"], noted[0]["originals"]) == (20, 10, 10)
    assert training_inpainters(weights) == {"telea", "flat", "lama"}
    digests = [one.sha256 for one in found.items]
    assert count_trained_on(weights, [*digests, "0" * 64]) == 30
    card = weights.with_suffix(".md").read_text()
    assert "50% of the training images: 20 forged (by flat, lama) and 10 authentic" in card
    facts = json.loads(weights.with_suffix(".json").read_text())
    assert facts["forgeries"]["held_out"] == 2
    assert str(world) not in card + json.dumps(noted)


def test_a_plain_training_writes_what_it_wrote(plain: TrainResult) -> None:
    weights = weights_of(plain)
    assert "origin" not in read_checkpoint(weights.parent / "checkpoint.pt")
    assert not {"start", "forgeries", "calibrated_on"} & set(read_metadata(weights))
    assert not {"start", "forgeries"} & set(json.loads(weights.with_suffix(".json").read_text()))


def test_a_training_starts_from_weights_and_their_sizes(
    go: Go, plain: TrainResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights_of(plain)
    still = small(optimizer={"kind": "sgd", "lr": 1e-30}, ema_decay=0, network={})
    second = weights_of(go("second", still, start=path))
    before, after = load_file(path), load_file(second)
    for name, value in before.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            assert torch.equal(after[name], value), name
    noted = read_metadata(second)
    assert noted["start"]["sha256"] == find_start("iidnet", path).sha256
    assert noted["config"] == read_metadata(path)["config"]
    assert noted["met"] == ["telea"]
    assert "starts from | sha256:" in second.with_suffix(".md").read_text()
    for start in (None, second):
        with pytest.raises(TrainingError, match="begun with --start sha256:"):
            go("second", still, start=start)


def test_a_set_alone_calibrates_and_says_which_methods_it_does_not_name(
    go: Go, world: Path, tmp_path: Path
) -> None:
    shutil.copytree(world / "forgeries", tmp_path / "forgeries")
    manifest = tmp_path / "forgeries" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",flat\n", ",\n"))
    alone = of_forgeries(tmp_path, photographs=None)
    with pytest.raises(TrainingError, match=r"which are 2 here.* at least 10 are needed: add"):
        go("out", small(false_positive_rate=0.05), **alone)
    with pytest.raises(TrainingError, match=r"30 images can be trained on; .* at least 31: add"):
        go("out", small(minimum=31), **alone)
    assert not (tmp_path / "out").exists()
    weights = weights_of(go("out", small(false_positive_rate=0.25), **alone))
    assert read_metadata(weights)["calibrated_on"] == 4
    assert training_inpainters(weights) == {"lama", UNNAMED}
    assert "forgers" not in weights.with_suffix(".md").read_text()


def test_what_starting_weights_were_trained_on_is_kept(world: Path, mixed: TrainResult) -> None:
    start = find_start("iidnet", weights_of(mixed))
    images = read_training_images(world / "photographs", sides=(64,), minimum=1)
    found = exposure(small(), TrainingData(images, None), start)
    assert found["met"] == ["flat", "lama", "telea"]
    assert [one["forged"] for one in found["forgeries"]] == [20]
    assert exposure(small(), TrainingData(images, None), replace(start, met=None))["met"] is None


def test_weights_that_do_not_fit_are_refused_by_the_names_of_their_tensors(
    plain: TrainResult, tmp_path: Path
) -> None:
    path = weights_of(plain)
    state = load_file(path)
    noted = {"bench": json.dumps(read_metadata(path))}
    surplus = {**state, "surplus.weight": torch.zeros(2)}
    surplus.pop("bn1.bias")
    save_file(surplus, tmp_path / "other.safetensors", metadata=noted)
    named = r"1 missing \(bn1\.bias\), 1 unexpected \(surplus\.weight\)"
    with pytest.raises(WeightsError, match=named):
        find_start("iidnet", tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="weights of 'iidnet', expected 'psccnet'"):
        find_start("psccnet", path)
    with pytest.raises(MissingWeights, match="iidnet has no official weights here"):
        find_start("iidnet", "official")
    with pytest.raises(WeightsError, match="no such checkpoint"):
        find_start("iidnet", tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("model", ["iidnet", "psccnet"])
def test_the_authors_files_are_read_into_the_network(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`official` writes what `read_official` reads; no tensor is forgotten."""
    learner_class = LEARNERS.load(model)
    torch.manual_seed(0)
    options = read_part(learner_class.Losses, {}, "losses")
    first = learner_class(learner_class.tiny["network"], options, torch.device("cpu"))
    for name, content in first.official(3).items():
        torch.save(content, tmp_path / name)
    place = tmp_path if model == "psccnet" else next(tmp_path.iterdir())
    learner = learner_class(learner_class.tiny["network"], options, torch.device("cpu"))
    grads = [one.requires_grad for one in learner.network.parameters()]
    monkeypatch.setattr("benchmark.training.start.create_detector", lambda *_, **__: None)
    load_start(learner, find_start(model, place))
    for name, value in first.network.state_dict().items():
        assert torch.equal(learner.network.state_dict()[name], value), name
    assert [one.requires_grad for one in learner.network.parameters()] == grads
    assert learner.network.training


def test_weights_that_say_unknown_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "unknown.safetensors"
    recipe_of = small().as_written()
    for met, known in ((None, None), (["lama"], {"lama"})):
        noted = {"bench": json.dumps({"met": met, "recipe": recipe_of})}
        save_file({"x": torch.zeros(1)}, path, metadata=noted)
        assert training_inpainters(path) == known


def test_an_inpainter_does_not_start_from_the_authors_layout(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "G.pt")
    with pytest.raises(TrainingError, match=r"an inpainter starts from a \.safetensors file"):
        find_start("aotgan", tmp_path / "G.pt")


@pytest.mark.parametrize(
    ("model", "changes", "named"),
    [
        ("aotgan", {"forgeries": SetOptions(place=Path("set"))}, "aotgan is an inpainter"),
        ("aotgan", {"photographs": None}, r"expected --data DIR$"),
        ("trufor", {"photographs": None}, "expected --data DIR or --forgeries DIR"),
        (
            "trufor",
            {"photographs": None, "masks": Path("m"), "forgeries": SetOptions(place=Path("set"))},
            "--masks are holes of made forgeries",
        ),
    ],
)
def test_data_that_are_of_no_use_are_refused(
    go: Go, model: str, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        go("out", recipe(model), **changes)


def test_forged_images_are_not_taken_as_authentic(go: Go, world: Path, tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for name in ("0-au", "1-au", "2-au", "3-flat"):
        shutil.copy(world / "forgeries" / f"{name}.png", tmp_path / "photographs")
    both = of_forgeries(world, photographs=tmp_path / "photographs")
    with pytest.raises(DataError, match=r"1 of the 20 forged .* such as 3-flat"):
        go("out", small(held_out=1), **both)


def test_a_paper_recipe_says_what_it_needs(world: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--forgeries DIR: authentic images, splices, copy-m"):
        train("psccnet", recipe="paper", data=Folders(photographs=tmp_path), out=tmp_path / "out")
    both = Folders(photographs=tmp_path, forgeries=SetOptions(place=world / "forgeries"))
    with pytest.raises(BadInput, match="--data: this recipe of psccnet makes no forgeries"):
        train("psccnet", recipe="paper", data=both, out=tmp_path / "out")


def test_a_paper_recipe_trains_on_a_set(world: Path, tmp_path: Path) -> None:
    """docs/training.md runs PSCC-Net's."""
    model = "trufor"
    given = Folders(forgeries=SetOptions(place=world / "forgeries"))
    whole = chosen_recipe(model, "paper", smoke=True)
    short = whole.model_copy(update={"stages": whole.stages[:1], "checkpoint_every": 99})
    result = train(model, recipe=short, data=given, out=tmp_path / "out")
    weights = weights_of(result)
    assert training_inpainters(weights) == {"flat", "lama"}
    assert create_detector(model, weights=weights).detect(torch.rand(1, 3, 64, 64)).score.isfinite()
