"""Specifiers of `diffusers:`, pipelines by class, and what a folder says; with a stand-in library.

test_diffusers.py has the real library, where it is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.core.errors import BadInput, PromptWarning, VersionWarning, WeightsError
from benchmark.core.external import optional
from benchmark.core.external.options import RunOptions
from inpainters import INPAINTERS, create_inpainter
from inpainters.external.pipelines import (
    EXPECTED,
    check_device,
    find_pipeline,
    multiple_of,
    parse_spec,
    sees_hole,
)


class DiffusionPipeline:
    """What the stand-ins share: they return the image, brighter by the prompt's length."""

    tokenizer = None

    @classmethod
    def from_pretrained(cls, folder: str, **options: Any) -> DiffusionPipeline:
        if (Path(folder) / "broken").exists():
            raise AttributeError("no such part\nand more")
        found = cls()
        found.dtype = options.get("dtype", torch.float32)  # type: ignore[attr-defined]
        return found

    def set_progress_bar_config(self, *, disable: bool) -> None: ...

    def to(self, device: torch.device) -> DiffusionPipeline:
        return self


class FluxFillPipeline(DiffusionPipeline):
    def __call__(self, prompt=None, image=None, mask_image=None, height=None, width=None,
                 generator=None, output_type="pil"):  # fmt: skip
        assert image.size == (width, height)
        pixels = np.asarray(image, np.float32) / 255
        return type("Output", (), {"images": [(pixels + len(prompt) / 100).clip(0, 1)]})()


class SmallPipeline(DiffusionPipeline):
    def __call__(self, image=None, mask_image=None, generator=None, output_type="pil"):
        return type("Output", (), {"images": [np.zeros((8, 8, 3), np.float32)]})()


class FluxPipeline(DiffusionPipeline):
    def __call__(self, prompt=None, height=None, width=None): ...


class PaintByExampleInpaintPipeline(DiffusionPipeline):
    def __call__(self, example_image, image, mask_image): ...


class ControlInpaintPipeline(DiffusionPipeline):
    def __call__(self, image=None, mask_image=None, control_image=None): ...


class RePaintPipeline(DiffusionPipeline):
    def __call__(self, image, mask_image, generator=None): ...


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A stand-in for diffusers and transformers."""
    quiet = type("Logging", (), {"disable_progress_bar": staticmethod(lambda: None),
                                 "set_verbosity_error": staticmethod(lambda: None)})  # fmt: skip
    module, other = ModuleType("diffusers"), ModuleType("transformers")
    for kind in (
        DiffusionPipeline, FluxFillPipeline, SmallPipeline, FluxPipeline, RePaintPipeline,
        PaintByExampleInpaintPipeline, ControlInpaintPipeline,
    ):  # fmt: skip
        setattr(module, kind.__name__, kind)
    module.AutoPipelineForInpainting = FluxFillPipeline  # type: ignore[attr-defined]
    for one in (module, other):
        one.utils = type("Utils", (), {"logging": quiet})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, one.__name__, one)
    monkeypatch.setattr(optional, "version", EXPECTED.__getitem__)
    find_pipeline.cache_clear()
    yield module
    find_pipeline.cache_clear()


def pair(side: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    images, masks = torch.full((1, 3, side, side), 0.2), torch.zeros(1, 1, side, side)
    masks[..., 4:12, 4:12] = 1
    return images, masks


def test_a_plain_id_keeps_its_key() -> None:
    assert parse_spec("some/id").key == "{'prompt': '', 'steps': ''}"
    assert parse_spec("steps=2 prompt='a b' some/id").key == "{'prompt': 'a b', 'steps': '2'}"
    assert parse_spec("dtype=float32 offload=model some/id").key == parse_spec("some/id").key
    others = ("dtype=bfloat16 some/id", "some/id@FluxFillPipeline", "some/id@FluxInpaintPipeline")
    assert len({parse_spec(one).key for one in (*others, "some/id")}) == 4


def test_a_folder_may_have_an_at_sign_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine@home").mkdir()
    spec = parse_spec(f"'{tmp_path}/mine@home'")
    assert (spec.name, spec.pipeline) == (f"{tmp_path}/mine@home", "")
    spec = parse_spec(f"{tmp_path}/mine@home@FluxFillPipeline")
    assert (spec.name, spec.pipeline) == (f"{tmp_path}/mine@home", "FluxFillPipeline")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("dtype=int8 some/id", "dtype=int8: expected float32, float16, bfloat16"),
        ("offload=disk some/id", "offload=disk: expected none, model, sequential"),
        ("some/id@", "expected ID@CLASS"),
        ("some/id@a.b", "expected ID@CLASS"),
        ("@FluxFillPipeline", "expected ID@CLASS"),
    ],
)
def test_a_specifier_that_cannot_be_read_says_why(argument: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_spec(argument)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FluxFilPipeline", "no pipeline of this name .*; close names: FluxFillPipeline"),
        ("FluxPipeline", "does not take image and mask_image .*; close names: FluxFillPipeline"),
        ("PaintByExampleInpaintPipeline", "it needs example_image, which a run does not have"),
        ("ControlInpaintPipeline", "it needs control_image"),
        ("RePaintPipeline", "its mask is white where pixels are kept"),
        ("utils", "no pipeline of this name"),
    ],
)
def test_a_class_that_fills_no_holes_is_refused(
    name: str, message: str, library: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=f"^@{name}: .*{message}"):
        INPAINTERS.card(f"diffusers:{tmp_path}@{name}")


def test_sizes_and_sight_are_read_from_the_folder(tmp_path: Path) -> None:
    assert multiple_of(tmp_path) == 8
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_text(json.dumps({"block_out_channels": [1] * 4}))
    assert multiple_of(tmp_path) == 8
    (tmp_path / "transformer").mkdir()
    assert multiple_of(tmp_path) == 16
    (tmp_path / "vae" / "config.json").write_text(json.dumps({"block_out_channels": [1] * 6}))
    assert multiple_of(tmp_path) == 64
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"in_channels": 9}))
    assert sees_hole(tmp_path, "")
    assert not sees_hole(tmp_path, "StableDiffusionInpaintPipeline")
    assert not sees_hole(tmp_path, "FluxFillPipeline")
    assert sees_hole(tmp_path, "StableDiffusionXLInpaintPipeline")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionInpaintPipeline"}')
    assert not sees_hole(tmp_path, "")
    (tmp_path / "model_index.json").write_text("[]")
    assert sees_hole(tmp_path, "")


def test_images_are_extended_to_the_multiple_and_prompts_arrive(
    library: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "transformer").mkdir()
    painter = create_inpainter(f"diffusers:dtype=bfloat16 {tmp_path}@FluxFillPipeline")
    assert painter.card.multiple == 16
    assert "FluxFillPipeline (diffusers 0.42.1)" in painter.card.title
    images, masks = pair(40)  # the stand-in checks that it gets the size of its image
    plain = painter.inpaint(images, masks)
    told = painter.inpaint(images, masks, prompt="ten signs!")
    hole = masks.bool().expand_as(images)
    assert torch.allclose(told[hole] - plain[hole], torch.full_like(plain[hole], 0.1), atol=1e-6)
    assert torch.equal(told[~hole], images[~hole])
    assert painter._pipeline.dtype is torch.bfloat16


def test_a_pipeline_of_its_own_size_or_without_a_prompt_is_refused(
    library: ModuleType, tmp_path: Path
) -> None:
    painter = create_inpainter(f"diffusers:{tmp_path}@SmallPipeline")
    with pytest.raises(Exception, match="expected 32x32 pixels, got 8x8"):
        painter.inpaint(*pair())
    with pytest.raises(BadInput, match="SmallPipeline takes no prompt"):
        painter.inpaint(*pair(), prompt="x")
    kind = INPAINTERS.load("diffusers:x")
    for argument, message in (
        (f"{tmp_path}@SmallPipeline", "--prompts: SmallPipeline takes no prompt"),
        (f"prompt=x {tmp_path}", "--prompts and prompt='TEXT' of its specifier: expected one"),
    ):
        with pytest.raises(BadInput, match=message):
            kind.check_options(argument, RunOptions(prompts=True))
    with pytest.raises(BadInput, match="'diffusers:dtype=bfloat16 ID'"):
        kind.check_options(str(tmp_path), RunOptions(precision="bf16"))


def test_a_cpu_neither_offloads_nor_computes_in_float16(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = INPAINTERS.load("diffusers:x")
    for option in ("offload=model", "offload=sequential", "dtype=float16"):
        word = f"{option} {tmp_path}"
        with pytest.raises(BadInput, match=f"^{option} goes with a GPU"):
            create_inpainter(f"diffusers:{word}")
        with pytest.raises(BadInput, match=f"^{option} goes with a GPU"):
            kind.check_options(word, RunOptions(devices=("cpu",)))
        check_device(parse_spec(word), "cuda:0")
    monkeypatch.setattr(optional, "version", lambda _: "1.0")
    with pytest.warns(VersionWarning, match=r"1\.0 is installed, expected"):
        kind.check_options(str(tmp_path), RunOptions())


def test_a_long_prompt_is_said_once(library: ModuleType, tmp_path: Path) -> None:
    class CLIPTokenizer:
        model_max_length = 5

        def __call__(self, text: str, *, truncation: bool) -> Any:
            return type("Ids", (), {"input_ids": text.split()})()

    painter = create_inpainter(f"diffusers:{tmp_path}")
    painter._pipeline.tokenizer = CLIPTokenizer()
    painter.inpaint(*pair(), prompt="a b c d e")
    with pytest.warns(PromptWarning, match="reads 5 tokens of a prompt; one of 6, 'a b c d e f'"):
        painter.inpaint(*pair(), prompt="a b c d e f")
    painter.inpaint(*pair(), prompt="a b c d e f")  # no second warning
    painter._warned = False
    painter._pipeline.tokenizer_2 = type("T5Tokenizer", (CLIPTokenizer,), {"model_max_length": 9})()
    painter.inpaint(*pair(), prompt="a b c d e f")  # the other encoder reads it all


def test_a_damaged_folder_is_an_error_in_a_line(library: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(
        WeightsError, match=r"no inpainting pipeline of diffusers \(no such part"
    ) as e:
        create_inpainter(f"diffusers:{tmp_path}")
    assert "\n" not in str(e.value)
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxFillPipeline"}')
    with pytest.raises(WeightsError, match="; name its class: diffusers:ID@FluxFillPipeline"):
        create_inpainter(f"diffusers:{tmp_path}")
