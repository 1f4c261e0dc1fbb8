"""Plans that ship, one TOML file each: the tables of the paper, `mini` and `controls`."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import UnknownName

_HERE = Path(__file__).parent
PLANS = tuple(sorted(path.stem for path in _HERE.glob("*.toml")))


def plan_file(name: str) -> Path:
    """Return the file of a plan.

    Args:
        name: one of `PLANS`, or the path of a TOML file.

    Raises:
        UnknownName: if it is neither the name of a plan nor a path.
    """
    if name in PLANS:
        return _HERE / f"{name}.toml"
    path = Path(name)
    if path.suffix == ".toml" or len(path.parts) > 1 or path.is_file():
        return path
    raise UnknownName("plan", name, PLANS)
