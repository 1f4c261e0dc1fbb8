"""record.json: where a run's numbers come from and what it took."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.core.card import card_from
from benchmark.core.errors import DataError, first_line, quoted
from benchmark.core.external.spec import is_label
from benchmark.core.untrusted import read_json
from benchmark.metrics.external import MetricCard
from benchmark.results.file_hashes import MOST_BYTES, RECORD
from benchmark.results.files import RERUN
from benchmark.runner.outcome import Failure

FORMATS = {RECORD: 2, "results.csv": 2, "samples.csv": 2}  # of files without a number: 1
BEGUN = "begun.json"  # what a run says of itself before it has ended


def _whole(text: str) -> str:
    """A text that enters keys; half a character has no bytes, which is a ValueError."""
    text.encode()
    return text


class _RecordPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordedWeights(_RecordPart):
    """A model's weights: "official", "mini", "sha256:..." or "none", and the file's SHA-256."""

    edition: str = ""
    sha256: str = ""


class ExternalModel(_RecordPart):
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


class KnownPixels(_RecordPart):
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


class UnusedFile(_RecordPart):
    """A file that could not be used, and why."""

    file: str
    reason: str


class MaskPairing(_RecordPart):
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
    checkpoints: dict[str, RecordedWeights] = Field(default_factory=dict)
    brought: dict[str, ExternalModel] = Field(default_factory=dict)
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
    unused: tuple[UnusedFile, ...] = ()
    failures: tuple[Failure, ...]
    met: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The record as plain values, without the checksums of files."""
        omitted: Any = {"files": True, "failures": {"__all__": {"drift"}}}
        empty = {name for name in ("described", "pictures") if not getattr(self, name)}
        return self.model_dump(mode="json", exclude={**omitted, **dict.fromkeys(empty, True)})


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
            f"{path}: damaged or of another version ({first_line(error)}); {RERUN}"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); {RERUN}") from None
    for file, number in found.format.items():
        if number > FORMATS.get(file, number):
            raise DataError(
                f"{folder / file}: format {quoted(number)} of a later version, this one reads up "
                f"to {FORMATS[file]}; update safepaint-bench"
            )
    return found
