"""Find, hash and import modules of plugins, with errors that point to their source."""

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
    """Find the source file of a module without importing it or its parent packages.

    The current folder is searched too if the module is not on the path.

    Returns:
        The file, or None if the module does not exist or has no source.
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
    except (ImportError, ValueError):  # a module created at runtime may have no spec
        return None
    here = str(Path.cwd())
    if spec is None and here not in sys.path:
        spec = PathFinder.find_spec(name, [here])
        if spec is not None:
            sys.path.append(here)  # Python does not add it for scripts such as `bench`
            importlib.invalidate_caches()
    return spec


def warn_about_copies(module: str) -> None:
    """Warn if a module is installed and the current folder has a different copy of it.

    Warns:
        CopyWarning: with both files, if their contents differ.
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
                "the right one (pip install -e .) or rename one",
                CopyWarning,
                stacklevel=2,
            )


def source_hash(file: Path) -> str:
    """Return the SHA-256 of a module's file or, in a package, of all its top package's sources."""
    top = file.parent
    if not (top / "__init__.py").is_file():
        return hashlib.sha256(file.read_bytes()).hexdigest()
    while (top.parent / "__init__.py").is_file():
        top = top.parent
    return tree_hash(top)


def tree_hash(top: Path) -> str:
    """Return the SHA-256 of the names and contents of all Python sources below a folder."""
    whole = hashlib.sha256()
    for source in sorted(top.rglob("*.py")):
        whole.update(f"{source.relative_to(top).as_posix()}\0".encode())
        whole.update(hashlib.sha256(source.read_bytes()).digest())
    return whole.hexdigest()


def import_class(target: str) -> type:
    """Import a plugin's class.

    Args:
        target: "module:Class".

    Raises:
        ExternalError: in one line, if the module does not exist, fails to import (with its own
            error, file and line), or has no such class.
    """
    module, _, name = target.partition(":")
    if module_file(module) is None and module not in sys.modules:
        raise ExternalError(f"{target}: there is no module {module!r}")
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise ExternalError(f"{target}: cannot be imported: {last_line(error)}") from error
    kind = getattr(found, name, None)
    if not isinstance(kind, type):
        raise ExternalError(f"{target}: {module} has no class {name!r}")
    return kind


def last_line(error: BaseException) -> str:
    """Return an exception's last line, with the file and line that raised it."""
    message = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SyntaxError):
        return f"{message} ({error.filename}:{error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename != __file__
    ]
    return f"{message} ({frames[-1].filename}:{frames[-1].lineno})" if frames else message
