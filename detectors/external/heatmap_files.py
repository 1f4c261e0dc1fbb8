"""Files of heatmaps and scores: read, scaled to [0, 1] and checked."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import read_array, read_arrays
from benchmark.core.errors import BadOutput, DataError, ScaleWarning
from benchmark.core.images import SUFFIXES, open_upright
from benchmark.core.levels import ROUNDING
from detectors.external.base import Heatmap

# The program of PSCC-Net replaces the last three letters by "png": photo.jpeg gives photo.jpng.
_PSCCNET = (".jpng", ".wpng", ".tpng")
HEATMAPS = frozenset({*SUFFIXES, *_PSCCNET, ".npy", ".npz"})
ARRAYS = (".npy", ".npz")
LARGEST_SCORES = 64 * 2**20  # bytes of a scores.csv
_LOW = {"uint8": 1, "uint16": 255}  # largest value on a wrong scale, by dtype
Values = NDArray[Any]  # (H, W), as stored in a file


class StoredHeatmap(NamedTuple):
    """The content of a heatmap file.

    Attributes:
        values: (H, W) as stored: floats, uint8, uint16 or bool.
        score: in [0, 1], or None.
    """

    values: Values
    score: float | None


def read_values(path: Path) -> StoredHeatmap:
    """Read the values of a heatmap file, (H, W) as stored, and its score, if any.

    Raises:
        BadOutput: if it is in color, or has an unsupported dtype.
        DataError: if it cannot be read as an image, or has too many numbers.
    """
    if path.suffix.lower() not in ARRAYS:
        return StoredHeatmap(_read_gray(path), None)
    if path.suffix.lower() == ".npy":
        return StoredHeatmap(_checked_values(path, read_array(path)), None)
    found = read_arrays(path, ("map", "score"))
    values = _checked_values(path, found.get("map") if found else None)
    score = (found or {}).get("score")
    if score is None:
        return StoredHeatmap(values, None)
    if score.size != 1 or score.dtype.kind not in "fiu" or not 0 <= float(score.item()) <= 1:
        raise BadOutput(f"{path}: expected a score in [0, 1], got {score.tolist()!r:.60}")
    return StoredHeatmap(values, float(score.item()))


def _checked_values(path: Path, found: Values | None) -> Values:
    if found is None:
        what = "with a 'map'" if path.suffix.lower() == ".npz" else "as an array"
        raise BadOutput(f"{path}: cannot be read {what}: missing, damaged, or of dtype object")
    array = np.squeeze(found)
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
        raise BadOutput(f"{path}: expected floats in [0, 1], 8 or 16 bits, got {array.dtype}")
    return array


def _read_gray(path: Path) -> Values:
    """Read an image file as (H, W) gray levels: float32, uint8 or uint16."""
    image = open_upright(path)
    if image.mode == "1":
        return np.asarray(image).astype(np.float32)
    values = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    if image.mode == "F":
        return values
    if image.mode.startswith("I"):
        if values.min() < 0 or values.max() > 65535:
            raise BadOutput(
                f"{path}: gray levels from {values.min()} to {values.max()}, expected 8 or 16 bits"
            )
        return values.astype(np.uint16)
    if values.ndim == 3:
        if values.shape[2] in (2, 4) and (values[..., -1] != 255).any():
            raise BadOutput(f"{path}: transparent in parts, expected a gray heatmap")
        colors = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        if (colors != colors[..., :1]).any():
            raise BadOutput(f"{path}: a color image, expected a gray heatmap")
        values = colors[..., 0]
    return values


def to_heatmap(path: Path, values: Values, size: tuple[int, int]) -> Heatmap:
    """Scale stored values to [0, 1].

    Args:
        path: their file, for messages.
        values: (H, W) floats in [0, 1], uint8, uint16 or bool, see `read_values`.
        size: expected height and width.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        BadOutput: if the size is wrong, or values are not in [0, 1].
    """
    if values.ndim != 2 or values.shape != size:
        shape = "x".join(map(str, values.shape[::-1])) or "one number"
        raise BadOutput(f"{path}: a heatmap of {shape}, expected {size[1]}x{size[0]} pixels")
    if np.issubdtype(values.dtype, np.unsignedinteger):
        return (values / np.iinfo(values.dtype).max).astype(np.float32)
    low, high = float(values.min()), float(values.max())  # before the cast, which may overflow
    if np.isnan(low):
        raise BadOutput(f"{path}: expected values in [0, 1], got NaN")
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        how = "divide them by the value that means 1"
        if low < -ROUNDING:
            how = "map them to that range, logits by the sigmoid"
        raise BadOutput(f"{path}: expected values in [0, 1], got {low:g} to {high:g}; {how}")
    return np.clip(values, 0, 1).astype(np.float32)


class Scale:
    """Check the scale of integer heatmaps, whose largest representable value must mean 1.

    A single heatmap may be dark; if all of a dtype are, they are on another scale: 0 and 1 in 8
    bits, or 0 to 255 in 16 bits. If none reaches half of the range they may be: a warning is given.

    Args:
        files: all heatmaps that were written together; read only if a dark one is found.
        folder: their folder, for the warning; None if more of them may be written later.
    """

    def __init__(self, files: Iterable[Path], folder: Path | None = None) -> None:
        self._files, self._folder = files, folder
        self._tops: dict[str, int] = {}

    def check(self, path: Path, values: Values) -> None:
        """Refuse a dark heatmap if all other heatmaps are dark too.

        Args:
            path: its file.
            values: (H, W), as stored; only uint8 and uint16 are checked.

        Raises:
            BadOutput: states the largest value, and how to fix it.
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
                    f"{self._folder}: the largest value of all {kind} heatmaps is "
                    f"{self._tops[kind]} of {np.iinfo(kind).max}, so no pixel is detected as "
                    "inpainted; if they are on another scale, save them as floats from 0 to 1",
                    ScaleWarning,
                    stacklevel=2,
                )
        if self._tops[kind] <= low:
            raise BadOutput(
                f"{path}: its largest value is {int(values.max())} of {np.iinfo(kind).max}, and no "
                f"other heatmap exceeds {low}: the scale is wrong; save it with 1 as "
                f"{np.iinfo(kind).max}, or as floats from 0 to 1"
            )

    def _top(self, kind: str, enough: int) -> int:
        """The largest value of the heatmaps of a dtype, or the first above `enough`."""
        top = 0
        for path in self._files:
            try:
                values = read_values(path).values
            except (BadOutput, DataError):
                continue
            if values.dtype.name == kind and values.size:
                top = max(top, int(values.max()))
            if top > enough:
                break
        return top


def read_heatmap(path: Path, size: tuple[int, int], scale: Scale | None = None) -> Heatmap:
    """Read a heatmap: 8- or 16-bit gray, or an array of floats in [0, 1], 8 or 16 bits, or bool.

    Args:
        path: an image, an .npy file, or an .npz file with a `map`.
        size: expected height and width.
        scale: checks integer heatmaps; None for a single heatmap.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        BadOutput: if its size is wrong, it is in color, or values are not in [0, 1].
        DataError: if it cannot be read as an image.
    """
    values = read_values(path).values
    if scale is not None:
        scale.check(path, values)
    return to_heatmap(path, values, size)


def read_scores(path: Path) -> Mapping[str, float] | None:
    """Read the scores of a scores.csv by the heatmaps' names; None if the file does not exist.

    Raises:
        DataError: states the first invalid row, and its error.
    """
    if not path.is_file():
        return None
    scores: dict[str, float] = {}
    try:
        if (size := path.stat().st_size) > LARGEST_SCORES:
            raise DataError(f"{path}: too large: {size:,} bytes, at most {LARGEST_SCORES:,}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"name", "score"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(
                    f"{path}: missing column {sorted(missing)[0]!r}; expected name and score"
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
        raise DataError(f"{where}: a second score of {name}")
    scores[name] = score
