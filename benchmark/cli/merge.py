"""`bench merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, speaking
from benchmark.core.inspecting import inspecting


def merge(
    out: Annotated[Path, typer.Argument(help="Folder for the run.", metavar="OUT")],
    shards: Annotated[
        list[Path], typer.Argument(help="The folders of all its shards.", metavar="SHARD...")
    ],
    store: Annotated[
        str | None,
        typer.Option(
            help="Folder for all stored answers, or s3://bucket/prefix.",
            show_default="OUT/store, apart from what your own runs keep",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make one run of the runs of all its shards ('bench run --shard I/N'), and print the table.

    Nothing is computed. The files are those that one run of the whole plan writes. The shards'
    answers go into OUT/store: in a store that other runs use, those would believe them.

    Examples:

      bench merge results shards/1 shards/2 shards/3

      bench merge results shards/* --store store
    """
    with speaking(), inspecting():
        from benchmark.console import show_record
        from benchmark.merge import merge as merge_shards

        record = merge_shards(shards, out=out, store=store)
        show_record(record, as_json=as_json)
        if not record.complete:
            raise typer.Exit(1)
