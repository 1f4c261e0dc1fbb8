"""Stored answers: what a model answered once, kept in a file that a reader can read."""

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
from benchmark.verify.fingerprint import FixedImage, Seen, fixed_images, images_sha256, look
from benchmark.verify.tolerance import Deviation, Tolerance, Values, deviation
from detectors.base import Detector
from inpainters.base import Inpainter

Key = tuple[str, int, str, str]  # model, revision, weights, images
SHIPPED = Path(__file__).parent / "answers.json"  # of the mini editions
DIGITS = 7  # significant, of each number: as many as float32 has

# The same weights on another CPU, another number of threads or another build of torch differ by the
# order in which float32 sums are added: measured 1e-6 to 5e-5 of a tap's largest value, the most
# behind steep gates and softmaxes. 1e-3 stands well clear of that, while what verification is for
# (another padding, a norm left out, another range, TF32) moves taps by 1e-2 and more. The answers
# have the range 0 to 1, so that 1e-3 is a quarter of one of 256 levels: less than a reader can see.
TAPS = 1e-3  # of the largest of a tap's values
OUTPUTS = 1e-3  # absolute


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class SeenAnswer(_Strict):
    """What was answered to one fixed image; as `Seen`, in plain numbers."""

    taps: dict[str, list[float]]
    outputs: dict[str, list[float]]


class StoredAnswer(_Strict):
    """What a model answered to the fixed images.

    Attributes:
        name: the model.
        revision: of its card.
        edition: "official", "mini" or "sha256:..." of the weights.
        sha256: of the weights.
        pictures: SHA-256 of the fixed images.
        torch: the version that answered.
        tolerance: how far "taps" (of a tap's largest value) and "outputs" may be off.
        seen: by the image's size, what was answered.
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
        """What it is the answer of: model, revision, weights, images."""
        return self.name, self.revision, self.sha256, self.pictures


class _File(_Strict):
    answers: list[StoredAnswer] = []


def key_of(model: Inpainter | Detector) -> Key:
    """The key under which a model's answer is stored."""
    return model.card.name, model.card.revision, model.weights.sha256, images_sha256()


def answer_of(model: Inpainter | Detector) -> StoredAnswer:
    """Show a model the fixed images and note what it answers.

    Raises:
        BadOutput: if it answers NaN or infinity.
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
        seen={picture.size: _plain(look(model, picture)) for picture in fixed_images()},
    )


def deviations(model: Inpainter | Detector, stored: StoredAnswer) -> Iterator[Deviation]:
    """How far each point is from the stored answer, image by image, in the network's order.

    Raises:
        BadOutput: if the model answers NaN or infinity.
    """
    for picture in fixed_images():
        yield from _deviations(look(model, picture), stored, picture)


def _deviations(seen: Seen, stored: StoredAnswer, picture: FixedImage) -> Iterator[Deviation]:
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


def _plain(seen: Seen) -> SeenAnswer:
    def numbers(points: Mapping[str, Values]) -> dict[str, list[float]]:
        return {name: [float(f"{v:.{DIGITS}g}") for v in values] for name, values in points.items()}

    return SeenAnswer(taps=numbers(seen.taps), outputs=numbers(seen.outputs))


def default_answers() -> Path:
    """Where a user's own answers are stored."""
    return home() / "answers.json"


def read_answers(file: Path) -> dict[Key, StoredAnswer]:
    """The answers in a file, by key; none where there is no file.

    Raises:
        DataError: if it is no file of answers.
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
    """Write answers into a file, in place of those under the same weights; others stay.

    Raises:
        DataError: if the file holds something else.
        OutputError: if it cannot be written.
    """
    again = {(answer.name, answer.sha256) for answer in answers}
    # Those of an older revision or of other images would never be asked for again.
    kept = [one for one in read_answers(file).values() if (one.name, one.sha256) not in again]
    content = _File(answers=sorted([*kept, *answers], key=lambda answer: answer.key))
    text = json.dumps(content.model_dump(), indent=1)
    one_line = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    make_folder(file.parent)
    write_text(file, one_line + "\n")
