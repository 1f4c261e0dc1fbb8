"""Turn the folder of a finished run into that of an interrupted one."""

from __future__ import annotations

from pathlib import Path


def stop(folder: Path) -> None:
    """Take back the end of a run."""
    (folder / "record.json").rename(folder / "begun.json")
    (folder / "samples.csv").rename(folder / "begun.csv")
    for name in ("results.csv", "table.md"):
        (folder / name).unlink(missing_ok=True)
