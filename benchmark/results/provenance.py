"""Provenance of a run for record.json: versions, commit, machine, weights, times and failures."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from benchmark.core.engines import engine_label
from benchmark.core.paths import portable_path
from benchmark.core.secrets import redact_secrets
from benchmark.metrics import revision_of
from benchmark.metrics.external import metric_cards
from benchmark.metrics.intervals import RULES
from benchmark.postprocess.recorded import launder_card
from benchmark.results.record import (
    FORMATS,
    ExternalModel,
    KnownPixels,
    MaskPairing,
    Record,
    RecordedWeights,
    UnusedFile,
)
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.machine import machine_of
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.settings import Settings
from benchmark.runner.stages import RunStats
from benchmark.store.store import Store

PACKAGES = (
    "safepaint-bench", "torch", "torchvision", "numpy", "opencv-contrib-python-headless",
    "pillow", "scikit-image", "scikit-learn", "scipy", "lpips", "safetensors",
)  # fmt: skip


def record_of(
    resolved: ResolvedPlan, settings: Settings, tally: RunStats, known: dict[str, KnownPixels]
) -> Record:
    """Create the record of a run: versions, commit, machine, weights, times and failures.

    Args:
        resolved: the resolved plan.
        settings: settings of the run.
        tally: counts and times of the executed jobs.
        known: changes of known pixels, from `known_pixels`.
    """
    models = resolved.models
    metrics = dict.fromkeys((*resolved.measured, *resolved.null_names, *resolved.known_names))
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
            one.name: RecordedWeights(edition=one.weights.edition, sha256=one.weights.sha256)
            for one in models
        },
        brought={
            **{one.name: _external("inpainter", one) for one in resolved.inpainters if one.source},
            **{one.name: _external("detector", one) for one in resolved.detectors if one.source},
        },
        known_pixels=known,
        folders={name: portable_path(folder) for name, folder in resolved.sources.folders.items()},
        shard=settings.shard.label if settings.shard else "",
        samples=len(resolved.samples),
        intervals=RULES,
        metrics={name: revision_of(name) for name in metrics},
        described=metric_cards(metrics),
        launders={
            name: card
            for name, word in resolved.plan.launder_words.items()
            if (card := launder_card(word)) is not None
        },
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
        unused=tuple(
            UnusedFile(file=file, reason=reason) for file, reason in resolved.sources.unused
        ),
        failures=tuple(
            sorted(replace(one, reason=redact_secrets(one.reason)) for one in tally.failures)
        ),
        engines={one.name: engine_label(one.engine) for one in models if one.engine},
        met={name: tuple(sorted(met)) for name, met in resolved.met.items() if met is not None},
    )


def _machine(settings: Settings, *, computed: bool) -> dict[str, Any]:
    threads = settings.executor.threads if settings.executor and computed else None
    return machine_of(settings.device, threads)


def _external(kind: Literal["inpainter", "detector"], model: ResolvedModel) -> ExternalModel:
    return ExternalModel(
        kind=kind,
        word=model.word,
        distribution=model.distribution,
        identity=model.identity,
        card=model.card.document(),
    )


def known_pixels(
    jobs: PlanJobs, store: Store, failures: Iterable[Failure]
) -> dict[str, KnownPixels]:
    """Return by how much known pixels changed in images from finished files, by inpainter."""
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
    """Return the changes of known pixels per image; all treatments of one image have the same."""
    found = {}
    for treatment in jobs.resolved.treatments_of(inpainter):
        keys = jobs.inpaint_keys(inpainter, treatment)
        for place, row in enumerate(store.measurements(list(keys))):
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
    """Return the commit of the checkout, "+changes" if files differ from it; "" if installed."""
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
