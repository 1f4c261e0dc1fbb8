"""`bench new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import handle_errors, print_result


def new(
    kind: Annotated[str, typer.Argument(help="inpainter, detector, metric, dataset or launder.")],
    name: Annotated[str, typer.Argument(help="Name of the plugin and of its folder.")],
) -> None:
    """Create a working plugin project: a module, a test, and instructions to install it.

    Examples:

      bench new inpainter my-inpainter

      bench new detector my-detector
    """
    with handle_errors():
        from benchmark.scaffold import new_project

        files = new_project(kind, name, parent=Path())
        print_result("\n".join(["Created:", *(f"  {file}" for file in files)]))
        print_result(f"Next: cd {name}; pip install --editable . pytest; python -m pytest")
