"""What the programs under benchmarks/ print about the mini weights, kept in a folder."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.training.recipe import LEARNERS
from inpainters import INPAINTERS

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = tuple(name for name in INPAINTERS if name in LEARNERS)
QUALITY = ("benchmarks/inpainting_quality.py", "--models", ",".join(NETWORKS))

Row = dict[str, str]


@dataclass(frozen=True)
class Measured:
    """Measurements on the same images; each is made when it is first used.

    Attributes:
        photos: folder of images.
        forged: folder of images of published inpainters, or None.
        limit: number of images.
        work: folder that keeps runs and outputs.
    """

    photos: Path
    forged: Path | None
    limit: int
    work: Path

    def refuse_other_inputs(self) -> None:
        """Note the images and weights in the folder of the work, which keeps what they gave.

        Raises:
            SystemExit: if the folder has measurements of others.
        """
        weights = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for folder in ("detectors", "inpainters")
            for file in sorted((ROOT / folder / "mini").glob("*.safetensors"))
        }
        images = {"photos": str(self.photos), "forged": str(self.forged), "limit": self.limit}
        text = json.dumps(images | {"weights": weights}, indent=1)
        file = self.work / "inputs.json"
        if file.exists() and file.read_text(encoding="utf-8") != text:
            raise SystemExit(
                f"{self.work}: has measurements of other images or weights (see {file.name}); "
                "give another folder as --work"
            )
        self.work.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    @property
    def _images(self) -> tuple[str, ...]:
        return (str(self.photos), "--limit", str(self.limit))

    @cached_property
    def kinds_text(self) -> str:
        """What detectors find of each kind of forgery: the page of detection_by_kind.py."""
        forged = ("--forged", str(self.forged)) if self.forged else ()
        return self._printed(
            "kinds.md", "benchmarks/detection_by_kind.py", *self._images, *forged,
            "--cache", str(self.work / "forgeries"), "--csv", str(self.work / "kinds.csv"),
        )  # fmt: skip

    @cached_property
    def kinds(self) -> list[Row]:
        """The same as rows: a kind and a detector each."""
        file = self.work / "kinds.csv"
        if not file.exists():
            _ = self.kinds_text
        with file.open(encoding="utf-8", newline="") as opened:
            return list(csv.DictReader(opened))

    @cached_property
    def quality_text(self) -> str:
        """Quality of all networks relative to telea: the table of inpainting_quality.py."""
        return self._printed("quality.md", *QUALITY, "--images", *self._images)

    @cached_property
    def quality(self) -> list[Row]:
        """The same as rows: a network and a mask-ratio bin each."""
        return rows_of(self.quality_text)

    @cached_property
    def samples_text(self) -> str:
        """The same on the images that ship."""
        return self._printed("samples.md", *QUALITY)

    def _printed(self, name: str, program: str, *words: str) -> str:
        """Return what a program prints, from the kept file if there is one."""
        file = self.work / name
        if not file.exists():
            self.work.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(  # noqa: S603 - a program of this repository
                (sys.executable, program, *words), cwd=ROOT, check=True, stdout=subprocess.PIPE
            )
            file.write_bytes(done.stdout)
        return file.read_text(encoding="utf-8")


def rows_of(text: str) -> list[Row]:
    """Return the rows of a Markdown table by the names of its head."""
    head, _, *lines = [_cells(line) for line in text.splitlines() if line.startswith("|")]
    return [dict(zip(head, line, strict=True)) for line in lines]


def _cells(line: str) -> Sequence[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]
