"""`photoholmes:NAME`: a method of PhotoHolmes, called as PhotoHolmes' own benchmark calls it.

Methods with a network need weights: a file, or a folder with the files that PhotoHolmes' command
`download_weights` writes. Nothing is downloaded here.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import torch
from scipy.linalg import LinAlgWarning
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.errors import (
    BadOutput,
    ExternalError,
    ScaleWarning,
    UnknownName,
    WeightsError,
)
from benchmark.core.external.batch import save_png
from benchmark.core.external.global_random import seeded
from benchmark.core.external.imports import module_file, tree_hash
from benchmark.core.external.optional import importing, installed
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Detection
from detectors.base import Detector, area_score
from detectors.external.heatmaps import AREA_CARD

EXPECTED = "0.0.1"
COMMIT = "f57f487d616d3c34ced97a7fdc55180438d86bf6"
HOW = (
    "pip install jpegio pyyaml torch_kmeans, then pip install --no-deps "
    f"git+https://github.com/photoholmes/photoholmes@{COMMIT}"
)
_ROUNDING = 1e-3  # by which a heatmap may leave [0, 1]
_RESEARCH = "research use only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of PhotoHolmes.

    Attributes:
        files: its networks' names in PhotoHolmes and the names of their files, in order; empty
            without a network, "" as the name and file of a single network.
        by_path: whether PhotoHolmes reads its weights itself, by torch.load.
        jpeg: whether it reads DCT coefficients, for which the image is saved as JPEG.
        scores: whether it has an image-level score of its own.
        smallest: smallest side of its images.
        terms: its license, if PhotoHolmes states it when the method is built.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    by_path: bool = False
    jpeg: bool = False
    scores: bool = False
    smallest: int = 8
    terms: str = ""


ONE = {"": ""}
METHODS: Mapping[str, Method] = {
    "adaptive_cfa_net": Method(files=ONE, smallest=64),
    "catnet": Method(files=ONE, jpeg=True, terms=_RESEARCH),
    "dq": Method(jpeg=True),
    "exif_as_language": Method(files=ONE, by_path=True, smallest=129),
    "focal": Method(files={"ViT": "VIT_weights.pth", "HRNet": "HRNET_weights.pth"}),
    "noisesniffer": Method(scores=True),
    "psccnet": Method(
        files={"FENet": "FENet.pth", "SegNet": "SegNet.pth", "ClsNet": "ClsNet.pth"},
        by_path=True,
        scores=True,
    ),
    "splicebuster": Method(terms=_RESEARCH),
    "trufor": Method(files=ONE, scores=True, terms=_RESEARCH),
    "zero": Method(scores=True),
}


class PhotoHolmes(Detector):
    """A method of PhotoHolmes, run on one image at a time.

    Args:
        name: its name in PhotoHolmes, such as "splicebuster".
        weights: of a method with a network: a file, or a folder if there are several.
        device: a torch device such as "cpu" or "cuda:0"; methods without a network use the CPU.

    Raises:
        UnknownName: if PhotoHolmes has no such method.
        ExternalError: if PhotoHolmes is not installed, or cannot be imported.
        WeightsError: if the weights are missing, damaged, refused or of another method.
    """

    card = Card(name="photoholmes", title="PhotoHolmes")
    libraries: ClassVar[Mapping[str, str]] = {"photoholmes": EXPECTED}
    install = HOW
    no_tuning = "photoholmes:NAME runs in float32 and is not compiled; run it without"

    def __init__(
        self, name: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        self.card = self.card_for(name)
        self._name, self._facts = name, _known(name)
        self._warned = False
        super().__init__(weights=weights, device=device)
        if not self._facts.files:
            self._method, self._preprocess = _build(name, {})

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, with the method's name, score and terms, and the version of PhotoHolmes."""
        method, library = _known(argument), installed("photoholmes", how=HOW)
        ruled = cls.card if method.scores else AREA_CARD
        sizes = "any; DCT coefficients are those of the image saved as JPEG of quality 100"
        return replace(
            cls.card,
            title=f"{argument} ({library})",
            license=f"{method.terms or 'of its own'}; {library}: Apache-2.0",
            own_weights=bool(method.files),
            sizes=sizes if method.jpeg else "any",
            min_side=method.smallest,
            score="its own detection" if method.scores else AREA_CARD.score,
            score_from=ruled.score_from,
            threshold=ruled.threshold,
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """The method, the version of PhotoHolmes, and the hash of its sources.

        Its version has not changed with its code.
        """
        _known(argument)
        library = installed("photoholmes", how=HOW)
        file = module_file("photoholmes.methods.factory")
        if file is None:
            raise ExternalError(f"{library} has no photoholmes.methods.factory; get it with {HOW}")
        return f"{argument} {library} {tree_hash(file.parents[1])}"

    def _load(self, path: Path) -> None:
        weights = _weights_of(self._name, path)
        try:
            self._method, self._preprocess = _build(self._name, {"weights": weights})
        except ExternalError:
            raise
        except Exception as error:  # a library's code on weights of any names and shapes
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
            raise WeightsError(f"{path}: cannot be loaded by {self._name} ({reason})") from error
        if self.device.type != "cpu":
            self._method.to_device(str(self.device))

    def _detect(self, images: Tensor) -> Detection:
        found = [self._detect_one(image) for image in to_pixels(images)]
        heatmap = torch.stack([heat for heat, _ in found])
        scores = torch.tensor([score for _, score in found])
        return Detection(
            heatmap=heatmap, score=scores if self._facts.scores else area_score(heatmap)
        )

    def _detect_one(self, pixels: Any) -> tuple[Tensor, float]:  # noqa: ANN401 (an array)
        """The heatmap (H, W) of (H, W, 3) uint8, and the method's own score, or 0 without one."""
        with _quiet(), seeded(0, self.device):
            if self._name == "splicebuster":  # takes this warning for a failed fit, as its module
                warnings.filterwarnings("error", category=LinAlgWarning)
            given = self._preprocess(**self._inputs(pixels))
            output = self._method.benchmark(
                **{
                    key: one.to(self.device, torch.float32) if isinstance(one, Tensor) else one
                    for key, one in given.items()
                }
            )
        heatmap = output["heatmap"] if output["heatmap"] is not None else output["mask"]
        if heatmap is None:
            raise BadOutput(f"{self.card.name}: neither a heatmap nor a mask")
        heatmap = heatmap.detach().float().cpu()
        while heatmap.ndim > 2 and heatmap.shape[0] == 1:
            heatmap = heatmap[0]
        if heatmap.shape != pixels.shape[:2]:
            raise BadOutput(
                f"{self.card.name}: expected a heatmap of {pixels.shape[:2]}, got "
                f"{tuple(heatmap.shape)}"
            )
        self._warn_of_range(heatmap)
        return heatmap, self._score(output["detection"])

    def _inputs(self, pixels: Any) -> dict[str, Tensor]:  # noqa: ANN401 (an array)
        """Return what the method's preprocessing reads."""
        inputs = {"image": torch.from_numpy(pixels).permute(2, 0, 1)}
        if self._facts.jpeg:
            from photoholmes.utils.image import read_jpeg_data

            with TemporaryDirectory() as folder:
                file = Path(folder) / "image.png"
                save_png(file, pixels)
                dct, tables = read_jpeg_data(str(file), suppress_not_jpeg_warning=True)
            inputs |= {"dct_coefficients": dct, "qtables": tables}
        unknown = [name for name in self._preprocess.inputs if name not in inputs]
        if unknown:
            raise ExternalError(f"{self.card.name} reads {', '.join(unknown)}, unknown here")
        return {name: inputs[name] for name in self._preprocess.inputs}

    def _score(self, detection: Any) -> float:  # noqa: ANN401 (a tensor or None)
        if not self._facts.scores:
            return 0.0
        if detection is None or detection.numel() != 1:
            raise BadOutput(f"{self.card.name}: expected one detection score")
        return float(detection)

    def _warn_of_range(self, heatmap: Tensor) -> None:
        """Warn once if a heatmap has values outside [0, 1], which are cut off."""
        low, high = float(heatmap.min()), float(heatmap.max())
        if not self._warned and (low < -_ROUNDING or high > 1 + _ROUNDING):
            self._warned = True
            message = (
                f"{self.card.name}: a heatmap has values from {low:.3g} to {high:.3g}; those "
                "outside [0, 1] are cut off"
            )
            warnings.warn(message, ScaleWarning, stacklevel=2)


def _known(name: str) -> Method:
    if name not in METHODS:
        raise UnknownName("method of PhotoHolmes", name, METHODS)
    return METHODS[name]


def _weights_of(name: str, path: Path) -> Any:  # noqa: ANN401 (what PhotoHolmes takes)
    """Return a method's weights as PhotoHolmes takes them: read here, or checked here and a path.

    Raises:
        WeightsError: if a file is missing, damaged, or would run code.
    """
    method = METHODS[name]
    if method.files == ONE:
        content = read_checkpoint(path)
        return str(path) if method.by_path else content
    if not path.is_dir():
        raise WeightsError(f"{path}: expected a folder with {', '.join(method.files.values())}")
    files = {network: path / file for network, file in method.files.items()}
    contents = {network: read_checkpoint(file) for network, file in files.items()}
    return {network: str(file) for network, file in files.items()} if method.by_path else contents


def _build(name: str, config: dict[str, Any]) -> tuple[Any, Any]:
    """The method and its preprocessing."""
    with _quiet():
        with importing("photoholmes", how=HOW, expected=EXPECTED):
            from photoholmes.methods.factory import MethodFactory
        with seeded(0):
            method, preprocess = MethodFactory.load(name, config)
    return method, preprocess


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore what PhotoHolmes logs, prints and warns of, and restore the root logger."""
    root, own = logging.getLogger(), logging.getLogger("photoholmes")
    level, handlers = root.level, list(root.handlers)
    own.propagate = False
    if not own.handlers:
        own.addHandler(logging.NullHandler())
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers
