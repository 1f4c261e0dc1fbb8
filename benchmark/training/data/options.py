"""Recipe tables of the training data: mask shapes, forgery sources, retouching, post-processing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

RetouchKind = Literal["grain", "match", "blur", "sharpen", "median"]


class RecipeTable(BaseModel):
    """A table of a recipe: frozen; an unknown key is an error.

    Recipes, checkpoints and weights written by earlier versions use other names for some keys, see
    `renamed`. Both names are read, and files are written with the earlier one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_both_names(cls, content: object) -> object:
        """Refuse a key that is given under its present and its earlier name."""
        if isinstance(content, dict):
            for name, field in cls.model_fields.items():
                earlier = field.serialization_alias
                if earlier is not None and name in content and earlier in content:
                    raise ValueError(f"{name} and {earlier} are the same key; keep {name}")
        return content


def renamed(name: str, earlier: str, **options: Any) -> Any:  # noqa: ANN401 (as pydantic's Field)
    """A field that is read under two names and written under the earlier one.

    Args:
        name: the field's name.
        earlier: its name in recipes, checkpoints and weights that exist already.
        options: other arguments of `pydantic.Field`.
    """
    choices = AliasChoices(name, earlier)
    return Field(validation_alias=choices, serialization_alias=earlier, **options)


class Shapes(RecipeTable):
    """Relative frequency of each mask shape.

    Attributes:
        strokes: irregular strokes, from the generator of `benchmark.masks`.
        boxes: one to three axis-aligned rectangles.
        blobs: thresholded smooth noise.
        outlines: closed curves with bulges, similar to object outlines.
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


class Forger(RecipeTable):
    """A source of forgeries to train a detector on.

    Attributes:
        name: a registered inpainter ("original" leaves images unchanged), or "splice",
            "copy-move", "flat" or "retouched", which need no inpainter and are generated in every
            step.
        weights: "official", "mini" or a path, for an inpainter that has weights.
        share: sampling weight, relative to the other sources.
        pool: number of different forgeries an inpainter generates; they are kept in memory.
    """

    name: str
    weights: str | None = None
    share: float = Field(default=1.0, gt=0)
    pool: int = Field(default=500, ge=1)


class Existing(RecipeTable):
    """How training images are drawn from a set of existing forgeries (`--forgeries`).

    Attributes:
        share: share of the training images that are drawn from the set; the others are made by the
            `forgers` of the stage. Without `--data` all are drawn from the set.
        draw: "images": each image of the set equally often; "lists": each list equally often, a
            list being the authentic images, or the forgeries of one method, of one subset.
        crop: "forged": a square at the image's own size that, in a forged image, has a forged
            pixel; "random": any such square; "resize": the whole image, resized to a square.
        needs: what the set has to hold, for the message where none is given; it changes no number.
    """

    share: float = Field(default=0.5, gt=0, le=1)
    draw: Literal["images", "lists"] = "images"
    crop: Literal["forged", "random", "resize"] = "forged"
    needs: str = ""


class Retouching(RecipeTable):
    """Retouching of the hole alone, after it is inpainted.

    Splices and copy-moves are retouched a third as often; the source "retouched" always is.

    Attributes:
        share: probability that a hole is retouched.
        grain: sampling weight of adding grain.
        match: sampling weight of adding grain that matches the known region's.
        blur: sampling weight of a Gaussian blur.
        sharpen: sampling weight of sharpening.
        median: sampling weight of a median filter.
        strongest: largest standard deviation of the grain, in 8-bit levels.
    """

    share: float = Field(default=0.0, ge=0, le=1)
    grain: float = Field(default=0.40, ge=0)
    match: float = Field(default=0.30, ge=0)
    blur: float = Field(default=0.10, ge=0)
    sharpen: float = Field(default=0.10, ge=0)
    median: float = Field(default=0.10, ge=0)
    strongest: float = Field(default=6.0, gt=0)

    @property
    def kinds(self) -> dict[RetouchKind, float]:
        """Sampling weight of each kind."""
        return {
            "grain": self.grain,
            "match": self.match,
            "blur": self.blur,
            "sharpen": self.sharpen,
            "median": self.median,
        }


class Postprocessing(RecipeTable):
    """Random post-processing of whole images, forged or authentic.

    Attributes:
        resize: probability of resizing, and the range of the scale factor.
        jpeg: probability of JPEG compression, and the range of the quality.
        noise: probability of Gaussian noise, and its largest standard deviation, 8-bit levels.
        blur: probability of a Gaussian blur, and its largest standard deviation, pixels.
        median: probability of a 3x3 median filter.
        sharpen: probability of unsharp masking, and its largest amount.
        grey: share of the noise that is equal in all three channels.
    """

    resize: tuple[float, float, float] = (0.0, 0.5, 1.5)
    jpeg: tuple[float, int, int] = (0.0, 30, 100)
    noise: tuple[float, float] = (0.0, 4.0)
    blur: tuple[float, float] = (0.0, 1.0)
    median: float = Field(default=0.0, ge=0, le=1)
    sharpen: tuple[float, float] = (0.0, 1.0)
    grey: float = Field(default=0.0, ge=0, le=1)
