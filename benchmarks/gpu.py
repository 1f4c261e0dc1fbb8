"""All checks that need a GPU, in one command of ten minutes.

    python -m benchmarks.gpu --out OUT                # on a GPU
    python -m benchmarks.gpu --out OUT --dry          # the same steps on the CPU, small

1. Every model at its official size with seeded weights: output on CUDA against output on the CPU,
   within TOLERANCE.
2. Seconds per image at several batch sizes and peak memory, in float32, TF32, bf16, channels last
   and with torch.compile, each with its distance from the CPU's float32 output.
3. A run of Table 3 on the sample images, on the GPU and on the CPU: all numbers within ALLOWED.
4. `--batch-size auto`, with memory for less than a batch of 8: halved, with the same numbers.
5. Training steps per second.

OUT/gpu.md is rewritten after every line, so that an interrupted command keeps its results. Steps
that exceed the time limit (`--seconds`) are listed at the end. Exit status 1 if a check failed.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmark import Plan, run
from benchmark.core.errors import BatchWarning, BenchError
from benchmark.plans import plan_file
from benchmark.runner.settings import Settings
from benchmark.verify.seeded import seeded_state
from benchmarks.gpu_report import Report
from benchmarks.models import NETWORKS
from benchmarks.training_speed import Form, made_up, of_stage, rate
from detectors import create_detector
from inpainters import INPAINTERS, create_inpainter

# Largest and mean difference of outputs in [0, 1], float32 on both devices: sums run in another
# order, and instance norms and softmax amplify the difference.
TOLERANCE = (5e-3, 1e-4)
ALLOWED = {"psnr": 0.02, "lpips": 0.002, "auc": 0.01, "auc_null": 0.01, "f1": 0.02, "f1_null": 0.02}
FLIPS = 1 / 8  # of ACC and FPR over eight images: one score at the threshold
FORMS = ("float32", "tf32", "channels last", "bf16", "compile")
GAINS = (1.0, 1.4, 0.7)  # of seeded weights: the first with an output that is not constant
SEED = 10


def create(name: str, path: Path, device: str) -> Any:
    """Return a model with the weights of a file."""
    make = create_inpainter if name in INPAINTERS else create_detector
    return make(name, weights=path, device=device)


def ask(name: str, model: Any, batch: int, side: int) -> Tensor:
    """Return the output for seeded images with a hole: (N, 3, H, W), or heatmaps (N, H, W)."""
    generator = torch.Generator().manual_seed(SEED)
    images = torch.rand(batch, 3, side, side, generator=generator)
    masks = torch.zeros(batch, 1, side, side)
    masks[:, :, side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 1
    if name in INPAINTERS:
        answer: Tensor = model.inpaint(images, masks, seed=SEED)
        return answer[..., side // 4 : 3 * side // 4, side // 4 : 3 * side // 4]
    heatmap: Tensor = model.detect(images).heatmap
    return heatmap


def seeded_weights(name: str, folder: Path, sizes: dict[str, Any], side: int) -> Path:
    """Write random weights of one model, each tensor seeded by its name.

    Args:
        name: the model.
        folder: where the file is written.
        sizes: sizes of the network; empty for the official ones.
        side: side of the images used to reject weights with constant output.
    """
    module, network, config = NETWORKS[name]
    code = importlib.import_module(module)
    chosen = getattr(code, config)(**sizes)
    state = getattr(code, network)(chosen).state_dict()
    entries = [(key, value.shape, str(value.dtype)[6:]) for key, value in state.items()]
    path = folder / f"{name}.safetensors"
    for gain in GAINS:
        drawn = seeded_state(entries, seed=SEED, gain=gain)
        drawn |= {key: state[key] for key in state if "resample" in key or "filter" in key}
        noted = {"bench": json.dumps({"model": name, "config": asdict(chosen)})}
        save_file({key: value.contiguous().clone() for key, value in drawn.items()}, path, noted)
        try:
            answer = ask(name, create(name, path, "cpu"), 1, side)
        except BenchError:
            continue
        if bool(torch.isfinite(answer).all()) and float(answer.std()) > 1e-3:
            break
    return path


def parity(report: Report, files: dict[str, Path], device: str, side: int) -> dict[str, Tensor]:
    """Part 1; return the CPU's outputs by model."""
    report.say(
        f"\n## {device} against the CPU, float32, seeded weights, one image of {side}x{side}\n"
    )
    report.say(f"Allowed: largest {TOLERANCE[0]:g}, mean {TOLERANCE[1]:g}, of outputs in [0, 1].\n")
    report.say(
        "| model | spread of the answer | largest | mean | |\n| --- | ---: | ---: | ---: | --- |"
    )
    answers: dict[str, Tensor] = {}
    for name, path in files.items():
        if report.late(f"parity of {name}"):
            continue
        answers[name] = ask(name, create(name, path, "cpu"), 1, side)
        apart = (ask(name, create(name, path, device), 1, side) - answers[name]).abs()
        largest, mean = float(apart.max()), float(apart.mean())
        spread = float(answers[name].std())
        holds = largest <= TOLERANCE[0] and mean <= TOLERANCE[1]
        said = report.check(f"{name} on {device}", holds=holds)
        report.say(f"| {name} | {spread:.3f} | {largest:.1e} | {mean:.1e} | {said} |")
    return answers


def in_form(name: str, path: Path, device: str, form: str) -> Any:
    """Return a model in one form."""
    model = create(name, path, device)  # turns TF32 off
    if form == "tf32":
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    if form == "channels last":
        model.network.to(memory_format=torch.channels_last)
    if form in ("bf16", "compile"):
        model.tune(precision="bf16" if form == "bf16" else "exact", compiled=form == "compile")
    return model


def timed(call: Callable[[], Tensor], device: str, runs: int) -> tuple[float, float, Tensor]:
    """Return the median seconds of warm passes, peak memory in GB, and the output."""
    cuda = device.startswith("cuda")
    answer = call()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        call()  # the output is on the CPU: no kernel is pending
        found.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() / 1e9 if cuda else float("nan")
    return statistics.median(found), peak, answer


def speed(
    report: Report, files: dict[str, Path], answers: dict[str, Tensor], options: argparse.Namespace
) -> None:
    """Part 2; torch.compile last, because it starts slowest."""
    report.say("\n## Seconds per image and peak memory\n")
    report.say("Difference: maximum, to the CPU's float32 output, of the first image.\n")
    report.say("| model | form | batch | s per image | GB | difference |")
    report.say("| --- | --- | ---: | ---: | ---: | ---: |")
    for form in options.forms:
        for name, path in files.items():
            for batch in options.batches if form != "compile" else options.batches[:2]:
                if report.late(f"{name}, {form}, batch {batch}"):
                    continue
                report.say(_speed_line(name, path, form, (batch, answers.get(name)), options))


def _speed_line(
    name: str,
    path: Path,
    form: str,
    what: tuple[int, Tensor | None],
    options: argparse.Namespace,
) -> str:
    batch, expected = what
    try:
        model = in_form(name, path, options.device, form)
        seconds, peak, answer = timed(
            lambda: ask(name, model, batch, options.side), options.device, options.runs
        )
    except (BenchError, RuntimeError) as error:  # unsupported, or out of memory
        reason = str(error).splitlines()[0][:100].replace("|", "/")
        return f"| {name} | {form} | {batch} | - | - | {reason} |"
    apart = "-" if expected is None else f"{float((answer[:1] - expected).abs().max()):.1e}"
    return f"| {name} | {form} | {batch} | {seconds / batch:.4f} | {peak:.2f} | {apart} |"


def of_run(plan: Plan, out: Path, device: str, batch: int, *, shrink: bool = False) -> Path:
    """Run a plan with a new store; return the rows of results.csv."""
    settings = Settings(batch=batch, shrink=shrink)
    run(plan, out=out, store=out / "store", device=device, settings=settings)
    return out / "results.csv"


def moved(first: Path, second: Path) -> Iterator[str]:
    """Return the numbers of two runs that differ by more than allowed, as text."""
    sides = []
    for path in (first, second):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        what = (
            "dataset",
            "launder",
            "detector",
            "inpainter",
            "retouch",
            "mask_ratio_percent",
            "metric",
        )
        sides.append({tuple(row[name] for name in what): row["value"] for row in rows})
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        one, other = sides[0].get(key, ""), sides[1].get(key, "")
        allowed = ALLOWED.get(key[-1], FLIPS + 1e-6)
        near = one == other or (bool(one and other) and abs(float(one) - float(other)) <= allowed)
        if not near:
            yield f"{' '.join(filter(None, key))}: {one or 'a gap'} became {other or 'a gap'}"


def same_run(report: Report, plan: Plan, device: str, folder: Path) -> Path | None:
    """Part 3; return the results on the CPU."""
    report.say(f"\n## Table 3 on the samples, {device} against the CPU\n")
    allowed = ", ".join(f"{name} {value:g}" for name, value in ALLOWED.items())
    report.say(f"Allowed: {allowed}, ACC and FPR {FLIPS:g}.\n")
    if report.late("the run of Table 3"):
        return None
    cpu = of_run(plan, folder / "cpu", "cpu", 1)
    start = time.perf_counter()
    other = of_run(plan, folder / "device", device, 8)
    seconds = time.perf_counter() - start
    found = list(moved(cpu, other))
    said = report.check("the run of Table 3", holds=not found)
    count = len(cpu.read_text().splitlines()) - 1
    report.say(f"{said}: {len(found)} of {count} numbers exceed it; {seconds:.1f} s on {device}.")
    for line in found:
        report.say(f"- {line}")
    return cpu


def backs_off(report: Report, plan: Plan, cpu: Path, device: str, folder: Path) -> None:
    """Part 4: with memory for half a batch or less, `auto` halves it and the numbers stay."""
    report.say("\n## `--batch-size auto` without memory for its batch\n")
    if report.late("--batch-size auto"):
        return
    with warnings.catch_warnings(record=True) as said, _little_memory(device):
        warnings.simplefilter("always", BatchWarning)
        other = of_run(plan, folder / "auto", device, 8, shrink=True)
    lines = [str(one.message) for one in said if issubclass(one.category, BatchWarning)]
    report.say(f"{report.check('a batch was halved', holds=bool(lines))}: a batch was halved")
    for line in lines:
        report.say(f"- {line}")
    found = list(moved(cpu, other))
    report.say(f"{report.check('the numbers stay', holds=not found)}: the numbers stay")


class _little_memory:  # noqa: N801 (a context manager, used as a function)
    """Simulate a device without memory for four images of safepaint; CUDA raises its own error."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._kept: Callable[..., Tensor] | None = None
        self._held: list[Tensor] = []

    def __enter__(self) -> None:
        from inpainters.safepaint import SafePaint

        fill = self._kept = SafePaint._fill
        cuda = self._device.startswith("cuda")

        def sometimes(model: SafePaint, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
            if len(images) >= 4:
                if cuda:  # allocates more than there is: CUDA itself raises
                    free, _ = torch.cuda.mem_get_info()
                    self._held.append(torch.empty(2 * free, dtype=torch.uint8, device=self._device))
                raise torch.OutOfMemoryError("out of memory, as was asked for")
            return fill(model, images, masks, seed=seed)

        SafePaint._fill = sometimes  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        from inpainters.safepaint import SafePaint

        SafePaint._fill = self._kept  # type: ignore[assignment,method-assign]
        self._held.clear()


def training(report: Report, options: argparse.Namespace, folder: Path) -> None:
    """Part 5: mini recipes at their largest common crop, and SafePaint at full size."""
    from benchmark.training import read_recipe

    report.say("\n## Training steps per second\n")
    report.say(
        "| model | recipe | batch | crop | float32 | bf16 |\n"
        "| --- | --- | ---: | ---: | ---: | ---: |"
    )
    photographs = made_up(folder / "photographs")
    for name, label in options.trained:
        if report.late(f"training of {name}, {label}"):
            continue
        recipe = read_recipe(name, label)
        losses = recipe.losses | {"features": "texture"}  # VGG is not installed
        network = options.sizes.get(name, recipe.network)
        holes = recipe.holes.model_copy(update={"pool": 8})
        changes = {"losses": losses, "network": network, "holes": holes}
        recipe = recipe.model_copy(update=changes)
        stage = max(
            (one for one in recipe.stages if one.crop <= options.crop), key=lambda one: one.crop
        )
        found = []
        for precision in ("exact", "bf16"):
            short = of_stage(recipe, stage, options.steps, Form(precision=precision, workers=0))
            try:
                per = rate(short, photographs, Form(precision=precision, workers=0),
                           torch.device(options.device))  # fmt: skip
                found.append(f"{per:.2f}")
            except (BenchError, RuntimeError) as error:
                found.append(str(error).splitlines()[0][:60].replace("|", "/"))
        report.say(f"| {name} | {label} | {stage.batch} | {stage.crop} | {' | '.join(found)} |")


def everything(options: argparse.Namespace) -> Report:
    """Run all five parts."""
    options.out.mkdir(parents=True, exist_ok=True)
    report = Report(out=options.out, until=time.monotonic() + options.seconds)
    cuda = options.device.startswith("cuda")
    where = torch.cuda.get_device_name() if cuda else "no GPU: a dry run, its times mean nothing"
    report.say(f"# {where}, torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photographs").mkdir()
        files = {
            one: seeded_weights(one, folder, options.sizes.get(one, {}), options.side)
            for one in options.models
        }
        answers = parity(report, files, options.device, options.side)
        plan = options.plan
        cpu = same_run(report, plan, options.device, folder)
        if cpu is not None:
            backs_off(report, plan, cpu, options.device, folder)
        training(report, options, folder)
        speed(report, files, answers, options)
    for what in report.left_out:
        report.say(f"\nNot reached in {options.seconds:.0f} s: {what}")
    report.say(f"\n{len(report.failed)} checks failed: {', '.join(report.failed) or 'none'}")
    return report


def main(words: Sequence[str] | None = None) -> int:
    """Run all parts within the time limit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument(
        "--seconds", type=float, default=570.0, help="time after which no step starts"
    )
    parser.add_argument("--models", default=",".join(NETWORKS))
    parser.add_argument("--dry", action="store_true", help="on the CPU, with tiny networks")
    options = parser.parse_args(words)
    options.models = options.models.split(",")
    plan = Plan.load(plan_file("table3")).model_copy(update={"datasets": ("samples",)})
    options.plan, options.sizes, options.side, options.crop = plan, {}, 256, 256
    options.batches, options.runs, options.steps = (1, 8, 32), 5, 20
    options.forms = FORMS
    options.trained = (("safepaint", "mini"), ("safepaint", "paper"), ("lama", "paper"))
    if options.dry:
        make_small(options)
    return 1 if everything(options).failed else 0


def make_small(options: argparse.Namespace) -> None:
    """Shrink all steps to a minute on a CPU: tiny networks, two images, no compiler."""
    from tests.small import SMALL

    options.device, options.side, options.crop = "cpu", 64, 64
    options.sizes = {name: SMALL[name].sizes for name in options.models}
    options.batches, options.runs, options.steps = (1, 2), 1, 2
    options.forms = FORMS[:-1]
    options.trained = (("safepaint", "mini"),)
    options.plan = Plan(
        datasets=("samples",), limit=4, size=64, buckets=("30-40",),
        inpainters=("safepaint", "original"), detectors=("flatness",),
        metrics=("auc", "f1", "acc", "psnr"),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
