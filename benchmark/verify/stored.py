"""Recorded outputs: fingerprints of models, kept in a readable JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.core.errors import DataError
from benchmark.core.paths import home, make_folder, write_text
from benchmark.verify.fingerprint import (
    Fingerprint,
    FixedImage,
    fingerprint_of,
    fixed_images,
    images_sha256,
)
from benchmark.verify.tolerance import Deviation, Tolerance, Values, deviation
from detectors.base import Detector
from inpainters.base import Inpainter

Key = tuple[str, int, str, str]  # model, revision, weights, images
SHIPPED = Path(__file__).parent / "answers.json"  # for the mini editions
DIGITS = 7  # significant digits of each number, as in float32

# Outputs with the same weights on another CPU, with another number of threads or another build of
# torch differ by the order of float32 sums: measured 1e-6 to 5e-5 of the largest value of an
# activation, most behind steep gates and softmaxes. 1e-3 is well above that, while real changes
# (padding, a missing norm, another value range, TF32) change activations by 1e-2 and more. Outputs
# are in [0, 1], so that 1e-3 is a quarter of one of 256 levels, which is not visible.
TAPS = 1e-3  # relative to the largest value of an activation
OUTPUTS = 1e-3  # absolute


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class SeenAnswer(_Strict):
    """A `Fingerprint` in plain numbers; the field names are the keys of the JSON file."""

    taps: dict[str, list[float]]
    outputs: dict[str, list[float]]


class StoredAnswer(_Strict):
    """The fingerprints of a model; the field names are the keys of the JSON file.

    Attributes:
        name: the model.
        revision: of its card.
        edition: "official", "mini" or "sha256:..." of the weights.
        sha256: of the weights.
        pictures: SHA-256 of the fixed images.
        torch: version of torch.
        tolerance: of "taps" (relative to the largest value of an activation) and "outputs"
            (absolute).
        seen: fingerprints by image size.
    """

    name: str
    revision: int
    edition: str
    sha256: str
    pictures: str
    torch: str
    tolerance: dict[str, float]
    seen: dict[str, SeenAnswer]

    @property
    def key(self) -> Key:
        """The key: model, revision, weights, images."""
        return self.name, self.revision, self.sha256, self.pictures


class _File(_Strict):
    answers: list[StoredAnswer] = []


def key_of(model: Inpainter | Detector) -> Key:
    """The key of a model's recorded outputs."""
    return model.card.name, model.card.revision, model.weights.sha256, images_sha256()


def answer_of(model: Inpainter | Detector) -> StoredAnswer:
    """Run a model on the fixed images and return its fingerprints.

    Raises:
        BadOutput: if an output is NaN or infinite.
    """
    name, revision, digest, pictures = key_of(model)
    return StoredAnswer(
        name=name,
        revision=revision,
        edition=model.weights.edition,
        sha256=digest,
        pictures=pictures,
        torch=version("torch"),
        tolerance={"taps": TAPS, "outputs": OUTPUTS},
        seen={picture.size: _plain(fingerprint_of(model, picture)) for picture in fixed_images()},
    )


def deviations(model: Inpainter | Detector, stored: StoredAnswer) -> Iterator[Deviation]:
    """The deviation of each point from the record, image by image, in the network's order.

    Raises:
        BadOutput: if an output is NaN or infinite.
    """
    for picture in fixed_images():
        yield from _deviations(fingerprint_of(model, picture), stored, picture)


def _deviations(
    seen: Fingerprint, stored: StoredAnswer, picture: FixedImage
) -> Iterator[Deviation]:
    before = stored.seen[picture.size]
    taps = Tolerance(largest=stored.tolerance["taps"])
    outputs = Tolerance(absolute=stored.tolerance["outputs"])
    for now, then, tolerance in (
        (seen.taps, before.taps, taps),
        (seen.outputs, before.outputs, outputs),
    ):
        for name, values in then.items():
            point = f"{name} ({picture.size})"
            yield deviation(point, now.get(name, np.empty(0)), values, tolerance)


def _plain(seen: Fingerprint) -> SeenAnswer:
    def numbers(points: Mapping[str, Values]) -> dict[str, list[float]]:
        return {name: [float(f"{v:.{DIGITS}g}") for v in values] for name, values in points.items()}

    return SeenAnswer(taps=numbers(seen.taps), outputs=numbers(seen.outputs))


def default_answers() -> Path:
    """The file of the user's recorded outputs."""
    return home() / "answers.json"


def read_answers(file: Path) -> dict[Key, StoredAnswer]:
    """The recorded outputs in a file, by key; empty if there is no file.

    Raises:
        DataError: if the file is invalid.
    """
    if not file.is_file():
        return {}
    try:
        found = _File.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:100]
        raise DataError(
            f"{file}: no stored answers, or damaged ({reason}); delete it and record again"
        ) from None
    return {answer.key: answer for answer in found.answers}


def write_answers(file: Path, answers: list[StoredAnswer]) -> None:
    """Write recorded outputs to a file, replacing those of the same weights.

    Raises:
        DataError: if the existing file is invalid.
        OutputError: if it cannot be written.
    """
    again = {(answer.name, answer.sha256) for answer in answers}
    # Records of an older revision or of other images are never read again.
    kept = [one for one in read_answers(file).values() if (one.name, one.sha256) not in again]
    content = _File(answers=sorted([*kept, *answers], key=lambda answer: answer.key))
    text = json.dumps(content.model_dump(), indent=1)
    one_line = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    make_folder(file.parent)
    write_text(file, one_line + "\n")
