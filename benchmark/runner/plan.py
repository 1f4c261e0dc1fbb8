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
from benchmark.core.card import Card
from benchmark.core.errors import PlanError
from benchmark.core.paths import abbreviate_home, expand_home
from benchmark.core.tiles import Tiling, tiling_of
from benchmark.datasets import is_published, takes_images
from benchmark.forgeries.reading import AUTO
from benchmark.masks.bucket import DEFAULT_BUCKETS
from benchmark.metrics import paper_convention, under_convention
from benchmark.postprocess import PostProcess
from benchmark.retouch import NONE
from benchmark.runner.forgery_plan import NOT_OF_FORGERIES, OF_FORGERIES_ONLY, forgery_defaults
from benchmark.runner.plan_checks import check_plan
from benchmark.runner.plan_file import read_values
from benchmark.runner.plan_messages import first_error, python_names, split_lists
from benchmark.runner.plan_paths import from_file, map_paths, relative_to
from benchmark.runner.plan_types import (
    Buckets,
    Composites,
    Engine,
    Launders,
    Names,
    Place,
    Prompts,
    Retouches,
)
from detectors import DETECTORS
from inpainters import INPAINTERS


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
        prompts: a text for each image of a single data set, by the image's name, for inpainters of
            `diffusers:ID`; or a CSV file with the columns image and prompt, whose texts are
            recorded in its place (docs/others.md).
        convention: whose `auc` and `f1` are measured: "paper", "trufor", "imdlbenco",
            "photoholmes" or "tgif" (docs/conventions.md).
        metrics: names of metrics; `auc` and `f1` become the convention's own.
        weights: per model a weights variant ("official", "mini"), a path, or a file of the hub's
            local cache, "hf://ORG/REPO@COMMIT/FILE"; default: official, else mini.
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
        engine: what runs networks in place of torch: "openvino" or "onnxruntime" for all networks
            of the plan, or by model, such as "trufor=openvino,psccnet=openvino"; default: torch
            (docs/howto/engines.md).
        seed: seed of masks and of everything else that is random.

    Raises:
        PlanError: if a key is unknown or a value cannot be used.
        UnknownName: if a model, metric or data set is not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "run"
    datasets: Names = ("samples",)
    images: Place = None
    data_root: Place = None
    masks: Place = None
    mask_polarity: Literal["auto", "white-hole", "black-hole"] = "auto"
    pairing: Literal["auto", "name", "drawn"] = "auto"
    margin: Annotated[int, Field(ge=0, le=64)] = 0
    size: Annotated[int, Field(ge=32, le=4096)] | Literal["native"] = 256
    tile: int | None = None
    overlap: int | None = None
    buckets: Buckets = tuple(bucket.label for bucket in DEFAULT_BUCKETS)
    forgeries: Place = None
    layout: str = AUTO
    black_forged: bool = False
    inpainters: Names = ("safepaint",)
    detectors: tuple[str, ...] = ("trufor",)
    prompts: Prompts = Field(default_factory=dict)
    convention: Literal["paper", "trufor", "imdlbenco", "photoholmes", "tgif"] = "paper"
    metrics: Annotated[Names, Field(validate_default=True)] = (
        "auc", "f1", "acc", "psnr", "lpips",
    )  # fmt: skip
    weights: dict[str, str] = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1)] | None = None
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    composite: Composites = ()
    retouch: Retouches = ()
    launder: Launders = ()
    hole_blind: bool = False
    recomposite: bool = False
    rounding: Literal["even", "authors"] = "even"
    precision: Literal["exact", "bf16"] = "exact"
    compile: bool = False
    engine: Engine = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

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

    @field_validator("metrics")
    @classmethod
    def _of_the_convention(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return under_convention(info.data.get("convention", "paper"), names)

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
        empty = (name for name in ("composite", "prompts", "engine") if not getattr(self, name))
        values = self._values(exclude=frozenset(empty))
        return map_paths(values, lambda text: abbreviate_home(expand_home(Path(text))))

    def _values(self, exclude: frozenset[str]) -> dict[str, Any]:
        """Return the plan's keys as plain values, without those of another kind of plan."""
        others = OF_FORGERIES_ONLY if self.forgeries is None else NOT_OF_FORGERIES
        return self.model_dump(mode="json", exclude_none=True, exclude={*exclude, *others})

    def dump(self, folder: Path | None = None) -> str:
        """Return the plan as TOML with every key that is set, and without empty new ones.

        Older versions have no keys `retouch`, `composite` and `engine`, and none of forgeries.

        Args:
            folder: folder of the file: relative paths are written relative to it. None leaves
                paths unchanged.
        """
        later = ("retouch", "composite", "engine")
        empty = frozenset(name for name in later if not getattr(self, name))
        values = self._values(exclude=empty)
        if folder is not None:
            values = map_paths(values, lambda text: relative_to(text, folder))
        return tomli_w.dumps({name: value for name, value in values.items() if value != {}})


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
