"""`bench weights`: list, install and download checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, print_line, print_result

weights_app = typer.Typer(
    help="List, install and download checkpoints. Only 'fetch' downloads anything.",
    epilog="Example: bench weights add trufor trufor.pth.tar",
    invoke_without_command=True,
)


@weights_app.callback(invoke_without_command=True)
def weights_list(context: typer.Context, as_json: Json = False) -> None:
    """List the weights of all models: what is here, what is missing, and how to get it."""
    if context.invoked_subcommand is None:
        with handle_errors(resumes=True):
            from benchmark.install import weights_status
            from benchmark.weights_table import weights_text

            found = weights_status()
            print_result(found if as_json else weights_text(found))


@weights_app.command("add")
def weights_add(
    name: Annotated[str, typer.Argument(help="Model, or a backbone such as alexnet.")],
    files: Annotated[
        list[Path], typer.Argument(help="Checkpoint files, their archive, or their folder.")
    ],
) -> None:
    """Verify and install checkpoints that you have: the authors' files, archive or folder.

    Examples:

      bench weights add trufor trufor.pth.tar

      bench weights add psccnet PSCC-Net/checkpoint
    """
    with handle_errors(resumes=True):
        from benchmark.install import add_weights

        typer.echo(add_weights(name, *files))


@weights_app.command("fetch")
def weights_fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="Model, a backbone such as alexnet, or a file on the Hugging Face hub as "
            "hf://ORG/REPO@COMMIT/FILE, which goes into the hub's local cache."
        ),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Accept the license without a prompt.")
    ] = False,
    largest: Annotated[
        int, typer.Option(min=1, help="Size limit in GiB for files of unpublished size.")
    ] = 4,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Download again, and accept another file than the one fetched before, where no "
            "checksum is published.",
        ),
    ] = False,
) -> None:
    """Show the license, then download, verify and install; do nothing if already installed.

    An interrupted download is continued by the same command.

    Examples:

      bench weights fetch alexnet

      bench weights fetch madf --yes
    """
    with handle_errors(resumes=True):
        from benchmark.fetch_weights import already_here, fetch_weights, license_of

        if not replace and (here := already_here(name)):
            print_line(here)
            return
        print_result(license_of(name))
        if not yes and not typer.confirm("Do you accept these terms and want to download?"):
            raise typer.Exit(1)
        print_result(fetch_weights(name, say=print_line, largest=largest * 2**30, replace=replace))
