"""Base class of inpainters and detectors: card, device, strict loading of weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import BadInput
from benchmark.core.external.optional import warn_of_version
from benchmark.core.external.options import RunOptions
from benchmark.core.inference import OptimizedNetwork

Engines = Mapping[str, float | str]
LEAST_GAIN = 1.1  # times as fast as torch: with less, an engine is not offered

_RENAMED = {"described": "card_for", "decides": "fingerprint"}  # class methods: earlier, present


class Model:
    """A model with loaded weights on one device.

    Args:
        weights: "official", "mini", or a path; None for official if installed, else mini.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        BadInput: if the device does not exist, or weights are given to a model without weights.
        WeightsError: if the weights are missing, damaged or of another model.
    """

    card: Card  # of the class; an external model may have its own
    heavy: ClassVar[bool] = True  # False for a model that does not profit from threads
    # Of a scheme: the libraries that it was written for with their versions, and how to get them.
    libraries: ClassVar[Mapping[str, str]] = {}
    install: ClassVar[str] = ""
    no_tuning: ClassVar[str] = ""  # of a scheme: why a run cannot choose precision or compile
    # By engine, how many times as fast the network is as by torch (benchmarks/engines.py, one or
    # two threads), or why it is not offered.
    engines: ClassVar[Engines] = {}
    untrained: str = ""  # why the loaded weights must not be evaluated, or ""
    network: Any  # set by subclasses that have one

    def __init__(self, *, weights: str | Path | None = None, device: str = "cpu") -> None:
        self.device = check_device(device)
        self.weights = find_weights(self.card, weights)
        if self.weights.path is not None:
            self._load(self.weights.path)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """Return the card of the model that `argument` names, for a class that is a scheme.

        Args:
            argument: what follows the scheme's colon, such as the DIR of "outputs:DIR". The class
                is constructed with it: `cls(argument, weights=..., device=...)`.

        Raises:
            BenchError: in one line, if it names nothing usable.
        """
        return cls.card

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return what the output depends on besides card, weights and input; part of its key.

        Args:
            argument: what follows the scheme's colon.

        Raises:
            BenchError: in one line, if it names nothing usable.
        """
        return argument

    @classmethod
    def check_options(cls, argument: str, options: RunOptions) -> None:
        """Refuse options of a run that the model cannot honor, for a class that is a scheme.

        Called once per run, before anything is computed; warns of `libraries` of another version.

        Args:
            argument: what follows the scheme's colon.
            options: the run's options.

        Raises:
            BadInput: in one line, naming the option and what to use instead.
        """
        named = {"--precision bf16": options.precision == "bf16", "--compile": options.compiled}
        refused = [option for option, given in named.items() if given]
        if cls.no_tuning and refused:
            raise BadInput(f"{' and '.join(refused)}: {cls.no_tuning}")
        for library, expected in cls.libraries.items():
            warn_of_version(library, expected=expected, how=cls.install)

    @classmethod
    def engine_refusal(cls, engine: str) -> str:
        """Return why the model is not run by an engine, or "" if it can be.

        Args:
            engine: a name of `benchmark.core.engines.ENGINES`.
        """
        found = cls.engines.get(engine, f"not measured with {engine}")
        if isinstance(found, str):
            return found
        if found >= LEAST_GAIN:
            return ""
        return f"{found:.2f} times as fast by {engine} as by torch, expected {LEAST_GAIN} or more"

    described, decides = card_for, fingerprint  # their earlier names, which a plugin may call

    def __init_subclass__(cls, **options: object) -> None:
        """Alias class methods that a subclass defines under their earlier or present name alone."""
        super().__init_subclass__(**options)
        for earlier, present in _RENAMED.items():
            for given, other in ((earlier, present), (present, earlier)):
                if given in vars(cls) and other not in vars(cls):
                    setattr(cls, other, vars(cls)[given])

    def tune(
        self, *, precision: Literal["exact", "bf16"] = "exact", compiled: bool = False
    ) -> None:
        """Trade numerical precision for speed; a model without a network is not changed.

        Args:
            precision: "bf16" runs the network under bfloat16 autocast; images and outputs stay
                float32. Outputs differ from the second or third digit on.
            compiled: compile the network by torch.compile, in the first pass at each size.

        Raises:
            BadInput: later, in the first pass, if the network or machine does not support it.
        """
        network = getattr(self, "network", None)
        if isinstance(network, nn.Module) and (precision != "exact" or compiled):
            self.network = OptimizedNetwork(
                network, name=self.card.name, bf16=precision == "bf16", compiled=compiled
            )

    def use_engine(self, engine: str) -> None:
        """Run the network by an engine in place of torch, if it pays (`engines`).

        Outputs differ from torch's by float32 rounding. The network is converted in the first pass
        at each size, unless it is kept from before.

        Args:
            engine: a name of `benchmark.core.engines.ENGINES`, or "" for torch.

        Raises:
            BadInput: if the model is not run by it, or the device is not the CPU.
            ExternalError: if the engine is not installed; in the first pass at a size, if the
                network cannot be converted, or returns something else then.
        """
        if not engine:
            return
        if reason := type(self).engine_refusal(engine):
            raise BadInput(f"{self.card.name}: {reason}")
        if self.device.type != "cpu":
            raise BadInput(f"engine {engine}: runs networks on the CPU, not on {self.device}")
        from benchmark.core.engines.network import EngineNetwork

        self.network = EngineNetwork(
            self.network,
            name=self.card.name,
            revision=self.card.revision,
            weights=self.weights.sha256,
            engine=engine,
        )

    def _load(self, path: Path) -> None:
        """Build the network and load the checkpoint; not called if there are no weights."""
        raise AssertionError(f"{type(self).__name__} has weights but no _load")


def check_device(device: str) -> torch.device:
    """Return the torch device of a name.

    Raises:
        BadInput: if this machine does not have it; there is no silent fallback to the CPU.
    """
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(f"device {device!r}: not on this machine ({str(error)[:80]})") from None
    if wanted.type == "cuda":  # TF32's 10-bit products change SafePaint's output by 9e-3
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return wanted
