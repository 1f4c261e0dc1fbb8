"""Record what each extra installs: `python -m tools.extras` writes tests/unit/extras.json.

The test that our extras pull one build of OpenCV reads the record, so it needs neither a network
nor the packages. Record it again after a change of the dependencies or extras in pyproject.toml, in
an environment in which this project is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "unit" / "extras.json"
Requires = Callable[[str], Iterable[str]]


def wanted_by_extra() -> dict[str, list[str]]:
    """Return the requirements of each extra, and of the project itself under ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def installed_requires(name: str) -> Iterable[str]:
    """Return the requirements of an installed distribution; none if it is not installed."""
    try:
        return requires(name) or ()
    except PackageNotFoundError:
        return ()


def closure(lines: Iterable[str], requires_of: Requires = installed_requires) -> set[str]:
    """Return the names of requirements, and of all that they require, canonical.

    Args:
        lines: requirements.
        requires_of: returns the requirements of a distribution.
    """
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in lines]
    while waiting:
        one, extra_of_parent = waiting.pop()
        if one.marker and not one.marker.evaluate({"extra": extra_of_parent}):
            continue
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                waiting += [(Requirement(line), extra) for line in requires_of(name)]
    return {name for name, _ in found}


def resolved(requirements: list[str]) -> set[str]:
    """Return the names of all distributions that pip would install, or has installed."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ("--dry-run", "--quiet", "--report", str(report))
        command = [sys.executable, "-m", "pip", "install", *options, *requirements]
        subprocess.run(command, check=True)  # noqa: S603 (pip, with this project's own words)
        new = [one["metadata"] for one in json.loads(report.read_text("utf-8"))["install"]]
    known = {canonicalize_name(one["name"]): one.get("requires_dist", ()) for one in new}
    return closure(requirements, lambda name: known.get(name) or installed_requires(name))


def main() -> None:
    """Write the record."""
    wanted = wanted_by_extra()
    record = {
        name: {"wanted": lines, "installed": sorted(resolved(lines))}
        for name, lines in wanted.items()
    }
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
