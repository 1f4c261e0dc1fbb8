"""`bench new`: a project of the user's own that adds an inpainter, detector, metric or data set."""

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
from detectors import DETECTORS
from inpainters import INPAINTERS

KINDS: dict[str, Registry[Any]] = {
    "inpainter": INPAINTERS,
    "detector": DETECTORS,
    "metric": METRICS,
    "dataset": DATASETS,
}
RUNS = {
    "inpainter": "--inpainter $name --detector flatness",
    "detector": "--inpainter telea --detector $name",
    "metric": "--inpainter telea --detector flatness --metrics $name",
    "dataset": "--dataset $name --images images --inpainter telea --detector flatness",
}
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # as PEP 508 has it
_TEMPLATES = Path(__file__).parent / "templates"


def new_project(kind: str, name: str, *, parent: Path) -> list[Path]:
    """Write a project that works as it is, into a folder of its name.

    Args:
        kind: one of `KINDS`.
        name: what the distribution and the model, metric or data set are called.
        parent: where the project's folder is made.

    Returns:
        The files written.

    Raises:
        UnknownName: if there is no such kind.
        BadInput: if the name is none, or is taken.
        OutputError: if its folder is not empty or cannot be written.
    """
    if kind not in KINDS:
        raise UnknownName("kind of project", kind, KINDS)
    module = _module(name)
    if name in KINDS[kind]:
        raise BadInput(
            f"{name!r}: this name is taken here by another {KINDS[kind].kind}; take another"
        )
    folder = parent / name
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: is there already and not empty")
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
    """The module of a project of this name."""
    module = re.sub(r"[-.]+", "_", name).lower()
    if not _DISTRIBUTION.fullmatch(name) or not module.isidentifier() or not is_label(name):
        raise BadInput(
            f"{name!r} cannot be a project's name: letters, digits and ._- alone, beginning with "
            "a letter and ending with a letter or digit"
        )
    taken = module in sys.stdlib_module_names or importlib.util.find_spec(module) is not None
    if keyword.iskeyword(module) or taken:
        raise BadInput(f"{name!r}: {module!r} is a module or a word of Python's; take another name")
    return module
