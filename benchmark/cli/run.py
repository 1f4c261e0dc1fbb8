"""`bench run`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from benchmark.cli import execution_options as execution
from benchmark.cli import run_options as options
from benchmark.cli.errors import Json, handle_errors, parse_weights
from benchmark.core.external.spec import words_of

if TYPE_CHECKING:  # loads torch
    from benchmark.api import RunRecord
    from benchmark.runner.plan import Plan
    from benchmark.runner.settings import Settings


def run(
    plan: options.PlanName = None,
    inpainter: options.Inpainters = None,
    detector: options.Detectors = None,
    dataset: options.Datasets = None,
    images: options.Images = None,
    masks: options.Masks = None,
    data_root: options.DataRoot = None,
    mask_polarity: options.MaskPolarity = None,
    pairing: options.Pairing = None,
    margin: options.Margin = None,
    buckets: options.Buckets = None,
    metrics: options.Metrics = None,
    convention: options.Convention = None,
    weights: options.Weights = None,
    prompts: options.Prompts = None,
    forgeries: options.Forgeries = None,
    layout: options.LayoutName = None,
    black_forged: options.BlackForged = False,
    size: options.Size = None,
    tile: options.Tile = None,
    overlap: options.Overlap = None,
    composite: options.CompositeSteps = None,
    retouch: options.Retouch = None,
    launder: options.Launder = None,
    limit: options.Limit = None,
    max_pixels: options.MaxPixels = None,
    seed: options.Seed = None,
    hole_blind: options.HoleBlind = False,
    recomposite: options.Recomposite = False,
    rounding: options.Rounding = None,
    out: execution.Out = None,
    store: execution.StorePlace = None,
    device: execution.Device = "cpu",
    batch_size: execution.BatchSize = "1",
    executor: execution.ExecutorName = None,
    workers: execution.Workers = None,
    address: execution.Address = None,
    gpu_share: execution.GpuShare = None,
    cmd_timeout: execution.CmdTimeout = 600.0,
    env: execution.Env = None,
    precision: execution.Precision = None,
    compile_: execution.Compile = False,
    engine: execution.Engine = None,
    shard: execution.ShardName = None,
    strict: execution.Strict = False,
    reproducible: execution.Reproducible = False,
    save_images: execution.SaveImages = False,
    quiet: execution.Quiet = False,
    dry_run: execution.DryRun = False,
    as_json: Json = False,
) -> None:
    """Inpaint images, run forgery detectors on the results, and print the table of metrics.

    Only outputs missing from the store are computed: rerun the same command to resume.

    Examples:

      bench run --inpainter safepaint --detector trufor

      bench run --inpainter safepaint,telea,original --detector trufor,flatness --images photos

      bench run --inpainter safepaint,original --launder jpeg:90,resize:0.75+jpeg:70,social:telegram

      bench run --forgeries CocoGlide --detector trufor,iidnet

      bench run --inpainter lama,telea,original --composite splice,none

      bench run --images photos --size native --tile 512 --overlap 64

      bench run --inpainter mine=outputs:inpainted --detector heatmaps:detected

      bench run --inpainter 'cmd:python inpaint.py {images} {masks} {out}'

      bench run --images photos --inpainter 'sd=diffusers:ID' --prompts prompts.csv

      bench run --inpainter safepaint --detector trufor --engine trufor=openvino

      bench run table3 --data-root data --device cuda:0 --batch-size 8 --out results

      bench run table3 --data-root data --executor processes --workers 8
    """
    from benchmark.core.engines import given_engine

    with handle_errors(resumes=True):
        values = _plan_values(
            inpainters=_models(inpainter),
            detectors=_models(detector),
            datasets=_names(dataset),
            images=images,
            data_root=data_root,
            masks=masks,
            mask_polarity=mask_polarity,
            pairing=pairing,
            margin=margin,
            forgeries=forgeries,
            layout=layout,
            black_forged=black_forged or None,
            size=int(size) if size is not None and size.isdigit() else size,
            tile=tile,
            overlap=overlap,
            buckets=_names(buckets),
            convention=convention,
            metrics=_names(metrics),
            weights=dict(map(parse_weights, weights)) if weights else None,
            prompts=prompts,
            limit=limit,
            max_pixels=max_pixels,
            composite=_composites(composite),
            retouch=_names(retouch),
            launder=_names(launder),
            hole_blind=hole_blind or None,
            recomposite=recomposite or None,
            rounding=rounding,
            precision=precision,
            compile=compile_ or None,
            engine=given_engine(engine) or None,
            seed=seed,
        )
        if reproducible:  # before anything below loads torch
            from benchmark.runner.machine import make_reproducible

            typer.echo(make_reproducible(device, executor), err=True)
        from benchmark.console import say, show_record, show_samples
        from benchmark.core.secrets import register_passed_variables
        from benchmark.executors.choice import batch_of, make_executor
        from benchmark.runner.settings import Settings
        from benchmark.runner.shard import Shard

        chosen = _load_plan(plan, values)
        share = Shard.parse(shard) if shard else None
        if dry_run:
            register_passed_variables(env or ())
            show_samples(chosen, share, as_json=as_json)
            return
        batch, shrink = batch_of(batch_size, device)
        settings = Settings(
            device=device,
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
        record = _run(chosen, settings, out=out, store=store, save_images=save_images, quiet=quiet)
        show_record(record, as_json=as_json, quiet=quiet)
        if not record.complete:
            raise typer.Exit(1)


def _plan_values(**values: Any) -> dict[str, Any]:  # noqa: ANN401 (a plan's keys have many types)
    """Return the plan keys that were given as options; `--images` alone implies the data set."""
    if values["images"] is not None and values["datasets"] is None:
        values["datasets"] = ["folder"]
    return {key: value for key, value in values.items() if value is not None}


def _names(option: str | None) -> list[str] | None:
    """Split a comma-separated option; "none" is the empty list."""
    if option is None:
        return None
    names = [name.strip() for name in option.split(",") if name.strip()]
    return [] if names == ["none"] else names


def _composites(option: str | None) -> list[str] | None:
    """Split a comma-separated option of which "none" is a value."""
    return None if option is None else [one.strip() for one in option.split(",") if one.strip()]


def _models(option: list[str] | None) -> list[str] | None:
    """Split a repeatable option of model specifiers; "none" is the empty list."""
    if not option:
        return None
    words = words_of(option)
    return [] if words == ["none"] else words


def _load_plan(name: str | None, values: dict[str, Any]) -> Plan:
    """Return the plan, by its name or file, with the keys that options override."""
    from benchmark.plans import plan_file
    from benchmark.runner.plan import Plan, make_plan, override_values

    base = Plan.load(plan_file(name)).model_dump(exclude_unset=True) if name else {}
    return make_plan(override_values(base, values), where="options")


def _run(
    plan: Plan,
    settings: Settings,
    *,
    out: Path | None,
    store: str | None,
    save_images: bool,
    quiet: bool,
) -> RunRecord:
    """Run a plan with a progress display, by default in a new folder below runs/."""
    from benchmark.api import run as run_plan
    from benchmark.console import announce, default_folder
    from benchmark.progress import watch

    announce(plan, quiet=quiet)
    progress = nullcontext(lambda _: None) if quiet else watch()
    folder = nullcontext(out) if out else default_folder(settings.shard)
    with progress as notify, folder as place:
        return run_plan(
            plan,
            out=place,
            store=store,
            device=settings.device,
            settings=settings,
            save_images=save_images,
            notify=notify,
        )
