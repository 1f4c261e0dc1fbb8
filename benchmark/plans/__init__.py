"""Plans that ship with the bench: the paper's tables. A new one is a TOML file beside this one."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import UnknownName

_HERE = Path(__file__).parent
PLANS = tuple(sorted(path.stem for path in _HERE.glob("*.toml")))


def plan_file(name: str) -> Path:
    """The file of a plan.

    Args:
        name: one of `PLANS`, or the path of a TOML file.

    Raises:
        UnknownName: if it is neither a plan of ours nor looks like a path.
    """
    if name in PLANS:
        return _HERE / f"{name}.toml"
    path = Path(name)
    if path.suffix == ".toml" or len(path.parts) > 1 or path.is_file():
        return path
    raise UnknownName("plan", name, PLANS)
