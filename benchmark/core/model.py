"""What inpainters and detectors share: a card, a device, and weights that load strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import BadInput
from benchmark.core.inference import Tuned


class Model:
    """A model with its weights, on one device.

    Args:
        weights: "official", "mini", or a path; None for official where installed, else mini.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        BadInput: if there is no such device, or weights are given to a model that takes none.
        WeightsError: if the weights are missing, damaged or of another model.
    """

    card: Card  # of the class; an external model may have its own
    network: Any  # set by `_load`, for a model with a network
    heavy: ClassVar[bool] = True  # False for a model whose operations are too small for threads
    untrained: str = ""  # why its weights, though loaded, are not fit to measure

    def __init__(self, *, weights: str | Path | None = None, device: str = "cpu") -> None:
        self.device = check_device(device)
        self.weights = find_weights(self.card, weights)
        if self.weights.path is not None:
            self._load(self.weights.path)

    @classmethod
    def described(cls, argument: str) -> Card:
        """The card of what `argument` names, for a class that stands behind a scheme.

        Args:
            argument: what follows the scheme's colon, such as the DIR of "outputs:DIR". The class
                is made with it: `cls(argument, weights=..., device=...)`.

        Raises:
            BenchError: one line, if it names nothing that can be used.
        """
        return cls.card

    @classmethod
    def decides(cls, argument: str) -> str:
        """All that decides its answer besides card, weights and input; stored answers go by it.

        Args:
            argument: what follows the scheme's colon.

        Raises:
            BenchError: one line, if it names nothing that can be used.
        """
        return argument

    def tune(
        self, *, precision: Literal["exact", "bf16"] = "exact", compiled: bool = False
    ) -> None:
        """Trade the last digits for speed; a model without a network stays as it is.

        Args:
            precision: "bf16" runs what can be run so in bfloat16; images and answers stay
                float32. Answers differ from the second or third digit on.
            compiled: let torch.compile write the network's kernels, in the first pass at each size.

        Raises:
            BadInput: later, from the first pass, if this network or machine cannot do it.
        """
        network = getattr(self, "network", None)
        if isinstance(network, nn.Module) and (precision != "exact" or compiled):
            self.network = Tuned(
                network, name=self.card.name, bf16=precision == "bf16", compiled=compiled
            )

    def _load(self, path: Path) -> None:
        """Build the network and load the checkpoint; not called for a model without weights."""
        raise AssertionError(f"{type(self).__name__} has weights and no _load")


def check_device(device: str) -> torch.device:
    """The torch device of that name.

    Raises:
        BadInput: if this machine has none; there is no silent fall-back to the CPU.
    """
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(f"device {device!r}: not on this machine ({str(error)[:80]})") from None
    if wanted.type == "cuda":  # its 10-bit products move SafePaint's image by 9e-3
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return wanted
