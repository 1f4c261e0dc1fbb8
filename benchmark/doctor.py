"""System checks of `bench doctor`: Python, torch, devices, disk, store, weights, browser."""

from __future__ import annotations

import os
import platform
import shutil
import webbrowser
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec
from pathlib import Path

from benchmark.core.backbones import backbone_state
from benchmark.core.checkpoints.resolve import UNVERIFIED
from benchmark.core.engines.files import engines_folder
from benchmark.core.paths import home
from benchmark.core.processor import available_cores, processor
from benchmark.install import weights_status
from benchmark.listing import MODELS, editions

MIB, GIB = 2**20, 2**30
LITTLE = 5 * GIB  # free disk space below which the paper's plans soon fail
OPENCV = "opencv-contrib-python-headless"  # the distribution of OpenCV that this project installs
EXTRAS = {  # purpose: a module that shows it is installed, and the extra that installs it
    "workers on a Ray cluster": ("ray", "ray"),
    "a store in S3": ("s3fs", "s3"),
    "bench train on several devices": ("lightning_fabric", "train"),
    "spandrel:FILE": ("spandrel", "spandrel"),
    "diffusers:ID": ("diffusers", "diffusers"),
    "--engine openvino": ("openvino", "openvino"),
    "--engine onnxruntime": ("onnxruntime", "onnxruntime"),
}
COLLECTIONS = {  # installed beside this project (docs/others.md): distribution, expected version
    "diffusers": "0.42.1",
    "spandrel": "0.4.2",
    "iopaint": "1.6.0",
    "imdlbenco": "0.1.45",
    "photoholmes": "0.0.1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCheck:
    """The result of one check of this machine.

    Attributes:
        name: what was checked.
        found: what was found.
        remedy: the command or advice that installs what is missing, or "".
        needed: whether `bench run` fails without it.
    """

    name: str
    found: str
    remedy: str = ""
    needed: bool = False


def run_checks(store: str | None = None) -> list[SystemCheck]:
    """Check this machine; nothing is written, downloaded or computed.

    Args:
        store: store of outputs; by default the one that runs use.
    """
    return [
        _bench(),
        _python(),
        *_torch(),
        SystemCheck(name="cores", found=f"{available_cores()} ({processor()})"),
        _disk(),
        _folder("store", Path(store) if store else home() / "store"),
        *_engines(),
        *_weights(),
        _browser(),
        *_extras(),
        *_collections(),
        *_opencv(),
    ]


def _bench() -> SystemCheck:
    return SystemCheck(name="safepaint-bench", found=_version("safepaint-bench") or "not installed")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _python() -> SystemCheck:
    return SystemCheck(name="Python", found=f"{platform.python_version()}, {platform.system()}")


def _torch() -> list[SystemCheck]:
    if find_spec("torch") is None:
        return [SystemCheck(name="torch", found="missing", remedy="pip install torch", needed=True)]
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    devices = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}"
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    remedy = ""
    if torch.version.cuda and not devices:
        remedy = "no GPU found: networks run on the CPU, where wheels without CUDA suffice"
    return [
        SystemCheck(name="torch", found=f"{torch.__version__} ({build})"),
        SystemCheck(name="devices", found=", ".join(["cpu", *devices]), remedy=remedy),
    ]


def _disk() -> SystemCheck:
    place = _existing(home())
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return SystemCheck(name="disk", found=f"{place}: {error.strerror}", needed=True)
    if not os.access(place, os.W_OK):
        return SystemCheck(
            name="disk",
            found=f"{home()} cannot be written",
            remedy="export BENCH_HOME=FOLDER, or bench run --store FOLDER",
            needed=True,
        )
    remedy = "export BENCH_HOME=FOLDER on a larger disk" if free < LITTLE else ""
    return SystemCheck(name="disk", found=f"{free / GIB:.1f} GiB free at {home()}", remedy=remedy)


def _existing(path: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(one for one in (path, *path.parents) if one.is_dir())


def _folder(what: str, place: Path) -> SystemCheck:
    """Return how much a folder holds, such as the store."""
    sizes = []
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                sizes.append((Path(folder) / name).lstat().st_size)
            except OSError:  # removed by another run
                continue
    if not sizes:
        return SystemCheck(name=what, found=f"none yet at {place}")
    found = f"{sum(sizes) / MIB:,.1f} MiB in {len(sizes)} files at {place}"
    return SystemCheck(name=what, found=found)


def _engines() -> list[SystemCheck]:
    place = engines_folder()
    return [_folder("converted for --engine", place)] if place.is_dir() else []


def _weights() -> list[SystemCheck]:
    cards = [registry.card(name) for registry in MODELS for name in registry.usable()]
    here = {card.name: editions(card) for card in cards if not card.weightless}
    official = sum(1 for found in here.values() if {"official", UNVERIFIED} & {*found})
    mini = sum("mini" in found for found in here.values())
    found = [
        SystemCheck(
            name="weights",
            found=f"{len(here)} networks: official weights for {official}, mini for {mini}",
            remedy="" if official else "bench weights lists where the authors' files are published",
        )
    ]
    altered = [one["file"] for one in weights_status() if one["state"] == "altered"]
    if altered:
        remedy = "bench weights add MODEL FILE"
        found.append(
            SystemCheck(name="altered", found=", ".join(altered), remedy=remedy, needed=True)
        )
    lpips = backbone_state("alexnet")
    remedy = "bench weights fetch alexnet (9.9 MB; without it LPIPS is not computed)"
    found.append(
        SystemCheck(
            name="LPIPS", found=lpips, remedy=remedy if lpips in {"missing", "altered"} else ""
        )
    )
    return found


def _browser() -> SystemCheck:
    try:
        found = webbrowser.get().name or type(webbrowser.get()).__name__
    except webbrowser.Error:
        return SystemCheck(
            name="browser",
            found="none",
            remedy="bench report writes a single file: open index.html on another machine",
        )
    return SystemCheck(name="browser", found=str(found))


def _extras() -> list[SystemCheck]:
    return [
        SystemCheck(
            name=extra,
            found="missing" if find_spec(module) is None else "installed",
            remedy=f"pip install '.[{extra}]' ({use})" if find_spec(module) is None else "",
        )
        for use, (module, extra) in EXTRAS.items()
    ]


def _collections() -> list[SystemCheck]:
    """Return a check for each installed collection of another version than the expected one."""
    return [
        SystemCheck(
            name=name,
            found=f"{_version(name)} is installed, expected {expected}",
            remedy="docs/others.md says what was tried with it",
        )
        for name, expected in COLLECTIONS.items()
        if _version(name) not in ("", expected)
    ]


def _opencv() -> list[SystemCheck]:
    """Return a check that fails if several distributions of OpenCV overwrite each other's cv2."""
    names = {one.name.lower() for one in distributions() if one.name}
    builds = sorted(name for name in names if name.startswith("opencv-"))
    if len(builds) < 2:
        return []
    others = [name for name in builds if name != OPENCV]
    remedy = f"pip uninstall {' '.join(builds)}, then pip install {OPENCV}"
    found = f"{OPENCV} and {', '.join(others)} overwrite each other"
    return [SystemCheck(name="OpenCV", found=found, remedy=remedy, needed=True)]


def checks_text(checks: list[SystemCheck]) -> str:
    """Format the results: one line each, with the remedy behind an arrow on the next line."""
    wide = max(len(one.name) for one in checks)
    lines = []
    for one in checks:
        lines.append(f"{one.name:<{wide}}  {one.found}")
        lines += [f"{'':<{wide}}  -> {one.remedy}"] if one.remedy else []
    return "\n".join(lines)
