"""What SafePaint is trained to make small: its own losses, in the program's and the paper's form.

Sources: SafePaint, section 3.4, and its specification, section 3.6. G1 and G2 are the stages' whole
pictures, I the untouched image, M the mask (1 = hole). Means run over all elements unless said
otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainters.safepaint_plus import high_pass

MARGIN = 0.1  # of the triplet terms; it only adds a constant
APART = 0.5  # margin of `domain_apart`; unit vectors are at most 2 apart
CELL = 8  # side of the squares whose residual energies are compared
FAINT = (0.5 / 255) ** 2  # energy of the rounding to 8 bits: below it nothing can be told


def l1_program(coarse: Tensor, raw: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean |G1 - I| / mean(M) + mean |G2 - I| / mean(M), known pixels included.

    Args:
        coarse: (N, 3, H, W), G1.
        raw: (N, 3, H, W), G2.
        images: (N, 3, H, W), I.
        masks: (N, 1, H, W) with a hole somewhere in the batch, else the term is infinite.

    Returns:
        A scalar.
    """
    return (F.l1_loss(coarse, images) + F.l1_loss(raw, images)) / masks.mean()


def l1_paper(coarse: Tensor, raw: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute difference of both composites; arguments as in `l1_program`."""
    return F.l1_loss(coarse * masks, images * masks) + F.l1_loss(raw * masks, images * masks)


def domain_paper(background: Tensor, real: Tensor, output: Tensor) -> Tensor:
    """Batch mean of |Z_out - Z_b| + |Z_out - Z_gt|, Euclidean over a vector's components.

    Args:
        background: (N, V, 1, 1), domain vectors of the known regions, Z_b.
        real: (N, V, 1, 1), of the holes in the untouched pictures, Z_gt.
        output: (N, V, 1, 1), of the painted holes, Z_out.

    Returns:
        A scalar.
    """
    apart = torch.stack((output - background, output - real)).flatten(2)  # (2, N, V)
    distances: Tensor = torch.linalg.vector_norm(apart, dim=2)
    return distances.sum(dim=0).mean()


def domain_program(
    background: Tensor, real: Tensor, output: Tensor, *, flat: bool = False
) -> Tensor:
    """The program's two triplet terms; arguments and answer as in `domain_paper`.

    Args:
        background: Z_b.
        real: Z_gt.
        output: Z_out.
        flat: take the norm over a vector's components, as torch up to 1.10 did; else over the last
            axis of length 1, as torch does now: component by component.

    Returns:
        A scalar, 0.2 at the least.
    """
    return domain_triplet(real, output, flat=flat) + domain_triplet(output, background, flat=flat)


def domain_triplet(anchor: Tensor, positive: Tensor, *, flat: bool = False) -> Tensor:
    """Triplet margin loss whose anchor is its own negative: the distance plus the margin of 0.1."""
    if flat:
        anchor, positive = anchor.flatten(1), positive.flatten(1)
    term: Tensor = F.triplet_margin_loss(anchor, positive, anchor, margin=MARGIN)
    return term


def domain_apart(background: Tensor, real: Tensor, output: Tensor) -> Tensor:
    """SafePaint+'s extractor: a real hole is nearer to its surroundings than a painted one.

    Batch mean of max(0, |Z_b - Z_gt| - |Z_b - Z_out| + margin); arguments as in `domain_paper`, of
    unit length. Unlike the program's triplets it has a negative, so that it is not smallest where
    all vectors are the same.

    Returns:
        A scalar.
    """
    near, far = (
        torch.linalg.vector_norm((background - other).flatten(1), dim=1) for other in (real, output)
    )
    return F.relu(near - far + APART).mean()


def residual_energy(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """How far painted holes are from real ones in what a blur takes out, square by square.

    Args:
        output: (N, 3, H, W) in [0, 1], painted pictures with their known regions.
        images: (N, 3, H, W), the untouched ones.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar: mean over squares of 8x8 pixels that are mostly hole of the absolute difference of
        the logarithms of the residuals' mean squares; 0 where there is no such square.
    """
    share = F.avg_pool2d(masks, CELL)
    squares = (share > 0.5).to(masks)
    painted, real = (
        torch.log(
            F.avg_pool2d(high_pass(picture).square().mean(1, keepdim=True) * masks, CELL)
            / share.clamp(min=1e-6)
            + FAINT
        )
        for picture in (output, images)
    )
    return ((painted - real).abs() * squares).sum() / squares.sum().clamp(min=1)
