"""`bench detect`."""

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
    print_note,
    print_notes,
)


def detect(
    images: options.Images,
    detector: options.Detectors = None,
    mask: options.TruthMask = None,
    box: options.BoxText = None,
    mask_polarity: options.MaskPolarity = "auto",
    weights: options.Weights = None,
    device: options.Device = "cpu",
    engine: options.Engine = None,
    tile: options.Tile = None,
    overlap: options.Overlap = None,
    out: options.Out = Path("detected"),
    npz: options.Npz = False,
    html: options.Html = False,
    store: options.StorePlace = None,
    quiet: options.Quiet = False,
    as_csv: options.Csv = False,
    as_json: Json = False,
) -> None:
    """Look for forgeries: a line for each image and detector, a heatmap and an overlay.

    The line has the image-level score, the verdict at the detector's operating point, and the share
    of the heatmap above 0.5; with --mask or --box also AUC and F1. With this project's mini weights
    a verdict is no evidence. Exit status 0: all went well. 1: some image, truth or model could not
    be used, or an image has no truth in --mask. 2: nothing could be done.

    Examples:

      bench detect photo.jpg

      bench detect photos --detector trufor,psccnet --html

      bench detect inpainted --detector trufor --mask masks --csv

      bench detect photos --detector trufor --engine openvino
    """
    with handle_errors(resumes=True):
        form = Format.of(as_json=as_json, as_csv=as_csv)
        source = mask_source(mask, box, needed=False)
        from benchmark.single.commands import DetectedFile, detect_items
        from benchmark.single.documents import DETECT_COLUMNS, detect_row, write_detect_page
        from benchmark.single.files import find_items
        from benchmark.single.tiles import TileOptions

        items = find_items(images, source, out=out, partly=True)
        models = choose_models(
            detectors=detector or ["all"], weights=weights, engine=engine, device=device
        )
        print_notes(items.notes, models)
        polarity, tiles = parse_polarity(mask_polarity), TileOptions(tile=tile, overlap=overlap)
        with open_session(out, store, device=device, polarity=polarity, quiet=quiet) as (
            session,
            clear,
        ):
            found, failed = collect_results(
                detect_items(items.items, models.detectors, session, tiles=tiles, arrays=npz),
                DetectedFile,
                clear,
                alone=len(items.items) == 1,
                line=(lambda one: one.line) if form is Format.LINES else None,
            )
        if html and found:
            write_detect_page(out / "index.html", items.items, found, failed)
        print_document(DETECT_COLUMNS, [detect_row(one) for one in found], (models, failed), form)
        if form is Format.LINES:
            print_note(f"Files: {out}" + ("; open index.html" if html and found else ""))
        exit_if_failed(len(found), failed, gaps=any(one.gap for one in found))
