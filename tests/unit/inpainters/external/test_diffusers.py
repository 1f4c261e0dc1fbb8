"""`diffusers:ID` runs any installed pipeline; these tests build a tiny one."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import BadInput, ExternalError, MissingWeights, WeightsError
from benchmark.core.external.optional import install_line
from inpainters import INPAINTERS, create_inpainter

LACKS = f"diffusers is not installed: {install_line('diffusers')}"
REVISION = "0123456789abcdef0123456789abcdef01234567"


def draw(height: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    images = torch.rand(1, 3, height, width, generator=generator)
    masks = torch.zeros(1, 1, height, width)
    masks[..., height // 4 : height // 2, width // 4 : width // 2] = 1
    return (images * 255).round() / 255, masks


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion inpainting pipeline of some thousand numbers, drawn from a seed."""
    pytest.importorskip("diffusers", reason=LACKS)
    pytest.importorskip("transformers", reason=LACKS)
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionInpaintPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(0)
    vocabulary = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2, "b</w>": 3}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=8
    )
    text = CLIPTextConfig(
        vocab_size=4, hidden_size=8, intermediate_size=8, projection_dim=8, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=8, bos_token_id=0, eos_token_id=1,
        pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        in_channels=9, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, attention_head_dim=2, sample_size=8,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=[8, 8, 8, 8], norm_num_groups=4, latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    )  # fmt: skip
    StableDiffusionInpaintPipeline(
        vae=vae, unet=unet, text_encoder=CLIPTextModel(text), tokenizer=tokenizer,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder / "tiny-sd")  # fmt: skip
    return folder / "tiny-sd"


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (50, 67)], ids=str)
def test_it_paints_the_hole_alone_and_goes_by_the_seed(
    pipeline: Path, size: tuple[int, int]
) -> None:
    painter = create_inpainter(f"tiny=diffusers:steps=2 {pipeline}")
    images, masks = draw(*size)
    first = painter.inpaint(images, masks, seed=1)
    hole = masks.bool().expand_as(images)
    assert painter.card.name == "tiny"
    assert torch.equal(first[~hole], images[~hole])
    assert not torch.equal(first[hole], images[hole])
    assert torch.equal(first, painter.inpaint(images, masks, seed=1))
    assert not torch.equal(first, painter.inpaint(images, masks, seed=2))
    assert not painter.card.sees_hole
    other = torch.where(masks.bool(), 1 - images, images)
    assert torch.equal(first, painter.inpaint(other, masks, seed=1))
    both = painter.inpaint(images.repeat(2, 1, 1, 1), masks.repeat(2, 1, 1, 1), seed=1)
    assert torch.equal(both[0], both[1])


@pytest.mark.slow
def test_prompt_steps_and_files_decide_the_answer(pipeline: Path) -> None:
    images, masks = draw(64, 64)
    words = [f"steps=2 {pipeline}", f"steps=3 {pipeline}", f"steps=2 prompt='a b' {pipeline}"]
    answers = [create_inpainter(f"diffusers:{word}").inpaint(images, masks) for word in words]
    assert not torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    decided = [INPAINTERS.fingerprint(f"diffusers:{word}") for word in words]
    assert len(set(decided)) == 3
    scheduler = pipeline / "scheduler" / "scheduler_config.json"
    before = scheduler.read_text()
    scheduler.write_text(before.replace('"linear"', '"scaled_linear"'))
    try:
        assert INPAINTERS.fingerprint(f"diffusers:{words[0]}") != decided[0]
    finally:
        scheduler.write_text(before)


@pytest.mark.slow
def test_an_id_is_found_in_the_hubs_cache_by_its_revision(
    pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights, match="'hf download some/tiny-sd'"):
        INPAINTERS.fingerprint("diffusers:some/tiny-sd")
    cached = tmp_path / "models--some--tiny-sd"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(REVISION)
    (cached / "snapshots").mkdir()
    (cached / "snapshots" / REVISION).symlink_to(pipeline)
    assert INPAINTERS.fingerprint("diffusers:some/tiny-sd").endswith(f"some/tiny-sd@{REVISION}")
    images, masks = draw(64, 64)
    word = "steps=2 some/tiny-sd"
    answer = create_inpainter(f"diffusers:{word}").inpaint(images, masks)
    assert torch.equal(
        answer, create_inpainter(f"diffusers:steps=2 {pipeline}").inpaint(images, masks)
    )


@pytest.mark.slow
def test_a_folder_without_a_pipeline_is_an_error_in_a_line(tmp_path: Path) -> None:
    pytest.importorskip("diffusers", reason=LACKS)
    with pytest.raises(WeightsError, match="no inpainting pipeline of diffusers") as said:
        create_inpainter(f"diffusers:{tmp_path}")
    assert "\n" not in str(said.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("diffusers:steps=many some/id", "expected a number from 1 to 1000"),
        ("diffusers:guidance=3 some/id", "unknown option 'guidance'. Known: prompt, steps"),
        ("diffusers:some/id other/id", "expected one name, got 2"),
        ("diffusers:prompt='open some/id", "No closing quotation"),
    ],
)
def test_a_word_that_cannot_be_read_says_why(word: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        INPAINTERS.card(word)


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(library: str) -> str:
        raise PackageNotFoundError(library)

    monkeypatch.setattr("benchmark.core.external.optional.version", missing)
    with pytest.raises(ExternalError, match=r"get it with pip install .* 'diffusers>="):
        INPAINTERS.card("diffusers:some/id")
