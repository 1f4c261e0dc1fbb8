"""Tables 5 and 6 at small scale: each row trained with several seeds, with intervals and tests.

    python benchmarks/ablations.py SEEDS --images ../shared/images/test/scenes --out OUT

SEEDS contains weights exported by `bench train`, in folders of any name: row and training seed are
read from their metadata. The rows of each seed run on the same images, with the controls (one flat
color, `telea`, each without and with matched noise). All runs share OUT/store, so rerunning the
same command computes only what is missing. OUT/table5.csv and OUT/table6.csv contain the mean of
each row and the differences, with intervals and p-values over seeds and images
(docs/statistics.md). Differences of AUC are differences of its distance to the null. Rows with
fewer than three seeds are reported as missing.

If SEEDS contains SafePaint trained with the formulas of the paper's text (losses.spectral),
OUT/forms.csv compares these with the formulas of the authors' program instead.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import Plan, run
from benchmark.core.errors import BadInput, BenchError
from benchmark.core.paths import write_text
from benchmark.core.training_exposure import read_bench_metadata
from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.intervals import Values
from benchmark.results.nulls import RANKED, distance_from_null
from benchmark.results.run_folder import read_run
from benchmark.results.significance import PairedTest, corrected
from benchmark.results.training_seeds import FEWEST_SEEDS, seeded_interval, seeded_test
from benchmark.runner.resolve import ORIGINAL
from reports.formats.csv import to_csv
from reports.paired import samples_by_setting

BUCKET, MATCHED = "30-40", "grain:match"
JUDGED, ALONE = ("auc", "f1", "acc"), ("psnr", "lpips")
FLAT, PLAIN = "meanfill", "telea"  # the controls
COLUMNS = (
    "table", "detector", "inpainter", "against", "metric", "seeds", "images", "value", "low",
    "high", "p", "p_holm", "verdict", "reason",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """One table.

    Attributes:
        name: name of its file and in the output.
        rows: its models.
        parts: by network component, the models with and without it.
    """

    name: str
    rows: tuple[str, ...]
    parts: Mapping[str, tuple[tuple[str, str], ...]]


TABLES = (
    Ablation(
        name="table5",
        rows=("safepaint-backbone", "safepaint-ddl", "safepaint-rwsa", "safepaint"),
        parts={
            "DDL": (("safepaint-ddl", "safepaint-backbone"), ("safepaint", "safepaint-rwsa")),
            "RWSA": (("safepaint-rwsa", "safepaint-backbone"), ("safepaint", "safepaint-ddl")),
            "DDL and RWSA": (("safepaint", "safepaint-backbone"),),
        },
    ),
    Ablation(
        name="table6",
        rows=("edgeconnect", "edgeconnect+rwsa", "aotgan", "aotgan+rwsa"),
        parts={"RWSA": (("edgeconnect+rwsa", "edgeconnect"), ("aotgan+rwsa", "aotgan"))},
    ),
)
# SafePaint's losses as in the authors' program and as in the paper's text; equal otherwise.
FORMS = Ablation(
    name="forms", rows=("safepaint", "text"), parts={"the text's forms": (("text", "safepaint"),)}
)
WORDS = {"text": "text=inpainters.safepaint:SafePaint"}  # each name occurs once in a plan
ROWS = (*(row for table in TABLES for row in table.rows), "text")


@dataclass(frozen=True, kw_only=True)
class Training:
    """One row trained with one seed."""

    model: str
    seed: int
    steps: int
    path: Path


@dataclass(frozen=True, kw_only=True)
class SeedResults:
    """The results of all runs.

    Attributes:
        values: (S, N) by detector ("" for image quality), inpainter and metric: S seeds of a row,
            or one of a control, on N images.
        null: (N,) AUC of the authentic images by detector.
    """

    values: Mapping[tuple[str, str, str], Values]
    null: Mapping[str, Values]

    def of(self, detector: str, painter: str, metric: str) -> Values | None:
        """What is compared: AUC by its distance to the null, others as they are."""
        found = self.values.get((detector, painter, metric))
        if found is None or metric != RANKED or detector not in self.null:
            return found
        apart = distance_from_null(found.ravel(), np.tile(self.null[detector], len(found)))
        return apart.reshape(found.shape)


def find_trainings(folder: Path) -> list[Training]:
    """Return the weights below a folder, by model and seed.

    Raises:
        BadInput: if there are none, or two of the same model and seed.
    """
    found: dict[tuple[str, int], Training] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        noted = read_bench_metadata(path)
        if noted.get("model") not in ROWS or not isinstance(noted.get("seed"), int):
            continue
        one = Training(
            model=_row_of(noted), seed=noted["seed"], steps=int(noted.get("steps", 0)), path=path
        )
        other = found.setdefault((one.model, one.seed), one)
        if other is not one:
            raise BadInput(f"{path}: {one.model} with seed {one.seed} is {other.path} too")
    if not found:
        raise BadInput(f"{folder}: no weights of {', '.join(ROWS)}, which tell their seed")
    return [found[key] for key in sorted(found, key=lambda key: (ROWS.index(key[0]), key[1]))]


def _row_of(noted: Mapping[str, Any]) -> str:
    """Return the row of a training: its model, or "text" for the formulas of the text."""
    losses = noted.get("recipe", {}).get("losses", {})
    return "text" if losses.get("spectral") else str(noted["model"])


def tables_of(trainings: Sequence[Training]) -> tuple[Ablation, ...]:
    """Return Tables 5 and 6, or the comparison of formulas if there are trainings for it."""
    return (FORMS,) if any(one.model == "text" for one in trainings) else TABLES


def missing(trainings: Sequence[Training]) -> Iterator[str]:
    """Yield lines about rows without enough seeds and about differing training settings."""
    counts = Counter(one.model for one in trainings)
    found = tables_of(trainings)
    for row in (row for table in found for row in table.rows):
        if counts[row] < FEWEST_SEEDS:
            yield f"missing: {row} has {counts[row]} of {FEWEST_SEEDS} training seeds"
    for table in found:
        steps: dict[int, list[str]] = {}
        for one in trainings:
            if one.model in table.rows:
                steps.setdefault(one.steps, []).append(f"{one.model} {one.seed}")
        if len(steps) > 1:
            said = "; ".join(f"{count}: {', '.join(names)}" for count, names in steps.items())
            yield f"{table.name}: rows of different numbers of steps ({said})"


def plan_of(trainings: Iterable[Training], options: argparse.Namespace) -> Plan:
    """Return the plan of all rows with one seed."""
    weights = {one.model: str(one.path.resolve()) for one in trainings}
    judges = tuple(options.detectors.split(","))
    return Plan(
        datasets=("folder",),
        images=options.images,
        limit=options.limit,
        size=options.size,
        buckets=(BUCKET,),
        inpainters=(*(WORDS.get(name, name) for name in weights), FLAT, PLAIN, ORIGINAL),
        detectors=judges,
        metrics=(*JUDGED, *ALONE),
        retouch=("none", MATCHED),
        weights=weights,
    )


def measure(trainings: Sequence[Training], options: argparse.Namespace) -> SeedResults:
    """Run all seeds, skipping stored outputs, and collect their values."""
    piles: dict[tuple[str, str, str], dict[int, Values]] = {}
    null: dict[str, Values] = {}
    names: list[str] = []  # the same order of images for all runs
    for seed in sorted({one.seed for one in trainings}):
        folder = options.out / f"seed-{seed}"
        plan = plan_of((one for one in trainings if one.seed == seed), options)
        print(f"seed {seed}: {', '.join(plan.weights)}", flush=True)
        run(plan, out=folder, store=options.out / "store")
        for cell, here in samples_by_setting(read_run(folder).each_sample()).items():
            names = names or list(next(iter(here.inpainters.values())).names)
            if cell.detector:
                null[cell.detector] = here.values(ORIGINAL, METRICS.load(NULLS[RANKED])(), names)
            for painter in here.inpainters:
                for metric in JUDGED if cell.detector else ALONE:
                    values = here.values(painter, METRICS.load(metric)(), names)
                    piles.setdefault((cell.detector, painter, metric), {})[seed] = values
    return SeedResults(
        values={
            key: np.stack(list(pile.values())[: None if key[1].split("+grain")[0] in ROWS else 1])
            for key, pile in piles.items()
        },
        null=null,
    )


def means(table: Ablation, found: SeedResults, detector: str) -> Iterator[dict[str, object]]:
    """Return the mean of each row, control and null, with intervals over seeds and images."""
    for painter in [*_painters(table.rows), *_painters((FLAT, PLAIN))]:
        for metric in JUDGED if detector else ALONE:
            values = found.values.get((detector, painter, metric))
            if values is None:
                continue
            kind = METRICS.load(metric)
            low, high = seeded_interval(values, seed=0, bounds=kind.bounds)
            control = painter.split("+grain")[0] not in ROWS
            few = len(values) < FEWEST_SEEDS
            why = "not trained: no interval over seeds" if control else ""
            why = why or (f"{len(values)} of {FEWEST_SEEDS} training seeds" if few else "")
            counted = values[:, np.isfinite(values).all(axis=0)]
            yield _row(
                table, detector, painter, "", metric, seeds=0 if control else len(values),
                images=counted.shape[1], value=float(counted.mean()) if counted.size else None,
                low=low, high=high, reason=why,
            )  # fmt: skip
    if detector in found.null:
        null = found.null[detector]
        value = float(null[np.isfinite(null)].mean())
        yield _row(table, detector, "null", "", RANKED, seeds=0, images=len(null), value=value)


def _painters(names: Iterable[str]) -> list[str]:
    return [name + retouch for retouch in ("", f"+{MATCHED}") for name in names]


def differences(table: Ablation, found: SeedResults, detector: str) -> Iterator[dict[str, object]]:
    """Compare each model with itself without a component, and each row with the controls.

    The tests of one detector against one kind form a family under Holm's correction: the
    components, and the controls with the same retouching.
    """
    parts = [pair for pairs in table.parts.values() for pair in pairs]
    controls = [
        (row + retouch, control + retouch)
        for retouch in ("", f"+{MATCHED}")
        for row in table.rows
        for control in (FLAT, PLAIN)
    ]
    for pairs in (parts, controls):
        yield from _family(table, found, detector, pairs)


def _family(
    table: Ablation, found: SeedResults, detector: str, pairs: Sequence[tuple[str, str]]
) -> Iterator[dict[str, object]]:
    where: list[tuple[str, str, str, int]] = []
    tests: list[PairedTest] = []
    for own, other in pairs:
        for metric in JUDGED if detector else ALONE:
            values = [found.of(detector, name, metric) for name in (own, other)]
            if values[0] is None or values[1] is None:
                continue
            where.append((own, other, metric, len(values[0])))
            one = seeded_test(values[0], values[1], metric=metric, seed=0)
            tests.append(one)
    for (own, other, metric, seeds), one in zip(where, corrected(tests), strict=True):
        yield _row(
            table, detector, own, other, metric, seeds=seeds, images=one.n, value=one.value,
            low=one.low, high=one.high, p=one.p, p_holm=one.p_holm, verdict=one.verdict,
            reason=one.reason,
        )  # fmt: skip


def _row(
    table: Ablation, detector: str, inpainter: str, against: str, metric: str, **rest: object
) -> dict[str, object]:
    compared = metric == RANKED and bool(against)
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    row |= {"table": table.name, "detector": detector, "inpainter": inpainter}
    row |= {"against": against, "metric": "auc distance to the null" if compared else metric}
    return row | rest


def paragraph(table: Ablation, rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Summarize the effect of each component and the gain over controls, as counts of tests."""
    tested = [row for row in rows if row["against"] and row["detector"]]
    for part, pairs in table.parts.items():
        own = [row for row in tested if (row["inpainter"], row["against"]) in pairs]
        yield f"{table.name}, {part}, with against without: {_counted(own)}"
    for control in (FLAT, PLAIN):
        for retouch in ("", f"+{MATCHED}"):
            own = [row for row in tested if row["against"] == control + retouch]
            yield f"{table.name}, rows against {control + retouch}: {_counted(own)}"


def _counted(rows: Sequence[Mapping[str, object]]) -> str:
    counts = Counter(str(row["verdict"]) for row in rows)
    kinds = ("better", "worse", "no difference shown", "not tested")
    return ", ".join(f"{kind} {counts[kind]}" for kind in kinds) + f" of {len(rows)} tests"


def tables(trainings: Sequence[Training], options: argparse.Namespace) -> Iterator[str]:
    """Run everything, write the tables, and yield the summary line by line."""
    found = measure(trainings, options)
    detectors = ("", *options.detectors.split(","))
    for table in tables_of(trainings):
        rows = [
            row
            for detector in detectors
            for make in (means, differences)
            for row in make(table, found, detector)
        ]
        path = options.out / f"{table.name}.csv"
        write_text(path, to_csv(COLUMNS, [{k: _plain(v) for k, v in row.items()} for row in rows]))
        yield f"{path}: {len(rows)} rows"
        yield from paragraph(table, rows)


def _plain(value: object) -> object:
    return None if isinstance(value, float) and np.isnan(value) else value


def main() -> int:
    """Report missing seeds, run, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("weights", type=Path, help="folder with the weights of all seeds")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--detectors", default="psccnet,trufor,iidnet")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    try:
        trainings = find_trainings(options.weights)
        for line in chain(missing(trainings), tables(trainings, options)):
            print(line, flush=True)
    except BenchError as error:
        print(f"Error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
