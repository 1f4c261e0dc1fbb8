"""The tables of a recipe that say what a detector learns from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Step = Literal["grain", "match", "blur", "sharpen", "median"]


class Part(BaseModel):
    """A table of a recipe: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shapes(Part):
    """How often holes have each shape, relative to each other.

    Attributes:
        strokes: irregular strokes, as the bench draws them.
        boxes: one to three rectangles.
        blobs: islands of smooth noise.
        outlines: closed curves with bulges, as objects have them.
    """

    strokes: float = Field(default=1.0, ge=0)
    boxes: float = Field(default=0.0, ge=0)
    blobs: float = Field(default=0.0, ge=0)
    outlines: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _something_is_drawn(self) -> Shapes:
        if not any(self.model_dump().values()):
            raise ValueError("at least one shape has to have a share above 0")
        return self


class Forger(Part):
    """Who makes forgeries for a detector to learn from.

    Attributes:
        name: a name of the inpainters' registry, of which "original" leaves images untouched; or
            "splice", "copy-move", "flat" or "retouched", which need no inpainter and are made anew
            for every step.
        weights: "official", "mini" or a path, for an inpainter that has weights.
        share: how often it is drawn, relative to the others.
        pool: how many different forgeries an inpainter makes; they are kept in memory.
    """

    name: str
    weights: str | None = None
    share: float = Field(default=1.0, gt=0)
    pool: int = Field(default=500, ge=1)


class Retouching(Part):
    """What is done to the hole alone once it is inpainted.

    Splices and copy-moves are retouched a third as often; "retouched" always is.

    Attributes:
        share: probability that anything is done.
        grain: how often grain is added, relative to the other kinds.
        match: how often grain as strong as the known region's is.
        blur: how often the hole is blurred.
        sharpen: how often it is sharpened.
        median: how often it is filtered by the median.
        strongest: largest deviation of the grain in 8-bit levels.
    """

    share: float = Field(default=0.0, ge=0, le=1)
    grain: float = Field(default=0.40, ge=0)
    match: float = Field(default=0.30, ge=0)
    blur: float = Field(default=0.10, ge=0)
    sharpen: float = Field(default=0.10, ge=0)
    median: float = Field(default=0.10, ge=0)
    strongest: float = Field(default=6.0, gt=0)

    @property
    def kinds(self) -> dict[Step, float]:
        """Relative frequency of each kind."""
        return {
            "grain": self.grain,
            "match": self.match,
            "blur": self.blur,
            "sharpen": self.sharpen,
            "median": self.median,
        }


class Laundering(Part):
    """What is done to a whole image, forged or not.

    Attributes:
        resize: probability that it is resized, and the range of the factor.
        jpeg: probability that it is compressed, and the range of the quality.
        noise: probability of Gaussian noise, and the largest deviation in 8-bit levels.
        blur: probability of a Gaussian blur, and the largest deviation in pixels.
        median: probability of a median over 3x3 pixels.
        sharpen: probability of sharpening, and the largest share of the detail that is added.
        grey: share of the noise that is the same in all three channels, as the grain of
            retouching is.
    """

    resize: tuple[float, float, float] = (0.0, 0.5, 1.5)
    jpeg: tuple[float, int, int] = (0.0, 30, 100)
    noise: tuple[float, float] = (0.0, 4.0)
    blur: tuple[float, float] = (0.0, 1.0)
    median: float = Field(default=0.0, ge=0, le=1)
    sharpen: tuple[float, float] = (0.0, 1.0)
    grey: float = Field(default=0.0, ge=0, le=1)
