"""`bench try`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import single_options as options
from benchmark.cli.errors import Json, handle_errors, print_line
from benchmark.cli.single import (
    Format,
    choose_models,
    exit_if_failed,
    mask_source,
    open_session,
    parse_polarity,
    print_document,
    print_note,
    print_notes,
)
from benchmark.core.errors import BadInput

if TYPE_CHECKING:  # loads torch
    from benchmark.core.types import Pixels
    from benchmark.single.masks import Box, ReadMask
    from benchmark.single.models import Models
    from benchmark.single.trial import Trial


def try_(
    image: options.Image,
    mask: options.Mask = None,
    box: options.BoxText = None,
    inpainter: options.TriedInpainters = None,
    detector: options.TriedDetectors = None,
    largest: options.MaxSide = 512,
    mask_polarity: options.MaskPolarity = "auto",
    weights: options.Weights = None,
    device: options.Device = "cpu",
    engine: options.Engine = None,
    seed: options.Seed = 0,
    out: options.Out = Path("try"),
    store: options.StorePlace = None,
    quiet: options.Quiet = False,
    as_csv: options.Csv = False,
    as_json: Json = False,
) -> None:
    """Inpaint one image with every model that is installed, show it to every detector, and write
    one page, OUT/index.html.

    The quickest way to see what this project is about.

    Examples:

      bench try photo.jpg

      bench try photo.jpg hole.png --inpainter telea,meanfill --detector trufor
    """
    with handle_errors(resumes=True):
        form = Format.of(as_json=as_json, as_csv=as_csv)
        source = mask_source(mask, box, needed=False)
        from benchmark.core.images import read_image
        from benchmark.single.documents import TRY_COLUMNS, try_rows
        from benchmark.single.files import find_items
        from benchmark.single.trial import try_models

        if image.is_dir():
            raise BadInput(f"{image}: a folder; bench try takes one image")
        (item,) = find_items([image], source).items
        models = choose_models(
            inpainters=inpainter or ["all"],
            detectors=detector or ["all"],
            weights=weights,
            engine=engine,
            device=device,
        )
        pixels, hole = _reduce(read_image(item.path), source, largest, mask_polarity)
        print_notes(hole.notes, models)
        if not quiet:
            _print_steps(models)
        with open_session(out, store, device=device, seed=seed, quiet=quiet) as (session, clear):
            trial = try_models(item, pixels, hole.mask, models, session)
            clear()
        if form is Format.LINES:
            _print_lines(trial)
        print_document(TRY_COLUMNS, try_rows(trial), (models, trial.failed), form)
        print_note(f"Page: {trial.page}")
        exit_if_failed(len(trial.inpainted), trial.failed)


def _reduce(
    pixels: Pixels, source: Path | Box | None, largest: int, polarity: str
) -> tuple[Pixels, ReadMask]:
    """Return the image with its longer side reduced to `largest`, and the hole at that size."""
    from benchmark.single.masks import Box, read_hole
    from benchmark.single.trial import reduce, reduced_size

    filed = (pixels.shape[0], pixels.shape[1])
    size = reduced_size(filed, largest)
    if size != filed:
        print_note(
            f"The image is reduced from {filed[1]}x{filed[0]} to {size[1]}x{size[0]} pixels "
            "(--max-side)."
        )
    if source is None:
        source = Box.centered(*filed)
        print_note(f"No mask given: the hole is a box in the middle, --box {source}.")
    hole = read_hole(source, size, polarity=parse_polarity(polarity), filed=filed)
    return reduce(pixels, size), hole


def _print_steps(models: Models) -> None:
    from benchmark.single.trial import count_steps

    print_note(
        f"{len(models.inpainters)} inpainters, {len(models.detectors)} detectors: "
        f"{count_steps(models)} steps; fewer with --inpainter and --detector."
    )


def _print_lines(trial: Trial) -> None:
    """Print a line per image, and what each detector's operating point rests on."""
    for line in trial.lines():
        print_line(line)
    evidence = (
        f"{one.detector}: {one.evidence}" for one in trial.detected.values() if one.evidence
    )
    for line in dict.fromkeys(evidence):
        print_line(line)
