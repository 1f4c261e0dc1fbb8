"""The members of a bundle, to be changed, and a small bundle to begin with."""

from __future__ import annotations

import csv
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from PIL import Image

from benchmark import Plan, run
from benchmark.bundle import submit
from benchmark.results.file_hashes import record_hash

PLAN, RECORD = "run/plan.toml", "run/record.json"
CARDS = "cards.json"
RESULTS, SAMPLES, NUMBERS = "run/results.csv", "run/samples.csv", "numbers.csv"


class Bundle:
    """The members of a bundle, to be changed.

    Args:
        path: the bundle.

    Attributes:
        members: content by name.
    """

    def __init__(self, path: Path) -> None:
        with ZipFile(path) as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}

    def rows(self, name: str) -> list[list[str]]:
        """Return the rows of a CSV file, the header first."""
        return list(csv.reader(io.StringIO(self.members[name].decode(), newline="")))

    def set_rows(self, name: str, rows: list[list[str]]) -> None:
        """Replace the rows of a CSV file."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.members[name] = text.getvalue().encode()

    def document(self, name: str) -> Any:
        """Return the content of a JSON file."""
        return json.loads(self.members[name])

    def set_document(self, name: str, document: object) -> None:
        """Replace the content of a JSON file."""
        self.members[name] = json.dumps(document).encode()

    def outputs(self, suffix: str) -> list[str]:
        """Return the names of the enclosed outputs of a kind."""
        return sorted(name for name in self.members if name.endswith(suffix))

    def save(self, path: Path) -> Path:
        """Write the bundle with checksums that fit."""
        record = self.document(RECORD)
        for name in ("plan.toml", "results.csv", "samples.csv"):
            record["files"][name] = sha256(self.members[f"run/{name}"]).hexdigest()
        record["files"]["record.json"] = record_hash(record)
        self.set_document(RECORD, record)
        manifest = self.document("manifest.json")
        others = {name: one for name, one in self.members.items() if name != "manifest.json"}
        manifest["members"] = {name: sha256(one).hexdigest() for name, one in others.items()}
        self.set_document("manifest.json", manifest)
        return self.save_as_it_is(path)

    def save_as_it_is(self, path: Path) -> Path:
        """Write the bundle."""
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name, content in self.members.items():
                archive.writestr(name, content)
        return path


def make_bundle(folder: Path, *, images: int = 4) -> Path:
    """Run and submit a small plan; all maps and images are enclosed.

    Args:
        folder: an empty folder.
        images: number of images.
    """
    photos = folder / "photos"
    photos.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for number in range(images):
        pixels = Image.fromarray(noise.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        pixels.resize((48, 48)).save(photos / f"{number}.png")
    plan = Plan(
        images=photos, inpainters="telea,meanfill", detectors="flatness", size=48,
        buckets="10-20,30-40", metrics="auc,f1,acc,psnr",
    )  # fmt: skip
    run(plan, out=folder / "run", store=folder / "store")
    return submit(folder / "run", folder / "bundle.zip", images=True).path
