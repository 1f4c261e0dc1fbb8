"""benchmarks/ablations.py: both tables over training seeds, resuming, missing seeds."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from benchmark.core.errors import BadInput
from benchmarks import ablations
from benchmarks.ablations import TABLES, find_trainings, missing, paragraph, tables
from tests.small import small_weights

SEEDS = (11, 12, 13)


def trained(
    folder: Path, model: str, seed: int, steps: int = 20, losses: dict[str, object] | None = None
) -> None:
    """Weights as a training with this seed leaves them: tiny, and other numbers for each seed."""
    with safe_open(small_weights(model), "pt") as file:
        noted = json.loads(file.metadata()["bench"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    generator = torch.Generator().manual_seed(seed)
    for value in state.values():
        if value.is_floating_point():
            value.add_(0.01 * torch.randn(value.shape, generator=generator))
            value.mul_(1.1 if losses else 1.0)
    place = folder / f"{model}-{seed}{'-text' if losses else ''}"
    place.mkdir(parents=True)
    noted |= {"model": model, "seed": seed, "steps": steps, "recipe": {"losses": losses or {}}}
    save_file(state, place / f"{model}.safetensors", {"bench": json.dumps(noted)})


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of Table 5's rows but the last one's third; one seed of a host."""
    folder = tmp_path_factory.mktemp("seeds")
    for model in TABLES[0].rows:
        for seed in SEEDS[: 2 if model == "safepaint" else 3]:
            trained(folder, model, seed)
    trained(folder, "aotgan", 11, steps=30)
    return folder


@pytest.fixture(scope="module")
def options(seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Namespace:
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for number in range(8):
        pixels = draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    out = tmp_path_factory.mktemp("out")
    return Namespace(weights=seeds, images=folder, out=out, detectors="flatness", limit=8, size=64)


@pytest.fixture(scope="module")
def said(seeds: Path, options: Namespace) -> list[str]:
    return list(tables(find_trainings(seeds), options))


def rows(options: Namespace, number: int) -> list[dict[str, str]]:
    with (options.out / f"table{number}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_missing_is_named(seeds: Path) -> None:
    lines = list(missing(find_trainings(seeds)))
    assert "missing: safepaint has 2 of 3 training seeds" in lines
    assert "missing: aotgan has 1 of 3 training seeds" in lines
    assert "missing: edgeconnect+rwsa has 0 of 3 training seeds" in lines
    assert not any("safepaint-ddl has" in line for line in lines)
    assert not any("different numbers of steps" in line for line in lines)


def test_rows_that_were_not_trained_alike_are_said(tmp_path: Path) -> None:
    trained(tmp_path, "safepaint", 11, steps=20)
    trained(tmp_path, "safepaint-ddl", 11, steps=21)
    (line,) = (one for one in missing(find_trainings(tmp_path)) if "table5" in one)
    assert "21: safepaint-ddl 11; 20: safepaint 11" in line


def test_no_weights_or_one_seed_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no weights of safepaint-backbone"):
        find_trainings(tmp_path)
    trained(tmp_path / "a", "safepaint", 11)
    trained(tmp_path / "b", "safepaint", 11)
    with pytest.raises(BadInput, match="safepaint with seed 11 is"):
        find_trainings(tmp_path)


def test_each_part_is_tested_over_seeds_and_images(options: Namespace, said: list[str]) -> None:
    found = [row for row in rows(options, 5) if row["detector"] == "flatness" and row["against"]]
    (one,) = (
        row
        for row in found
        if (row["inpainter"], row["against"]) == ("safepaint-ddl", "safepaint-backbone")
        and row["metric"] == "auc distance to the null"
    )
    assert (one["seeds"], one["images"]) == ("3", "8")
    assert float(one["low"]) <= float(one["value"]) <= float(one["high"])
    assert float(one["p_holm"]) >= float(one["p"]) > 0
    gap = next(row for row in found if row["inpainter"] == "safepaint")
    assert gap["reason"] == "2 training seeds, a test over seeds needs 3"
    assert (gap["verdict"], gap["p"], gap["low"]) == ("not tested", "", "")


def test_the_controls_stand_beside_with_the_same_retouching(
    options: Namespace, said: list[str]
) -> None:
    found = rows(options, 5)
    against = {(row["inpainter"], row["against"]) for row in found if row["against"]}
    assert ("safepaint-rwsa+grain:match", "meanfill+grain:match") in against
    assert ("safepaint-rwsa", "telea") in against
    assert ("safepaint-rwsa", "meanfill+grain:match") not in against
    control = next(row for row in found if row["inpainter"] == "telea" and row["metric"] == "f1")
    assert control["seeds"] == "0"
    assert control["value"]
    assert control["low"] == ""
    null = [row for row in found if row["inpainter"] == "null"]
    assert len(null) == 1
    assert any(row["metric"] == "psnr" and row["detector"] == "" for row in found)


def test_means_are_over_seeds_and_images(options: Namespace, said: list[str]) -> None:
    found = rows(options, 5)
    own = next(row for row in found if row["inpainter"] == "safepaint-ddl"
               and (row["against"], row["metric"]) == ("", "psnr"))  # fmt: skip
    runs = []
    for seed in SEEDS:
        with (options.out / f"seed-{seed}/results.csv").open(newline="") as file:
            runs += [
                float(row["value"])
                for row in csv.DictReader(file)
                if (row["inpainter"], row["metric"], row["retouch"])
                == ("safepaint-ddl", "psnr", "")
            ]
    assert len(set(runs)) == 3
    assert float(own["value"]) == pytest.approx(np.mean(runs), abs=1e-5)


def test_the_paragraph_counts_verdicts(said: list[str], options: Namespace) -> None:
    line = next(one for one in said if one.startswith("table5, DDL, with against without"))
    assert line.endswith("of 6 tests")
    assert "not tested 3" in line  # safepaint has two seeds
    assert any(one.startswith("table5, rows against meanfill+grain:match") for one in said)
    rows_ = [
        {"inpainter": "aotgan+rwsa", "against": "aotgan", "detector": "d", "verdict": "better"}
    ]
    assert "better 1" in next(paragraph(TABLES[1], rows_))


def test_the_same_command_again_computes_nothing(
    seeds: Path, options: Namespace, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (options.out / "table5.csv").read_text()
    ran = []
    run = ablations.run
    monkeypatch.setattr(ablations, "run", lambda *a, **k: ran.append(run(*a, **k)) or ran[-1])
    assert list(tables(find_trainings(seeds), options)) == said
    assert len(ran) == 3
    assert all(not any(one.document["jobs_run"].values()) for one in ran)
    assert (options.out / "table5.csv").read_text() == before


def test_the_text_s_forms_against_the_program_s(options: Namespace, tmp_path: Path) -> None:
    for seed in SEEDS:
        trained(tmp_path / "forms", "safepaint", seed)
        trained(tmp_path / "forms", "safepaint", seed, losses={"spectral": True})
    found = find_trainings(tmp_path / "forms")
    assert Counter(one.model for one in found) == {"safepaint": 3, "text": 3}
    assert list(missing(found)) == []
    own = Namespace(**(vars(options) | {"out": tmp_path / "out", "limit": 2}))
    said = list(tables(found, own))
    with (tmp_path / "out/forms.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    rows_ = [row for row in written if (row["inpainter"], row["against"]) == ("text", "safepaint")]
    assert {row["metric"] for row in rows_} >= {"auc distance to the null", "f1", "psnr"}
    assert all(row["seeds"] == "3" for row in rows_)
    assert any(float(row["value"]) for row in rows_)
    assert any(line.startswith("forms, the text's forms, with against without") for line in said)
