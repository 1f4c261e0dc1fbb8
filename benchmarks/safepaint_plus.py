"""Does SafePaint+'s domain vector matter, and what grain does it ask for? The shipped weights.

    python benchmarks/safepaint_plus.py

On the samples, holes of 30-40 %: the strength of the grain that the network asks for, and how far
the hole moves when the domain vector is replaced by zero, its negative, another image's or a random
one of the same length. Beside it the control: how far it moves with another draw of the grain.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.core.pixels import to_images, to_masks
from benchmark.runner.plan import Plan
from benchmark.runner.setup import prepare
from inpainters import create_inpainter
from inpainters.safepaint_plus import STRONGEST


def main() -> None:
    """Print the figures, in grey levels of 255."""
    setup = prepare(Plan(buckets=("30-40",), detectors=(), metrics=("psnr",)))
    samples = [setup.sources.load(ref) for ref in setup.samples]
    images = torch.cat([to_images(one.image[None]) for one in samples])
    masks = torch.cat([to_masks(one.mask[None]) for one in samples])
    network = create_inpainter("safepaint+", weights="mini").network
    fine, wanted = network.fine_generator, []
    fine.strength.register_forward_hook(lambda _, __, found: wanted.append(found))
    noise = torch.randn(1, 1, *images.shape[2:], generator=torch.Generator().manual_seed(0))
    other = torch.randn(1, 1, *images.shape[2:], generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        vectors = network.extractor(images, 1 - masks)
        coarse = network.coarse_generator(images, masks) * masks + images * (1 - masks)

        def inpaint(background: Tensor, drawn: Tensor = noise) -> Tensor:
            return torch.cat(
                [
                    fine(coarse[at : at + 1], masks[at : at + 1], background[at : at + 1], drawn)
                    for at in range(len(images))
                ]
            )

        plain = inpaint(vectors)
        asked = torch.cat(wanted) + fine.strength_of_domain(vectors)
        strength = 255 * STRONGEST * torch.sigmoid(asked - 2)
        inside = strength[masks.expand_as(strength) > 0]
        print(
            f"grain asked for in the hole: {inside.mean():.4f} grey levels, sd {inside.std():.4f}"
        )
        print(f"start value of an untrained head: {255 * STRONGEST / (1 + torch.e**2):.4f}")
        random = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(2))
        random *= vectors.norm(dim=1, keepdim=True) / random.norm(dim=1, keepdim=True)
        changes = {
            "zero": torch.zeros_like(vectors),
            "its negative": -vectors,
            "another image's": vectors.roll(1, dims=0),
            "a random one": random,
        }
        for name, vector in changes.items():
            print(f"domain vector replaced by {name}: {_moved(inpaint(vector), plain, masks):.3f}")
        control = _moved(inpaint(vectors, other), plain, masks)
        print(f"control, another draw of the grain: {control:.3f}")


def _moved(one: Tensor, other: Tensor, masks: Tensor) -> float:
    """Mean absolute difference in the hole, in grey levels."""
    apart = (one - other).abs().mean(dim=1, keepdim=True)
    return float(255 * apart[masks > 0].mean())


if __name__ == "__main__":
    main()
