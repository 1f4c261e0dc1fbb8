"""`bench weights`: list, add and fetch checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, show_text, speaking

weights_app = typer.Typer(
    help="List, add and fetch checkpoints. Nothing is downloaded unless 'fetch' is called.",
    epilog="Example: bench weights add trufor trufor.pth.tar",
    invoke_without_command=True,
)


@weights_app.callback(invoke_without_command=True)
def weights_list(context: typer.Context, as_json: Json = False) -> None:
    """List every checkpoint: where it is published, its license, and whether it is here."""
    if context.invoked_subcommand is None:
        with speaking():
            from benchmark.install import weights_status
            from benchmark.listing import weights_text

            found = weights_status()
            show_text(found if as_json else weights_text(found))


@weights_app.command("add")
def weights_add(
    name: Annotated[str, typer.Argument(help="The model, or a backbone such as alexnet.")],
    files: Annotated[
        list[Path], typer.Argument(help="The files you have, their archive, or their folder.")
    ],
) -> None:
    """Verify what you have and install it: the authors' file, archive or folder.

    Examples:

      bench weights add trufor trufor.pth.tar

      bench weights add psccnet PSCC-Net/checkpoint
    """
    with speaking():
        from benchmark.install import add_weights

        typer.echo(add_weights(name, *files))


@weights_app.command("fetch")
def weights_fetch(
    name: Annotated[str, typer.Argument(help="The model, or a backbone such as alexnet.")],
    yes: Annotated[bool, typer.Option("--yes", help="Accept the license; for scripts.")] = False,
    largest: Annotated[
        int, typer.Option(min=1, help="GiB that a file may have whose size nobody states.")
    ] = 4,
) -> None:
    """Show the license, download with progress, verify and install; nothing if it is here already.

    Example:

      bench weights fetch alexnet
    """
    with speaking():
        from benchmark.install import already_here, fetch_weights, licence_of

        if here := already_here(name):
            typer.echo(here)
            return
        typer.echo(licence_of(name))
        if not yes and not typer.confirm("Do you accept these terms and want to download?"):
            raise typer.Exit(1)
        typer.echo(fetch_weights(name, say=typer.echo, largest=largest * 2**30))
