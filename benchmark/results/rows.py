"""The rows of a run: one number of a table, and one image with what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from benchmark.retouch import retouched_name


def _gap(value: object) -> object:
    return None if value == "" else value


def _yes(value: object) -> object:
    return value == "yes" if value in ("yes", "") else value


Number = Annotated[float | None, BeforeValidator(_gap)]  # in a file a gap is empty
Mark = Annotated[bool, BeforeValidator(_yes)]  # in a file "yes" or empty
Met = Literal["", "yes", "no"]
Key = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]  # names files of the store
Name = Annotated[str, AfterValidator(intern)]  # the same few in every row


def weights_text(editions: Mapping[str, str]) -> str:
    """The editions of some models as a cell of results.csv, such as "lama=mini trufor=official"."""
    return " ".join(f"{name}={one.replace(', ', ',')}" for name, one in editions.items())


def editions_of(weights: str) -> dict[str, str]:
    """The editions in such a cell, by the model's name."""
    parts = (part.split("=", 1) for part in weights.split())
    return {name: edition.replace(",", ", ") for name, edition in parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One number of a run: a cell of a table, a line of results.csv.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the inpainted image before detection, or "".
        detector: the detector's name, or "" for a metric of the image alone.
        inpainter: the inpainter's name.
        retouch: what was done to the hole after it, or "".
        bucket: the hole's bucket, such as "10-20".
        metric: the metric's name; of untouched images `fpr` stands in for `acc`.
        value: the number, or None for a gap.
        n: samples that count in it.
        expected: samples that should.
        low: lower end of the 95 % interval (docs/statistics.md), or None.
        high: upper end, or None.
        weights: the weights behind it, such as "safepaint=mini trufor=official".
        sees_hole: whether the inpainter looked at what the image shows inside the hole.
        reason: why there is no number, or "".
        met: whether the detector met the inpainter in training, "yes" or "no"; "" where that is not
            known, or there is no detector.
    """

    dataset: Name
    launder: Name = ""
    detector: Name
    inpainter: Name
    retouch: Name = ""
    bucket: Name
    metric: Name
    value: Number
    n: int
    expected: int
    low: Number
    high: Number
    weights: Name
    sees_hole: Mark = False
    reason: Name = ""
    met: Met = ""

    @property
    def painter(self) -> str:
        """What tables call the inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)

    def edition(self, model: str) -> str:
        """The edition of one model's weights, such as "mini"; "none" for one without any."""
        return editions_of(self.weights)[model]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleKeys:
    """Under which keys a store has the images of a row; "" where none is known.

    Attributes:
        original: the sample's image.
        mask: its mask.
        image: the inpainted image.
        heatmap: what the detector says of it.
    """

    original: Key = ""
    mask: Key = ""
    image: Key = ""
    heatmap: Key = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One image with its hole, inpainted by one inpainter and judged by one detector.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the inpainted image before detection, or "".
        sample: the image's name.
        bucket: the hole's bucket.
        mask: what decided the mask, in words.
        inpainter: who inpainted.
        retouch: what was done to the hole then, or "".
        detector: who judged, or "".
        score: the detector's score in [0, 1], or None.
        keys: where a store has its images; files of older versions do not say.
        numbers: per metric what it measured, one or several numbers; a gap has no entry.
    """

    dataset: Name
    launder: Name
    sample: Name
    bucket: Name
    mask: Name
    inpainter: Name
    retouch: Name = ""
    detector: Name
    score: Number
    keys: SampleKeys = SampleKeys()
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def painter(self) -> str:
        """What tables call the inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)
