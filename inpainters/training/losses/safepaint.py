"""What SafePaint is trained to make small: its own losses, in the program's and the paper's form.

Sources: SafePaint, section 3.4, and its specification, section 3.6. G1 and G2 are the stages' whole
pictures, I the untouched image, M the mask (1 = hole). Means run over all elements unless said
otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MARGIN = 0.1  # of the triplet terms; it only adds a constant


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
