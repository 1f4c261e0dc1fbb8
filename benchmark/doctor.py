"""What `bench doctor` finds here: Python, torch, devices, disk, the store, weights, a browser."""

from __future__ import annotations

import os
import platform
import shutil
import webbrowser
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from benchmark.core.backbones import backbone_state
from benchmark.core.checkpoints.resolve import UNVERIFIED
from benchmark.core.paths import home
from benchmark.core.processor import available_cores, processor
from benchmark.install import weights_status
from benchmark.listing import MODELS, editions

MIB, GIB = 2**20, 2**30
LITTLE = 5 * GIB  # free disk that the paper's plans soon need
EXTRAS = {  # by what each is for: a module of it, and the extra that installs it
    "workers on a Ray cluster": ("ray", "ray"),
    "a store in S3": ("s3fs", "s3"),
    "bench train on several devices": ("lightning_fabric", "train"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line about this machine.

    Attributes:
        name: what was looked at.
        found: what is there.
        remedy: the command or advice that gets what is missing, or "".
        needed: whether a plain `bench run` cannot do without it.
    """

    name: str
    found: str
    remedy: str = ""
    needed: bool = False


def examine(store: str | None = None) -> list[Finding]:
    """Look this machine over; nothing is written, downloaded or computed.

    Args:
        store: folder of stored answers; by default where runs keep them.
    """
    return [
        _bench(),
        _python(),
        *_torch(),
        Finding(name="cores", found=f"{available_cores()} ({processor()})"),
        _disk(),
        _store(Path(store) if store else home() / "store"),
        *_weights(),
        _browser(),
        *_extras(),
    ]


def _bench() -> Finding:
    return Finding(name="safepaint-bench", found=_version("safepaint-bench") or "not installed")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _python() -> Finding:
    return Finding(name="Python", found=f"{platform.python_version()}, {platform.system()}")


def _torch() -> list[Finding]:
    if find_spec("torch") is None:
        return [Finding(name="torch", found="missing", remedy="pip install torch", needed=True)]
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs"
    devices = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}"
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    remedy = ""
    if torch.version.cuda and not devices:
        remedy = "no GPU answers: networks run on the CPU, for which wheels without CUDA will do"
    return [
        Finding(name="torch", found=f"{torch.__version__} ({build})"),
        Finding(name="devices", found=", ".join(["cpu", *devices]), remedy=remedy),
    ]


def _disk() -> Finding:
    place = _existing(home())
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding(name="disk", found=f"{place}: {error.strerror}", needed=True)
    if not os.access(place, os.W_OK):
        return Finding(
            name="disk",
            found=f"{home()} cannot be written",
            remedy="export BENCH_HOME=FOLDER, or bench run --store FOLDER",
            needed=True,
        )
    remedy = "export BENCH_HOME=FOLDER on a larger disk" if free < LITTLE else ""
    return Finding(name="disk", found=f"{free / GIB:.1f} GiB free at {home()}", remedy=remedy)


def _existing(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(one for one in (path, *path.parents) if one.is_dir())


def _store(place: Path) -> Finding:
    sizes = []
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                sizes.append((Path(folder) / name).lstat().st_size)
            except OSError:  # another run took it away
                continue
    if not sizes:
        return Finding(name="store", found=f"none yet at {place}")
    found = f"{sum(sizes) / MIB:,.1f} MiB in {len(sizes)} files at {place}"
    return Finding(name="store", found=found)


def _weights() -> list[Finding]:
    cards = [registry.card(name) for registry in MODELS for name in registry.usable()]
    here = {card.name: editions(card) for card in cards if not card.weightless}
    official = sum(1 for found in here.values() if {"official", UNVERIFIED} & {*found})
    mini = sum("mini" in found for found in here.values())
    found = [
        Finding(
            name="weights",
            found=f"of {len(here)} networks: {official} the authors', {mini} mini",
            remedy="" if official else "bench weights says where the authors' files are",
        )
    ]
    altered = [one["file"] for one in weights_status() if one["state"] == "altered"]
    if altered:
        remedy = "bench weights add MODEL FILE"
        found.append(Finding(name="altered", found=", ".join(altered), remedy=remedy, needed=True))
    lpips = backbone_state("alexnet")
    remedy = "bench weights fetch alexnet (9.9 MB; without it LPIPS is a gap)"
    found.append(
        Finding(name="LPIPS", found=lpips, remedy=remedy if lpips in {"missing", "altered"} else "")
    )
    return found


def _browser() -> Finding:
    try:
        found = webbrowser.get().name or type(webbrowser.get()).__name__
    except webbrowser.Error:
        return Finding(
            name="browser",
            found="none",
            remedy="bench report writes one file: copy index.html to where there is one",
        )
    return Finding(name="browser", found=str(found))


def _extras() -> list[Finding]:
    return [
        Finding(
            name=extra,
            found="missing" if find_spec(module) is None else "here",
            remedy=f"pip install '.[{extra}]' ({use})" if find_spec(module) is None else "",
        )
        for use, (module, extra) in EXTRAS.items()
    ]


def findings_text(findings: list[Finding]) -> str:
    """Findings for a reader: what is there, and an arrow before what gets what is missing."""
    wide = max(len(one.name) for one in findings)
    lines = []
    for one in findings:
        lines.append(f"{one.name:<{wide}}  {one.found}")
        lines += [f"{'':<{wide}}  -> {one.remedy}"] if one.remedy else []
    return "\n".join(lines)
