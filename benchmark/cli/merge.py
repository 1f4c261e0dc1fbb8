"""`bench merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, handle_errors
from benchmark.core.inspecting import inspecting


def merge(
    first: Annotated[
        Path,
        typer.Argument(help="Folder for the merged run, unless --out names it.", metavar="OUT"),
    ],
    shards: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of all shards of the run.", metavar="SHARD..."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the merged run; then all arguments are shards.",
            show_default="the first argument",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Store for the outputs of all shards: a folder, or s3://bucket/prefix.",
            show_default="OUT/store, separate from the store of your own runs",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Merge the shards of a run ('bench run --shard I/N') into one run, and print the table.

    Nothing is computed. The merged run has the same files as an unsharded run of the plan. The
    shards' outputs go to OUT/store, not to the store of your own runs, which would reuse them.

    Examples:

      bench merge results shards/1 shards/2 shards/3

      bench merge results shards/* --store store

      bench merge shards/* --out results
    """
    with handle_errors(), inspecting():
        from benchmark.console import show_record
        from benchmark.core.errors import BadInput
        from benchmark.merge import merge as merge_shards

        places = [*([first] if out else []), *(shards or [])]
        if not places:
            raise BadInput(f"{first}: expected the shards' folders too: bench merge OUT SHARD...")
        record = merge_shards(places, out=out or first, store=store)
        show_record(record, as_json=as_json)
        if not record.complete:
            raise typer.Exit(1)
