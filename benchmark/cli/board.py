"""`bench board`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, print_result
from benchmark.core.filenames import printable
from benchmark.core.inspecting import inspecting


def board(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of finished runs, also of merged shards, and bundles.", metavar="RUN..."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder for the site: new, empty, or an earlier board to replace."),
    ],
    open_: Annotated[
        bool, typer.Option("--open", help="Open the site in the web browser.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a static site about many runs: a table, charts, images, a page for each model and run.

    No model is loaded and no network is needed. Bundles are checked as by 'bench prove --recompute
    0', and their rows marked. Runs whose numbers cannot be compared are in sections of their own. A
    run that cannot be used is left out and named, and the exit status is 1.

    Examples:

      bench board runs/* --out site

      bench board before after --out site --open
    """
    with handle_errors(), inspecting():
        from reports.board.write import write_board
        from reports.page.finding import counted

        made = write_board(runs, out, progress=lambda text: typer.echo(printable(text), err=True))
        lines = [printable(f"Left out: {one.line}") for one in made.left_out]
        sections = counted(len(made.sections), "section")
        lines.append(f"{counted(len(made.runs), 'run')} in {sections}")
        lines.append(printable(f"Board: {made.page}"))
        result = {
            "page": str(made.page),
            "runs": made.runs,
            "sections": made.sections,
            "left_out": [one._asdict() for one in made.left_out],
        }
        print_result(result if as_json else "\n".join(lines))
        if open_:
            import webbrowser

            webbrowser.open(made.page.absolute().as_uri())
        if not all(one.twice for one in made.left_out):
            raise typer.Exit(1)
