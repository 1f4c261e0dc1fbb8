"""Training module of SafePaint: losses in the forms of paper and program, training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import remove_spectral_norm, spectral_norm

from benchmark.core.errors import TrainingError
from inpainters.rwsa import RWSA
from inpainters.safepaint import (
    GENERATOR_FILE,
    Domains,
    Generator,
    SafePaintConfig,
    SafePaintOutput,
)
from inpainters.training.feature_networks import choose_features, first_share
from inpainters.training.initialization import initialize, start_linear
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
)
from inpainters.training.losses.features import perceptual, style
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.regions import hole_l1, hole_loss, l1_over_ratio
from inpainters.training.patch_discriminator import Discriminator

MARGIN = 0.1  # of the triplet losses; it only adds a constant


L1_FORMS = {"program": l1_over_ratio, "paper": hole_loss, "hole": hole_l1}  # of one stage


def domain_paper(background: Tensor, real: Tensor, output: Tensor) -> Tensor:
    """Domain loss (equation 13): batch mean of |Z_out - Z_b| + |Z_out - Z_gt|, Euclidean.

    Args:
        background: (N, V, 1, 1), domain vectors of the known regions, Z_b.
        real: (N, V, 1, 1), of the holes in the real images, Z_gt.
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
    """Domain loss in the program's form: two triplet losses; shapes as in `domain_paper`.

    Args:
        background: Z_b.
        real: Z_gt.
        output: Z_out.
        flat: take the norm over a vector's components, as torch up to 1.10 did; otherwise over the
            last axis of length 1, as torch does now, that is component by component.

    Returns:
        A scalar, at least 0.2.
    """
    return domain_triplet(real, output, flat=flat) + domain_triplet(output, background, flat=flat)


def domain_triplet(anchor: Tensor, positive: Tensor, *, flat: bool = False) -> Tensor:
    """Triplet margin loss whose anchor is its own negative: the distance plus a margin of 0.1.

    Args:
        anchor: (N, V, 1, 1).
        positive: (N, V, 1, 1).
        flat: as in `domain_program`.

    Returns:
        A scalar.
    """
    if flat:
        anchor, positive = anchor.flatten(1), positive.flatten(1)
    term: Tensor = F.triplet_margin_loss(anchor, positive, anchor, margin=MARGIN)
    return term


PHASES = ("joint", "coarse", "handover")


class SafePaintLosses(BaseModel):
    """The `losses` table of a recipe of SafePaint; the defaults are the program's.

    Attributes:
        l1: weight of the L1 term.
        perceptual: weight of the perceptual term.
        style: weight of the style term.
        adversarial: weight of the generator's adversarial term.
        coarse: weight of stage I's L1, perceptual and style terms relative to stage II's.
        domain: weight of the domain term; 0 freezes the extractor (the ablation without it).
        discriminator: weight of the discriminator's loss.
        l1_form: whole outputs divided by the mask ratio (program), composites (paper), or each
            image's hole divided by its size ("hole").
        adversarial_form: binary cross-entropy (program's default) or hinge (paper).
        discriminator_form: half the sum of both terms (program), or their sum (equation 11).
        judged: input of the discriminator: stage II's whole output ("answer", program), or its
            composite (paper).
        frozen: the generator's adversarial term has no gradient with respect to the discriminator;
            in the program it has.
        compared: inputs of the perceptual and style terms: whole outputs, and for style outputs
            times the mask, on separate layers ("answers", program); or composites, both terms on
            the perceptual layers (equations 9 and 10). Gram matrices are normalized by their size
            in both.
        spectral: spectral norm on every convolution of both generators (section 3.1); it is folded
            into the exported weights, so that their file keeps the authors' layout.
        domain_form: Euclidean distance (paper), or component-wise with a margin (program).
        features: of the perceptual and style terms: VGG-19, as the authors use; VGG-16 up to its
            third block; or fixed random filters at three scales ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        discriminator_width: channels of the discriminator's first layer.
        start: initialization of the generator: "normal", as in the program, or "linear", see
            `initialization.start_linear`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    l1: float = 1.0
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.1
    coarse: float = 1.0
    domain: float = 0.01
    discriminator: float = 1.0
    l1_form: Literal["program", "paper", "hole"] = "program"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLosses:
    """Losses on features of both stages, before weighting.

    Attributes:
        perceptual: (2,), of stage I and stage II.
        style: (2,), likewise.
    """

    perceptual: Tensor
    style: Tensor


class SafePaintLearner:
    """Training module of SafePaint; implements `Learner`.

    Args:
        network: sizes, as `SafePaintConfig` names them.
        losses: weights and forms of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown, or VGG weights are needed but not installed.
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
    roles: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("generator", "discriminator")}
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
        # Seeded again, so that stage I, which is initialized first, starts equally in all rows of
        # Table 5: the count of random numbers used before depends on the layers of stage II.
        torch.manual_seed(torch.initial_seed())
        for part in self.modules.values():
            initialize(part)
        if losses.start == "linear":
            stages = (self.network.coarse_generator, self.network.fine_generator)
            self.network.train()
            torch.manual_seed(torch.initial_seed())
            start_linear(stages, self._run_generators, device)
        if losses.spectral:
            for stage in (self.network.coarse_generator, self.network.fine_generator):
                for layer in _convolutions(stage):
                    spectral_norm(layer)
        self.features = choose_features(losses.features).to(device)
        self._losses, self._phase = losses, "joint"

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode for a phase.

        Args:
            phase: "joint" trains everything, as in the paper; "coarse" trains stage I alone with
                its L1 term, five times as fast; "handover" trains everything, with stage II
                initialized from stage I.
            fresh: whether this is the first step of a stage.

        Raises:
            TrainingError: if the phase is unknown, or is "handover" with spectral norm, which zero
                filters do not support.
        """
        if phase not in PHASES:
            raise TrainingError(f"safepaint has no phase {phase!r}; known: {', '.join(PHASES)}")
        if phase == "handover" and self._losses.spectral:
            raise TrainingError(
                "safepaint: phase handover does not support losses.spectral; use phase joint"
            )
        if phase == "handover" and fresh:
            hand_over(self.network)
        self._phase = phase
        for part in self.modules.values():
            part.train()
        self.network.extractor.requires_grad_(self._losses.domain > 0)

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of one step, in the program's order of calls.

        The discriminator runs on the real image, the detached output, and the output. Unless
        `frozen` its gradient includes the generator's term as well.

        Args:
            role: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1].
            masks: (N, 1, H, W), 1 = hole, at least one of them.

        Returns:
            Each term, ().
        """
        if self._phase == "coarse":
            return self._coarse(images, masks)
        painted = self._run_generators(images, masks)
        chosen = self._losses
        # Without its term the extractor is frozen and not run.
        domains = self.network.domains(images, masks, painted) if chosen.domain else None
        shown = painted.composite if chosen.judged == "composite" else painted.raw
        real = self.discriminator(images)
        fake = self.discriminator(shown.detach())
        judged = self._logits_of(shown)
        terms = self._image_losses(images, masks, painted)
        terms["adversarial"] = chosen.adversarial * adversarial_generator(
            judged, chosen.adversarial_form
        )
        if domains is not None:
            terms["domain"] = chosen.domain * self._distance(domains)
        terms["discriminator"] = chosen.discriminator * adversarial_discriminator(
            real, fake, chosen.adversarial_form, halved=chosen.discriminator_form == "half"
        )
        return terms

    def _logits_of(self, shown: Tensor) -> Tensor:
        """The discriminator's logits (N, 1, h, w) of an output; `frozen` freezes its weights."""
        self.discriminator.requires_grad_(not self._losses.frozen)
        judged: Tensor = self.discriminator(shown)
        self.discriminator.requires_grad_(requires_grad=True)
        return judged

    def _run_generators(self, images: Tensor, masks: Tensor) -> SafePaintOutput:
        painted: SafePaintOutput = self.network(images, masks)
        return painted

    def _coarse(self, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        coarse = self.network.coarse_generator(images, masks)
        l1 = L1_FORMS[self._losses.l1_form]
        terms = {"l1": self._losses.l1 * l1(coarse, images, masks)}
        if self._losses.lattice:
            terms["lattice"] = self._losses.lattice * lattice(coarse, masks)
        return terms

    def _image_losses(
        self, images: Tensor, masks: Tensor, painted: SafePaintOutput
    ) -> dict[str, Tensor]:
        """Reconstruction losses of both stages: L1, perceptual and style."""
        chosen, outputs = self._losses, (painted.coarse, painted.raw)
        stages = images.new_tensor([chosen.coarse, 1.0])
        l1 = L1_FORMS[chosen.l1_form]
        per_stage = [l1(output, images, masks) for output in outputs]
        features = self._feature_losses(images, masks, painted)
        terms = {
            "l1": chosen.l1 * (stages @ torch.stack(per_stage)),
            "perceptual": chosen.perceptual * (stages @ features.perceptual),
            "style": chosen.style * (stages @ features.style),
        }
        if chosen.lattice:
            repeats = torch.stack([lattice(output, masks) for output in outputs])
            terms["lattice"] = chosen.lattice * (stages @ repeats)
        return terms

    def _feature_losses(
        self, images: Tensor, masks: Tensor, painted: SafePaintOutput
    ) -> FeatureLosses:
        """Perceptual and style losses of both stages, before weighting."""
        share, network = self._losses.features_share, self.features
        layers, styles = network.perceptual_layers, network.style_layers
        image, mask = first_share(images, share), first_share(masks, share)
        if self._losses.compared == "composites":
            outputs = (painted.coarse_composite, painted.composite)
            with torch.no_grad():
                real = network.features(image)
            found = [network.features(first_share(output, share)) for output in outputs]
            return FeatureLosses(
                perceptual=torch.stack([perceptual(one, real, layers) for one in found]),
                style=torch.stack([style(one, real, layers) for one in found]),
            )
        outputs = (first_share(painted.coarse, share), first_share(painted.raw, share))
        with torch.no_grad():
            real, real_hole = network.features(image), network.features(image * mask)
        whole = [network.features(output) for output in outputs]
        holes = [network.features(output * mask) for output in outputs]
        return FeatureLosses(
            perceptual=torch.stack([perceptual(one, real, layers) for one in whole]),
            style=torch.stack([style(one, real_hole, styles) for one in holes]),
        )

    def _distance(self, domains: Domains) -> Tensor:
        distance = domain_paper if self._losses.domain_form == "paper" else domain_program
        return distance(domains.background, domains.real, domains.output)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, images with white holes, outputs of stages I and II, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        painted = self._run_generators(images, masks)
        hole = images * (1 - masks) + masks
        return [images, hole, painted.coarse, painted.raw, painted.composite]

    def finish(self) -> None:
        """Fold spectral norm, if used, into the generators' weights."""
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
    """Initialize stage II from stage I, whose layers are equal except for the input channels.

    The weights of the domain planes start at zero; the attentions start as the identity.
    """
    coarse, fine = network.coarse_generator, network.fine_generator
    first = fine.get_parameter("encoder.1.weight")
    first.zero_()
    first[:, :4] = coarse.get_parameter(
        "encoder.1.weight"
    )  # both inputs begin with the image and the mask
    fine.get_parameter("encoder.1.bias").copy_(coarse.get_parameter("encoder.1.bias"))
    pairs = {"encoder.4": "encoder.4", "encoder.7": "encoder.7", "middle": "middle"}
    pairs |= {"decoder.0": "deconv1", "decoder.3": "deconv2", "decoder.7": "deconv3"}
    for source, target in pairs.items():
        fine.get_submodule(target).load_state_dict(coarse.get_submodule(source).state_dict())
    for attention in (fine.att1, fine.att2, fine.att3):
        if isinstance(attention, RWSA):
            attention.pass_through()
