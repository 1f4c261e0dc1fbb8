"""Plugin projects of `bench new`: a model, metric, data set or post-processing, with a test."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template
from typing import Any

from benchmark.core.errors import BadInput, OutputError, UnknownName
from benchmark.core.external.spec import is_label
from benchmark.core.paths import make_folder, write_text
from benchmark.core.registry import Registry
from benchmark.datasets import DATASETS
from benchmark.metrics import METRICS
from benchmark.postprocess import LAUNDERS
from detectors import DETECTORS
from inpainters import INPAINTERS

KINDS: dict[str, Registry[Any]] = {
    "inpainter": INPAINTERS,
    "detector": DETECTORS,
    "metric": METRICS,
    "dataset": DATASETS,
    "launder": LAUNDERS,
}
RUNS = {
    "inpainter": "--inpainter $name --detector flatness",
    "detector": "--inpainter telea --detector $name",
    "metric": "--inpainter telea --detector flatness --metrics $name",
    "dataset": "--dataset $name --images images --inpainter telea --detector flatness",
    "launder": "--inpainter telea --detector flatness --launder $name",
}
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508
_TEMPLATES = Path(__file__).parent / "templates"


def new_project(kind: str, name: str, *, parent: Path) -> list[Path]:
    """Write a working plugin project into a folder of its name.

    Args:
        kind: one of `KINDS`.
        name: name of the distribution and of what it provides.
        parent: folder in which the project's folder is created.

    Returns:
        The files written.

    Raises:
        UnknownName: if there is no such kind.
        BadInput: if the name is invalid or taken.
        OutputError: if the folder is not empty or cannot be written.
    """
    if kind not in KINDS:
        raise UnknownName("kind of project", kind, KINDS)
    module = _module(name)
    if name in KINDS[kind]:
        raise BadInput(
            f"{name!r}: already the name of another {KINDS[kind].kind}; choose another name"
        )
    folder = parent / name
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: already exists and is not empty")
    words = {
        "name": name,
        "kind": kind,
        "a_kind": f"{'An' if kind == 'inpainter' else 'A'} {kind}",
        "module": module,
        "cls": _class(module, kind),
        "run": Template(RUNS[kind]).substitute(name=name),
    }
    files = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{module}.py": f"{kind}.py",
        f"test_{module}.py": f"test_{kind}.py",
    }
    make_folder(folder)
    for file, template in files.items():
        text = (_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
        write_text(folder / file, Template(text).substitute(words))
    return [folder / file for file in files]


def _class(module: str, kind: str) -> str:
    whole = "".join(part.capitalize() for part in module.split("_"))
    return (whole.removesuffix(kind.capitalize()) or "My") + kind.capitalize()


def _module(name: str) -> str:
    """Return the name of the module of a project, or raise BadInput."""
    module = re.sub(r"[-.]+", "_", name).lower()
    if not _DISTRIBUTION.fullmatch(name) or not module.isidentifier() or not is_label(name):
        raise BadInput(
            f"{name!r} is not a valid project name: use only letters, digits and ._-, starting "
            "with a letter and ending with a letter or digit"
        )
    taken = module in sys.stdlib_module_names or importlib.util.find_spec(module) is not None
    if keyword.iskeyword(module) or taken:
        raise BadInput(f"{name!r}: {module!r} is a module or a Python keyword; choose another name")
    return module
