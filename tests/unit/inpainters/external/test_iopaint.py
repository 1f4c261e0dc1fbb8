"""`iopaint:NAME` runs IOPaint's models; `cv2` needs no weights."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.core.errors import ExternalError, MissingWeights, UnknownName, WeightsError
from benchmark.core.paths import torch_checkpoints
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.listing import card_text
from inpainters import INPAINTERS, create_inpainter
from inpainters.external.iopaint import MODELS

LACKS = "iopaint is not installed: docs/others.md says how"
WITH_WEIGHTS = [name for name, model in MODELS.items() if model.files]


needs_iopaint = pytest.mark.skipif(find_spec("iopaint") is None, reason=LACKS)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (50, 67)], ids=str)
@needs_iopaint
def test_cv2_paints_what_opencv_paints(size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(0)
    images = drawn.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    masks = np.zeros((2, *size), bool)
    masks[0, 10:30, 12:40] = masks[1, 5:20, 20:25] = True
    before = dict(os.environ), list(warnings.filters)
    painter = create_inpainter("iopaint:cv2")
    assert (dict(os.environ), list(warnings.filters)) == before  # importing it changes both
    filled = to_pixels(painter.inpaint(to_images(images), to_masks(masks)))
    for picture, mask, answer in zip(images, masks, filled, strict=True):
        bgr = np.ascontiguousarray(picture[..., ::-1])
        hole = mask.astype(np.uint8) * 255
        expected = cv2.inpaint(bgr, hole, 4, cv2.INPAINT_NS)[..., ::-1]  # IOPaint's radius
        assert np.array_equal(answer, np.where(mask[..., None], expected, picture))


class Grey(torch.nn.Module):
    """In LaMa's place: gray in the hole."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image * (1 - mask) + 0.5 * mask


@pytest.mark.slow
@needs_iopaint
def test_weights_are_loaded_where_iopaint_puts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = MODELS["lama"].files
    path = torch_checkpoints() / name
    path.parent.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have us use another format; IOPaint does not
        torch.jit.script(Grey()).save(path)
    known = {name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}
    monkeypatch.setitem(MODELS, "lama", replace(MODELS["lama"], files=known))
    images, masks = torch.zeros(1, 3, 50, 67), torch.zeros(1, 1, 50, 67)
    masks[..., 10:30, 20:40] = 1
    filled = create_inpainter("iopaint:lama").inpaint(images, masks)
    assert torch.equal(filled, masks.repeat(1, 3, 1, 1) * 127 / 255)


@needs_iopaint
def test_name_version_and_files_decide_the_answer() -> None:
    assert INPAINTERS.card("iopaint:cv2").name == "iopaint-cv2"
    assert INPAINTERS.fingerprint("iopaint:cv2").startswith("iopaint:cv2 iopaint 1.")
    (name,) = MODELS["lama"].files
    torch_checkpoints().mkdir(parents=True)
    decided = set()
    for content in (b"one", b"two!"):
        (torch_checkpoints() / name).write_bytes(content)
        decided.add(INPAINTERS.fingerprint("iopaint:lama"))
    assert len(decided) == 2


@needs_iopaint
def test_bench_show_tells_version_and_license() -> None:
    text = card_text("iopaint:mat")
    assert "license:       research purposes only (fenglinglwb/MAT); iopaint 1." in text
    assert "sees hole" not in text
    assert "sees hole" in card_text("iopaint:zits")


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_missing_files_are_one_line_that_says_how_to_get_them(name: str) -> None:
    with pytest.raises(MissingWeights, match=f"'iopaint download --model={name}'"):
        INPAINTERS.fingerprint(f"iopaint:{name}")


def test_a_file_that_iopaint_does_not_publish_is_not_loaded() -> None:
    (name,) = MODELS["lama"].files
    torch_checkpoints().mkdir(parents=True)
    (torch_checkpoints() / name).write_bytes(b"other code")
    with pytest.raises(WeightsError, match="not the file that IOPaint publishes: expected MD5"):
        create_inpainter("iopaint:lama")


def test_a_model_that_iopaint_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'lama'"):
        INPAINTERS.card("iopaint:lamma")


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(library: str) -> str:
        raise PackageNotFoundError(library)

    monkeypatch.setattr("benchmark.core.external.optional.version", missing)
    with pytest.raises(ExternalError, match=r"pip install --no-deps iopaint==1\.6\.0"):
        INPAINTERS.card("iopaint:cv2")
