"""A run's folder as it was before the run had ended: what it says of itself from its beginning."""

from __future__ import annotations

from pathlib import Path


def stop(folder: Path) -> None:
    """Take back the end of a run."""
    (folder / "record.json").rename(folder / "begun.json")
    (folder / "samples.csv").rename(folder / "begun.csv")
    for name in ("results.csv", "table.md"):
        (folder / name).unlink(missing_ok=True)
