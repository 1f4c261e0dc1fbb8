"""record.json: where a run's numbers come from and what it took."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.core.card import card_from
from benchmark.core.errors import DataError, first_line, quoted
from benchmark.core.external.spec import is_label
from benchmark.core.paths import abbreviate_home, expand_home, home, portable_path
from benchmark.core.secrets import redact_secrets
from benchmark.core.untrusted import read_json
from benchmark.metrics import revision_of
from benchmark.metrics.external import MetricCard, metric_cards
from benchmark.metrics.intervals import RULES
from benchmark.results.file_hashes import MOST_BYTES, RECORD
from benchmark.results.files import AGAIN
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.machine import machine_of
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.settings import Settings
from benchmark.runner.stages import RunStats
from benchmark.store.store import Store, is_address, is_store

FORMATS = {RECORD: 2, "results.csv": 2, "samples.csv": 2}  # of files without a number: 1
BEGUN = "begun.json"  # what a run says of itself before it has ended
PACKAGES = (
    "safepaint-bench", "torch", "torchvision", "numpy", "opencv-contrib-python-headless",
    "pillow", "scikit-image", "scikit-learn", "scipy", "lpips", "safetensors",
)  # fmt: skip


def _whole(text: str) -> str:
    """A text that enters keys; half a character has no bytes, which is a ValueError."""
    text.encode()
    return text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Checkpoint(_Part):
    """A model's weights: "official", "mini", "sha256:..." or "none", and the file's SHA-256."""

    edition: str = ""
    sha256: str = ""


class External(_Part):
    """What is known of a model that a user brought, so that its run can be read without it."""

    kind: Literal["inpainter", "detector"]
    word: str
    distribution: str = ""
    identity: str = ""
    card: dict[str, Any]

    @field_validator("card")
    @classmethod
    def _is_a_card(cls, values: dict[str, Any]) -> dict[str, Any]:
        card = card_from(values)
        if not is_label(card.name):
            raise ValueError(f"{card.name!r:.80} cannot be the name of a model")
        return values


class KnownPixels(_Part):
    """How far known pixels of finished images moved.

    Attributes:
        pictures: images that were there.
        moved: those of them in which a known pixel moved.
        max: largest absolute difference over all of them, in grey levels.
        mean: mean of it.
    """

    pictures: int
    moved: int
    max: float
    mean: float


class Unused(_Part):
    """A file that could not be used, and why."""

    file: str
    reason: str


class MaskPairing(_Part):
    """Which image got which mask.

    Attributes:
        rule: "name", "drawn" by bucket, "one" for all, or "generated".
        said: the same in words, with counts.
        without: images that had no mask and were left out.
    """

    rule: str
    said: str
    without: tuple[str, ...] = ()


class Record(BaseModel):
    """What record.json says; files of older versions lack some of it.

    Attributes:
        format: number of each file's format, by the file's name.
        plan: the plan, as plan.toml.
        versions: of Python and of packages.
        commit: the checkout's, "+changes" where files differ from it, or "".
        device: a torch device such as "cpu".
        executor: where the work was done.
        machine: processor, threads and what else decides last digits; of merged shards a list
            where they differ.
        batch: samples a model saw at once.
        checkpoints: weights by model.
        brought: models that a user brought, by name.
        known_pixels: by inpainter of finished images.
        folders: where each data set was found.
        store: where its answers are: an address, or a folder, seen from the run's; "" for the one
            that runs share by default.
        shard: such as "1/4", or "" for a whole run.
        samples: how many.
        intervals: the rules of its intervals (`metrics.intervals.RULES`).
        metrics: the revision of each metric, by name: it is in the keys of what was measured.
        described: those of them that are not of this project.
        pictures: of a shard, the names of its images in order, by data set.
        jobs_run: jobs done, per stage.
        jobs_stored: jobs that had their answer already, per stage.
        seconds: time per stage.
        model_seconds: time inside models alone, per stage.
        not_measured: metrics that could not be measured, and why.
        absent: models without weights, and why.
        pairing: by data set, which image got which mask.
        read_as: how many masks were read as black and white do not say, by how.
        left_out: what lay in a data set's folder, or in the masks', and was not used.
        unused: masks that could not be used.
        failures: jobs that gave no answer.
        met: the inpainters that each detector's weights met in training, by detector; those of
            which it is not known are left out.
        files: SHA-256 of the run's files, this one's own without this entry.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: dict[str, Annotated[int, Field(ge=1, strict=True)]] = Field(default_factory=dict)
    plan: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    commit: str = ""
    device: str = ""
    executor: str = ""
    machine: dict[str, Any] | list[dict[str, Any] | None] | None = None
    batch: int | str = 1
    checkpoints: dict[str, Checkpoint] = Field(default_factory=dict)
    brought: dict[str, External] = Field(default_factory=dict)
    known_pixels: dict[str, KnownPixels] = Field(default_factory=dict)
    folders: dict[str, str] = Field(default_factory=dict)
    store: str = ""
    shard: str = ""
    samples: int = 0
    intervals: str = ""
    metrics: dict[str, Annotated[str, AfterValidator(_whole)]] = Field(default_factory=dict)
    described: dict[str, MetricCard] = Field(default_factory=dict)
    pictures: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    jobs_run: dict[str, int] = Field(default_factory=dict)
    jobs_stored: dict[str, int] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    model_seconds: dict[str, float] = Field(default_factory=dict)
    not_measured: dict[str, str] = Field(default_factory=dict)
    absent: dict[str, str] = Field(default_factory=dict)
    pairing: dict[str, MaskPairing] = Field(default_factory=dict)
    read_as: dict[str, int] = Field(default_factory=dict)
    left_out: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    unused: tuple[Unused, ...] = ()
    failures: tuple[Failure, ...]
    met: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The record as plain values, without the checksums of files."""
        omitted: Any = {"files": True, "failures": {"__all__": {"drift"}}}
        empty = {name for name in ("described", "pictures") if not getattr(self, name)}
        return self.model_dump(mode="json", exclude={**omitted, **dict.fromkeys(empty, True)})


def recorded_store(place: str | Path, folder: Path | None) -> str:
    """A store's place as a record names it: one given by a relative path as seen from the run."""
    if is_address(place):
        return str(place)
    whole = Path(place).absolute()
    if folder is not None and (
        not Path(place).is_absolute() or whole.is_relative_to(folder.absolute())
    ):
        return Path(os.path.relpath(whole, folder.absolute())).as_posix()
    return portable_path(whole) if folder is None else abbreviate_home(whole)


def store_of(folder: Path) -> str | Path:
    """Where the answers of a run are: as its record says, if they still are there.

    An address counts only where this machine has its rows: nothing is asked of a stranger's.

    Args:
        folder: the run's.

    Returns:
        The recorded store, else the one that runs share by default.

    Raises:
        DataError: if the record is damaged, or written by a later version.
    """
    place = _recorded(folder)
    return place if place and is_store(place) else home() / "store"


def store_elsewhere(folder: Path) -> str:
    """The store that the record of a run names, if it is not on this machine; else ""."""
    try:
        place = _recorded(folder)
    except DataError:
        return ""
    return str(place) if place and not is_store(place) else ""


def _recorded(folder: Path) -> str | Path:
    record = read_record(folder) or read_record(folder, BEGUN)
    said = record.store if record else ""
    return said if not said or is_address(said) else folder / expand_home(Path(said))


def store_or_default(folder: Path) -> str | Path:
    """As `store_of`; of a run whose record is damaged the one that runs share by default."""
    try:
        return store_of(folder)
    except DataError:
        return home() / "store"


def read_record(folder: Path, name: str = RECORD) -> Record | None:
    """The record of a run, or None where the run has not ended.

    Args:
        folder: the run's.
        name: of the file.

    Raises:
        DataError: if it is damaged, too large, or written by a later version.
    """
    path = folder / name
    try:
        found = Record.model_validate(read_json(path, MOST_BYTES))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise DataError(
            f"{path}: damaged or of another version ({first_line(error)}); {AGAIN}"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); {AGAIN}") from None
    for file, number in found.format.items():
        if number > FORMATS.get(file, number):
            raise DataError(
                f"{folder / file}: format {quoted(number)} of a later version, this one reads up "
                f"to {FORMATS[file]}; update safepaint-bench"
            )
    return found


def record_of(
    resolved: ResolvedPlan, settings: Settings, tally: RunStats, known: dict[str, KnownPixels]
) -> Record:
    """What record.json says: versions, commit, machine, checkpoints, seconds and failures.

    Args:
        resolved: the resolved plan.
        settings: how it was run.
        tally: what was done.
        known: how far known pixels of finished images moved, as `known_pixels` has it.
    """
    models = (*resolved.inpainters, *resolved.detectors)
    metrics = dict.fromkeys((*resolved.measured, *resolved.null_names))
    return Record(
        format=FORMATS,
        plan=resolved.plan.document(),
        versions={"python": platform.python_version(), **_versions()},
        commit=_commit(),
        device=settings.device,
        executor=settings.executor.name if settings.executor else "",
        machine=_machine(settings, computed=any(tally.ran.values())),
        batch=settings.batch,
        checkpoints={
            one.name: Checkpoint(edition=one.weights.edition, sha256=one.weights.sha256)
            for one in models
        },
        brought={
            **{one.name: _brought("inpainter", one) for one in resolved.inpainters if one.source},
            **{one.name: _brought("detector", one) for one in resolved.detectors if one.source},
        },
        known_pixels=known,
        folders={name: portable_path(folder) for name, folder in resolved.sources.folders.items()},
        shard=settings.shard.label if settings.shard else "",
        samples=len(resolved.samples),
        intervals=RULES,
        metrics={name: revision_of(name) for name in metrics},
        described=metric_cards(metrics),
        pictures=resolved.sources.names(settings.shard) if settings.shard else {},
        jobs_run=tally.ran,
        jobs_stored=tally.stored,
        seconds={stage: round(value, 3) for stage, value in tally.seconds.items()},
        model_seconds={stage: round(value, 3) for stage, value in tally.model_seconds.items()},
        not_measured=resolved.gaps,
        absent={model.name: model.absent for model in resolved.absent},
        pairing={
            name: MaskPairing(rule=one.rule, said=one.said, without=one.without)
            for name, one in resolved.sources.pairing.items()
        },
        read_as=resolved.sources.read_as,
        left_out={name: tuple(lines) for name, lines in resolved.sources.left_out.items()},
        unused=tuple(Unused(file=file, reason=reason) for file, reason in resolved.sources.unused),
        failures=tuple(
            sorted(replace(one, reason=redact_secrets(one.reason)) for one in tally.failures)
        ),
        met={name: tuple(sorted(met)) for name, met in resolved.met.items() if met is not None},
    )


def _machine(settings: Settings, *, computed: bool) -> dict[str, Any]:
    threads = settings.executor.threads if settings.executor and computed else None
    return machine_of(settings.device, threads)


def _brought(kind: Literal["inpainter", "detector"], model: ResolvedModel) -> External:
    return External(
        kind=kind,
        word=model.word,
        distribution=model.distribution,
        identity=model.identity,
        card=model.card.document(),
    )


def known_pixels(
    jobs: PlanJobs, store: Store, failures: Iterable[Failure]
) -> dict[str, KnownPixels]:
    """How far known pixels of finished images moved, by inpainter."""
    found = {}
    for inpainter in jobs.resolved.inpainters:
        if inpainter.name in jobs.resolved.image_folders:
            drifts = _drifts(jobs, store, inpainter)
            drifts += [one.drift for one in failures if one.drift and one.model == inpainter.name]
            found[inpainter.name] = KnownPixels(
                pictures=len(drifts),
                moved=sum(largest > 0 for largest, _ in drifts),
                max=max((largest for largest, _ in drifts), default=0.0),
                mean=round(fmean([mean for _, mean in drifts] or [0.0]), 6),
            )
    return found


def _drifts(jobs: PlanJobs, store: Store, inpainter: ResolvedModel) -> list[tuple[float, ...]]:
    """How far known pixels moved, image by image: all variants of one tell the same."""
    found = {}
    for retouch in jobs.resolved.retouches:
        keys = list(jobs.inpaint_keys(inpainter, retouch))
        for place, row in enumerate(store.measurements(keys)):
            if row is not None and len(row):
                found[place] = tuple(map(float, row))
    return [found[place] for place in sorted(found)]


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return found


def _commit() -> str:
    """The checkout's commit, "+changes" where files differ from it; "" for an installed package."""
    here = Path(__file__).resolve().parent.parent.parent
    if not (here / ".git").exists():
        return ""
    try:
        commit = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+changes" if changed else "")


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own words)
    return done.stdout.strip()
