"""`bench new`: a project for an inpainter, detector, metric or data set of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import show_text, speaking


def new(
    kind: Annotated[str, typer.Argument(help="inpainter, detector, metric or dataset.")],
    name: Annotated[str, typer.Argument(help="Its name, and that of its folder.")],
) -> None:
    """Write a plugin that works as it is: a module, a test, and how to install it.

    Examples:

      bench new inpainter my-inpainter

      bench new detector my-looker
    """
    with speaking():
        from benchmark.scaffold import new_project

        files = new_project(kind, name, parent=Path())
        show_text("\n".join(["Written:", *(f"  {file}" for file in files)]))
        show_text(f"Next: cd {name}; pip install --editable . ; python -m pytest")
