"""Runs of plans with the mini weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmark import Plan, run
from benchmark.plans import plan_file
from benchmark.results.run_folder import read_run
from benchmark.runner.resolve import ORIGINAL
from reports.paired import SettingSamples, samples_by_setting
from tools.mini.measured import NETWORKS, ROOT, Measured

BUCKET = "30-40"
STEPS = ("none", "grain:1.5", "grain:match")
FLAT, PLAIN = "meanfill", "telea"  # the controls
DETECTORS = ("psccnet", "trufor", "iidnet")


def kept_run(found: Measured, name: str, plan: Plan, *, save_images: bool = False) -> Path:
    """Return the folder of a run, which is made if it is not there yet."""
    folder = found.work / name
    if not (folder / "record.json").exists():
        run(plan, out=folder, store=found.work / "store", save_images=save_images)
    return folder


def by_detector(folder: Path) -> dict[str, SettingSamples]:
    """Return the values by image of a run with one mask-ratio bin, by detector.

    The detector "" has the metrics that need none.
    """
    found = samples_by_setting(read_run(folder).each_sample())
    return {setting.detector: samples for setting, samples in found.items()}


def controls_samples(found: Measured) -> dict[str, SettingSamples]:
    """Return the values by image of all networks and controls on the photos, by detector."""
    plan = Plan(
        datasets=("folder",),
        images=found.photos,
        limit=found.limit,
        buckets=(BUCKET,),
        inpainters=(ORIGINAL, FLAT, PLAIN, *NETWORKS),
        detectors=DETECTORS,
        metrics=("auc", "f1", "acc", "psnr", "lpips"),
        retouch=STEPS,
    )
    return by_detector(kept_run(found, "controls", plan))


def paper_tables(found: Measured) -> str:
    """Return Tables 1 to 6 of the plan `mini`, as Markdown."""
    folder = kept_run(found, "mini", Plan.load(plan_file("mini")))
    bench = Path(sys.executable).with_name("bench")
    done = subprocess.run(  # noqa: S603 - this program
        (bench, "table", "all", "--run", folder, "--intervals", "--format", "md"),
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout
