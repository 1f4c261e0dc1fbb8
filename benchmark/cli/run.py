"""`bench run`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.errors import Json, pair_of, speaking
from benchmark.core.external.spec import words_of

MODELS, DATA, METRICS = "Models", "Data", "Metrics"  # groups of options in the help
EXECUTION, OUTPUT = "Execution", "Output"


def run(
    plan: Annotated[
        str | None,
        typer.Argument(
            help="table1 to table6, paper, mini, controls, or a TOML file; options "
            "replace its keys."
        ),
    ] = None,
    inpainter: Annotated[
        list[str] | None,
        typer.Option(
            help="Inpainters, with commas between, or your own: package.module:Class, outputs:DIR, "
            "'cmd:PROGRAM ...', each also as LABEL=...; may be repeated.",
            show_default="safepaint",
            rich_help_panel=MODELS,
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="Detectors likewise, with heatmaps:DIR, or 'none'.",
            show_default="trufor",
            rich_help_panel=MODELS,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data sets, with commas; see bench list.",
            show_default="samples",
            rich_help_panel=DATA,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Folder of images, or one; implies --dataset folder.", rich_help_panel=DATA
        ),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks, white = hole, or one mask for all.",
            show_default="drawn; for published sets NVIDIA's",
            rich_help_panel=DATA,
        ),
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(
            help="Folder of published data sets and NVIDIA's masks.", rich_help_panel=DATA
        ),
    ] = None,
    mask_polarity: Annotated[
        str | None, typer.Option(help="white-hole, black-hole or auto.", rich_help_panel=DATA)
    ] = None,
    pairing: Annotated[
        str | None,
        typer.Option(help="Masks by 'name', 'drawn' by bucket, or 'auto'.", rich_help_panel=DATA),
    ] = None,
    margin: Annotated[
        int | None,
        typer.Option(
            help="Border kept free of drawn holes, in pixels at 256.", rich_help_panel=DATA
        ),
    ] = None,
    buckets: Annotated[
        str | None,
        typer.Option(
            help="Hole shares in percent.",
            show_default="10-20,30-40,50-60; one range for masks by name",
            rich_help_panel=DATA,
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Metrics, with commas.",
            show_default="auc,f1,acc,psnr,lpips",
            rich_help_panel=METRICS,
        ),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option(
            help="Whose auc and f1: paper, trufor, imdlbenco or photoholmes.",
            show_default="paper",
            rich_help_panel=METRICS,
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="MODEL=official|mini|PATH; may be repeated.",
            show_default="official, else mini",
            rich_help_panel=MODELS,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Side in pixels, or native.", show_default="256", rich_help_panel=DATA),
    ] = None,
    retouch: Annotated[
        str | None,
        typer.Option(
            help="What is done to each hole after its inpainter, with commas: none, grain:LEVELS, "
            "grain:match, blur:PIXELS, sharpen:AMOUNT, median:SIZE.",
            show_default="none",
            rich_help_panel=MODELS,
        ),
    ] = None,
    launder: Annotated[
        str | None,
        typer.Option(
            help="Detect again after each of these, with commas: "
            "jpeg:QUALITY, resize:FACTOR, noise:LEVELS, blur:PIXELS.",
            rich_help_panel=DATA,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Only the first so many images of each data set.", rich_help_panel=DATA),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            help="Images and masks of more are refused undecoded.",
            show_default="89 million",
            rich_help_panel=DATA,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Masks and all that is random.", show_default="0", rich_help_panel=DATA),
    ] = None,
    hole_blind: Annotated[
        bool,
        typer.Option(
            "--hole-blind",
            help="Paint the hole with the known mean beforehand.",
            rich_help_panel=MODELS,
        ),
    ] = False,
    recomposite: Annotated[
        bool,
        typer.Option(
            "--recomposite",
            help="Paste known pixels back over images of outputs:DIR.",
            rich_help_panel=MODELS,
        ),
    ] = False,
    rounding: Annotated[
        str | None,
        typer.Option(help="even, or authors: each program's own.", rich_help_panel=MODELS),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for results.", show_default="runs/<time>", rich_help_panel=OUTPUT
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Folder for stored answers, or s3://bucket/prefix.",
            show_default="the cache folder",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="A torch device, such as cuda:0, or several with commas.",
            rich_help_panel=EXECUTION,
        ),
    ] = "cpu",
    batch_size: Annotated[
        str,
        typer.Option(
            help="Samples a model sees at once: N, or auto or auto:N to halve as needed.",
            rich_help_panel=EXECUTION,
        ),
    ] = "1",
    executor: Annotated[
        str | None,
        typer.Option(
            help="serial, processes or ray.",
            show_default="serial; processes for several devices",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of processes or ray.",
            show_default="one a device or core",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster; 'local' starts one on this machine.",
            show_default="auto",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    gpu_share: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1,
            help="Of a GPU for each Ray worker.",
            show_default="1",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    cmd_timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="Seconds a cmd: program may take for 32 images.",
            rich_help_panel=EXECUTION,
        ),
    ] = 600.0,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A variable of the environment that cmd: programs get though it looks like a "
            "secret; {env:NAME} in a command is its value. May be repeated.",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="exact, or bf16: faster on GPUs.", show_default="exact", rich_help_panel=EXECUTION
        ),
    ] = None,
    compile_: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Let torch.compile write the networks' kernels.",
            rich_help_panel=EXECUTION,
        ),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Only share I of N of the images, such as 2/10; see bench merge.",
            metavar="I/N",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="An image, mask or model that cannot be used ends the run.",
            rich_help_panel=EXECUTION,
        ),
    ] = False,
    reproducible: Annotated[
        bool,
        typer.Option(
            "--reproducible",
            help="One thread and AVX2 kernels: the same digits on another x86-64 machine.",
            rich_help_panel=EXECUTION,
        ),
    ] = False,
    save_images: Annotated[
        bool,
        typer.Option(
            "--save-images", help="Also write images, masks and heatmaps.", rich_help_panel=OUTPUT
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Only the table, failures and warnings.", rich_help_panel=OUTPUT
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print which image gets which mask and what is left out; run nothing.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Let inpainters paint, let detectors look, and print the table.

    Only what the store lacks is computed: the same command again resumes a stopped run.

    Examples:

      bench run --inpainter safepaint --detector trufor

      bench run --inpainter safepaint,telea,original --detector trufor,flatness --images photos

      bench run --inpainter safepaint,original --launder jpeg:90,jpeg:70,resize:0.75

      bench run --inpainter mine=outputs:inpainted --detector heatmaps:looked

      bench run --inpainter 'cmd:python paint.py {images} {masks} {out}'

      bench run table3 --data-root data --device cuda:0 --batch-size 8 --out results

      bench run table3 --data-root data --executor processes --workers 8
    """
    values = _plan_values(locals())
    with speaking():
        if reproducible:  # before anything below loads torch
            from benchmark.runner.machine import make_reproducible

            typer.echo(make_reproducible(device, executor), err=True)
        from benchmark.api import run as run_plan
        from benchmark.console import (
            announce,
            default_folder,
            say,
            show_record,
            show_samples,
        )
        from benchmark.executors.choice import batch_of, make_executor
        from benchmark.plans import plan_file
        from benchmark.progress import watch
        from benchmark.runner.plan import Plan, make_plan, override_values
        from benchmark.runner.settings import Settings
        from benchmark.runner.shard import Shard

        base = Plan.load(plan_file(plan)).model_dump(exclude_unset=True) if plan else {}
        chosen = make_plan(override_values(base, values), where="options")
        if dry_run:
            show_samples(chosen, Shard.parse(shard) if shard else None, as_json=as_json)
            return
        batch, shrink = batch_of(batch_size, device)
        share = Shard.parse(shard) if shard else None
        settings = Settings(
            batch=batch,
            shrink=shrink,
            strict=strict,
            cmd_timeout=cmd_timeout,
            env=tuple(env or ()),
            shard=share,
            tell=(lambda _: None) if quiet else say,
            executor=make_executor(
                executor, device=device, workers=workers, address=address, gpu_share=gpu_share
            ),
        )
        announce(chosen, quiet=quiet)
        told = nullcontext(lambda _: None) if quiet else watch()
        with told as notify, nullcontext(out) if out else default_folder(share) as folder:
            record = run_plan(
                chosen,
                out=folder,
                store=store,
                device=device,
                settings=settings,
                save_images=save_images,
                notify=notify,
            )
        show_record(record, as_json=as_json, quiet=quiet)
        if not record.complete:
            raise typer.Exit(1)


def _plan_values(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, under the plan's names."""
    models = {"inpainter": "inpainters", "detector": "detectors"}
    lists = {
        "dataset": "datasets",
        "retouch": "retouch",
        "launder": "launder",
        "buckets": "buckets",
        "metrics": "metrics",
    }
    same = (
        "images",
        "data_root",
        "masks",
        "mask_polarity",
        "pairing",
        "margin",
        "limit",
        "max_pixels",
        "seed",
        "convention",
        "rounding",
        "precision",
    )
    values = {key: options[key] for key in same if options[key] is not None}
    for option, key in lists.items():
        if options[option] is not None:
            names = [name.strip() for name in options[option].split(",") if name.strip()]
            values[key] = [] if names == ["none"] else names
    for option, key in models.items():
        if options[option]:
            words = words_of(options[option])
            values[key] = [] if words == ["none"] else words
    if options["size"] is not None:
        values["size"] = int(options["size"]) if options["size"].isdigit() else options["size"]
    flags = {"hole_blind": "hole_blind", "recomposite": "recomposite", "compile_": "compile"}
    values.update({key: True for option, key in flags.items() if options[option]})
    if options["images"] is not None and options["dataset"] is None:
        values["datasets"] = ["folder"]
    if options["weights"]:
        values["weights"] = dict(pair_of(text) for text in options["weights"])
    return values
