"""Options of `bench run`: types, help texts and the groups in which the help lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MODELS, DATA, METRICS = "Models", "Data", "Metrics"  # groups of options in the help
EXECUTION, OUTPUT = "Execution", "Output"

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
        "'cmd:PROGRAM ...', each optionally as LABEL=... May be repeated.",
        show_default="safepaint",
        rich_help_panel=MODELS,
    ),
]
Detectors = Annotated[
    list[str] | None,
    typer.Option(
        help="Comma-separated detectors in the same form, with heatmaps:DIR instead of "
        "outputs:DIR, or 'none'.",
        show_default="trufor",
        rich_help_panel=MODELS,
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        help="Weights of a model: MODEL=official|mini|PATH. May be repeated.",
        show_default="official, else mini",
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

Device = Annotated[
    str,
    typer.Option(
        help="Torch device such as cuda:0, or several, comma-separated.", rich_help_panel=EXECUTION
    ),
]
BatchSize = Annotated[
    str,
    typer.Option(
        help="Samples per forward pass: N, or auto or auto:N to halve it when out of memory.",
        rich_help_panel=EXECUTION,
    ),
]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        help="serial, processes or ray.",
        show_default="serial; processes for several devices",
        rich_help_panel=EXECUTION,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of workers, with --executor processes or ray.",
        show_default="one per device or core",
        rich_help_panel=EXECUTION,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Address of the Ray cluster; 'local' starts one on this machine.",
        show_default="auto",
        rich_help_panel=EXECUTION,
    ),
]
GpuShare = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=1,
        help="Fraction of a GPU for each Ray worker.",
        show_default="1",
        rich_help_panel=EXECUTION,
    ),
]
CmdTimeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        help="Time limit of a cmd: program for 32 images, in seconds.",
        rich_help_panel=EXECUTION,
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Pass this environment variable to cmd: programs even if it looks like a secret; "
        "{env:NAME} in a command is replaced by its value. May be repeated.",
        rich_help_panel=EXECUTION,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="exact (float32), or bf16, which is faster on GPUs.",
        show_default="exact",
        rich_help_panel=EXECUTION,
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile", help="Compile the networks with torch.compile.", rich_help_panel=EXECUTION
    ),
]
ShardName = Annotated[
    str | None,
    typer.Option(
        help="Run only share I of N of the images, such as 2/10; see bench merge.",
        metavar="I/N",
        rich_help_panel=EXECUTION,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Stop at the first image, mask or model that cannot be used.",
        rich_help_panel=EXECUTION,
    ),
]
Reproducible = Annotated[
    bool,
    typer.Option(
        "--reproducible",
        help="One thread and AVX2 kernels: the same digits on another x86-64 machine.",
        rich_help_panel=EXECUTION,
    ),
]

Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the results.", show_default="runs/<time>", rich_help_panel=OUTPUT
    ),
]
StorePlace = Annotated[
    str | None,
    typer.Option(
        help="Store of outputs: a folder, or s3://bucket/prefix.",
        show_default="the cache folder",
        rich_help_panel=OUTPUT,
    ),
]
SaveImages = Annotated[
    bool,
    typer.Option(
        "--save-images", help="Also write images, masks and heatmaps.", rich_help_panel=OUTPUT
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print only the table, failures and warnings.", rich_help_panel=OUTPUT
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print which image gets which mask and what is left out; run nothing.",
        rich_help_panel=OUTPUT,
    ),
]
