"""`cmd:PROGRAM ... {images} {out}`: somebody's program, run once for a chunk of images.

It writes one heatmap per image into {out}, under the image's name: 8 or 16 bits of grey, or
.npy. Before the program may stand: `score=csv` (it also writes {out}/scores.csv with the columns
name and score; else the area rule makes the score) and `revision=N` (to be raised when something
changed that the command does not name).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.external.batch import answer_chunk, answer_file, save_png
from benchmark.core.external.files import Terms, files_below
from benchmark.core.external.program import CHUNK, Program, parse_program
from benchmark.core.types import Piece
from detectors.external.base import ImageDetection, NamedDetector
from detectors.external.heatmaps import (
    AREA_CARD,
    CARD,
    HEATMAPS,
    SCORES,
    Scale,
    area_rule,
    read_heatmap,
    read_scores,
)

OPTIONS = {"score": "area", "revision": "1"}


class Command(NamedDetector):
    """A program that found at a folder's images.

    Args:
        command: the command, with options before it.
        weights: none: the program finds its own.
        device: not used: the command says it.

    Raises:
        BadInput: if the command cannot be read.
    """

    card = replace(
        AREA_CARD,
        name="cmd",
        title="a program of the user's",
        chunk=CHUNK,
        by_name=True,
        finished=False,
    )

    def __init__(
        self, command: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self._program = _parse(command)

    @classmethod
    def described(cls, argument: str) -> Card:
        """With a score of its own where the command says that the program writes one."""
        if _parse(argument).options["score"] == "area":
            return cls.card
        return replace(CARD, title=cls.card.title, chunk=CHUNK, by_name=True, finished=False)

    @classmethod
    def decides(cls, argument: str) -> str:
        """The command, its options, and the contents of the files that it names."""
        return _parse(argument).digest()

    def detect_named(
        self, pieces: Sequence[Piece], terms: Terms
    ) -> list[ImageDetection | BadOutput]:
        """Run the program on the images."""
        layout = _Layout(self._program)
        return answer_chunk(self._program, layout, pieces, terms=terms, model=self.card.name)


class _Layout:
    """How images are written for a detecting program, and its heatmaps read."""

    def __init__(self, program: Program) -> None:
        self._own_score = program.options["score"] == "csv"

    def write(self, folder: Path, name: str, piece: Piece) -> None:
        save_png(folder / "images" / f"{name}.png", piece.image)

    def read(self, out: Path, name: str, piece: Piece) -> ImageDetection:
        height, width = piece.image.shape[:2]
        path = answer_file(out, (name,), HEATMAPS)
        beside = [one for one in files_below(out) if one.suffix.lower() in HEATMAPS]
        heatmap = read_heatmap(path, (height, width), Scale(beside))
        scores = read_scores(out / SCORES)
        if not self._own_score and scores is not None:
            raise BadOutput(f"the program writes {SCORES}: say so with score=csv before it")
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
