"""A network that an engine runs: converted once for each input size, and compared with torch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmark.core.engines import backend
from benchmark.core.engines.files import Shapes, converted_file, read_parts, write_parts
from benchmark.core.engines.installed import engine_label, lacking_engine
from benchmark.core.engines.interrupt import keep_interruptions
from benchmark.core.engines.structure import tensors_of, with_tensors
from benchmark.core.errors import EngineNotice, ExternalError, OutputError
from benchmark.core.locks import lock_folder
from benchmark.core.paths import make_folder, portable_path

# Largest difference of an output of a converted network from torch's. Reference outputs allow 5e-5
# for heatmaps and scores, after sigmoid or softmax, and 2e-4 for images. Outputs with larger values
# than 5 have the second, a share of the largest value.
TOLERANCE = 5e-5
RELATIVE = 1e-5

_WAIT = 600.0  # seconds for another process to convert


class EngineNetwork(nn.Module):
    """A network that an engine runs in place of torch, on the CPU, one image at a time.

    It is converted for each size of input when that first occurs, and kept in a file. Whenever it
    is loaded, its outputs for a fixed input are compared with the network's own.

    Args:
        network: the network; available as `network`, and its `config` as `config`.
        name: the model's name.
        revision: the card's revision.
        weights: SHA-256 of the weights.
        engine: a name of `ENGINES`.

    Raises:
        ExternalError: if the engine is not installed.
    """

    def __init__(
        self, network: nn.Module, *, name: str, revision: int, weights: str, engine: str
    ) -> None:
        super().__init__()
        if reason := lacking_engine(engine):
            raise ExternalError(f"engine {engine}: {reason}")
        self.network = network
        self.config = getattr(network, "config", None)
        self._name, self._revision, self._weights = name, revision, weights
        self._engine = engine
        self._loaded: dict[tuple[Shapes, int], _Converted] = {}
        self.eval()

    @torch.no_grad()
    def forward(self, *planes: Tensor) -> Any:  # noqa: ANN401 (the network's output type)
        """Run the converted network.

        Args:
            planes: inputs of the network, (N, ...) float32 each.

        Raises:
            ExternalError: if the network cannot be converted, or returns something else then.
        """
        shapes = tuple(tuple(plane.shape[1:]) for plane in planes)
        threads = torch.get_num_threads()
        if (shapes, threads) not in self._loaded:
            self._loaded[shapes, threads] = self._load(shapes, threads)
        converted = self._loaded[shapes, threads]
        images = zip(*(torch.split(plane.contiguous(), 1) for plane in planes), strict=True)
        outputs = zip(*(converted.run(image) for image in images), strict=True)
        return with_tensors(converted.template, map(torch.cat, outputs))

    def _load(self, shapes: Shapes, threads: int) -> _Converted:
        planes = fixed_planes(shapes, seed=1)
        template = self.network(*planes)
        path = converted_file(
            self._engine,
            model=f"{self._name}-r{self._revision}",
            weights=self._weights,
            shapes=shapes,
        )
        wanted = _Wanted(path, planes, tensors_of(template), threads)
        try:
            folder = make_folder(path.parent)
        except OutputError as error:
            self._tell(f"not kept: {error}")
            return _Converted(self._convert(shapes, wanted), template)
        with lock_folder(folder, wait=_WAIT):  # processes that run the same model convert it once
            run = self._kept(wanted) or self._convert(shapes, wanted)
        return _Converted(run, template)

    def _kept(self, wanted: _Wanted) -> backend.Run | None:
        """Return what is in the file; None if there is no file, or if it is damaged."""
        if not wanted.path.exists():
            return None
        try:
            run = backend.load(self._engine, read_parts(wanted.path), wanted.threads)
            off = wanted.difference(run)
        except Exception as error:  # noqa: BLE001 (an engine raises anything for a damaged file)
            reason = _reason(error)
        else:
            if off.within:
                return run
            reason = f"its output differs by {off.largest:.1g}"
        self._tell(f"{portable_path(wanted.path)} is damaged ({reason}); converted again")
        return None

    def _convert(self, shapes: Shapes, wanted: _Wanted) -> backend.Run:
        start = time.perf_counter()
        try:
            with keep_interruptions():
                parts = backend.convert(self._engine, self.network, fixed_planes(shapes, seed=0))
                run = backend.load(self._engine, parts, wanted.threads)
                off = wanted.difference(run)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 (torch and the engines raise anything)
            raise ExternalError(
                f"{self._name} cannot be converted for {engine_label(self._engine)} "
                f"({_reason(error)}); run it without --engine"
            ) from None
        if not off.within:
            raise ExternalError(
                f"{self._name}: run by {engine_label(self._engine)}, its output differs by "
                f"{off.largest:.1g} from torch's, more than {off.allowed:.1g}; run it without "
                "--engine"
            )
        seconds, size = time.perf_counter() - start, sum(map(len, parts.values()))
        sizes = ", ".join("x".join(map(str, shape)) for shape in shapes)
        self._tell(
            f"converted for inputs of {sizes} in {seconds:.1f} s, {size / 1e6:.1f} MB, largest "
            f"difference {off.largest:.1g}"
        )
        try:
            write_parts(wanted.path, parts)
        except OutputError as error:
            self._tell(f"not kept: {error}")
        return run

    def _tell(self, what: str) -> None:
        message = f"{self._name}, {engine_label(self._engine)}: {what}."
        warnings.warn(message, EngineNotice, stacklevel=2)


class _Converted:
    """A converted network that is loaded.

    Attributes:
        run: runs it.
        template: an output of the network itself, for its structure.
    """

    def __init__(self, run: backend.Run, template: Any) -> None:  # noqa: ANN401 (as forward)
        self.run, self.template = run, template


class _Difference(NamedTuple):
    """The difference of one output from torch's.

    Attributes:
        largest: the largest absolute difference; NaN if a value is NaN.
        allowed: the largest that is allowed.
    """

    largest: float
    allowed: float

    @property
    def within(self) -> bool:
        return self.largest <= self.allowed  # False for NaN


class _Wanted:
    """What a converted network has to return.

    Attributes:
        path: its file.
        threads: the number of threads that it uses.
    """

    def __init__(
        self, path: Path, planes: Sequence[Tensor], expected: Sequence[Tensor], threads: int
    ) -> None:
        self.path, self.threads = path, threads
        self._planes, self._expected = planes, expected

    def difference(self, run: backend.Run) -> _Difference:
        """Return the difference of the output that is nearest to its tolerance, or beyond it."""
        found = run(self._planes)
        if [one.shape for one in found] != [one.shape for one in self._expected]:
            raise ValueError("its outputs have other shapes")
        pairs = zip(found, self._expected, strict=True)
        differences = [
            _Difference(
                float((one - other).abs().max()),
                max(TOLERANCE, RELATIVE * float(other.abs().max())),
            )
            for one, other in pairs
        ]
        return max(differences, key=lambda one: (not one.within, one.largest / one.allowed))


def fixed_planes(shapes: Shapes, *, seed: int) -> list[Tensor]:
    """Return inputs of a network: a hole for one channel, noise in [0, 1] for others.

    Holes are of another size and place for each seed: a network in which they decide which
    operations are traced returns something else for the second.

    Args:
        shapes: shapes of the inputs, without the batch.
        seed: 0 for tracing, 1 for comparing.

    Returns:
        (1, *shape) float32 each.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for shape in shapes:
        plane = torch.rand(1, *shape, generator=generator)
        if len(shape) == 3 and shape[0] == 1:
            height, width = shape[1:]
            top, left = height * (1 + seed) // 8, width * (3 - seed) // 8
            plane.zero_()
            plane[..., top : top + height // (3 + seed), left : left + width // (2 + seed)] = 1
        found.append(plane)
    return found


def _reason(error: Exception) -> str:
    """Return the last line of an error: the first is often the place in an engine's source."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[-1].strip(" -")[:160]
