"""Options of `bench inpaint`, `bench detect` and `bench try`: types, help texts and groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MODELS, DATA, TILES, OUTPUT = "Models", "Data", "Large images", "Output"  # groups in the help

Image = Annotated[Path, typer.Argument(help="An image.")]
ImageOrFolder = Annotated[Path, typer.Argument(help="An image, or a folder of images.")]
Images = Annotated[list[Path], typer.Argument(help="Images, or folders of images.")]
Mask = Annotated[
    Path | None,
    typer.Argument(
        help="A mask, white = hole; or --box.",
        show_default="a box in the middle, a third of either side",
    ),
]
Masks = Annotated[
    Path | None,
    typer.Argument(
        help="A mask, white = hole, or a folder of masks that are paired by name; or --box."
    ),
]

Inpainters = Annotated[
    list[str] | None,
    typer.Option(
        help="Inpainters, with commas between, or your own as for bench run; 'all' for all "
        "that are installed.",
        show_default="safepaint",
        rich_help_panel=MODELS,
    ),
]
Detectors = Annotated[
    list[str] | None,
    typer.Option(
        help="Detectors, with commas between, or your own as for bench run; 'all' for all that "
        "have weights here.",
        show_default="all",
        rich_help_panel=MODELS,
    ),
]
TriedInpainters = Annotated[
    list[str] | None,
    typer.Option(
        help="Inpainters, with commas between.", show_default="all", rich_help_panel=MODELS
    ),
]
TriedDetectors = Annotated[
    list[str] | None,
    typer.Option(
        help="Detectors, with commas between.", show_default="all", rich_help_panel=MODELS
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        help="MODEL=official|mini|PATH; may be repeated.",
        show_default="official, else mini",
        rich_help_panel=MODELS,
    ),
]
Device = Annotated[
    str, typer.Option(help="A torch device, such as cuda:0.", rich_help_panel=MODELS)
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="[MODEL=]ENGINE",
        help="openvino or onnxruntime: run networks by it in place of torch, on a CPU, where it "
        "was measured to be faster; all networks, or by model, such as trufor=openvino.",
        rich_help_panel=MODELS,
    ),
]
Seed = Annotated[
    int,
    typer.Option(min=0, help="For inpainters that draw random numbers.", rich_help_panel=MODELS),
]

TruthMask = Annotated[
    Path | None,
    typer.Option(
        help="The truth, white = manipulated: a file, or a folder of files that are paired by "
        "name; adds AUC and F1.",
        rich_help_panel=DATA,
    ),
]
BoxText = Annotated[
    str | None,
    typer.Option(
        "--box", metavar="X,Y,W,H", help="A box as the mask, in pixels.", rich_help_panel=DATA
    ),
]
MaskPolarity = Annotated[
    str,
    typer.Option("--mask-polarity", help="white-hole, black-hole or auto.", rich_help_panel=DATA),
]
MaxSide = Annotated[
    int,
    typer.Option(
        "--max-side",
        min=0,
        help="Pixels that the image's longer side is reduced to; 0 leaves it.",
        rich_help_panel=DATA,
    ),
]

Tile = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Side of the tiles of a large image, in pixels; 0 for never.",
        show_default="512 above a megapixel",
        rich_help_panel=TILES,
    ),
]
Overlap = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Of neighboring tiles, in pixels; at most half a tile.",
        show_default="an eighth of a tile",
        rich_help_panel=TILES,
    ),
]

Out = Annotated[Path, typer.Option(help="Folder for the files.", rich_help_panel=OUTPUT)]
Npz = Annotated[
    bool,
    typer.Option(
        "--npz",
        help="Also write each heatmap as an array, OUT/npz/DETECTOR/IMAGE.npz, which bench run "
        "--detector heatmaps:OUT/npz/DETECTOR reads.",
        rich_help_panel=OUTPUT,
    ),
]
Html = Annotated[
    bool,
    typer.Option("--html", help="Also write OUT/index.html, one file.", rich_help_panel=OUTPUT),
]
StorePlace = Annotated[
    str | None,
    typer.Option(
        help="Folder for stored outputs, or s3://bucket/prefix.",
        show_default="the cache folder",
        rich_help_panel=OUTPUT,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="No progress, only results and failures.", rich_help_panel=OUTPUT
    ),
]
Csv = Annotated[
    bool, typer.Option("--csv", help="Print CSV instead of lines.", rich_help_panel=OUTPUT)
]
