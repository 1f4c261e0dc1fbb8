"""The plan of a run: everything that changes a number, read from TOML, options or Python.

Relative paths in a plan's file start at the folder of the file.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from benchmark.composite import SPLICE, treatment_of
from benchmark.composite import canonical as canonical_composite
from benchmark.core.card import Card
from benchmark.core.errors import BadInput, PlanError
from benchmark.core.paths import abbreviate_home, expand_home
from benchmark.core.tiles import Tiling, tiling_of
from benchmark.core.toml import parse_toml
from benchmark.core.untrusted import read_limited
from benchmark.datasets import is_published, takes_images
from benchmark.forgeries.reading import AUTO
from benchmark.masks.bucket import DEFAULT_BUCKETS, Bucket
from benchmark.metrics import paper_convention, under_convention
from benchmark.postprocess import PostProcess
from benchmark.retouch import NONE, canonical
from benchmark.runner.forgery_plan import (
    NOT_OF_FORGERIES,
    OF_FORGERIES_ONLY,
    forgery_defaults,
)
from benchmark.runner.plan_checks import check_plan, check_unique
from benchmark.runner.plan_messages import first_error, python_names, split_lists
from benchmark.runner.plan_paths import absolute, from_file, map_paths, relative_to
from detectors import DETECTORS
from inpainters import INPAINTERS

MAX_BYTES = 4 << 20  # of a plan's file
Names = Annotated[tuple[str, ...], Field(min_length=1)]


class Plan(BaseModel):
    """What to run: everything that changes a number, so no devices, folders or executors.

    A list may be one text as on the command line, such as inpainters="safepaint,telea" or
    detectors="none"; `images` alone implies the data set `folder`.

    Attributes:
        name: name of the run in its files.
        datasets: names of data sets.
        images: folder of images, or one image, for the data set `folder` or a plugin's.
        data_root: folder of the published data sets, and of NVIDIA's irregular test masks.
        masks: folder of masks, or one mask for all images; by default NVIDIA's for a published
            data set, generated for others.
        mask_polarity: color of the hole in mask files.
        pairing: masks paired with images by "name", "drawn" (at random) within a bucket, or
            "auto": by name if most images have a mask of their name (the others are left out), at
            random if none has.
        margin: border kept free of generated holes, in pixels at 256.
        size: side of the square images, 256 as in the paper; "native" keeps the images' sizes.
        tile: side of the tiles in which detectors see images that are larger, in pixels, with
            size="native"; default: whole images.
        overlap: of neighboring tiles, in pixels; default: an eighth of a tile.
        buckets: ranges (a, b] of the hole's share of the image in percent, such as "10-20"; masks
            paired by name form one range of their own unless the plan names some.
        forgeries: existing forgeries instead of inpainters: a folder, a manifest (.csv), a list of
            pairs (.json) or a Parquet file (docs/howto/forgeries.md); at their own size unless
            `size` is a number.
        layout: layout of the forgeries, such as "tgif"; "auto" finds it.
        black_forged: whether black is forged in the truths of a set of your own.
        inpainters: names of inpainters, or external models: "[LABEL=]package.module:Class",
            "[LABEL=]outputs:DIR", "[LABEL=]cmd:COMMAND".
        detectors: likewise, with "[LABEL=]heatmaps:DIR"; may be empty.
        convention: whose `auc` and `f1` are measured: "paper", "trufor", "imdlbenco",
            "photoholmes" or "tgif" (docs/conventions.md).
        metrics: names of metrics; `auc` and `f1` become the convention's own.
        weights: per model a weights variant ("official", "mini") or a path; default: official,
            else mini.
        limit: number of images of each data set, from its first; of forgeries the number of
            originals, each with all its images; default: all.
        max_pixels: images and masks with more pixels are refused without decoding; default 89
            million.
        retouch: changes to each hole after inpainting and before rounding, "none" for no change,
            such as ("none", "grain:1.5", "grain:match", "blur:1", "sharpen:0.5", "median:3"), each
            for all inpainters; default: none, written ().
        composite: what becomes of the known region after inpainting, each for all inpainters:
            "splice" puts the original's back, "none" keeps the image as the model returned it,
            "feather:8" splices and blends the two over 8 pixels inside the hole; default: splice,
            written (). Retouching comes after it.
        launder: post-processing of the inpainted images before detection, such as "jpeg:90", or
            chains such as "resize:0.5+jpeg:80"; detectors always run on the images without it, too.
        hole_blind: whether each hole is filled with the mean of the known region before an
            inpainter sees the image, so that no information leaks from the hole.
        recomposite: whether the known region is pasted back over finished images (`outputs:DIR`);
            otherwise an image whose known pixels changed is a failure. A plan with `composite`
            says what becomes of them, and needs no `recomposite`.
        rounding: conversion to 8 bits: "even" rounds all alike, "authors" as each program does.
        precision: "exact", or "bf16": networks compute in bfloat16 where they support it.
        compile: whether networks run under torch.compile.
        seed: seed of masks and of everything else that is random.

    Raises:
        PlanError: if a key is unknown or a value cannot be used.
        UnknownName: if a model, metric or data set is not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "run"
    datasets: Names = ("samples",)
    images: Path | None = None
    data_root: Path | None = None
    masks: Path | None = None
    mask_polarity: Literal["auto", "white-hole", "black-hole"] = "auto"
    pairing: Literal["auto", "name", "drawn"] = "auto"
    margin: Annotated[int, Field(ge=0, le=64)] = 0
    size: Annotated[int, Field(ge=32, le=4096)] | Literal["native"] = 256
    tile: int | None = None
    overlap: int | None = None
    buckets: Names = tuple(bucket.label for bucket in DEFAULT_BUCKETS)
    forgeries: Path | None = None
    layout: str = AUTO
    black_forged: bool = False
    inpainters: Names = ("safepaint",)
    detectors: tuple[str, ...] = ("trufor",)
    convention: Literal["paper", "trufor", "imdlbenco", "photoholmes", "tgif"] = "paper"
    metrics: Annotated[Names, Field(validate_default=True)] = (
        "auc", "f1", "acc", "psnr", "lpips",
    )  # fmt: skip
    weights: dict[str, str] = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1)] | None = None
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    composite: tuple[str, ...] = ()
    retouch: tuple[str, ...] = ()
    launder: tuple[str, ...] = ()
    hole_blind: bool = False
    recomposite: bool = False
    rounding: Literal["even", "authors"] = "even"
    precision: Literal["exact", "bf16"] = "exact"
    compile: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @field_validator("images", "data_root", "masks", "forgeries")
    @classmethod
    def _at_home(cls, place: Path | None) -> Path | None:
        return expand_home(place) if place is not None else None

    @model_validator(mode="wrap")
    @classmethod
    def _from_python(
        cls, values: object, handler: ModelWrapValidatorHandler[Plan], info: ValidationInfo
    ) -> Plan:
        """Split lists as the command line does, and report errors in one line."""
        if info.context:  # a file or the command line: `make_plan` adds where
            return handler(values)
        try:
            return handler(split_lists(values) if isinstance(values, dict) else values)
        except ValidationError as error:
            raise PlanError(f"Plan: {first_error(error, cls.model_fields)}") from None

    @field_validator("buckets")
    @classmethod
    def _canonical_buckets(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        return check_unique(tuple(Bucket.parse(label).label for label in labels), "bucket")

    @field_validator("metrics")
    @classmethod
    def _of_the_convention(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return under_convention(info.data.get("convention", "paper"), names)

    @field_validator("launder")
    @classmethod
    def _canonical_steps(cls, steps: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parsed = tuple(PostProcess.parse(step) for step in steps)
        except BadInput as error:
            raise PlanError(str(error)) from None
        check_unique(tuple(one.name for one in parsed), "post-processing")
        return tuple(one.label for one in parsed)

    @field_validator("retouch")
    @classmethod
    def _canonical_retouch(cls, steps: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return check_unique(canonical(steps), "retouching")
        except BadInput as error:
            raise PlanError(str(error)) from None

    @field_validator("composite")
    @classmethod
    def _canonical_composite(cls, steps: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return check_unique(canonical_composite(steps), "composite")
        except BadInput as error:
            raise PlanError(str(error)) from None

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Plan:
        if self.forgeries is not None:  # defaults of keys, which stay unset
            self.__dict__.update(forgery_defaults(self))
        try:
            check_plan(self)
        except PlanError as error:
            raise PlanError(str(error) if info.context else python_names(str(error))) from None
        return self

    @property
    def inpainter_names(self) -> tuple[str, ...]:
        """Names of the inpainters in tables and files."""
        return tuple(INPAINTERS.find(word).name for word in self.inpainters)

    @property
    def tiling(self) -> Tiling | None:
        """How detectors divide images that are larger than a tile, or None."""
        return None if self.tile is None else tiling_of(self.tile, self.overlap)

    @property
    def retouches(self) -> tuple[str, ...]:
        """Changes to each hole, "" for no change, as in keys and file names."""
        return tuple("" if step == NONE else step for step in self.retouch or (NONE,))

    @property
    def launder_words(self) -> dict[str, str]:
        """The post-processing steps as in `launder`, by their names in tables and files."""
        return {PostProcess.parse(step).name: step for step in self.launder}

    @property
    def treatments(self) -> tuple[str, ...]:
        """Every composite with every retouching, as `benchmark.composite.treatment_of` has them."""
        composites = ["" if step == SPLICE else step for step in self.composite or (SPLICE,)]
        return tuple(treatment_of(*pair) for pair in product(composites, self.retouches))

    def treatments_of(self, card: Card) -> tuple[str, ...]:
        """Return the treatments of an inpainter's outputs.

        `original` returns the authentic image whatever the composite, so it has the retouchings
        alone.
        """
        return self.treatments if card.paints else self.retouches

    @property
    def detector_names(self) -> tuple[str, ...]:
        """Names of the detectors in tables and files."""
        return tuple(DETECTORS.find(word).name for word in self.detectors)

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read a plan from a TOML file; its relative paths start at the file's folder.

        A path that does not exist there is relative to the current folder, as written by earlier
        versions.

        Raises:
            PlanError: if the file is missing, not TOML, or has an unknown key or a bad value.
        """
        values = read_values(path)
        return make_plan(
            map_paths(values, lambda text: from_file(text, path.parent)), where=str(path)
        )

    def document(self) -> dict[str, Any]:
        """Return the plan as plain values for a record, with paths as given and "~" for home."""
        others = frozenset() if self.composite else frozenset({"composite"})
        values = self._values(exclude=others)
        return map_paths(values, lambda text: abbreviate_home(expand_home(Path(text))))

    def _values(self, exclude: frozenset[str]) -> dict[str, Any]:
        """Return the plan's keys as plain values, without those of another kind of plan."""
        others = OF_FORGERIES_ONLY if self.forgeries is None else NOT_OF_FORGERIES
        return self.model_dump(mode="json", exclude_none=True, exclude={*exclude, *others})

    def dump(self, folder: Path | None = None) -> str:
        """Return the plan as TOML with every key that is set, and without empty new ones.

        Older versions have no keys `retouch` and `composite`, and none of forgeries.

        Args:
            folder: folder of the file: relative paths are written relative to it. None leaves
                paths unchanged.
        """
        empty = frozenset(name for name in ("retouch", "composite") if not getattr(self, name))
        values = self._values(exclude=empty)
        if folder is not None:
            values = map_paths(values, lambda text: relative_to(text, folder))
        return tomli_w.dumps({name: value for name, value in values.items() if value != {}})


def read_values(path: Path) -> dict[str, Any]:
    """Return a plan's file as plain values, without checking any of them.

    Raises:
        PlanError: if it cannot be read, is too large, or is not TOML.
    """
    try:
        return parse_toml(read_limited(path, MAX_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise PlanError(f"{path}: cannot be read as a plan ({reason})") from None
    except RecursionError:
        raise PlanError(f"{path}: not valid TOML: nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits raises no TOMLDecodeError
        raise PlanError(f"{path}: not valid TOML: {error}") from None


def same_plan(plan: Plan, other: Plan, *, but: frozenset[str] = frozenset()) -> bool:
    """Return whether two plans are equal, with paths compared as absolute paths.

    Args:
        plan: a plan.
        other: another plan.
        but: keys that may differ.
    """
    one, two = (
        map_paths(each.model_dump(mode="json", exclude=set(but)), absolute)
        for each in (plan, other)
    )
    return one == two


# The default metrics of earlier versions: runs that they started resume with these.
EARLIER_METRICS = ("auc", "f1", "acc", "psnr", "lpips", "gmsd")


def with_recorded_defaults(plan: Plan, begun: Plan) -> Plan:
    """Return the plan with the defaults that a run's folder was started with.

    Args:
        plan: the plan to run now.
        begun: the plan of the folder.

    Returns:
        `plan` with the metrics and buckets of `begun` if the two differ only in an earlier
        version's default metrics, and `plan` does not name its own; else `plan`.
    """
    named = plan.model_fields_set
    earlier = under_convention(plan.convention, EARLIER_METRICS)
    metrics = "metrics" not in named and begun.metrics == earlier
    buckets = "buckets" not in named and begun.buckets == plan.buckets
    if not metrics and not buckets:
        return plan
    same = same_plan(plan, begun, but=frozenset({"metrics"} if metrics else ()))
    kept = {"metrics": metrics, "buckets": buckets}
    update = {key: getattr(begun, key) for key, keep in kept.items() if keep}
    return plan.model_copy(update=update) if same else plan


def override_values(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's values with some replaced, without places that new data sets do not use.

    Args:
        base: values of the plan.
        values: values that replace them, possibly `datasets`.

    Raises:
        UnknownName: if a data set is not known.
    """
    kept = dict(base)
    if "datasets" in values:
        if not any(map(takes_images, values["datasets"])):
            kept.pop("images", None)
        if not any(map(is_published, values["datasets"])):
            kept.pop("data_root", None)
    if "convention" in values and "metrics" in kept:
        kept["metrics"] = paper_convention(kept.get("convention", "paper"), kept["metrics"])
    return {**kept, **values}


def make_plan(values: dict[str, Any], *, where: str = "plan") -> Plan:
    """Return a plan from plain values, with errors that name the key and the known values.

    Raises:
        PlanError: if a key is unknown or a value cannot be used.
        UnknownName: if a model, metric or data set is not known.
    """
    try:
        return Plan.model_validate(values, context={"where": where})
    except ValidationError as error:
        raise PlanError(f"{where}: {first_error(error, Plan.model_fields)}") from None
