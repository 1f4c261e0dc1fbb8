"""Schema and reader of record.json: provenance of a run's numbers, times and failures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.core.card import card_from
from benchmark.core.errors import DataError, first_line, quoted
from benchmark.core.external.spec import is_label
from benchmark.core.untrusted import read_json
from benchmark.metrics.external import MetricCard
from benchmark.postprocess.recorded import LaunderCard
from benchmark.results.file_hashes import MOST_BYTES, RECORD
from benchmark.results.files import RERUN
from benchmark.runner.outcome import Failure

FORMATS = {RECORD: 2, "results.csv": 2, "samples.csv": 2}  # files without a number have 1
BEGUN = "begun.json"  # record of a run that has not ended


def _whole(text: str) -> str:
    """Check that a text is valid Unicode, as it is hashed into keys; raises ValueError."""
    text.encode()
    return text


class _RecordPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RecordedWeights(_RecordPart):
    """Weights of a model: "official", "mini", "sha256:..." or "none", and the file's SHA-256."""

    edition: str = ""
    sha256: str = ""


class ExternalModel(_RecordPart):
    """Description of a plugin model, so that its run can be read without the plugin."""

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
            raise ValueError(f"{card.name!r:.80} is not a valid model name")
        return values


class KnownPixels(_RecordPart):
    """Changes of known pixels in images from finished files.

    Attributes:
        pictures: number of images.
        moved: number of images in which a known pixel changed.
        max: largest absolute difference over all images, in gray levels.
        mean: mean absolute difference.
    """

    pictures: int
    moved: int
    max: float
    mean: float


class UnusedFile(_RecordPart):
    """A file that could not be used, with the reason."""

    file: str
    reason: str


class MaskPairing(_RecordPart):
    """Assignment of masks to images.

    Attributes:
        rule: "name", "drawn" by bin, "one" for all, or "generated".
        said: description with counts.
        without: images without a mask, which were left out.
    """

    rule: str
    said: str
    without: tuple[str, ...] = ()


class Record(BaseModel):
    """Content of record.json; files of older versions lack some fields.

    Attributes:
        format: format number of each file, by file name.
        plan: the plan, as in plan.toml.
        versions: versions of Python and packages.
        commit: commit of the checkout, "+changes" if files differ from it, or "".
        device: torch device such as "cpu".
        executor: name of the executor.
        machine: processor, threads and other influences on last digits; for merged shards a list if
            they differ.
        batch: batch size of models.
        checkpoints: weights by model.
        brought: plugin models by name.
        known_pixels: changes of known pixels, by inpainter that reads finished images.
        folders: folder of each data set.
        store: location of the store: an address, or a folder relative to the run's; "" for the
            default store.
        shard: such as "1/4", or "" for a whole run.
        samples: number of samples.
        intervals: rules of its intervals (`metrics.intervals.RULES`).
        metrics: revision of each metric by name, which is part of the keys of its rows.
        described: cards of plugin metrics.
        launders: by name, post-processing that its name alone does not determine.
        pictures: for a shard, image names in order, by data set.
        jobs_run: executed jobs per stage.
        jobs_stored: jobs per stage whose output was already in the store.
        seconds: time per stage.
        model_seconds: time inside models per stage.
        not_measured: metrics that could not be measured, with the reason.
        absent: models without weights, with the reason.
        pairing: assignment of masks to images, by data set.
        read_as: number of masks that are not pure black and white, by how they were read.
        left_out: unused files in the folders of data sets and masks.
        unused: masks that could not be used.
        failures: failed jobs.
        engines: the engine that ran the network of each model in place of torch, with its version.
        met: inpainters in the training set of each detector's weights, by detector; a detector is
            missing if they are unknown.
        files: SHA-256 of the run's files, and of this one without this field.
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
    launders: dict[str, LaunderCard] = Field(default_factory=dict)
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
    engines: dict[str, str] = Field(default_factory=dict)
    met: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the record as JSON values, without the hashes of files."""
        omitted: Any = {"files": True, "failures": {"__all__": {"drift"}}}
        optional = ("described", "launders", "pictures", "engines")
        empty = {name for name in optional if not getattr(self, name)}
        return self.model_dump(mode="json", exclude={**omitted, **dict.fromkeys(empty, True)})


def read_record(folder: Path, name: str = RECORD) -> Record | None:
    """Return the record of a run, or None if the run has not ended.

    Args:
        folder: folder of the run.
        name: name of the file.

    Raises:
        DataError: if it is damaged, too large, or of a later version.
    """
    path = folder / name
    try:
        found = Record.model_validate(read_json(path, MOST_BYTES))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise DataError(
            f"{folder}: a file; expected the folder of a run (of a bundle, 'bench prove', 'bench "
            "compare' and 'bench board' read it)"
        ) from None
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
