"""What SafePaint is trained to make small: every loss, in the program's and the paper's form.

Sources: SafePaint, section 3.4, and its specification, section 3.6. G1 and G2 are the stages' whole
pictures, I the untouched image, M the mask (1 = hole). Means run over all elements unless said
otherwise. Features are dictionaries of (N, C, h, w) maps by layer name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["nsgan", "hinge", "lsgan"]
Features = Mapping[str, Tensor]

PERCEPTUAL_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")
MARGIN = 0.1  # of the triplet terms; it only adds a constant


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """What each of the generator's terms counts; the defaults are the authors'."""

    l1: float = 1.0
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.1
    domain: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorLosses:
    """The generator's terms of one step: scalars, before weighting."""

    l1: Tensor
    perceptual: Tensor
    style: Tensor
    adversarial: Tensor
    domain: Tensor

    def total(self, weights: LossWeights) -> Tensor:
        """The weighted sum that the generator's step makes smaller."""
        terms = [getattr(weights, f.name) * getattr(self, f.name) for f in fields(LossWeights)]
        return torch.stack(terms).sum()


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


def perceptual(output: Features, real: Features, layers: Iterable[str]) -> Tensor:
    """Mean absolute difference of features, summed over layers.

    Args:
        output: features of the painted pictures (program: un-composited; paper: composites).
        real: features of the untouched pictures.
        layers: names to compare; `PERCEPTUAL_LAYERS` for VGG-19.

    Returns:
        A scalar.
    """
    return torch.stack([F.l1_loss(output[layer], real[layer]) for layer in layers]).sum()


def gram(features: Tensor) -> Tensor:
    """Gram matrices F F^T / (C h w) of (N, C, h, w) features: (N, C, C)."""
    _, channels, height, width = features.shape
    flat = features.flatten(2)  # (N, C, h * w)
    return flat @ flat.transpose(1, 2) / (channels * height * width)


def style(output: Features, real: Features, layers: Iterable[str]) -> Tensor:
    """Mean absolute difference of Gram matrices, summed over layers.

    Args:
        output: features of the painted pictures (program: times M; paper: composites).
        real: features of the untouched pictures, times M in the program's form.
        layers: names to compare; `STYLE_LAYERS` for VGG-19.

    Returns:
        A scalar.
    """
    terms = [F.l1_loss(gram(output[layer]), gram(real[layer])) for layer in layers]
    return torch.stack(terms).sum()


def adversarial_generator(fake: Tensor, kind: Kind = "nsgan") -> Tensor:
    """What the generator pays for being found out.

    Args:
        fake: the discriminator's answers to painted pictures, before the sigmoid, any shape.
        kind: binary cross-entropy ("nsgan"), plain mean ("hinge") or squares ("lsgan").

    Returns:
        A scalar.
    """
    if kind == "hinge":
        return -fake.mean()
    return _against(fake, 1.0, kind)


def adversarial_discriminator(
    real: Tensor, fake: Tensor, kind: Kind = "nsgan", *, halved: bool = True
) -> Tensor:
    """What the discriminator pays for its mistakes.

    Args:
        real: its answers to untouched pictures, before the sigmoid, any shape.
        fake: its answers to painted pictures.
        kind: as in `adversarial_generator`.
        halved: half the sum of both terms (program) or the sum (paper).

    Returns:
        A scalar.
    """
    if kind == "hinge":
        both = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    else:
        both = _against(real, 1.0, kind) + _against(fake, 0.0, kind)
    return both / 2 if halved else both


def _against(logits: Tensor, target: float, kind: Kind) -> Tensor:
    wanted = torch.full_like(logits, target)
    if kind == "nsgan":
        return F.binary_cross_entropy_with_logits(logits, wanted)
    return F.mse_loss(logits.sigmoid(), wanted)


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
