"""Options of `bench run` that say what is measured: models, images and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MODELS, DATA, METRICS = "Models", "Data", "Metrics"  # groups of options in the help

PlanName = Annotated[
    str | None,
    typer.Argument(
        help="table1 to table6, paper, mini, controls, splice, or a TOML file. Options override "
        "its keys."
    ),
]

Inpainters = Annotated[
    list[str] | None,
    typer.Option(
        help="Comma-separated inpainters. Your own: package.module:Class, outputs:DIR or "
        "'cmd:PROGRAM ...'; of a collection (docs/others.md): diffusers:ID, iopaint:NAME, "
        "spandrel:FILE. Each optionally as LABEL=... May be repeated.",
        show_default="safepaint",
        rich_help_panel=MODELS,
    ),
]
Detectors = Annotated[
    list[str] | None,
    typer.Option(
        help="Comma-separated detectors in the same form, with heatmaps:DIR instead of "
        "outputs:DIR; of a collection: imdlbenco:NAME, photoholmes:NAME. Or 'none'.",
        show_default="trufor",
        rich_help_panel=MODELS,
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        help="Weights of a model: MODEL=official|mini|PATH, or a file of the hub's local cache: "
        "MODEL=hf://ORG/REPO@COMMIT/FILE. May be repeated.",
        show_default="official, else mini",
        rich_help_panel=MODELS,
    ),
]
Prompts = Annotated[
    Path | None,
    typer.Option(
        help="CSV file with the columns image and prompt, a row for each image, for inpainters of "
        "diffusers:ID.",
        show_default="the pipeline's own prompt='TEXT'",
        rich_help_panel=MODELS,
    ),
]
CompositeSteps = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated: splice (the known pixels of the original are put back), none (the "
        "image as the model returned it), feather:PX (blended over PX pixels inside the hole).",
        show_default="splice",
        rich_help_panel=MODELS,
    ),
]
Retouch = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated operations applied to the hole after inpainting: none, grain:LEVELS, "
        "grain:match, blur:PIXELS, sharpen:AMOUNT, median:SIZE.",
        show_default="none",
        rich_help_panel=MODELS,
    ),
]
Tile = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="With --size native: side of the tiles in which detectors see larger images, in "
        "pixels.",
        show_default="whole images",
        rich_help_panel=DATA,
    ),
]
Overlap = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Of neighboring tiles, in pixels; at most half a tile.",
        show_default="an eighth of a tile",
        rich_help_panel=DATA,
    ),
]
HoleBlind = Annotated[
    bool,
    typer.Option(
        "--hole-blind",
        help="Overwrite the hole with the mean color of the known region before inpainting.",
        rich_help_panel=MODELS,
    ),
]
Recomposite = Annotated[
    bool,
    typer.Option(
        "--recomposite",
        help="Paste the known pixels back over images of outputs:DIR.",
        rich_help_panel=MODELS,
    ),
]
Rounding = Annotated[
    str | None,
    typer.Option(
        help="Rounding to 8 bits: even, or authors (each authors' own rule).",
        show_default="even",
        rich_help_panel=MODELS,
    ),
]

Datasets = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated data sets; see bench list.",
        show_default="samples",
        rich_help_panel=DATA,
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        help="Folder of images, or one image; implies --dataset folder.", rich_help_panel=DATA
    ),
]
Masks = Annotated[
    Path | None,
    typer.Option(
        help="Folder of masks (white = hole), or one mask for all images.",
        show_default="random; NVIDIA's for published data sets",
        rich_help_panel=DATA,
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the published data sets and of NVIDIA's masks.", rich_help_panel=DATA
    ),
]
MaskPolarity = Annotated[
    str | None,
    typer.Option(help="white-hole, black-hole or auto.", show_default="auto", rich_help_panel=DATA),
]
Pairing = Annotated[
    str | None,
    typer.Option(
        help="How masks are assigned to images: by 'name', 'drawn' at random from the mask-ratio "
        "bin, or 'auto'.",
        show_default="auto",
        rich_help_panel=DATA,
    ),
]
Margin = Annotated[
    int | None,
    typer.Option(
        help="Border without random holes, in pixels of a 256x256 image.",
        show_default="0",
        rich_help_panel=DATA,
    ),
]
Buckets = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated mask-ratio bins, in percent.",
        show_default="10-20,30-40,50-60; one range for masks by name",
        rich_help_panel=DATA,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="Side of the images in pixels, or native.",
        show_default="256; native for --forgeries",
        rich_help_panel=DATA,
    ),
]
Forgeries = Annotated[
    Path | None,
    typer.Option(
        help="Existing forgeries instead of inpainters: a folder, a manifest (.csv), a list of "
        "pairs (.json) or a .parquet file; at their own size.",
        rich_help_panel=DATA,
    ),
]
LayoutName = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="Layout of --forgeries, such as tgif or casia2.",
        show_default="auto",
        rich_help_panel=DATA,
    ),
]
BlackForged = Annotated[
    bool,
    typer.Option(
        "--black-forged",
        help="In the truths of --forgeries, black is forged, not white.",
        rich_help_panel=DATA,
    ),
]
Launder = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated post-processing steps, each followed by one more detection, such as "
        "jpeg:QUALITY, webp:QUALITY, resize:FACTOR, crop:PIXELS, or chains: resize:0.5+jpeg:80. "
        "'bench list launders' lists all.",
        rich_help_panel=DATA,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        help="Use only the first N images of each data set; of --forgeries the first N originals.",
        rich_help_panel=DATA,
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        help="Refuse images and masks with more pixels, without decoding them.",
        show_default="89 million",
        rich_help_panel=DATA,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Seed of masks and of everything else that is random.",
        show_default="0",
        rich_help_panel=DATA,
    ),
]

Metrics = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated metrics.",
        show_default="auc,f1,acc,psnr,lpips",
        rich_help_panel=METRICS,
    ),
]
Convention = Annotated[
    str | None,
    typer.Option(
        help="Definition of auc and f1: paper, trufor, imdlbenco, photoholmes or tgif.",
        show_default="paper",
        rich_help_panel=METRICS,
    ),
]
