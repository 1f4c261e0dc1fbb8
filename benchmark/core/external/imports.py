"""Where a module's source lies, its hash, and importing it with errors that speak to its author."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
import warnings
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from benchmark.core.errors import CopyWarning, ExternalError


def module_file(module: str) -> Path | None:
    """The source file of a module, found without importing it or the packages it lies in.

    A module that is not on the path is also looked for in the current folder.

    Returns:
        The file, or None where there is no such module or it has no source.
    """
    top, *inner = module.split(".")
    spec = _top(top)
    name = top
    for part in inner:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _top(name: str) -> ModuleSpec | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a module that was put together by hand has no spec
        return None
    here = str(Path.cwd())
    if spec is None and here not in sys.path:
        spec = PathFinder.find_spec(name, [here])
        if spec is not None:
            sys.path.append(here)  # `bench` is a script, so Python has not put it there
            importlib.invalidate_caches()
    return spec


def warn_about_copies(module: str) -> None:
    """Say which is used where a module is installed and the current folder has another of it.

    Warns:
        CopyWarning: naming both files, where they are not the same.
    """
    name, here = module.split(".", maxsplit=1)[0], str(Path.cwd())
    used = _top(name)
    installed = [place for place in sys.path if place not in ("", here)]
    for places in ([here], installed):
        other = PathFinder.find_spec(name, places)
        files = [Path(one.origin or "") for one in (used, other) if one is not None]
        if any(file.suffix != ".py" for file in files) or len({*map(Path.resolve, files)}) < 2:
            continue
        if source_hash(files[0]) != source_hash(files[1]):
            warnings.warn(
                f"{name}: two of this name; {files[0]} is used, and not {files[1]}; install "
                "the one that is meant (pip install -e .) or rename one",
                CopyWarning,
                stacklevel=2,
            )


def source_hash(file: Path) -> str:
    """SHA-256 of a module's file or, in a package, of all Python files of its topmost package."""
    top = file.parent
    if not (top / "__init__.py").is_file():
        return hashlib.sha256(file.read_bytes()).hexdigest()
    while (top.parent / "__init__.py").is_file():
        top = top.parent
    whole = hashlib.sha256()
    for source in sorted(top.rglob("*.py")):
        whole.update(f"{source.relative_to(top).as_posix()}\0".encode())
        whole.update(hashlib.sha256(source.read_bytes()).digest())
    return whole.hexdigest()


def import_class(target: str) -> type:
    """Import "module:Class" of somebody else's.

    Raises:
        ExternalError: one line: the module is not there, fails to import (its own error, with file
            and line), or has no such class.
    """
    module, _, name = target.partition(":")
    if module_file(module) is None and module not in sys.modules:
        raise ExternalError(f"{target}: there is no module {module!r} here")
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise ExternalError(f"{target}: cannot be imported: {last_line(error)}") from error
    kind = getattr(found, name, None)
    if not isinstance(kind, type):
        raise ExternalError(f"{target}: {module} has no class {name!r}")
    return kind


def last_line(error: BaseException) -> str:
    """An exception's own last line, and where in somebody's source it was raised."""
    said = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SyntaxError):
        return f"{said} ({error.filename}:{error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename != __file__
    ]
    return f"{said} ({frames[-1].filename}:{frames[-1].lineno})" if frames else said
