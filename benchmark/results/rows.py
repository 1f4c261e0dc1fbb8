"""Row types of a run's files: `ResultRow`, a cell of a table, and `SampleRow`, an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from sys import intern
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from benchmark.composite import treatment_of
from benchmark.results.rounding import checked
from benchmark.retouch import retouched_name
from benchmark.runner.jobs import Forgery


def _gap(value: object) -> object:
    return None if value == "" else value


def _checked(value: float | None) -> float | None:
    if value is not None and isnan(value):
        raise ValueError("expected a number, or nothing")
    return None if value is None else checked(value)


def _yes(value: object) -> object:
    return value == "yes" if value in ("yes", "") else value


Number = Annotated[  # empty in files if None
    float | None, BeforeValidator(_gap), AfterValidator(_checked)
]
Count = Annotated[int, Field(ge=0, le=10**12)]
Mark = Annotated[bool, BeforeValidator(_yes)]  # "yes" or empty in files
Met = Literal["", "yes", "no"]
Key = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]  # becomes a file name in the store
Name = Annotated[str, AfterValidator(intern)]  # few values, repeated in every row


def weights_text(editions: Mapping[str, str]) -> str:
    """Format weights variants for results.csv, such as "lama=mini trufor=official"."""
    return " ".join(f"{name}={one.replace(', ', ',')}" for name, one in editions.items())


def editions_of(weights: str) -> dict[str, str]:
    """Parse weights variants from results.csv, by model name."""
    parts = (part.split("=", 1) for part in weights.split())
    return {name: edition.replace(",", ", ") for name, edition in parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One number of a run: a cell of a table, a row of results.csv.

    Attributes:
        dataset: name of the data set.
        launder: post-processing before detection, or "".
        detector: name of the detector, or "" for a metric of the image alone.
        inpainter: name of the inpainter.
        composite: what becomes of the known region, or "" for `splice`.
        retouch: retouching of the hole, or "".
        bucket: mask-ratio bin, such as "10-20".
        metric: name of the metric; on authentic images `fpr` replaces `acc`.
        value: the number, or None for a gap.
        n: number of samples that count.
        expected: number of samples of the cell.
        low: lower end of the 95 % interval (docs/statistics.md), or None.
        high: upper end, or None.
        weights: weights variants such as "safepaint=mini trufor=official".
        sees_hole: whether the output depends on the image's content inside the hole.
        reason: reason of a gap, or "".
        met: whether the inpainter was in the detector's training set, "yes" or "no"; "" if that is
            unknown, or there is no detector.
        images: of forgeries the number of images that count, while `n` and `expected` are numbers
            of originals, `inpainter` the method, or "all" or "authentic", and `bucket` the subset;
            else None.
    """

    dataset: Name
    launder: Name = ""
    detector: Name
    inpainter: Name
    composite: Name = ""
    retouch: Name = ""
    bucket: Name
    metric: Name
    value: Number
    n: Count
    expected: Count
    low: Number
    high: Number
    weights: Name
    sees_hole: Mark = False
    reason: Name = ""
    met: Met = ""
    images: Count | None = None

    @property
    def of_forgeries(self) -> bool:
        """Whether it is a number of a set of forgeries."""
        return self.images is not None

    @property
    def treatment(self) -> str:
        """Its composite and its retouching as one text, or ""."""
        return treatment_of(self.composite, self.retouch)

    @property
    def painter(self) -> str:
        """Name of the inpainter with its treatment, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.treatment)

    def edition(self, model: str) -> str:
        """Return the weights variant of one model, such as "mini"; "none" if it has no weights."""
        return editions_of(self.weights)[model]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleKeys:
    """Keys of a row's files in the store; "" if unknown.

    Attributes:
        original: key of the original image.
        mask: key of the mask.
        image: key of the inpainted image.
        heatmap: key of the heatmap.
    """

    original: Key = ""
    mask: Key = ""
    image: Key = ""
    heatmap: Key = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One image with one mask, inpainted by one inpainter and scored by one detector.

    Attributes:
        dataset: name of the data set.
        launder: post-processing before detection, or "".
        sample: name of the image.
        bucket: mask-ratio bin.
        mask: description of the mask's source.
        inpainter: name of the inpainter.
        composite: what becomes of the known region, or "" for `splice`.
        retouch: retouching of the hole, or "".
        detector: name of the detector, or "".
        score: image-level score in [0, 1], or None.
        keys: keys of its files in the store; empty in files of older versions.
        numbers: the measured row of each metric, one or several numbers; gaps have no entry.
        forgery: what the image is in a set of forgeries, or None.
    """

    dataset: Name
    launder: Name
    sample: Name
    bucket: Name
    mask: Name
    inpainter: Name
    composite: Name = ""
    retouch: Name = ""
    detector: Name
    score: Number
    keys: SampleKeys = SampleKeys()
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    forgery: Forgery | None = None

    @property
    def treatment(self) -> str:
        """Its composite and its retouching as one text, or ""."""
        return treatment_of(self.composite, self.retouch)

    @property
    def painter(self) -> str:
        """Name of the inpainter with its treatment, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.treatment)
