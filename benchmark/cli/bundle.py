"""`bench submit` and `bench prove`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, print_line, print_result
from benchmark.core.inspecting import inspecting

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]i?)?B?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def submit(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    out: Annotated[Path, typer.Option(help="The bundle to write, such as bundle.zip.")],
    limit: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Largest size, such as 200MB: then maps of as many samples as fit are enclosed, "
            "in an order drawn by a hash of plan and samples.",
            show_default="all maps",
        ),
    ] = "",
    images: Annotated[
        bool,
        typer.Option(
            "--images", help="Also enclose images of a folder of your own, for anybody to see."
        ),
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(help="The run's store.", show_default="the run's, else the cache folder"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a run into one file whose numbers others can check with 'bench prove'.

    It holds plan, record, results, samples, cards, checksums of weights, masks and heatmaps, and
    images of data sets whose terms allow it ('bench show DATASET').

    Examples:

      bench submit results --out bundle.zip

      bench submit results --out bundle.zip --limit 200MB --images
    """
    with handle_errors(), inspecting():
        from benchmark.bundle import submit as write

        done = write(run, out, limit=_bytes(limit), images=images, store=store)
        if as_json:
            print_result(
                {
                    "bundle": str(done.path),
                    "bytes": done.size,
                    "samples": done.samples,
                    "enclosed": done.enclosed,
                    "notes": list(done.notes),
                }
            )
            return
        for note in done.notes:
            print_line(note)
        print_line(
            f"Bundle: {done.path}, {done.size:,} bytes, with the maps of {done.enclosed} of "
            f"{done.samples} samples. Check it as others will: bench prove {done.path}"
        )


def prove(
    bundle: Annotated[
        Path, typer.Argument(metavar="FILE", help="A bundle that 'bench submit' wrote.")
    ],
    recompute: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Run N random detections again, and inpaint N random images again, where images "
            "are enclosed and the weights are here.",
        ),
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of --recompute.")] = 0,
    as_json: Json = False,
) -> None:
    """Check the numbers of a bundle: compute them again from what is enclosed.

    Exit status 0: nothing contradicts, and each result is marked as recomputed, scored again,
    consistent or a claim. 1: something contradicts, one per line. Nothing in the file is executed.

    Examples:

      bench prove bundle.zip

      bench prove bundle.zip --recompute 20 --json
    """
    with handle_errors(), inspecting():
        from benchmark.bundle import prove as check

        proof = check(bundle, count=recompute, seed=seed, progress=_print_status)
        if as_json:
            print_result(proof.document())
        else:
            for line in proof.lines():
                print_line(line)
        raise typer.Exit(0 if proof.holds else 1)


def _print_status(text: str) -> None:
    typer.echo(text, err=True)


def _bytes(text: str) -> int | None:
    """Return the bytes of a size such as "200MB" (10^6) or "1GiB" (2^30); None for ""."""
    if not text:
        return None
    from benchmark.core.errors import BadInput

    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[(found[2] or "").lower()]) if found else 0
    if size < 1:
        raise BadInput(f"--limit: expected a size such as 200MB or 1.5GiB, got {text!r}")
    return size
