"""SafePaint's discriminator against reference outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.core.checkpoints.load import load_strict, part_of, read_checkpoint
from benchmark.core.tensors import to_images
from inpainters.training.patch_discriminator import Discriminator
from tests.parity.goldens import golden, needs_goldens, seeded_part

pytestmark = needs_goldens


@pytest.mark.parametrize("case", ["case1", "case2"])
def test_the_discriminator(case: str, tmp_path) -> None:
    expected = golden("safepaint", case)
    file, network = tmp_path / "InpaintingModel_D.pth", Discriminator()
    state = seeded_part("safepaint", "discriminator", int(expected["seed"]))
    torch.save({"discriminator": state}, file)
    load_strict(network, part_of(read_checkpoint(file), "discriminator", file), file)
    seen = {"image": to_images(expected["image"][None]), "raw": torch.from_numpy(expected["raw"])}
    with torch.inference_mode():
        for name, images in seen.items():
            logits = network(images.reshape(1, 3, 256, 256))[0, 0]
            np.testing.assert_allclose(
                logits, expected[f"disc_{name}"], rtol=0, atol=2e-4, err_msg=name
            )
