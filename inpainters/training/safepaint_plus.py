"""How SafePaint+ learns: its extractor tells painted regions from real ones, and loses."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import BaseModel
from torch import Tensor

from benchmark.core.checkpoint import read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.core.weights import find_weights
from inpainters.safepaint import Generator, Painted, SafePaint
from inpainters.safepaint_plus import PlusGenerator
from inpainters.training.losses.adversarial import adversarial_discriminator, adversarial_generator
from inpainters.training.losses.safepaint import domain_apart, domain_paper, residual_energy
from inpainters.training.safepaint import SafePaintLearner, SafePaintLosses


class SafePaintPlusLosses(SafePaintLosses):
    """The `losses` table of a recipe of SafePaint+: SafePaint's, and these.

    Attributes:
        domain: weight of the distance of unit vectors.
        apart: weight of the extractor's own term.
        residual: weight of the difference in the residual's energy.
        warm: start from the mini edition of `safepaint`, whose layers are the same but for the
            extractor, which reads something else, and the new ones.
    """

    domain: float = 0.1
    apart: float = 1.0
    residual: float = 0.02
    warm: bool = False


class SafePaintPlusLearner(SafePaintLearner):
    """SafePaint+ in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `SafePaintConfig` names them.
        losses: weights and forms of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name or does not fit the weights it starts from.
        WeightsError: if those weights, or a VGG's, are wanted and not there.
    """

    Losses: ClassVar[type[BaseModel]] = SafePaintPlusLosses
    Network: ClassVar[type[Generator]] = PlusGenerator
    terms: ClassVar[tuple[str, ...]] = (
        "l1",
        "perceptual",
        "style",
        "adversarial",
        "domain",
        "residual",
        "discriminator",
        "apart",
        "lattice",
    )
    players: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("coarse", "fine"),
        "judges": ("discriminator", "extractor"),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": SafePaintLearner.tiny["network"],
        "losses": SafePaintLearner.tiny["losses"] | {"warm": False},
    }
    network: PlusGenerator
    _losses: SafePaintPlusLosses

    def __init__(
        self, network: Mapping[str, Any], losses: SafePaintPlusLosses, device: torch.device
    ) -> None:
        super().__init__(network, losses, device)
        self.modules = {
            "coarse": self.network.coarse_generator,
            "fine": self.network.fine_generator,
            "extractor": self.network.extractor,
            "discriminator": self.discriminator,
        }
        if losses.warm and losses.spectral:
            raise TrainingError("recipe of safepaint+, losses: spectral: not with warm = true")
        if losses.warm:
            _start_from_safepaint(self.network)
        self._kept: deque[tuple[Tensor, Tensor]] = deque()  # for the judges' turn

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode.

        Args:
            phase: "joint", the only one.
            fresh: whether this is the first step of a stage; it makes no difference here.

        Raises:
            TrainingError: if the recipe names another.
        """
        if phase != "joint":
            raise TrainingError(f"safepaint+ has no phase {phase!r}; known: joint")
        for part in self.modules.values():
            part.train()

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the generator, or of those who judge what it made.

        Args:
            player: "generator", then "judges".
            images: (N, 3, H, W) RGB in [0, 1].
            masks: (N, 1, H, W), 1 = hole, at least one of them.

        Returns:
            Each term, ().
        """
        if player == "judges":
            return self._judge(images, masks, *self._kept.popleft())
        painted = self._paint(images, masks)
        chosen, domains = self._losses, self.network.domains(images, masks, painted)
        shown = painted.composite if chosen.judged == "composite" else painted.raw
        self._kept.append((shown.detach(), painted.composite.detach()))
        distance = domain_paper(domains.background, domains.real, domains.output)
        judged = self.discriminator(shown)
        return self._pictures(images, masks, painted) | {
            "adversarial": chosen.adversarial
            * adversarial_generator(judged, chosen.adversarial_form),
            "domain": chosen.domain * distance,
            "residual": chosen.residual * residual_energy(painted.composite, images, masks),
        }

    def _judge(
        self, images: Tensor, masks: Tensor, shown: Tensor, composite: Tensor
    ) -> dict[str, Tensor]:
        real, fake = self.discriminator(images), self.discriminator(shown)
        known, hole, painted = (
            self.network.extractor(picture, region)
            for picture, region in ((images, 1 - masks), (images, masks), (composite, masks))
        )
        chosen = self._losses
        return {
            "discriminator": chosen.discriminator
            * adversarial_discriminator(
                real, fake, chosen.adversarial_form, halved=chosen.discriminator_form == "half"
            ),
            "apart": chosen.apart * domain_apart(known, hole, painted),
        }

    def _paint(self, images: Tensor, masks: Tensor) -> Painted:
        painted: Painted = self.network(images, masks, torch.randn_like(masks))
        return painted

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """None: no authors have a layout for it."""
        return {}


@torch.no_grad()
def _start_from_safepaint(network: PlusGenerator) -> None:
    """Copy both stages; what SafePaint has not keeps its fresh weights, the grain starts faint."""
    path = find_weights(SafePaint.card, "mini").path
    state = read_checkpoint(path) if path is not None else {}
    fits = {k: v for k, v in state.items() if not k.startswith("extractor.")}
    try:
        network.load_state_dict(fits, strict=False)
    except RuntimeError:
        raise TrainingError(
            f"recipe of safepaint+, network: not the sizes of {path}; take these, or warm = false"
        ) from None
    # The planes had no effect there, and the vector has another meaning here.
    network.fine_generator.get_parameter("encoder.1.weight")[:, 4:] = 0
