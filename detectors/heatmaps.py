"""`heatmaps:DIR`: what somebody's detector has said already, found by the pictures' names."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.core.arrays import decode_array
from benchmark.core.card import Card
from benchmark.core.errors import BadAnswer, BadInput, DataError
from benchmark.core.outside import NamedFiles, Terms, digest_of
from benchmark.core.pictures import SUFFIXES, open_upright
from benchmark.core.types import Detection, Piece
from detectors.base import area_score
from detectors.named import Heatmap, Look, NamedDetector

HEATMAPS = frozenset({*SUFFIXES, ".npy"})
SCORES = "scores.csv"
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
    """Heatmaps already made: DIR/[INPAINTER/][DATASET/][BUCKET/]SAMPLE.png or .npy.

    Scores are those of DIR/scores.csv, with the columns name (the heatmap's path in DIR) and score;
    without that file the area rule makes them.

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
        place = Path(folder).expanduser()
        self._files = NamedFiles(place, HEATMAPS)
        self._scores = read_scores(place / SCORES)

    @classmethod
    def described(cls, argument: str) -> Card:
        """With a score of its own where there is a scores.csv, else by the area rule."""
        there = (Path(argument).expanduser() / SCORES).is_file()
        return CARD if there else AREA_CARD

    @classmethod
    def decides(cls, argument: str) -> str:
        """Nothing that all heatmaps share: each has a file of its own, and `own` is its hash."""
        return ""

    def own(self, piece: Piece, terms: Terms) -> str:
        """The hash of the piece's file and its score, or that the area rule makes it."""
        try:
            path = self._files.find(piece, terms.several)
            digest = digest_of(path)
        except (BadAnswer, OSError):  # said when it is read
            return "none"
        if self._scores is None:
            return f"{digest} area"
        return f"{digest} {self._scores.get(self._files.name(path), 'none')}"

    def look(self, pieces: Sequence[Piece], terms: Terms) -> list[Look | BadAnswer]:
        """Read what was said of the pictures as painted; of laundered ones nothing was."""
        return [self._read(piece, terms) for piece in pieces]

    def _read(self, piece: Piece, terms: Terms) -> Look | BadAnswer:
        if piece.launder:
            return BadAnswer(f"heatmaps are of pictures as painted; none after {piece.launder}")
        try:
            path = self._files.find(piece, terms.several)
            height, width = piece.image.shape[:2]
            heatmap = read_heatmap(path, (height, width))
            return Look(heatmap=heatmap, score=self._score(self._files.name(path), heatmap))
        except (BadAnswer, DataError) as error:
            return BadAnswer(str(error))

    def _score(self, name: str, heatmap: Heatmap) -> float:
        if self._scores is None:
            return area_rule(heatmap)
        if name not in self._scores:
            raise BadAnswer(f"{self._files.folder / SCORES}: no row for {name}")
        return self._scores[name]

    def _detect(self, images: Tensor) -> Detection:
        raise BadInput("heatmaps already made are found by their names: use them in a run")


def area_rule(heatmap: Heatmap) -> float:
    """The score of one heatmap without a score, (H, W) in [0, 1]."""
    return float(area_score(torch.from_numpy(heatmap)[None])[0])


def read_heatmap(path: Path, size: tuple[int, int]) -> Heatmap:
    """Read a heatmap: 8 or 16 bits of grey, or an array of floats in [0, 1], 8 or 16 bits.

    Args:
        path: a picture or an .npy file.
        size: height and width that it must have.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        BadAnswer: if it has another size, colours, or values that are none in [0, 1].
        DataError: if it cannot be read as a picture.
    """
    values = _array(path) if path.suffix.lower() == ".npy" else _grey(path)
    if values.ndim != 2 or values.shape != size:
        said = "x".join(map(str, values.shape[::-1])) or "one number"
        raise BadAnswer(f"{path}: a heatmap of {said}, expected {size[1]}x{size[0]} pixels")
    if np.issubdtype(values.dtype, np.unsignedinteger):
        return (values / np.iinfo(values.dtype).max).astype(np.float32)
    heatmap = values.astype(np.float32)
    if not ((heatmap >= 0) & (heatmap <= 1)).all():  # a NaN fails this
        raise BadAnswer(f"{path}: expected values in [0, 1], got others")
    return heatmap


def _array(path: Path) -> np.ndarray:
    try:
        found = decode_array(path.read_bytes())
    except OSError as error:
        raise BadAnswer(f"{path}: cannot be read ({error.strerror})") from None
    if found is None:
        raise BadAnswer(f"{path}: cannot be read as an array: none, damaged, or of objects")
    array = np.squeeze(found)
    if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
        raise BadAnswer(f"{path}: expected floats in [0, 1], 8 or 16 bits, got {array.dtype}")
    return array


def _grey(path: Path) -> np.ndarray:
    picture = open_upright(path)
    if picture.mode == "1":
        picture = picture.convert("L")
    values = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    if picture.mode == "F":
        return values
    if picture.mode.startswith("I"):
        if values.min() < 0 or values.max() > 65535:
            raise BadAnswer(f"{path}: expected grey levels of 8 or 16 bits, got others")
        return values.astype(np.uint16)
    if values.ndim == 3:
        colours = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        if (colours != colours[..., :1]).any():
            raise BadAnswer(f"{path}: a coloured picture, expected a heatmap in grey")
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
