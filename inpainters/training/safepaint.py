"""Training module of SafePaint: losses in the program's and the paper's form, training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import remove_spectral_norm, spectral_norm

from benchmark.core.errors import TrainingError
from inpainters.rwsa import RWSA
from inpainters.safepaint import GENERATOR_FILE, Domains, Generator, Painted, SafePaintConfig
from inpainters.training.feature_networks import choose_features, seen
from inpainters.training.initialization import initialise, start_linear
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
)
from inpainters.training.losses.features import perceptual, style
from inpainters.training.losses.lattice import lattice
from inpainters.training.patch_discriminator import Discriminator

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
        real: (N, V, 1, 1), of the holes in the untouched images, Z_gt.
        output: (N, V, 1, 1), of the inpainted holes, Z_out.

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


PHASES = ("joint", "coarse", "handover")


class SafePaintLosses(BaseModel):
    """The `losses` table of a recipe of SafePaint; the defaults are the authors' program's.

    Attributes:
        l1: weight of the absolute difference.
        perceptual: weight of the features' difference.
        style: weight of the Gram matrices' difference.
        adversarial: weight of the generator's adversarial term.
        coarse: what stage I's own L1, perceptual and style terms count against stage II's.
        domain: weight of the domain distance; 0 freezes the extractor, the ablation without it.
        discriminator: weight of the discriminator's own term.
        l1_form: whole images over the hole's share (program), or composites (paper).
        adversarial_form: cross-entropy of the sigmoid (program's default) or hinge (paper).
        discriminator_form: half the sum of both of its terms (program), or the sum (equation 11).
        judged: what the discriminator sees of the fill: stage II's whole answer (program), or its
            composite (paper).
        frozen: while the generator's term is differentiated, the discriminator's weights take no
            gradient of it; in the program they do.
        compared: what perceptual and style terms see: whole answers and, for style, answers times
            the mask on layers of its own (program); or composites, both terms on the perceptual
            layers (equations 9 and 10). Gram matrices are divided by their size in both.
        spectral: spectral norm on every convolution of both generators (section 3.1); exported
            weights are divided by it, so that their file keeps the authors' layout.
        domain_form: Euclidean distances (paper), or by component with a margin (program).
        features: what the perceptual and style terms compare: VGG-19, as the authors do; VGG-16
            as far as its third block; or fixed random filters on three scales.
        features_share: share of each batch's images, the first ones, that are compared so; the
            others are left to the other terms. VGG would else take most of a step's time.
        lattice: weight of the share of the fill's fine structure that repeats with the strides of
            the network, a checkerboard; no paper has it.
        discriminator_width: channels of the discriminator's first layer.
        start: fresh weights of the generator: "normal", as the program draws them, or "linear",
            scaled until the instance norms hardly divide; see `start_linear`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    l1: float = 1.0
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.1
    coarse: float = 1.0
    domain: float = 0.01
    discriminator: float = 1.0
    l1_form: Literal["program", "paper"] = "program"
    adversarial_form: Literal["nsgan", "hinge"] = "nsgan"
    discriminator_form: Literal["half", "sum"] = "half"
    judged: Literal["answer", "composite"] = "answer"
    frozen: bool = False
    compared: Literal["answers", "composites"] = "answers"
    spectral: bool = False
    domain_form: Literal["paper", "program"] = "paper"
    features: Literal["vgg19", "vgg16", "texture"] = "vgg19"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)
    discriminator_width: int = 64
    start: Literal["normal", "linear"] = "normal"


class SafePaintLearner:
    """SafePaint in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `SafePaintConfig` names them.
        losses: weights and forms of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name, or a VGG's weights are wanted and not there.
    """

    Losses: ClassVar[type[BaseModel]] = SafePaintLosses
    terms: ClassVar[tuple[str, ...]] = (
        "l1",
        "perceptual",
        "style",
        "adversarial",
        "domain",
        "discriminator",
        "lattice",
    )
    players: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("generator", "discriminator")}
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"width": 4, "blocks": 1, "extractor_width": 4},
        "losses": {"features": "texture", "discriminator_width": 4},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: SafePaintLosses, device: torch.device
    ) -> None:
        try:
            self._config = SafePaintConfig(**network)
        except TypeError as error:
            raise TrainingError(f"recipe of safepaint, network: {error}") from None
        self.network = Generator(self._config).to(device)
        self.discriminator = Discriminator(losses.discriminator_width).to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.network,
            "discriminator": self.discriminator,
        }
        # Seeded anew, so that stage I, which is drawn first, starts alike in all rows of Table 5:
        # how many numbers were drawn before it depends on what the other stage has.
        torch.manual_seed(torch.initial_seed())
        for part in self.modules.values():
            initialise(part)
        if losses.start == "linear":
            stages = (self.network.coarse_generator, self.network.fine_generator)
            self.network.train()
            torch.manual_seed(torch.initial_seed())
            start_linear(stages, self._paint, device)
        if losses.spectral:
            for stage in (self.network.coarse_generator, self.network.fine_generator):
                for layer in _convolutions(stage):
                    spectral_norm(layer)
        self.features = choose_features(losses.features).to(device)
        self._losses, self._phase = losses, "joint"

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode for a phase.

        Args:
            phase: "joint" for everything, as the paper has it; "coarse" for stage I alone and its
                share of the L1 loss, which is five times as fast; "handover" for everything, where
                stage II starts with what stage I has learned.
            fresh: whether this is the first step of a stage.

        Raises:
            TrainingError: if the recipe names another, or a handover under spectral norm, which a
                filter of zeros does not pass.
        """
        if phase not in PHASES:
            raise TrainingError(f"safepaint has no phase {phase!r}; known: {', '.join(PHASES)}")
        if phase == "handover" and self._losses.spectral:
            raise TrainingError("safepaint: no phase handover with losses.spectral: take joint")
        if phase == "handover" and fresh:
            hand_over(self.network)
        self._phase = phase
        for part in self.modules.values():
            part.train()
        self.network.extractor.requires_grad_(self._losses.domain > 0)

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of one step, in the program's order of calls.

        The discriminator sees the image, the inpainted image without gradient, and the inpainted
        image. Unless `frozen` its gradient holds the generator's term as well.

        Args:
            player: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1].
            masks: (N, 1, H, W), 1 = hole, at least one of them.

        Returns:
            Each term, ().
        """
        if self._phase == "coarse":
            return self._coarse(images, masks)
        painted = self._paint(images, masks)
        chosen = self._losses
        # Without its term the extractor is frozen, and what it says of the answer is not asked.
        domains = self.network.domains(images, masks, painted) if chosen.domain else None
        shown = painted.composite if chosen.judged == "composite" else painted.raw
        real = self.discriminator(images)
        fake = self.discriminator(shown.detach())
        judged = self._judged(shown)
        terms = self._pictures(images, masks, painted)
        terms["adversarial"] = chosen.adversarial * adversarial_generator(
            judged, chosen.adversarial_form
        )
        if domains is not None:
            terms["domain"] = chosen.domain * self._distance(domains)
        terms["discriminator"] = chosen.discriminator * adversarial_discriminator(
            real, fake, chosen.adversarial_form, halved=chosen.discriminator_form == "half"
        )
        return terms

    def _judged(self, shown: Tensor) -> Tensor:
        """The discriminator's answer to a fill, whose gradient reaches its weights or not."""
        self.discriminator.requires_grad_(not self._losses.frozen)
        judged: Tensor = self.discriminator(shown)
        self.discriminator.requires_grad_(requires_grad=True)
        return judged

    def _paint(self, images: Tensor, masks: Tensor) -> Painted:
        painted: Painted = self.network(images, masks)
        return painted

    def _coarse(self, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        coarse = self.network.coarse_generator(images, masks)
        l1 = l1_program if self._losses.l1_form == "program" else l1_paper
        terms = {"l1": self._losses.l1 * l1(coarse, images, images, masks)}
        if self._losses.lattice:
            terms["lattice"] = self._losses.lattice * lattice(coarse, masks)
        return terms

    def _pictures(self, images: Tensor, masks: Tensor, painted: Painted) -> dict[str, Tensor]:
        """The terms that compare images: L1, perceptual and style, each over both stages."""
        chosen, outputs = self._losses, (painted.coarse, painted.raw)
        stages = images.new_tensor([chosen.coarse, 1.0])
        l1 = l1_program if chosen.l1_form == "program" else l1_paper
        # Both forms are sums over the stages: with the image itself for one, the other's is left.
        near = [l1(painted.coarse, images, images, masks), l1(images, painted.raw, images, masks)]
        alike, styled = self._features(images, masks, painted)
        terms = {
            "l1": chosen.l1 * (stages @ torch.stack(near)),
            "perceptual": chosen.perceptual * (stages @ alike),
            "style": chosen.style * (stages @ styled),
        }
        if chosen.lattice:
            repeats = torch.stack([lattice(output, masks) for output in outputs])
            terms["lattice"] = chosen.lattice * (stages @ repeats)
        return terms

    def _features(self, images: Tensor, masks: Tensor, painted: Painted) -> tuple[Tensor, Tensor]:
        """The perceptual and the style difference of both stages, (2,) each, before weighting."""
        share, see = self._losses.features_share, self.features
        layers, styles = see.perceptual_layers, see.style_layers
        image, mask = seen(images, share), seen(masks, share)
        if self._losses.compared == "composites":
            outputs = (painted.coarse_composite, painted.composite)
            with torch.no_grad():
                real = see.features(image)
            found = [see.features(seen(output, share)) for output in outputs]
            return (
                torch.stack([perceptual(one, real, layers) for one in found]),
                torch.stack([style(one, real, layers) for one in found]),
            )
        outputs = (seen(painted.coarse, share), seen(painted.raw, share))
        with torch.no_grad():
            real, real_hole = see.features(image), see.features(image * mask)
        whole = [see.features(output) for output in outputs]
        holes = [see.features(output * mask) for output in outputs]
        return (
            torch.stack([perceptual(one, real, layers) for one in whole]),
            torch.stack([style(one, real_hole, styles) for one in holes]),
        )

    def _distance(self, domains: Domains) -> Tensor:
        distance = domain_paper if self._losses.domain_form == "paper" else domain_program
        return distance(domains.background, domains.real, domains.output)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, the holes, stage I's answer, stage II's, and the composite."""
        self.network.eval()
        painted = self._paint(images, masks)
        hole = images * (1 - masks) + masks
        return [images, hole, painted.coarse, painted.raw, painted.composite]

    def finish(self) -> None:
        """Divide the generators' weights by their spectral norms, where they are trained so."""
        if self._losses.spectral:
            for layer in _convolutions(self.network):
                if hasattr(layer, "weight_orig"):
                    remove_spectral_norm(layer)

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self._config)

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The two files of the authors' layout."""
        return {
            GENERATOR_FILE: {"iteration": step, "generator": self.network.state_dict()},
            "InpaintingModel_D.pth": {"discriminator": self.discriminator.state_dict()},
        }


def _convolutions(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


@torch.no_grad()
def hand_over(network: Generator) -> None:
    """Give stage II the weights of stage I, whose layers are the same but for the first inputs.

    The domain planes start with no weight; the attentions start by passing features through.
    """
    coarse, fine = network.coarse_generator, network.fine_generator
    first = fine.get_parameter("encoder.1.weight")
    first.zero_()
    first[:, :4] = coarse.get_parameter("encoder.1.weight")  # both read an image, then the mask
    fine.get_parameter("encoder.1.bias").copy_(coarse.get_parameter("encoder.1.bias"))
    pairs = {"encoder.4": "encoder.4", "encoder.7": "encoder.7", "middle": "middle"}
    pairs |= {"decoder.0": "deconv1", "decoder.3": "deconv2", "decoder.7": "deconv3"}
    for source, target in pairs.items():
        fine.get_submodule(target).load_state_dict(coarse.get_submodule(source).state_dict())
    for attention in (fine.att1, fine.att2, fine.att3):
        if isinstance(attention, RWSA):
            attention.pass_through()
