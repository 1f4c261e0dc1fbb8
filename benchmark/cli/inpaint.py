"""`bench inpaint`."""

from __future__ import annotations

from pathlib import Path

from benchmark.cli import single_options as options
from benchmark.cli.errors import Json, handle_errors
from benchmark.cli.single import (
    Format,
    choose_models,
    collect_results,
    exit_if_failed,
    mask_source,
    open_session,
    parse_polarity,
    print_document,
    print_notes,
)


def inpaint(
    image: options.ImageOrFolder,
    mask: options.Masks = None,
    box: options.BoxText = None,
    inpainter: options.Inpainters = None,
    mask_polarity: options.MaskPolarity = "auto",
    weights: options.Weights = None,
    device: options.Device = "cpu",
    engine: options.Engine = None,
    seed: options.Seed = 0,
    out: options.Out = Path("inpainted"),
    store: options.StorePlace = None,
    quiet: options.Quiet = False,
    as_csv: options.Csv = False,
    as_json: Json = False,
) -> None:
    """Fill the hole of an image at its own size: OUT/IMAGE.INPAINTER.png.

    Known pixels stay as they are, bit for bit. What each inpainter saw of the image is printed: one
    that was made for images of a fixed size sees a crop around the hole. Exit status 0: every image
    was inpainted. 1: some could not be. 2: nothing could be done.

    Examples:

      bench inpaint photo.jpg hole.png

      bench inpaint photo.jpg --box 20,20,40,30 --inpainter lama,telea --out filled

      bench inpaint photos masks --inpainter telea --csv
    """
    with handle_errors(resumes=True):
        form = Format.of(as_json=as_json, as_csv=as_csv)
        source = mask_source(mask, box, needed=True)
        from benchmark.single.commands import InpaintedFile, inpaint_items
        from benchmark.single.documents import INPAINT_COLUMNS, inpaint_row
        from benchmark.single.files import find_items

        items = find_items([image], source, out=out)
        models = choose_models(
            inpainters=inpainter or ["safepaint"], weights=weights, engine=engine, device=device
        )
        print_notes(items.notes, models)
        polarity = parse_polarity(mask_polarity)
        with open_session(out, store, device=device, seed=seed, polarity=polarity, quiet=quiet) as (
            session,
            clear,
        ):
            found, failed = collect_results(
                inpaint_items(items.items, models.inpainters, session),
                InpaintedFile,
                clear,
                alone=len(items.items) == 1,
                line=(lambda one: one.line) if form is Format.LINES else None,
            )
        rows = [inpaint_row(one) for one in found]
        print_document(INPAINT_COLUMNS, rows, (models, failed), form)
        exit_if_failed(len(found), failed)
