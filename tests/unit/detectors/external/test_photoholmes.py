"""`photoholmes:NAME`, with a stand-in package that has PhotoHolmes' interface.

PhotoHolmes is on no package index: it was not tried here (docs/others.md).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmark.core.errors import (
    BadInput,
    BadOutput,
    ExternalError,
    MissingWeights,
    ScaleWarning,
    UnknownName,
    VersionWarning,
    WeightsError,
)
from benchmark.core.external.options import RunOptions
from benchmark.listing import card_text
from detectors import DETECTORS, create_detector
from detectors.base import area_score
from detectors.external.photoholmes import METHODS

FACTORY = """
import logging, random, warnings
import torch
from scipy.linalg import LinAlgWarning

logging.basicConfig(level=logging.INFO)
log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


class Pipeline:
    def __init__(self, *inputs):
        self.inputs = inputs

    def __call__(self, **given):
        assert set(given) == set(self.inputs), given
        print("prepared")
        log.warning("a license")
        return {key: one for key, one in given.items() if key != "qtables"}


def output(heatmap=None, mask=None, detection=None):
    return {"heatmap": heatmap, "mask": mask, "detection": detection}


class Base:
    def __init__(self, name, config):
        self.name, self.config = name, config
        if name == "catnet" and "gain" not in config["weights"]:
            raise RuntimeError("Missing key(s)")

    def benchmark(self, image=None, dct_coefficients=None):
        log.warning("an image")
        if image is not None:
            assert image.dtype == torch.float32 and image.shape[0] == 3
        if self.name == "dq":
            return output(heatmap=dct_coefficients[0] / 255)
        if self.name == "zero":
            mask = (image[0] > 127).float()
            return output(mask=mask, detection=torch.tensor([float(mask.any())]))
        if self.name == "noisesniffer":
            return output(mask=torch.zeros(image.shape[1:]), detection=None)
        if self.name == "splicebuster":
            try:
                warnings.warn("ill-conditioned", LinAlgWarning)
            except LinAlgWarning:
                return output(heatmap=torch.full(image.shape[1:], random.random()))
            return output()
        if self.name == "adaptive_cfa_net":
            return output(heatmap=torch.zeros(3, 3))
        if self.name == "catnet":
            return output(heatmap=(image[:1] / 255) * self.config["weights"]["gain"])
        files = self.config["weights"]
        kinds = [type(one).__name__ for one in files.values()]
        return output(mask=image[0] / 255, detection=torch.tensor([[len(kinds) / 10]]))


class MethodFactory:
    @staticmethod
    def load(name, config=None):
        inputs = {"dq": ("dct_coefficients", "image"), "exif_as_language": ("metadata",)}
        pipeline = Pipeline(*inputs.get(name, ("image",)))
        if name == "catnet":
            pipeline = Pipeline("image", "qtables", "dct_coefficients")
        return Base(name, config), pipeline
"""
READER = """
import numpy as np
import torch
from PIL import Image


def read_jpeg_data(path, suppress_not_jpeg_warning=False):
    assert suppress_not_jpeg_warning
    pixels = np.asarray(Image.open(path)).transpose(2, 0, 1)
    return torch.tensor(pixels.astype(int)), torch.ones(8, 8)
"""


@pytest.fixture
def holmes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an installed stand-in, a package without __init__.py as the real one."""
    site = tmp_path / "site"
    for name, text in (("methods/__init__", ""), ("methods/factory", FACTORY),
                       ("utils/__init__", ""), ("utils/image", READER)):  # fmt: skip
        file = site / "photoholmes" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    metadata = site / "photoholmes-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: photoholmes\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(site))
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    yield site
    assert (root.level, list(root.handlers)) == before  # the library changes them at import
    for name in [one for one in sys.modules if one.partition(".")[0] == "photoholmes"]:
        del sys.modules[name]


def images(side: int = 16) -> torch.Tensor:
    drawn = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(side))
    return drawn / 255


def weights(tmp_path: Path) -> Path:
    save_file({"gain": torch.tensor(0.5)}, tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_a_mask_is_the_heatmap_and_its_detection_the_score(
    holmes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector = create_detector("photoholmes:zero")
    found = detector.detect(images())
    assert torch.equal(found.heatmap, (images()[:, 0] * 255 > 127).float())
    assert found.score.tolist() == [1.0, 1.0]
    assert detector.card.score_from == "head"
    assert capsys.readouterr() == ("", "")  # it prints and logs for every image


def test_a_method_without_a_score_has_the_area_rule(holmes: Path) -> None:
    detector = create_detector("photoholmes:dq")
    found = detector.detect(images())
    assert torch.allclose(found.heatmap, images()[:, 0])  # coefficients of the image's own file
    assert torch.equal(found.score, area_score(found.heatmap))
    assert detector.card.score_from == "area"
    assert "quality 100" in detector.card.sizes


def test_weights_are_read_here_and_have_to_be_given(holmes: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match="'--weights photoholmes=FILE'"):
        create_detector("photoholmes:catnet")
    found = create_detector("photoholmes:catnet", weights=weights(tmp_path)).detect(images())
    assert torch.allclose(found.heatmap, images()[:, 0] / 2)
    with pytest.raises(BadInput, match="takes no weights"):
        create_detector("photoholmes:zero", weights=weights(tmp_path))
    save_file({"other": torch.tensor(0.5)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"cannot be loaded by catnet .Missing key"):
        create_detector("photoholmes:catnet", weights=tmp_path / "other.safetensors")
    torch.save({"gain": print}, tmp_path / "evil.pth")
    for name in ("catnet", "exif_as_language"):  # the second reads the file itself
        with pytest.raises(WeightsError, match="nothing in it was run"):
            create_detector(f"photoholmes:{name}", weights=tmp_path / "evil.pth")


def test_several_files_lie_in_a_folder(holmes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in METHODS["psccnet"].files.values():
        torch.save({"gain": torch.tensor(1.0)}, folder / name)
    found = create_detector("photoholmes:psccnet", weights=folder).detect(images())
    assert found.score.tolist() == pytest.approx([0.3, 0.3])  # three of them
    with pytest.raises(WeightsError, match=r"expected a folder with FENet\.pth, SegNet"):
        create_detector("photoholmes:psccnet", weights=folder / "FENet.pth")
    with pytest.raises(WeightsError, match=r"VIT_weights\.pth: no such checkpoint"):
        create_detector("photoholmes:focal", weights=folder)


def test_random_numbers_and_the_warning_that_splicebuster_waits_for(holmes: Path) -> None:
    found = create_detector("photoholmes:splicebuster").detect(images()).heatmap
    assert found.unique().numel() == 1  # both images, whatever was drawn before
    assert torch.equal(found, create_detector("photoholmes:splicebuster").detect(images()).heatmap)


def test_output_that_is_not_as_promised_is_refused(holmes: Path, tmp_path: Path) -> None:
    path = weights(tmp_path)
    with pytest.raises(BadOutput, match=r"expected a heatmap of \(64, 64\), got \(3, 3\)"):
        create_detector("photoholmes:adaptive_cfa_net", weights=path).detect(images(64))
    with pytest.raises(BadOutput, match="expected one detection score"):
        create_detector("photoholmes:noisesniffer").detect(images())
    with pytest.raises(ExternalError, match="reads metadata, unknown here"):
        create_detector("photoholmes:exif_as_language", weights=path).detect(images(129))
    with pytest.raises(BadInput, match="at least 129"):
        create_detector("photoholmes:exif_as_language", weights=path).detect(images())
    save_file({"gain": torch.tensor(4.0)}, tmp_path / "large.safetensors")
    detector = create_detector("photoholmes:catnet", weights=tmp_path / "large.safetensors")
    with pytest.warns(ScaleWarning, match=r"to 4; those outside \[0, 1\] are cut off"):
        assert detector.detect(images()).heatmap.max() == 1
    detector.detect(images())  # said once


def test_the_key_has_the_sources_since_the_version_stays_the_same(holmes: Path) -> None:
    before = DETECTORS.fingerprint("photoholmes:dq")
    assert before.startswith("photoholmes:dq photoholmes 0.0.1 ")
    assert DETECTORS.fingerprint("photoholmes:zero") != before
    (holmes / "photoholmes" / "utils" / "image.py").write_text(READER + "\n# changed\n")
    assert DETECTORS.fingerprint("photoholmes:dq") != before


def test_bench_show_tells_terms_and_another_version_is_said(holmes: Path) -> None:
    assert "research use only; photoholmes 0.0.1: Apache-2.0" in card_text("photoholmes:trufor")
    assert "†" in card_text("photoholmes:splicebuster")
    kind = DETECTORS.load("photoholmes:dq")
    kind.check_options("dq", RunOptions())
    metadata = holmes / "photoholmes-0.0.1.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("0.0.1", "0.2"))
    with pytest.warns(VersionWarning, match=r"photoholmes 0\.2 is installed, expected 0\.0\.1"):
        kind.check_options("dq", RunOptions())


def test_an_unknown_method_and_a_missing_library_are_said() -> None:
    with pytest.raises(UnknownName, match="no method of PhotoHolmes named 'trufour'"):
        DETECTORS.card("photoholmes:trufour")
    with pytest.raises(
        ExternalError, match=r"photoholmes is not installed; .*--no-deps git\+https"
    ):
        DETECTORS.card("photoholmes:dq")
