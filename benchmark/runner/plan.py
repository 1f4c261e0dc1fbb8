"""A plan: everything that changes a number, and nothing else. Read from TOML or from options.

Paths in a plan's file go by the folder that the file lies in, wherever it is read from.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
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

from benchmark.core.errors import BadInput, PlanError, expectation, quoted
from benchmark.core.external.spec import default_label, split_label, words_of
from benchmark.core.filenames import printable
from benchmark.core.looking import is_looking
from benchmark.core.paths import at_home, below_home
from benchmark.core.registry import Registry
from benchmark.core.secrets import refuse_secrets
from benchmark.core.toml import parse_toml
from benchmark.core.untrusted import read_limited
from benchmark.datasets import DATASETS, is_published, takes_images
from benchmark.masks.bucket import DEFAULT_BUCKETS, Bucket
from benchmark.metrics import METRICS, NULLS, OF_UNTOUCHED, paper_convention, under_convention
from benchmark.postprocess import PostProcess
from benchmark.retouch import FEWEST, NONE, canonical, file_name
from detectors import DETECTORS
from inpainters import INPAINTERS

_FOLDERS = ("outputs", "heatmaps")  # schemes whose argument is a folder
MOST_BYTES = 4 << 20  # of a plan's file
_TELL_APART = "; put a label before one of them: LABEL=..."
Names = Annotated[tuple[str, ...], Field(min_length=1)]


# What Python calls the options that an error may name.
_IN_PYTHON = {
    "--images DIR": "images=DIR",
    "--images": "images",
    "--dataset folder": 'datasets="folder"',
    "--data-root": "data_root",
    "--launder": "launder",
}
_LISTS = ("datasets", "buckets", "inpainters", "detectors", "metrics", "retouch", "launder")


class Plan(BaseModel):
    """What to run: all that changes a number; devices, result folders and executors do not.

    A list may be one text as on the command line, such as inpainters="safepaint,telea" or
    detectors="none"; `images` alone implies the data set `folder`.

    Attributes:
        name: what the run is called in its files.
        datasets: names of data sets.
        images: folder of images, or one image, for the data set `folder` or a plugin's.
        data_root: folder that holds the published data sets, and NVIDIA's irregular test masks.
        masks: folder of masks, or one mask for all images; by default NVIDIA's for a published
            data set, drawn for others.
        mask_polarity: which colour is the hole in mask files.
        pairing: masks paired with images by "name", "drawn" by bucket, or "auto": by name where
            most images have a mask of their name (the others are left out), drawn where none has.
        margin: border kept free of drawn holes, in pixels at 256.
        size: side of the square images, as the paper's 256; "native" leaves images as they are.
        buckets: ranges (a, b] of the hole's share in percent, such as "10-20"; masks paired by name
            stand in one range of their own where a plan does not name any.
        inpainters: names of inpainters, or what a user brought: "[LABEL=]package.module:Class",
            "[LABEL=]outputs:DIR", "[LABEL=]cmd:COMMAND".
        detectors: likewise, with "[LABEL=]heatmaps:DIR"; may be empty.
        convention: whose `auc` and `f1` are measured: "paper" as they are, "trufor", "imdlbenco" or
            "photoholmes" (docs/conventions.md).
        metrics: names of metrics; `auc` and `f1` become the convention's own.
        weights: per model an edition ("official", "mini") or a path; default: official, else mini.
        limit: only the first so many images of each data set.
        max_pixels: images and masks that have more are refused undecoded; default 89 million.
        retouch: what is done to each hole after its inpainter and before rounding, "none" for
            nothing, such as ("none", "grain:1.5", "grain:match", "blur:1", "sharpen:0.5",
            "median:3"), each for all inpainters; default: none, written ().
        launder: what happens to the inpainted images before the detectors look once more, such as
            "jpeg:90"; they look at the images as inpainted in any case.
        hole_blind: whether each hole is inpainted with the known region's mean before any model
        that
            inpaints sees the image; a model that looks into holes finds nothing there.
        recomposite: whether the known region is pasted back over images that were made elsewhere
            (`outputs:DIR`); else one whose known pixels moved is a failure.
        rounding: how images become 8 bits: "even" rounds for all, "authors" as each program does.
        precision: "exact", or "bf16": networks compute in bfloat16 where they can.
        compile: whether torch.compile runs the networks.
        seed: from which masks and everything random are drawn.

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
    buckets: Names = tuple(bucket.label for bucket in DEFAULT_BUCKETS)
    inpainters: Names = ("safepaint",)
    detectors: tuple[str, ...] = ("trufor",)
    convention: Literal["paper", "trufor", "imdlbenco", "photoholmes"] = "paper"
    metrics: Annotated[Names, Field(validate_default=True)] = (
        "auc", "f1", "acc", "psnr", "lpips",
    )  # fmt: skip
    weights: dict[str, str] = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1)] | None = None
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    retouch: tuple[str, ...] = ()
    launder: tuple[str, ...] = ()
    hole_blind: bool = False
    recomposite: bool = False
    rounding: Literal["even", "authors"] = "even"
    precision: Literal["exact", "bf16"] = "exact"
    compile: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @field_validator("images", "data_root", "masks")
    @classmethod
    def _at_home(cls, place: Path | None) -> Path | None:
        return at_home(place) if place is not None else None

    @model_validator(mode="wrap")
    @classmethod
    def _spoken(
        cls, values: object, handler: ModelWrapValidatorHandler[Plan], info: ValidationInfo
    ) -> Plan:
        """Take lists as the command line does, and speak of what is wrong in a line."""
        if info.context:  # a file or the command line: `make_plan` says where
            return handler(values)
        try:
            return handler(_as_options(values) if isinstance(values, dict) else values)
        except ValidationError as error:
            raise PlanError(f"Plan: {_first(error)}") from None

    @field_validator("buckets")
    @classmethod
    def _canonical_buckets(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        return _unique(tuple(Bucket.parse(label).label for label in labels), "bucket")

    @field_validator("metrics")
    @classmethod
    def _of_the_convention(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return under_convention(info.data.get("convention", "paper"), names)

    @field_validator("launder")
    @classmethod
    def _canonical_steps(cls, steps: tuple[str, ...]) -> tuple[str, ...]:
        try:
            labels = tuple(PostProcess.parse(step).label for step in steps)
        except BadInput as error:
            raise PlanError(str(error)) from None
        return _unique(labels, "laundering")

    @field_validator("retouch")
    @classmethod
    def _canonical_retouch(cls, steps: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return _unique(canonical(steps), "retouching")
        except BadInput as error:
            raise PlanError(str(error)) from None

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Plan:
        try:
            self._check()
        except PlanError as error:
            raise PlanError(str(error) if info.context else _python_words(str(error))) from None
        return self

    def _check(self) -> None:
        _no_secrets((*self.inpainters, *self.detectors))
        painters = _known(INPAINTERS, self.inpainters)
        _unique((*painters, *_known(DETECTORS, self.detectors)), "model", hint=_TELL_APART)
        _known(METRICS, self.metrics)
        _no_nulls(self.metrics)
        _no_stand_ins(self.metrics)
        _known(DATASETS, self.datasets)
        _known_weights(self)
        _known_places(self)
        _known_retouch(self, painters)
        if self.launder and not self.detectors:
            raise PlanError("--launder needs a detector: laundered images are only looked at")

    @property
    def inpainter_names(self) -> tuple[str, ...]:
        """What tables and files call the inpainters."""
        return tuple(INPAINTERS.find(word).name for word in self.inpainters)

    @property
    def retouches(self) -> tuple[str, ...]:
        """What is done to each hole, "" for nothing; keys and files have these."""
        return tuple("" if step == NONE else step for step in self.retouch or (NONE,))

    @property
    def detector_names(self) -> tuple[str, ...]:
        """What tables and files call the detectors."""
        return tuple(DETECTORS.find(word).name for word in self.detectors)

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read a plan from a TOML file; its relative paths begin at the file's folder.

        One that is not there is taken from the current folder, as earlier versions wrote paths.

        Raises:
            PlanError: if the file is missing, no TOML, or has an unknown key or a bad value.
        """
        values = read_values(path)
        return make_plan(_moved(values, lambda text: _beside(text, path.parent)), where=str(path))

    def document(self) -> dict[str, Any]:
        """The plan as plain values for a record: paths as they are given, "~" for the home."""
        values = self.model_dump(mode="json", exclude_none=True)
        return _moved(values, lambda text: below_home(at_home(Path(text))))

    def dump(self, folder: Path | None = None) -> str:
        """The plan as TOML, every key that is set written out; `retouch` only where there is any.

        Older versions have no such key.

        Args:
            folder: where the text will lie: relative paths are written as seen from there. None to
                leave them as they are.
        """
        values = self.model_dump(mode="json", exclude_none=True)
        if folder is not None:
            values = _moved(values, lambda text: _seen_from(text, folder))
        if not self.retouch:
            del values["retouch"]
        return tomli_w.dumps({name: value for name, value in values.items() if value != {}})


def read_values(path: Path) -> dict[str, Any]:
    """A plan's file as plain values: what it names need not be here.

    Raises:
        PlanError: if it cannot be read, is too large, or no TOML.
    """
    try:
        return parse_toml(read_limited(path, MOST_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise PlanError(f"{path}: cannot be read as a plan ({reason})") from None
    except RecursionError:
        raise PlanError(f"{path}: not valid TOML: nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits is no TOMLDecodeError
        raise PlanError(f"{path}: not valid TOML: {error}") from None


def same_plan(plan: Plan, other: Plan, *, but: frozenset[str] = frozenset()) -> bool:
    """Whether two plans say the same, however they write their paths.

    Args:
        plan: one.
        other: the other.
        but: keys that may differ.
    """
    one, two = (
        _moved(each.model_dump(mode="json", exclude=set(but)), _absolute) for each in (plan, other)
    )
    return one == two


# The default metrics of earlier versions, whose runs go on with what they were begun with.
EARLIER_METRICS = ("auc", "f1", "acc", "psnr", "lpips", "gmsd")


def with_recorded_defaults(plan: Plan, begun: Plan) -> Plan:
    """The plan with the defaults that a run's folder was begun with.

    Args:
        plan: what is to be run now.
        begun: what the folder holds.

    Returns:
        `plan` with the metrics and buckets of `begun` if the two differ in nothing but an earlier
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
    """A plan's values with some replaced, and without places that the new data sets do not need.

    Args:
        base: of the plan.
        values: that replace them; `datasets` may be among them.

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
    """A plan from plain values, with errors that name the key and what is known.

    Raises:
        PlanError: if a key is unknown or a value cannot be used.
        UnknownName: if a model, metric or data set is not known.
    """
    try:
        return Plan.model_validate(values, context={"where": where})
    except ValidationError as error:
        raise PlanError(f"{where}: {_first(error)}") from None


def _moved(values: dict[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    """A plan's plain values with every path in them moved, models' folders included."""

    def moved(key: str, value: object) -> object:
        if key in ("images", "data_root", "masks") and isinstance(value, str):
            return move(value)
        if key == "weights" and isinstance(value, dict):
            editions = ("official", "mini")
            return {
                name: one if one in editions or not isinstance(one, str) else move(one)
                for name, one in value.items()
            }
        if key in ("inpainters", "detectors") and isinstance(value, list):
            return [_moved_word(one, move) if isinstance(one, str) else one for one in value]
        return value

    return {key: moved(key, value) for key, value in values.items()}


def _moved_word(word: str, move: Callable[[str], str]) -> str:
    try:
        label, rest = split_label(word)
    except BadInput:  # said where the plan is checked
        return word
    scheme, colon, folder = rest.partition(":")
    if not colon or scheme not in _FOLDERS:
        return word
    new = move(folder)
    name = default_label(scheme, folder)
    label = label or (name if default_label(scheme, new) != name else "")
    return f"{label}={scheme}:{new}" if label else f"{scheme}:{new}"


def _beside(text: str, folder: Path) -> str:
    """A path in a file, seen from the current folder."""
    path = Path(text)
    if at_home(path).is_absolute():
        return text
    beside = folder / path
    if is_looking():  # what a stranger's plan names is not even looked for
        return os.path.normpath(beside)
    try:
        if not beside.exists():
            return text
        short = Path(os.path.normpath(beside))  # another place where a link lies on the way
        return str(short if short.exists() and short.samefile(beside) else beside)
    except (OSError, ValueError):  # no name that a file can have: said where it is used
        return text


def _seen_from(text: str, folder: Path) -> str:
    """A path of the current folder, seen from another; absolute where only the root is common."""
    if at_home(Path(text)).is_absolute():
        return below_home(at_home(Path(text)))
    here, there = _absolute(text), str(folder.resolve())
    if os.path.commonpath([here, there]) == Path(here).anchor:
        return here
    return Path(os.path.relpath(here, there)).as_posix()


def _absolute(text: str) -> str:
    return os.path.normpath(at_home(Path(text)).absolute())


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    key = ".".join(str(part) for part in found["loc"][:1]) or "plan"
    if found["type"] == "extra_forbidden":
        return f"unknown key {quoted(key)}. Known: {', '.join(sorted(Plan.model_fields))}."
    if key == "size":
        return (
            f"size: expected a side of 32 to 4096 pixels, or native, got {quoted(found['input'])}"
        )
    if found["type"] == "too_short":
        return f"{key}: expected at least one name, got none"
    if found["type"] == "value_error":  # a word of our own, and what it got stands in it
        return f"{key}: {found['ctx']['error']}"
    return f"{key}: {expectation(found)}, got {quoted(found['input'])}"


def _as_options(values: dict[str, Any]) -> dict[str, Any]:
    """A plan's values with texts for lists taken apart, as the command line takes them."""
    found = dict(values)
    for name in _LISTS:
        if isinstance(found.get(name), str):
            models = name in {"inpainters", "detectors"}
            text = found[name]
            names = words_of([text]) if models else [one.strip() for one in text.split(",")]
            found[name] = [] if names == ["none"] else [one for one in names if one]
    if found.get("images") is not None and "datasets" not in found:
        found["datasets"] = ["folder"]
    return found


def _python_words(text: str) -> str:
    for option, word in _IN_PYTHON.items():
        text = text.replace(option, word)
    return text


def _known(registry: Registry[Any], words: tuple[str, ...]) -> tuple[str, ...]:
    """What tables call the things that words name, each one another."""
    hint = _TELL_APART if any(":" in word for word in words) else ""
    return _unique(tuple(registry.find(word).name for word in words), registry.kind, hint=hint)


def _no_nulls(metrics: tuple[str, ...]) -> None:
    """Refuse nulls among a plan's metrics: what is measured of inpainted images is not a null."""
    for name, null in NULLS.items():
        if null in metrics:
            raise PlanError(
                f"{null} is measured of the untouched images beside {name}, in every run that has "
                f"a detector: take {name}"
            )


def _no_stand_ins(metrics: tuple[str, ...]) -> None:
    """Refuse what stands in for a metric where images are untouched, and is nothing elsewhere."""
    for name, other in OF_UNTOUCHED.items():
        if other in metrics:
            raise PlanError(
                f"{other} is {name} of untouched images: take {name}, and original among the "
                "inpainters"
            )


def _no_secrets(words: tuple[str, ...]) -> None:
    """Refuse commands that hold a secret, before any message quotes them."""
    for word in () if is_looking() else words:
        _, _, command = word.partition("cmd:")
        try:
            refuse_secrets(shlex.split(command))
        except ValueError as error:
            if isinstance(error, BadInput):  # else it cannot be read, which is said later
                raise PlanError(str(error)) from None


def _known_weights(plan: Plan) -> None:
    for name in plan.weights:
        if name not in (*plan.inpainter_names, *plan.detector_names):
            raise PlanError(f"weights are given for {name!r}, which is not in the plan")


def _known_places(plan: Plan) -> None:
    for place in map(str, (plan.images, plan.data_root, plan.masks, *plan.weights.values())):
        if printable(place) != place:
            raise PlanError(f"{printable(place)}: a name that a plan's file cannot hold; rename it")
    said = ", ".join(plan.datasets)
    if "folder" in plan.datasets and plan.images is None:
        raise PlanError("the data set 'folder' needs a folder of images: --images DIR")
    if plan.images is not None and not any(map(takes_images, plan.datasets)):
        raise PlanError(f"--images goes with --dataset folder, not with {said!r}")
    if plan.data_root is not None and not any(map(is_published, plan.datasets)):
        raise PlanError(f"--data-root goes with published data sets, not with {said!r}")


def _known_retouch(plan: Plan, painters: tuple[str, ...]) -> None:
    """Refuse what can be told before any image is read: names of files, a known region."""
    files = tuple(file_name(name, step) for name in painters for step in plan.retouches)
    _unique(files, "file", hint=_TELL_APART)
    for bucket in map(Bucket.parse, plan.buckets if "grain:match" in plan.retouch else ()):
        pixels = plan.size**2 if isinstance(plan.size, int) else None
        if pixels and pixels - bucket.smallest(pixels) < FEWEST:
            raise PlanError(
                f"grain:match measures the known region, of which holes of {bucket.label} % leave "
                f"fewer than {FEWEST} pixels at size {plan.size}; take grain:SIGMA"
            )


def _unique(names: tuple[str, ...], kind: str, *, hint: str = "") -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"{kind} {name!r} is named twice{hint}")
    return names
