"""`bench inpaint`, `bench detect` and `bench try`: single images and folders of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from benchmark.cli.errors import Json, handle_errors, parse_weights, print_line, print_result
from benchmark.core.errors import BadInput, DataError

if TYPE_CHECKING:
    from benchmark.masks.files import Polarity
    from benchmark.single.commands import Failed, Session
    from benchmark.single.masks import Box
    from benchmark.single.models import Models

MODELS, DATA, TILES, OUTPUT = "Models", "Data", "Large images", "Output"  # groups in the help
T = TypeVar("T")

BoxOption = Annotated[
    str | None,
    typer.Option(
        "--box", metavar="X,Y,W,H", help="A box as the mask, in pixels.", rich_help_panel=DATA
    ),
]
PolarityOption = Annotated[
    str,
    typer.Option("--mask-polarity", help="white-hole, black-hole or auto.", rich_help_panel=DATA),
]
WeightsOption = Annotated[
    list[str] | None,
    typer.Option(
        help="MODEL=official|mini|PATH; may be repeated.",
        show_default="official, else mini",
        rich_help_panel=MODELS,
    ),
]
DeviceOption = Annotated[
    str, typer.Option(help="A torch device, such as cuda:0.", rich_help_panel=MODELS)
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        help="Folder for stored outputs, or s3://bucket/prefix.",
        show_default="the cache folder",
        rich_help_panel=OUTPUT,
    ),
]
OutOption = Annotated[Path, typer.Option(help="Folder for the files.", rich_help_panel=OUTPUT)]
CsvOption = Annotated[
    bool, typer.Option("--csv", help="Print CSV instead of lines.", rich_help_panel=OUTPUT)
]
QuietOption = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="No progress, only results and failures.", rich_help_panel=OUTPUT
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(min=0, help="For inpainters that draw random numbers.", rich_help_panel=MODELS),
]


def inpaint(
    image: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    mask: Annotated[
        Path | None,
        typer.Argument(
            help="A mask, white = hole, or a folder of masks that are paired by name; or --box."
        ),
    ] = None,
    box: BoxOption = None,
    inpainter: Annotated[
        list[str] | None,
        typer.Option(
            help="Inpainters, with commas between, or your own as for bench run; 'all' for all "
            "that are installed.",
            show_default="safepaint",
            rich_help_panel=MODELS,
        ),
    ] = None,
    mask_polarity: PolarityOption = "auto",
    weights: WeightsOption = None,
    device: DeviceOption = "cpu",
    seed: SeedOption = 0,
    out: OutOption = Path("inpainted"),
    store: StoreOption = None,
    quiet: QuietOption = False,
    as_csv: CsvOption = False,
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
    with handle_errors():
        _refuse_both(as_json, as_csv)
        source = _mask_source(mask, box, needed=True)
        from benchmark.single.commands import InpaintedFile, inpaint_items
        from benchmark.single.documents import INPAINT_COLUMNS, inpaint_row
        from benchmark.single.files import find_items

        items = find_items([image], source, out=out)
        models = _choose(inpainters=inpainter or ["safepaint"], weights=weights)
        _say_notes(items.notes, models)
        with _session(
            out, store, device=device, seed=seed, polarity=_polarity(mask_polarity), quiet=quiet
        ) as (session, clear):
            found, failed = _collect(
                inpaint_items(items.items, models.inpainters, session),
                InpaintedFile,
                clear,
                alone=len(items.items) == 1,
                line=None if as_json or as_csv else lambda one: one.line,
            )
        rows = [inpaint_row(one) for one in found]
        _print_rows(INPAINT_COLUMNS, rows, (models, failed), as_json=as_json, as_csv=as_csv)
        _conclude(len(found), failed)


def detect(
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="Detectors, with commas between, or your own as for bench run; 'all' for all that "
            "have weights here.",
            show_default="all",
            rich_help_panel=MODELS,
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="The truth, white = manipulated: a file, or a folder of files that are paired by "
            "name; adds AUC and F1.",
            rich_help_panel=DATA,
        ),
    ] = None,
    box: BoxOption = None,
    mask_polarity: PolarityOption = "auto",
    weights: WeightsOption = None,
    device: DeviceOption = "cpu",
    tile: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Side of the tiles of a large image, in pixels; 0 for never.",
            show_default="512 above a megapixel",
            rich_help_panel=TILES,
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of neighboring tiles, in pixels; at most half a tile.",
            show_default="an eighth of a tile",
            rich_help_panel=TILES,
        ),
    ] = None,
    out: OutOption = Path("detected"),
    npz: Annotated[
        bool,
        typer.Option("--npz", help="Also write each heatmap as .npz.", rich_help_panel=OUTPUT),
    ] = False,
    html: Annotated[
        bool,
        typer.Option("--html", help="Also write OUT/index.html, one file.", rich_help_panel=OUTPUT),
    ] = False,
    store: StoreOption = None,
    quiet: QuietOption = False,
    as_csv: CsvOption = False,
    as_json: Json = False,
) -> None:
    """Look for forgeries: a line for each image and detector, a heatmap and an overlay.

    The line has the image-level score, the verdict at the detector's operating point, and the share
    of the heatmap above 0.5; with --mask or --box also AUC and F1. With this project's mini weights
    a verdict is no evidence. Exit status 0: all went well. 1: some image, truth or model could not
    be used. 2: nothing could be done.

    Examples:

      bench detect photo.jpg

      bench detect photos --detector trufor,psccnet --html

      bench detect inpainted --detector trufor --mask masks --csv
    """
    with handle_errors():
        _refuse_both(as_json, as_csv)
        source = _mask_source(mask, box, needed=False)
        from benchmark.single.commands import DetectedFile, detect_items
        from benchmark.single.documents import DETECT_COLUMNS, detect_row, write_detect_page
        from benchmark.single.files import find_items
        from benchmark.single.tiles import TileOptions

        items = find_items(images, source, out=out, partly=True)
        models = _choose(detectors=detector or ["all"], weights=weights)
        _say_notes(items.notes, models)
        with _session(
            out, store, device=device, polarity=_polarity(mask_polarity), quiet=quiet
        ) as (session, clear):
            found, failed = _collect(
                detect_items(
                    items.items,
                    models.detectors,
                    session,
                    tiles=TileOptions(tile=tile, overlap=overlap),
                    arrays=npz,
                ),
                DetectedFile,
                clear,
                alone=len(items.items) == 1,
                line=None if as_json or as_csv else lambda one: one.line,
            )
        if html and found:
            write_detect_page(out / "index.html", items.items, found, failed)
        rows = [detect_row(one) for one in found]
        _print_rows(DETECT_COLUMNS, rows, (models, failed), as_json=as_json, as_csv=as_csv)
        if not (as_json or as_csv):
            _say(f"Files: {out}" + ("; open index.html" if html and found else ""))
        _conclude(len(found), failed, gaps=any(one.gap for one in found))


def try_(
    image: Annotated[Path, typer.Argument(help="An image.")],
    mask: Annotated[
        Path | None,
        typer.Argument(
            help="A mask, white = hole; or --box.",
            show_default="a box in the middle, a third of either side",
        ),
    ] = None,
    box: BoxOption = None,
    inpainter: Annotated[
        list[str] | None,
        typer.Option(
            help="Inpainters, with commas between.", show_default="all", rich_help_panel=MODELS
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="Detectors, with commas between.", show_default="all", rich_help_panel=MODELS
        ),
    ] = None,
    largest: Annotated[
        int,
        typer.Option(
            "--max-side",
            min=0,
            help="Pixels that the image's longer side is reduced to; 0 leaves it.",
            rich_help_panel=DATA,
        ),
    ] = 512,
    mask_polarity: PolarityOption = "auto",
    weights: WeightsOption = None,
    device: DeviceOption = "cpu",
    seed: SeedOption = 0,
    out: OutOption = Path("try"),
    store: StoreOption = None,
    quiet: QuietOption = False,
    as_csv: CsvOption = False,
    as_json: Json = False,
) -> None:
    """Inpaint one image with every model that is installed, show it to every detector, and write
    one page, OUT/index.html.

    The quickest way to see what this project is about.

    Examples:

      bench try photo.jpg

      bench try photo.jpg hole.png --inpainter telea,meanfill --detector trufor
    """
    with handle_errors():
        _refuse_both(as_json, as_csv)
        source = _mask_source(mask, box, needed=False)
        from benchmark.core.images import read_image
        from benchmark.single.documents import TRY_COLUMNS, try_rows
        from benchmark.single.files import find_items
        from benchmark.single.masks import Box, read_hole
        from benchmark.single.trial import count_steps, reduce, reduced_size, try_models

        if image.is_dir():
            raise BadInput(f"{image}: a folder; bench try takes one image")
        (item,) = find_items([image], source).items
        models = _choose(
            inpainters=inpainter or ["all"], detectors=detector or ["all"], weights=weights
        )
        pixels = read_image(item.path)
        filed = (pixels.shape[0], pixels.shape[1])
        size = reduced_size(filed, largest)
        if size != filed:
            _say(
                f"The image is reduced from {filed[1]}x{filed[0]} to {size[1]}x{size[0]} pixels "
                "(--max-side)."
            )
        if source is None:
            source = Box.centered(*filed)
            _say(f"No mask given: the hole is a box in the middle, --box {source}.")
        read = read_hole(source, size, polarity=_polarity(mask_polarity), filed=filed)
        _say_notes(read.notes, models)
        if not quiet:
            _say(
                f"{len(models.inpainters)} inpainters, {len(models.detectors)} detectors: "
                f"{count_steps(models)} steps; fewer with --inpainter and --detector."
            )
        with _session(out, store, device=device, seed=seed, quiet=quiet) as (session, clear):
            trial = try_models(item, reduce(pixels, size), read.mask, models, session)
            clear()
        if not (as_json or as_csv):
            for line in trial.lines():
                print_line(line)
            for line in dict.fromkeys(
                f"{one.detector}: {one.evidence}" for one in trial.detected.values() if one.evidence
            ):
                print_line(line)
        _print_rows(
            TRY_COLUMNS, try_rows(trial), (models, trial.failed), as_json=as_json, as_csv=as_csv
        )
        _say(f"Page: {trial.page}")
        _conclude(len(trial.inpainted), trial.failed)


def _mask_source(mask: Path | None, box: str | None, *, needed: bool) -> Path | Box | None:
    """The mask that was named, as a file, a folder or a box."""
    if mask is not None and box is not None:
        raise BadInput("a mask and --box: expected one of them")
    if needed and mask is None and box is None:
        raise BadInput("expected a mask: MASK, or --box X,Y,W,H")
    if box is None:
        if mask is not None and not mask.exists():
            raise DataError(f"{mask}: no such mask")
        return mask
    from benchmark.single.masks import Box

    return Box.parse(box)


def _polarity(text: str) -> Polarity:
    from benchmark.single.masks import POLARITIES

    if text not in POLARITIES:
        raise BadInput(f"--mask-polarity {text}: expected white-hole, black-hole or auto")
    return POLARITIES[text]


def _refuse_both(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise BadInput("--json and --csv: expected one of them")


def _choose(
    *,
    inpainters: Sequence[str] = (),
    detectors: Sequence[str] = (),
    weights: Sequence[str] | None,
) -> Models:
    from benchmark.single.models import choose_models

    wanted = dict(parse_weights(text) for text in weights or ())
    return choose_models(inpainters=inpainters, detectors=detectors, weights=wanted)


@contextmanager
def _session(
    out: Path,
    store: str | None,
    *,
    device: str,
    seed: int = 0,
    polarity: Polarity = "auto",
    quiet: bool,
) -> Iterator[tuple[Session, Callable[[], None]]]:
    """A session, and what clears the line of progress."""
    from benchmark.core.model import check_device
    from benchmark.core.paths import expand_home
    from benchmark.single.cache import open_cache
    from benchmark.single.commands import Session
    from benchmark.single.progress import Lines, ignore_progress

    check_device(device)
    lines = Lines()
    with open_cache(store) as answers:
        try:
            yield (
                Session(
                    store=answers,
                    out=expand_home(out),
                    device=device,
                    seed=seed,
                    polarity=polarity,
                    notify=ignore_progress if quiet else lines,
                ),
                lines.clear,
            )
        finally:
            lines.clear()


def _collect(
    found: Iterator[T | Failed],
    kind: type[T],
    clear: Callable[[], None],
    *,
    alone: bool,
    line: Callable[[T], str] | None,
) -> tuple[list[T], list[Failed]]:
    """Print each result when it is there, and return them and the failures.

    Where there is one image alone, that it cannot be used is an error.
    """
    results: list[T] = []
    failed: list[Failed] = []
    for one in found:
        clear()
        if isinstance(one, kind):
            results.append(one)
            if line is not None:
                print_line(line(one))
            continue
        failure = cast("Failed", one)
        if alone and not failure.model:
            raise DataError(failure.reason)
        failed.append(failure)
        _say(failure.line)
    return results, failed


def _print_rows(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    also: tuple[Models, Sequence[Failed]],
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print a JSON document or CSV, where one of them is wanted."""
    from benchmark.single.documents import csv_text, failed_rows

    models, failed = also
    if as_json:
        document = {"results": rows, "failed": failed_rows(failed), "absent": list(models.absent)}
        print_result(document)
    elif as_csv:
        typer.echo(csv_text(columns, rows), nl=False)


def _say_notes(notes: Sequence[str], models: Models) -> None:
    for note in notes:
        _say(note)
    for reason in models.absent:
        _say(f"Left out: {reason}")


def _say(text: str) -> None:
    from benchmark.console import say

    say(text)


def _conclude(done: int, failed: Sequence[Failed], *, gaps: bool = False) -> None:
    """End with status 1 where something failed, and 2 where nothing at all could be used."""
    if failed and not done and all(not one.model for one in failed):
        raise DataError(f"no image could be used; the first: {failed[0].reason}")
    if failed or gaps:
        raise typer.Exit(1)
