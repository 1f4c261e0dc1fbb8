"""What record.json says of a run: where its numbers come from and what it took."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmark.metrics.intervals import RULES
from benchmark.runner.execute import Settings, Tally
from benchmark.runner.jobs import Chosen
from benchmark.runner.machine import machine_of
from benchmark.runner.outcome import Failure
from benchmark.runner.setup import Setup, fills
from benchmark.runner.store import Store

PACKAGES = (
    "safepaint-bench", "torch", "torchvision", "numpy", "opencv-contrib-python-headless",
    "pillow", "scikit-image", "scikit-learn", "scipy", "lpips", "safetensors",
)  # fmt: skip


def document_of(
    setup: Setup, settings: Settings, tally: Tally, known: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """What record.json says: versions, commit, machine, checkpoints, seconds and failures.

    Args:
        setup: the prepared plan.
        settings: how it was run.
        tally: what was done.
        known: how far known pixels of finished pictures moved, as `known_pixels` has it.
    """
    models = (*setup.inpainters, *setup.detectors)
    executor = settings.executor.name if settings.executor else ""
    return {
        "plan": setup.plan.model_dump(mode="json", exclude_none=True),
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "device": settings.device,
        "executor": executor,
        "machine": _machine(settings, computed=any(tally.ran.values())),
        "batch": settings.batch,
        "checkpoints": {
            model.name: {"edition": model.weights.edition, "sha256": model.weights.sha256}
            for model in models
        },
        "brought": {
            **{one.name: _brought("inpainter", one) for one in setup.inpainters if one.source},
            **{one.name: _brought("detector", one) for one in setup.detectors if one.source},
        },
        "known_pixels": known,
        "folders": {name: str(folder) for name, folder in setup.sources.folders.items()},
        "shard": settings.shard.label if settings.shard else "",
        "samples": len(setup.samples),
        "intervals": RULES,
        "jobs_run": tally.ran,
        "jobs_stored": tally.stored,
        "seconds": {stage: round(value, 3) for stage, value in tally.seconds.items()},
        "model_seconds": {stage: round(value, 3) for stage, value in tally.model_seconds.items()},
        "not_measured": setup.gaps,
        "absent": {model.name: model.absent for model in setup.absent},
        "unused": [{"file": file, "reason": reason} for file, reason in setup.sources.unused],
        "failures": [
            {
                "kind": failure.kind,
                "dataset": failure.dataset,
                "sample": failure.sample,
                "bucket": failure.bucket,
                "retouch": failure.retouch,
                "launder": failure.launder,
                "model": failure.model,
                "reason": failure.reason,
            }
            for failure in sorted(tally.failures)
        ],
    }


def _machine(settings: Settings, *, computed: bool) -> dict[str, Any]:
    threads = settings.executor.threads if settings.executor and computed else None
    return machine_of(settings.device, threads)


def _brought(kind: str, model: Chosen) -> dict[str, Any]:
    """What is known of a model that a user brought, so that its run can be read without it."""
    return {
        "kind": kind,
        "word": model.word,
        "distribution": model.distribution,
        "identity": model.identity,
        "card": asdict(model.card),
    }


def known_pixels(
    setup: Setup, store: Store, failures: Iterable[Failure]
) -> dict[str, dict[str, float]]:
    """How far known pixels of finished pictures moved, by inpainter.

    Returns:
        Per inpainter `pictures` that were there, `moved` of them, and over all of them the largest
        and the mean absolute difference in grey levels, `max` and `mean`.
    """
    found = {}
    for inpainter in setup.inpainters:
        if inpainter.name in setup.own:
            drifts = _drifts(setup, store, inpainter)
            drifts += [one.drift for one in failures if one.drift and one.model == inpainter.name]
            found[inpainter.name] = {
                "pictures": len(drifts),
                "moved": sum(largest > 0 for largest, _ in drifts),
                "max": max((largest for largest, _ in drifts), default=0.0),
                "mean": round(fmean([mean for _, mean in drifts] or [0.0]), 6),
            }
    return found


def _drifts(setup: Setup, store: Store, inpainter: Chosen) -> list[tuple[float, ...]]:
    """How far known pixels moved, picture by picture: all variants of one tell the same."""
    jobs = fills(setup, inpainter, setup.samples)
    found = {}
    for job, row in zip(jobs, store.rows([job.key for job in jobs]), strict=True):
        if row is not None and len(row):
            found[job.sample] = tuple(map(float, row))
    return list(found.values())


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
