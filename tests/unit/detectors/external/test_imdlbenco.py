"""`imdlbenco:NAME` runs IMDL-BenCo's networks, here with random weights."""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import (
    BadInput,
    BadOutput,
    BenchError,
    ExternalError,
    MissingWeights,
    UnknownName,
    WeightsError,
)
from benchmark.listing import card_text
from detectors import DETECTORS, create_detector
from detectors.base import area_score
from detectors.external.imdlbenco import MEAN, REFUSED, STD, ZOO, _build

needs_imdlbenco = pytest.mark.skipif(
    find_spec("IMDLBenCo") is None, reason="imdlbenco is not installed: docs/others.md says how"
)
SIZE = 64


def draw(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))


def drawn(name: str, folder: Path) -> tuple[torch.nn.Module, Path]:
    """A network with drawn weights, and its checkpoint as IMDL-BenCo's training writes it."""
    torch.manual_seed(0)
    network = _build(name, SIZE, torch.device("cpu")).eval()
    path = folder / f"{name}.pth"
    content = {"model": network.state_dict(), "epoch": 3, "args": argparse.Namespace(lr=0.1)}
    torch.save(content, path)
    return network, path


def answer_of(network: torch.nn.Module, image: Tensor) -> dict[str, Tensor]:
    """What the network itself says of an image of its size."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    empty = torch.zeros(1, 1, SIZE, SIZE)
    with torch.inference_mode():
        answer: dict[str, Tensor] = network(
            image=(image - mean) / std, mask=empty, edge_mask=empty, label=torch.zeros(1)
        )
    return answer


@pytest.mark.slow
@needs_imdlbenco
@pytest.mark.parametrize("name", ["MantraNet", "PSCC_Net"])
def test_it_says_what_the_network_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, path = drawn(name, tmp_path)
    image = draw(SIZE, SIZE)
    own = answer_of(network, image)
    detector = create_detector(f"imdlbenco:size={SIZE} {name}", weights=path)
    assert capsys.readouterr().out == ""  # its networks print what they load
    found = detector.detect(image.repeat(2, 1, 1, 1))
    assert torch.equal(found.heatmap[:1], own["pred_mask"][:, 0])
    assert torch.equal(found.heatmap[0], found.heatmap[1])
    expected = own["pred_label"] if ZOO[name].label else area_score(own["pred_mask"][:, 0])
    assert torch.allclose(found.score, expected.repeat(2), atol=0)
    assert detector.card.score_from == ("head" if ZOO[name].label else "area")
    smaller = detector.detect(draw(50, 40))
    assert smaller.heatmap.shape == (1, 50, 40)
    if ZOO[name].pads:
        with pytest.raises(BadOutput, match="at most 64x64 pixels"):
            detector.detect(draw(SIZE, SIZE + 1))


@pytest.mark.slow
@needs_imdlbenco
def test_a_checkpoint_of_another_model_or_with_code_is_refused(tmp_path: Path) -> None:
    network, path = drawn("MantraNet", tmp_path)
    with pytest.raises(WeightsError, match="does not match PSCC_Net"):
        create_detector(f"imdlbenco:size={SIZE} PSCC_Net", weights=path)
    torch.save({"model": network.state_dict(), "args": print}, path)
    with pytest.raises(WeightsError, match="nothing in it was run"):
        create_detector(f"imdlbenco:size={SIZE} MantraNet", weights=path)


@needs_imdlbenco
def test_bench_show_tells_version_license_and_how_to_give_weights() -> None:
    text = card_text("imdlbenco:size=256 MVSSNet")
    assert "license:       CC-BY-4.0 (imdlbenco 0." in text
    assert "resized to 256x256" in text
    assert "'--weights imdlbenco-size-256-MVSSNet=FILE'" in text
    assert "†" in card_text("imdlbenco:IML_ViT")
    with pytest.raises(MissingWeights, match="'--weights imdlbenco=FILE'"):
        create_detector("mvss=imdlbenco:MVSSNet")


@needs_imdlbenco
def test_model_size_and_version_decide_the_answer() -> None:
    words = ["MVSSNet", "size=256 MVSSNet", "Mesorch"]
    decided = {DETECTORS.fingerprint(f"imdlbenco:{word}") for word in words}
    assert len(decided) == 3
    assert all(" imdlbenco 0." in one for one in decided)


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        ("imdlbenco:MVSNet", UnknownName, "Known: IML_ViT, MVSSNet"),
        ("imdlbenco:size=8 MVSSNet", BadInput, "expected a side from 32 to 4096"),
        *((f"imdlbenco:{name}", ExternalError, "is not supported: it") for name in REFUSED),
    ],
)
def test_a_word_that_cannot_be_used_says_why(
    word: str, error: type[BenchError], message: str
) -> None:
    with pytest.raises(error, match=message):
        DETECTORS.card(word)


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(library: str) -> str:
        raise PackageNotFoundError(library)

    monkeypatch.setattr("benchmark.core.external.optional.version", missing)
    with pytest.raises(ExternalError, match=r"--no-deps imdlbenco==0\.1\.45"):
        DETECTORS.card("imdlbenco:MVSSNet")
