"""`heatmaps:DIR`: what somebody's detector has said already, found by the images' names."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.arrays import read_array, read_arrays
from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, DataError, ScaleWarning
from benchmark.core.external.files import NamedFiles, Terms, digest_of, files_below
from benchmark.core.images import SUFFIXES, open_upright
from benchmark.core.levels import ROUNDING
from benchmark.core.paths import at_home
from benchmark.core.types import Detection, Piece
from detectors.base import area_score
from detectors.external.base import Heatmap, ImageDetection, NamedDetector

# PSCC-Net's own program writes the "png" over the last three letters: photo.jpeg is photo.jpng.
_PSCCNET = (".jpng", ".wpng", ".tpng")
HEATMAPS = frozenset({*SUFFIXES, *_PSCCNET, ".npy", ".npz"})
ARRAYS = (".npy", ".npz")
_IIDNET = "output_"  # IID-Net's own program writes it before the image's name
SCORES = "scores.csv"
LARGEST_SCORES = 64 * 2**20  # bytes of it
_LOW = {"uint8": 1, "uint16": 255}  # the largest level of a heatmap on another scale, by type
Values = NDArray[Any]  # (H, W) as a file stores them
AREA_THRESHOLD = 0.02  # of the area rule, as `area_score` says
CARD = Card(
    name="heatmaps",
    title="heatmaps already made",
    sizes="those of its files",
    score=f"from {SCORES}",
    finished=True,
)
AREA_CARD = replace(
    CARD,
    score="share of the heatmap above 0.5, a rule of this project",
    score_from="area",
    threshold=AREA_THRESHOLD,
)


class Heatmaps(NamedDetector):
    """Heatmaps already made: DIR/[INPAINTER/][DATASET/][BUCKET/]SAMPLE.png, .npy or .npz.

    What the programs of TruFor (SAMPLE.png.npz), PSCC-Net and IID-Net (output_SAMPLE.png) write is
    found by the image's name too. Scores are those of DIR/scores.csv, with the columns name (the
    heatmap's path in DIR) and score; without that file those of the .npz files, where they have
    them, else the area rule makes them.

    Args:
        folder: the DIR.
        weights: none: there is no network.
        device: not used.

    Raises:
        DataError: if the folder is missing or holds no heatmap, or a row of scores.csv is bad.
    """

    card = CARD

    def __init__(
        self, folder: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        place = at_home(Path(folder))
        self._files = NamedFiles(place, HEATMAPS, _names)
        self._scores = read_scores(place / SCORES)
        self._own_scores = self._scores is None and _has_scores(place)
        self._scale = Scale(self._files, place)

    @classmethod
    def described(cls, argument: str) -> Card:
        """With a score of its own where there is a scores.csv, else by the area rule."""
        folder = at_home(Path(argument))
        there = (folder / SCORES).is_file()
        return CARD if there or _has_scores(folder) else AREA_CARD

    @classmethod
    def decides(cls, argument: str) -> str:
        """Nothing that all heatmaps share: each has a file of its own, and `own` is its hash."""
        return ""

    def own(self, piece: Piece, terms: Terms) -> str:
        """The hash of the piece's file and its score, or what makes it: itself or the area rule."""
        try:
            path = self._files.find(piece, terms)
            digest = digest_of(path)
        except (BadOutput, OSError):  # said when it is read
            return "none"
        if self._scores is None:
            return f"{digest} {'own' if self._own_scores else 'area'}"
        return f"{digest} {self._scores.get(self._files.name(path), 'none')}"

    def detect_named(
        self, pieces: Sequence[Piece], terms: Terms
    ) -> list[ImageDetection | BadOutput]:
        """Read what was said of the images as inpainted; of laundered ones nothing was."""
        return [self._read(piece, terms) for piece in pieces]

    def _read(self, piece: Piece, terms: Terms) -> ImageDetection | BadOutput:
        if piece.launder:
            return BadOutput(f"heatmaps are of images as inpainted; none after {piece.launder}")
        try:
            path = self._files.find(piece, terms)
            height, width = piece.image.shape[:2]
            values, score = read_values(path)
            self._scale.check(path, values)
            heatmap = to_heatmap(path, values, (height, width))
            return ImageDetection(heatmap=heatmap, score=self._score(path, heatmap, score))
        except (BadOutput, DataError) as error:
            return BadOutput(str(error))

    def _score(self, path: Path, heatmap: Heatmap, own: float | None) -> float:
        name = self._files.name(path)
        if self._own_scores:
            if own is None:
                raise BadOutput(f"{path}: no score in it, as others of its folder have")
            return own
        if self._scores is None:
            return area_rule(heatmap)
        if name not in self._scores:
            raise BadOutput(f"{self._files.folder / SCORES}: no row for {name}")
        return self._scores[name]

    def _detect(self, images: Tensor) -> Detection:
        raise BadInput("heatmaps already made are found by their names: use them in a run")


class Scale:
    """The one rule of a heatmap's scale, for whole numbers: the largest of their type means 1.

    A single heatmap may be dark; where all of a type are, their scale is another: 0 and 1 in 8
    bits, or 0 to 255 in 16. Where none reaches half, it may be: that is said.

    Args:
        files: all heatmaps that were written together, read when a dark one is met.
        folder: where they lie, for what is said of all; None where more of them are to come.
    """

    def __init__(self, files: Iterable[Path], folder: Path | None = None) -> None:
        self._files, self._folder = files, folder
        self._tops: dict[str, int] = {}

    def check(self, path: Path, values: Values) -> None:
        """Refuse a heatmap that is dark as all are.

        Raises:
            BadOutput: with its largest level, and what to do.
        """
        kind = values.dtype.name
        low = _LOW.get(kind)
        if low is None or not values.size:
            return
        enough = np.iinfo(kind).max // 2 if self._folder else low
        if not 0 < values.max() <= enough:
            return
        if kind not in self._tops:
            self._tops[kind] = self._top(kind, enough)
            if low < self._tops[kind] <= enough:
                warnings.warn(
                    f"{self._folder}: the largest level of all heatmaps of {kind} is "
                    f"{self._tops[kind]} of {np.iinfo(kind).max}, so none calls a pixel inpainted; "
                    "if they are on another scale, save them as floats from 0 to 1",
                    ScaleWarning,
                    stacklevel=2,
                )
        if self._tops[kind] <= low:
            raise BadOutput(
                f"{path}: its largest level is {int(values.max())} of {np.iinfo(kind).max}, and no "
                f"heatmap beside it has one above {low}: on that scale it says nothing; save it "
                f"with 1 as {np.iinfo(kind).max}, or as floats from 0 to 1"
            )

    def _top(self, kind: str, enough: int) -> int:
        """The largest level of a type's heatmaps; the first above `enough` will do."""
        top = 0
        for path in self._files:
            try:
                values, _ = read_values(path)
            except (BadOutput, DataError):
                continue
            if values.dtype.name == kind and values.size:
                top = max(top, int(values.max()))
            if top > enough:
                break
        return top


def area_rule(heatmap: Heatmap) -> float:
    """The score of one heatmap without a score, (H, W) in [0, 1]."""
    return float(area_score(torch.from_numpy(heatmap)[None])[0])


def read_heatmap(path: Path, size: tuple[int, int], scale: Scale | None = None) -> Heatmap:
    """Read a heatmap: 8 or 16 bits of grey, or an array of floats in [0, 1], 8 or 16 bits or bool.

    Args:
        path: an image, an .npy file, or an .npz file with a `map`.
        size: height and width that it must have.
        scale: the rule for whole numbers, or None for a heatmap that stands alone.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        BadOutput: if it has another size, colours, or values that are none in [0, 1].
        DataError: if it cannot be read as an image.
    """
    values, _ = read_values(path)
    if scale is not None:
        scale.check(path, values)
    return to_heatmap(path, values, size)


def to_heatmap(path: Path, values: Values, size: tuple[int, int]) -> Heatmap:
    """The same from what `read_values` found."""
    if values.ndim != 2 or values.shape != size:
        said = "x".join(map(str, values.shape[::-1])) or "one number"
        raise BadOutput(f"{path}: a heatmap of {said}, expected {size[1]}x{size[0]} pixels")
    if np.issubdtype(values.dtype, np.unsignedinteger):
        return (values / np.iinfo(values.dtype).max).astype(np.float32)
    heatmap = values.astype(np.float32)
    low, high = float(heatmap.min()), float(heatmap.max())
    if np.isnan(low):
        raise BadOutput(f"{path}: expected values in [0, 1], got NaN")
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        how = "divide them by the level that means 1"
        if low < -ROUNDING:
            how = "map them there, logits by the sigmoid"
        raise BadOutput(f"{path}: expected values in [0, 1], got {low:g} to {high:g}; {how}")
    return np.clip(heatmap, 0, 1)


def read_values(path: Path) -> tuple[Values, float | None]:
    """A heatmap file's values as they are stored, and the score in it, or None.

    Raises:
        BadOutput: if it has colours, or values of a type that heatmaps do not have.
        DataError: if it cannot be read as an image, or has too many numbers.
    """
    if path.suffix.lower() not in ARRAYS:
        return _grey(path), None
    if path.suffix.lower() == ".npy":
        return _checked(path, read_array(path)), None
    found = read_arrays(path, ("map", "score"))
    values = _checked(path, found.get("map") if found else None)
    score = (found or {}).get("score")
    if score is None:
        return values, None
    if score.size != 1 or score.dtype.kind not in "fiu" or not 0 <= float(score.item()) <= 1:
        raise BadOutput(f"{path}: expected a score in [0, 1], got {score.tolist()!r:.60}")
    return values, float(score.item())


def _checked(path: Path, found: Values | None) -> Values:
    if found is None:
        what = "with a 'map'" if path.suffix.lower() == ".npz" else "as an array"
        raise BadOutput(f"{path}: cannot be read {what}: none, damaged, or of objects")
    array = np.squeeze(found)
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
        raise BadOutput(f"{path}: expected floats in [0, 1], 8 or 16 bits, got {array.dtype}")
    return array


def _names(name: str) -> Iterator[str]:
    """What else a file's heatmap may be of: SAMPLE.png of SAMPLE, output_SAMPLE."""
    before, slash, last = name.rpartition("/")
    plain = last.removeprefix(_IIDNET)
    for one in dict.fromkeys((last, plain)):
        yield before + slash + one
        if Path(one).suffix.lower() in SUFFIXES:
            yield before + slash + Path(one).stem


def _has_scores(folder: Path) -> bool:
    """Whether the first .npz file of a folder has a score, as TruFor's program writes them."""
    files = files_below(folder) if folder.is_dir() else []
    first = next((path for path in files if path.suffix.lower() == ".npz"), None)
    try:
        with ZipFile(first or folder) as file:
            return "score.npy" in file.namelist()
    except (OSError, BadZipFile):
        return False


def _grey(path: Path) -> Values:
    picture = open_upright(path)
    if picture.mode == "1":
        return np.asarray(picture).astype(np.float32)
    values = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    if picture.mode == "F":
        return values
    if picture.mode.startswith("I"):
        if values.min() < 0 or values.max() > 65535:
            raise BadOutput(
                f"{path}: grey levels from {values.min()} to {values.max()}, expected 8 or 16 bits"
            )
        return values.astype(np.uint16)
    if values.ndim == 3:
        if values.shape[2] in (2, 4) and (values[..., -1] != 255).any():
            raise BadOutput(f"{path}: transparent in parts, expected a heatmap in grey")
        colours = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        if (colours != colours[..., :1]).any():
            raise BadOutput(f"{path}: a coloured image, expected a heatmap in grey")
        values = colours[..., 0]
    return values


def read_scores(path: Path) -> Mapping[str, float] | None:
    """Read the scores of a scores.csv by the heatmaps' names, or None where there is no such file.

    Raises:
        DataError: for the first row that cannot be used: file, row, and what is wrong.
    """
    if not path.is_file():
        return None
    scores: dict[str, float] = {}
    try:
        if (size := path.stat().st_size) > LARGEST_SCORES:
            raise DataError(f"{path}: {size:,} bytes are more than {LARGEST_SCORES:,}; not read")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"name", "score"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(
                    f"{path}: no column {sorted(missing)[0]!r}; it needs name and score"
                )
            for row in reader:
                _add_score(scores, row, f"{path}, row {reader.line_num}")
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    return scores


def _add_score(scores: dict[str, float], row: Mapping[str, str | None], where: str) -> None:
    name, text = (row["name"] or "").strip(), (row["score"] or "").strip()
    if Path(name).suffix.lower() in HEATMAPS:
        name = str(Path(name).with_suffix("").as_posix())
    if not name:
        raise DataError(f"{where}: no name")
    try:
        score = float(text)
    except ValueError:
        raise DataError(f"{where}: {name}: expected a score in [0, 1], got {text!r}") from None
    if not 0 <= score <= 1:
        raise DataError(f"{where}: {name}: expected a score in [0, 1], got {text}")
    if name in scores:
        raise DataError(f"{where}: {name} has a score already")
    scores[name] = score
