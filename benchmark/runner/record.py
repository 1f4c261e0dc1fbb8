"""What record.json says of a run: where its numbers come from and what it took."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark.runner.execute import Settings, Tally
from benchmark.runner.setup import Setup

PACKAGES = (
    "safepaint-bench", "torch", "torchvision", "numpy", "opencv-contrib-python-headless",
    "pillow", "scikit-image", "scikit-learn", "lpips", "safetensors",
)  # fmt: skip


def document_of(setup: Setup, settings: Settings, tally: Tally) -> dict[str, Any]:
    """What record.json says: versions, commit, device, checkpoints, seconds and failures."""
    models = (*setup.inpainters, *setup.detectors)
    return {
        "plan": setup.plan.model_dump(mode="json", exclude_none=True),
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "device": settings.device,
        "executor": settings.executor.name if settings.executor else "",
        "batch": settings.batch,
        "checkpoints": {
            model.name: {"edition": model.weights.edition, "sha256": model.weights.sha256}
            for model in models
        },
        "folders": {name: str(folder) for name, folder in setup.sources.folders.items()},
        "shard": settings.shard.label if settings.shard else "",
        "samples": len(setup.samples),
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
                "launder": failure.launder,
                "model": failure.model,
                "reason": failure.reason,
            }
            for failure in sorted(tally.failures)
        ],
    }


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
