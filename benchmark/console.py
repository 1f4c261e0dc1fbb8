"""Console output of `bench run`: the table on standard output, the rest on standard error."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from benchmark.api import RunRecord
from benchmark.composite import NONE
from benchmark.core.filenames import on_terminal, printable
from benchmark.core.paths import create_new_folder
from benchmark.core.secrets import redact_secrets
from benchmark.masks.bucket import DEFAULT_BUCKETS
from benchmark.results.csv import result_rows
from benchmark.results.nulls import distance_rows
from benchmark.results.tables import shard_note, text_of
from benchmark.results.text_blocks import WIDTH, wrapped
from benchmark.runner.forgery_sources import open_sources
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.resolve import with_named_prompts
from benchmark.runner.resolve_models import refuse_retired, resolve_models
from benchmark.runner.shard import WHOLE, Shard
from detectors import DETECTORS
from inpainters import INPAINTERS

TABLES = {"trufor": 3, "psccnet": 2, "iidnet": 4}  # of the paper, by detector
BUCKETS = {bucket.label for bucket in DEFAULT_BUCKETS}  # of the paper's tables
QUALITY = {"psnr", "lpips", "gmsd"}  # metrics of Table 1
ALIKE = 6  # images with one reason of failure of which each has a line
SHOWN = 10  # unused files listed on the console; record.json lists all


@contextmanager
def default_folder(shard: Shard | None = None) -> Iterator[Path]:
    """Create a folder for a run, named by the local time and, for a shard, by its number.

    It is created at once, so that no other run takes it, and removed if it is empty at the end.

    Raises:
        OutputError: if it cannot be created.
    """
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    stamp += f"-shard-{shard.index}-of-{shard.count}" if shard else ""
    folder, count = Path("runs") / stamp, 1
    while not create_new_folder(folder):
        count += 1
        folder = Path("runs") / f"{stamp}-{count}"
    try:
        yield folder
    finally:
        with suppress(OSError):  # not empty
            folder.rmdir()


def announce(plan: Plan, *, quiet: bool = False) -> None:
    """Print the weights that a run uses, and a line for each model without weights.

    Args:
        plan: the plan.
        quiet: print only the models that are left out.

    Raises:
        RetiredName: if a model was removed from this version.
        WeightsError: if no inpainter, or none of the detectors, has weights.
    """
    refuse_retired(plan)
    models = resolve_models(INPAINTERS, plan.inpainters, plan) + resolve_models(
        DETECTORS, plan.detectors, plan
    )
    for model in models:
        if model.absent:
            say(f"Left out: {model.absent}")
    editions = {model.name: model.weights.edition for model in models if not model.absent}
    listed = ", ".join(
        f"{name} {edition}" for name, edition in editions.items() if edition != "none"
    )
    if listed and not quiet:
        mini = (
            " (mini = reduced width, trained by this project)"
            if "mini" in editions.values()
            else ""
        )
        say(f"Weights: {listed}{mini}.")


def tile_line(plan: Plan) -> str:
    """Return how detectors saw large images, and what their score is, or ""."""
    if plan.tiling is None:
        return ""
    side, overlap = plan.tiling.side, plan.tiling.overlap
    return (
        f"Tiles: detectors saw images larger than {side} pixels in tiles of {side} that overlap by "
        f"{overlap}. The score of such an image is the highest of its tiles, so more authentic "
        "images are called forged; a score by the area rule is that of the blended heatmap."
    )


def show_record(record: RunRecord, *, as_json: bool, quiet: bool = False) -> None:
    """Print the table, failures and next steps, or one JSON document.

    Args:
        record: the record of the run.
        as_json: print one document instead of the table.
        quiet: omit the next steps.
    """
    if as_json:
        document = {
            **record.document,
            "results": result_rows(record.cells),
            "against_null": distance_rows(record.distances),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        table = text_of(record.cells, record.distances, width=_width())
        sys.stdout.write(on_terminal(table))
        if record.document["shard"]:
            note = shard_note(str(record.document["shard"]))
            sys.stdout.write("\n".join(wrapped(note, _width())) + "\n")
    for line in failure_lines(record.failures, several=len(record.plan.datasets) > 1):
        say(line)
    for line in wrapped(tile_line(record.plan), _width()):
        if line:
            say(line)
    for name, known in record.document["known_pixels"].items():
        say(known_line(name, known, plan=record.plan))
    for unused in record.document["unused"][:SHOWN]:
        say(f"unused: {unused['file']}: {unused['reason']}")
    stored = sum(record.document["jobs_stored"].values())
    if not quiet and not record.failures and not any(record.document["jobs_run"].values()):
        say(f"All {stored} outputs were in the store; nothing was computed.")
    say(f"Results: {record.folder}")
    for step in () if quiet or as_json else next_steps(record):
        say(step)


def next_steps(record: RunRecord) -> tuple[str, ...]:
    """Return the commands to run next on a run folder, one per line."""
    folder, plan = shlex.quote(str(record.folder)), record.plan
    if record.document["shard"]:
        return (f"Next: bench merge OUT {folder} ...    when all shards have finished",)
    table = next((number for name, number in TABLES.items() if name in plan.detector_names), 1)
    steps = {f"bench report {folder} --open": "images, plots, tables"}
    if BUCKETS & {*plan.buckets} and (table > 1 or QUALITY & {*plan.metrics}):
        steps[f"bench table {table} --run {folder}"] = "beside the paper's numbers"
    wide = max(map(len, steps))
    return tuple(
        f"{'' if count else 'Next:':<5} {step:<{wide}}  {what}"
        for count, (step, what) in enumerate(steps.items())
    )


def failure_lines(failures: Sequence[Failure], *, several: bool) -> Iterator[str]:
    """Yield a line for each image that failed, with all that failed for one reason.

    Of more than `ALIKE` images with the same reason, the first ones and the number of others.

    Args:
        failures: failures of the run.
        several: whether the run has several data sets, whose names are then printed.
    """
    models: dict[Failure, dict[str, None]] = {}  # by the failure without its model
    for one in failures:
        models.setdefault(replace(one, model=""), {})[one.model] = None
    images: dict[tuple[str, ...], list[str]] = {}
    for one, names in models.items():
        after = f" with {one.retouch}" if one.retouch else ""
        after += f" after {one.launder}" if one.launder else ""
        model = f" ({', '.join(names)}{after})" if any(names) else ""
        what = f"{one.dataset} " if several else ""
        what += one.sample + (f" at {one.bucket} %" if one.bucket else "")
        images.setdefault((one.kind, model, one.reason), []).append(what)
    for (kind, model, reason), found in images.items():
        shown = found if len(found) <= ALIKE else found[: ALIKE // 2]
        for what in shown:
            yield f"{kind}: {what}{model}: {reason}"
        if len(found) > len(shown):
            yield f"{kind}: {len(found) - len(shown)} more{model}: {reason}"


def _width() -> int:
    """Return the width of the terminal, or a fixed width if the output is piped."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def show_samples(plan: Plan, shard: Shard | None, *, as_json: bool) -> None:
    """Print which image gets which mask, and on standard error what is left out.

    No model is run; masks are read, because their mask ratios decide the bins.

    Raises:
        DataError: if images or masks cannot be used.
    """
    sources = open_sources(plan)
    samples = sources.refs(shard or WHOLE)
    if plan.prompts:
        plan = with_named_prompts(plan, sources, samples)
    rows = [
        {"dataset": ref.dataset, "image": ref.id, "bucket": ref.bucket, "mask": ref.mask}
        for ref in samples
    ]
    failures = sources.failures(shard or WHOLE)
    if as_json:
        unused = [{"file": file, "reason": reason} for file, reason in sources.unused]
        document = {
            "samples": rows,
            "pairing": {name: asdict(one) for name, one in sources.pairing.items()},
            "left_out": sources.left_out,
            "skipped": [{"image": one.sample, "reason": one.reason} for one in failures],
            "unused": unused,
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    for row in rows:
        of = f"{row['dataset']} " if len(plan.datasets) > 1 else ""
        line = f"{of}{row['image']}: {row['mask']}"
        line += f" ({row['bucket']} %)" if row["bucket"] else ""
        sys.stdout.write(printable(line) + "\n")
    for line in sources.lines():
        say(line)
    for failure in failures:
        say(f"skipped: {failure.sample}: {failure.reason}")
    for file, reason in sources.unused:
        say(f"unused: {file}: {reason}")
    say(f"{_extent(plan, len(rows))}; nothing was run.")


def _extent(plan: Plan, samples: int) -> str:
    """Return what a plan multiplies, such as "8 samples x 2 inpainters x 1 detector"."""
    forged = plan.forgeries is not None
    counts = {"image" if forged else "sample": samples}
    counts |= {} if forged else {"inpainter": len(plan.inpainters)}
    counts |= {"composite": len(plan.composite)} if plan.composite else {}
    counts |= {"retouching": len(plan.retouch)} if len(plan.retouch) > 1 else {}
    counts |= {"detector": len(plan.detectors)} if plan.detectors else {}
    counts |= {"post-processing": 1 + len(plan.launder)} if plan.launder else {}
    text = " x ".join(f"{count} {one}" + "s" * (count != 1) for one, count in counts.items())
    return text + (" (none among them)" if plan.launder else "")


def known_line(name: str, known: Mapping[str, float], *, plan: Plan) -> str:
    """Return a line about changes of known pixels in images that were inpainted elsewhere.

    Args:
        name: name of the inpainter.
        known: a value of `known_pixels`.
        plan: the plan, which decides what became of them.
    """
    count = f"{known['pictures']:.0f}"
    if not known["pictures"]:
        return f"{name}: none of its images could be used"
    if not known["moved"]:
        return f"{name}: known pixels are unchanged in all {count} images"
    return (
        f"{name}: known pixels changed by up to {known['max']:.0f} gray levels "
        f"({known['mean']:.4g} on average) in {known['moved']:.0f} of {count} images; "
        + _what_became(plan)
    )


def _what_became(plan: Plan) -> str:
    """Return what a plan does with changed known pixels of finished images."""
    if NONE in plan.composite:
        others = len(plan.composite) > 1
        return "kept with composite none" + (", pasted back with the others" if others else "")
    if plan.recomposite or plan.composite:
        return "pasted back"
    return (
        "counted as failures; use --recomposite to paste them back, or --composite none to keep "
        "the images as they are"
    )


def say(text: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(printable(redact_secrets(text)) + "\n")
    sys.stderr.flush()
