"""`heatmaps:DIR`: heatmaps of any detector, read from files by sample name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, DataError
from benchmark.core.external.files import ExternalOptions, NamedFiles, digest_of, files_below
from benchmark.core.images import SUFFIXES
from benchmark.core.paths import expand_home
from benchmark.core.types import Detection, NamedImage
from detectors.base import area_score
from detectors.external.base import Heatmap, ImageDetection, NamedDetector
from detectors.external.heatmap_files import HEATMAPS, Scale, read_scores, read_values, to_heatmap

_IIDNET = "output_"  # prefix of the file names of IID-Net's program
SCORES = "scores.csv"
AREA_THRESHOLD = 0.02  # of the area rule, see `area_score`
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
    """Heatmaps from files: DIR/[INPAINTER/][DATASET/][BUCKET/]SAMPLE.png, .npy or .npz.

    The file names of the programs of TruFor (SAMPLE.png.npz), PSCC-Net and IID-Net
    (output_SAMPLE.png) are supported too. Scores are read from DIR/scores.csv, with the columns
    name (the heatmap's path in DIR) and score; without that file from the .npz files, if they
    contain scores, and else computed by the area rule.

    Args:
        folder: the DIR.
        weights: must be None: there is no network.
        device: not used.

    Raises:
        DataError: if the folder does not exist or has no heatmap, or a row of scores.csv is
            invalid.
    """

    card = CARD

    def __init__(
        self, folder: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        place = expand_home(Path(folder))
        self._files = NamedFiles(place, HEATMAPS, _names)
        self._scores = read_scores(place / SCORES)
        self._own_scores = self._scores is None and _has_scores(place)
        self._scale = Scale(self._files, place)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, whose score is the files' own, if they have one, else that of the area rule."""
        folder = expand_home(Path(argument))
        there = (folder / SCORES).is_file()
        return CARD if there or _has_scores(folder) else AREA_CARD

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Empty: the key of each heatmap contains the hash of its own file, see `own`."""
        return ""

    def own(self, piece: NamedImage, terms: ExternalOptions) -> str:
        """The hash of the piece's file, and its score or the source of its score."""
        try:
            path = self._files.find(piece, terms)
            digest = digest_of(path)
        except (BadOutput, OSError):  # reported when the file is read
            return "none"
        if self._scores is None:
            return f"{digest} {'own' if self._own_scores else 'area'}"
        return f"{digest} {self._scores.get(self._files.name(path), 'none')}"

    def detect_named(
        self, pieces: Sequence[NamedImage], terms: ExternalOptions
    ) -> list[ImageDetection | BadOutput]:
        """Read the heatmaps of images without post-processing; there are no others.

        Args:
            pieces: images, (H, W, 3) uint8 RGB, with their names and their inpainter.
            terms: options of the run.

        Returns:
            For each piece, its detection, or the error.
        """
        return [self._read(piece, terms) for piece in pieces]

    def _read(self, piece: NamedImage, terms: ExternalOptions) -> ImageDetection | BadOutput:
        if piece.launder:
            return BadOutput(
                f"heatmaps are of images without post-processing; none after {piece.launder}"
            )
        try:
            path = self._files.find(piece, terms)
            height, width = piece.image.shape[:2]
            stored = read_values(path)
            self._scale.check(path, stored.values)
            heatmap = to_heatmap(path, stored.values, (height, width))
            return ImageDetection(heatmap=heatmap, score=self._score(path, heatmap, stored.score))
        except (BadOutput, DataError) as error:
            return BadOutput(str(error))

    def _score(self, path: Path, heatmap: Heatmap, own: float | None) -> float:
        name = self._files.name(path)
        if self._own_scores:
            if own is None:
                raise BadOutput(f"{path}: contains no score, though others in its folder do")
            return own
        if self._scores is None:
            return area_rule(heatmap)
        if name not in self._scores:
            raise BadOutput(f"{self._files.folder / SCORES}: no row for {name}")
        return self._scores[name]

    def _detect(self, images: Tensor) -> Detection:
        raise BadInput("heatmaps: files are found by sample name; use them in a run")


def area_rule(heatmap: Heatmap) -> float:
    """The score of one (H, W) float32 heatmap in [0, 1] by the area rule, see `area_score`."""
    return float(area_score(torch.from_numpy(heatmap)[None])[0])


def _names(name: str) -> Iterator[str]:
    """Names of the samples that a heatmap file may belong to: of SAMPLE.png, output_SAMPLE."""
    before, slash, last = name.rpartition("/")
    plain = last.removeprefix(_IIDNET)
    for one in dict.fromkeys((last, plain)):
        yield before + slash + one
        if Path(one).suffix.lower() in SUFFIXES:
            yield before + slash + Path(one).stem


def _has_scores(folder: Path) -> bool:
    """Whether the first .npz file of a folder contains a score, as written by TruFor's program."""
    files = files_below(folder) if folder.is_dir() else []
    first = next((path for path in files if path.suffix.lower() == ".npz"), None)
    try:
        with ZipFile(first or folder) as file:
            return "score.npy" in file.namelist()
    except (OSError, BadZipFile):
        return False
