"""`cmd:PROGRAM ... {images} {out}`: an external program, run once per batch of images.

It writes one heatmap per image to {out}, under the image's name: 8- or 16-bit gray, or .npy.
Options before the program: `score=csv` (it also writes {out}/scores.csv with the columns name and
score; otherwise the score is that of the area rule), and `revision=N` (increment it after a change
that the command does not show).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.external.batch import output_file, run_batch, save_png
from benchmark.core.external.files import ExternalOptions, files_below
from benchmark.core.external.program import CHUNK, Program, parse_program
from benchmark.core.types import NamedImage
from detectors.external.base import ImageDetection, NamedDetector
from detectors.external.heatmap_files import HEATMAPS, Scale, read_heatmap, read_scores
from detectors.external.heatmaps import AREA_CARD, CARD, SCORES, area_rule

OPTIONS = {"score": "area", "revision": "1"}


class Command(NamedDetector):
    """An external program that detects manipulations in a folder of images.

    Args:
        command: the command, with options before it.
        weights: must be None: the program has its own.
        device: not used: the program chooses it.

    Raises:
        BadInput: if the command is invalid.
    """

    card = replace(
        AREA_CARD,
        name="cmd",
        title="a program of the user's",
        chunk=CHUNK,
        by_name=True,
        finished=False,
    )

    no_tuning = "a program of cmd: chooses its own precision, by an option in its command"

    def __init__(
        self, command: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self._program = _parse(command)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card; its score is the program's own with `score=csv`, else that of the area rule."""
        if _parse(argument).options["score"] == "area":
            return cls.card
        return replace(CARD, title=cls.card.title, chunk=CHUNK, by_name=True, finished=False)

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """A digest of the command, its options, and the contents of the files that it names."""
        return _parse(argument).digest()

    def detect_named(
        self, pieces: Sequence[NamedImage], terms: ExternalOptions
    ) -> list[ImageDetection | BadOutput]:
        """Run the program on the images.

        Args:
            pieces: images, (H, W, 3) uint8 RGB, with their names.
            terms: options of the run.

        Returns:
            For each piece, its detection, or the error.
        """
        layout = _Layout(self._program)
        return run_batch(self._program, layout, pieces, terms=terms, model=self.card.name)


class _Layout:
    """Files exchanged with a detection program: images in, heatmaps and scores out."""

    def __init__(self, program: Program) -> None:
        self._own_score = program.options["score"] == "csv"

    def write(self, folder: Path, name: str, piece: NamedImage) -> None:
        save_png(folder / "images" / f"{name}.png", piece.image)

    def read(self, out: Path, name: str, piece: NamedImage) -> ImageDetection:
        height, width = piece.image.shape[:2]
        path = output_file(out, (name,), HEATMAPS)
        heatmaps = [one for one in files_below(out) if one.suffix.lower() in HEATMAPS]
        heatmap = read_heatmap(path, (height, width), Scale(heatmaps))
        scores = read_scores(out / SCORES)
        if not self._own_score and scores is not None:
            raise BadOutput(f"the program writes {SCORES}: put score=csv before the program")
        if not self._own_score:
            return ImageDetection(heatmap=heatmap, score=area_rule(heatmap))
        if scores is None or name not in scores:
            raise BadOutput(f"the program wrote no score for {name} into {{out}}/{SCORES}")
        return ImageDetection(heatmap=heatmap, score=scores[name])


def _parse(command: str) -> Program:
    program = parse_program(command, places=("images", "out"), options=OPTIONS)
    if program.options["score"] not in ("area", "csv"):
        raise BadInput(f"cmd: score={program.options['score']}: expected area or csv")
    return program
