"""Options of `bench run` that say how it is computed, and what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXECUTION, OUTPUT = "Execution", "Output"  # groups of options in the help

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
        "--compile",
        help="Compile the networks with torch.compile, for GPUs; on a CPU no network was measured "
        "to be more than 3 % faster.",
        rich_help_panel=EXECUTION,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="[MODEL=]ENGINE",
        help="openvino or onnxruntime: run networks by it in place of torch, on a CPU, where it "
        "was measured to be faster; all networks, or by model, such as "
        "trufor=openvino,psccnet=openvino.",
        rich_help_panel=EXECUTION,
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
