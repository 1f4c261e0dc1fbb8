"""Layout of a bundle: one zip file with a run's files and a part of its stored outputs.

Members have fixed names and no dates, so that the same run gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from benchmark.core.arrays import MOST_NUMBERS
from benchmark.runner.plan_file import MAX_BYTES

FORMAT = 1
MANIFEST, CARDS, NUMBERS = "manifest.json", "cards.json", "numbers.csv"
RUN = "run"  # folder of the run's files
RUN_FILES = ("plan.toml", "record.json", "results.csv", "samples.csv")
OUTPUTS = "outputs"  # folder of images and heatmaps
_OUTPUT = re.compile(r"outputs/([0-9a-f]{2})/(\1[0-9a-f]{30})(\.png|\.npy)")
_SHA256 = r"^[0-9a-f]{64}$"

# Bytes of a member when it is unpacked.
_TABLE = 2 << 30
_LIMITS = {
    MANIFEST: 64 << 20,
    CARDS: 16 << 20,
    NUMBERS: _TABLE,
    "run/plan.toml": MAX_BYTES,
    "run/record.json": 256 << 20,
    "run/results.csv": _TABLE,
    "run/samples.csv": _TABLE,
}
_OUTPUT_LIMITS = {".png": 512 << 20, ".npy": 2 * MOST_NUMBERS + (16 << 10)}

Place = tuple[str, str, str]  # data set, name and bin of a sample


class Manifest(BaseModel):
    """Content of manifest.json.

    Attributes:
        format: format number of the bundle.
        software: version of this project that wrote it.
        generator: revision of the mask generator.
        limit: largest size in bytes that was asked for, or None.
        images: by data set why its images are not enclosed, or "" if those that may be are.
        members: SHA-256 of every other member.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Annotated[int, Field(ge=1, strict=True)]
    software: str = ""
    generator: int = 0
    limit: int | None = None
    images: dict[str, str] = Field(default_factory=dict)
    members: dict[str, Annotated[str, Field(pattern=_SHA256)]]


def member_limit(name: str) -> int | None:
    """Return the largest size of a member in bytes, or None if no bundle has a member so named."""
    found = _OUTPUT.fullmatch(name)
    return _LIMITS.get(name) if found is None else _OUTPUT_LIMITS[found[3]]


def output_member(key: str, suffix: str) -> str:
    """Return the name of the member of a stored output."""
    return f"{OUTPUTS}/{key[:2]}/{key}{suffix}"


def output_of(name: str) -> tuple[str, str] | None:
    """Return key and suffix of the stored output in a member, or None if it is another member."""
    found = _OUTPUT.fullmatch(name)
    return None if found is None else (found[2], found[3])


def draw_seed(run: Path) -> str:
    """Return the hash that decides which samples are enclosed.

    It is of the plan and of every number and key, so that nobody chooses the samples, and numbers
    that are changed afterwards draw others.

    Args:
        run: folder of the run's files.
    """
    whole = hashlib.sha256()
    for name in ("plan.toml", "samples.csv"):
        with (run / name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def draw_rank(seed: str, place: Place) -> bytes:
    """Return what samples are sorted by: the first ones are enclosed."""
    return hashlib.sha256("\x1f".join((seed, *place)).encode("utf-8", "surrogatepass")).digest()
