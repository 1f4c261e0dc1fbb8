"""Not time: Tables 5 and 6 in small, each row trained with several seeds, and what follows.

    python benchmarks/ablations.py SEEDS --images ../shared/images/test/scenes --out OUT

SEEDS holds weights that `bench train` exported, in folders of any name: their metadata say which
row and which training seed each is. Every seed's rows run on the same images beside the controls
(one flat colour, `telea`, each plain and with matched grain); all runs share OUT/store, so the same
command again does what is missing alone. OUT/table5.csv and OUT/table6.csv have each row's mean and
each difference with intervals and p over seeds and images together (docs/statistics.md).
Differences of AUC are of its distance to the null. A row with fewer than three seeds is a gap, and
is named.

Where SEEDS holds SafePaint with the forms of the paper's text (losses.spectral), OUT/forms.csv has
these against the program's forms instead.
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
from benchmark.core.training_exposure import noted_in
from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.intervals import Values
from benchmark.results.nulls import RANKED, from_null
from benchmark.results.run_folder import read_run
from benchmark.results.significance import PairedTest, corrected
from benchmark.results.training_seeds import FEWEST_SEEDS, seeded_interval, seeded_test
from benchmark.runner.resolve import UNTOUCHED
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
        name: what its file and its lines are called.
        rows: its models.
        parts: by the part of a network in question, the models with it and without it.
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
# The program's forms of SafePaint's losses against those of the paper's text, trained alike else.
FORMS = Ablation(
    name="forms", rows=("safepaint", "text"), parts={"the text's forms": (("text", "safepaint"),)}
)
WORDS = {"text": "text=inpainters.safepaint:SafePaint"}  # a plan has each name once
ROWS = (*(row for table in TABLES for row in table.rows), "text")


@dataclass(frozen=True, kw_only=True)
class Training:
    """One row trained with one seed."""

    model: str
    seed: int
    steps: int
    path: Path


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What all runs came to.

    Attributes:
        values: (S, N) by detector ("" for the image alone), inpainter and metric: S seeds of a row,
            one of a control, on N images.
        null: (N,) AUC of the untouched images by detector.
    """

    values: Mapping[tuple[str, str, str], Values]
    null: Mapping[str, Values]

    def of(self, detector: str, painter: str, metric: str) -> Values | None:
        """What is compared: AUC by its distance to the null, others as they are."""
        found = self.values.get((detector, painter, metric))
        if found is None or metric != RANKED or detector not in self.null:
            return found
        apart = from_null(found.ravel(), np.tile(self.null[detector], len(found)))
        return apart.reshape(found.shape)


def find_trainings(folder: Path) -> list[Training]:
    """The rows' weights below a folder, by model and seed.

    Raises:
        BadInput: if there are none, or two of one model and seed.
    """
    found: dict[tuple[str, int], Training] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        noted = noted_in(path)
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
    """A training's row: its model, but SafePaint with the text's spectral norms is "text"."""
    losses = noted.get("recipe", {}).get("losses", {})
    return "text" if losses.get("spectral") else str(noted["model"])


def tables_of(trainings: Sequence[Training]) -> tuple[Ablation, ...]:
    """Tables 5 and 6, or the forms of the losses where a training has those of the text."""
    return (FORMS,) if any(one.model == "text" for one in trainings) else TABLES


def missing(trainings: Sequence[Training]) -> Iterator[str]:
    """What the tables lack, and whether the rows were trained alike, in lines."""
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
    """The run of all rows that have one seed."""
    weights = {one.model: str(one.path.resolve()) for one in trainings}
    judges = tuple(options.detectors.split(","))
    return Plan(
        datasets=("folder",),
        images=options.images,
        limit=options.limit,
        size=options.size,
        buckets=(BUCKET,),
        inpainters=(*(WORDS.get(name, name) for name in weights), FLAT, PLAIN, UNTOUCHED),
        detectors=judges,
        metrics=(*JUDGED, *ALONE),
        retouch=("none", MATCHED),
        weights=weights,
    )


def measure(trainings: Sequence[Training], options: argparse.Namespace) -> Measured:
    """Run every seed's rows, what is stored aside, and gather their values."""
    piles: dict[tuple[str, str, str], dict[int, Values]] = {}
    null: dict[str, Values] = {}
    names: list[str] = []  # images in one order for all runs
    for seed in sorted({one.seed for one in trainings}):
        folder = options.out / f"seed-{seed}"
        plan = plan_of((one for one in trainings if one.seed == seed), options)
        print(f"seed {seed}: {', '.join(plan.weights)}", flush=True)
        run(plan, out=folder, store=options.out / "store")
        for setting, samples in samples_by_setting(read_run(folder).each_sample()).items():
            names = names or list(next(iter(samples.inpainters.values())).names)
            if setting.detector:
                null[setting.detector] = samples.values(
                    UNTOUCHED, METRICS.load(NULLS[RANKED])(), names
                )
            for painter in samples.inpainters:
                for metric in JUDGED if setting.detector else ALONE:
                    values = samples.values(painter, METRICS.load(metric)(), names)
                    piles.setdefault((setting.detector, painter, metric), {})[seed] = values
    return Measured(
        values={
            key: np.stack(list(pile.values())[: None if key[1].split("+grain")[0] in ROWS else 1])
            for key, pile in piles.items()
        },
        null=null,
    )


def means(table: Ablation, found: Measured, detector: str) -> Iterator[dict[str, object]]:
    """The mean of every row and control, and the null, with intervals over seeds and images."""
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


def differences(table: Ablation, found: Measured, detector: str) -> Iterator[dict[str, object]]:
    """Every model against itself without a part, then every row against the controls.

    The tests of a detector against one kind are a family under Holm's rule: the parts, and the
    controls with the same retouching.
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
    table: Ablation, found: Measured, detector: str, pairs: Sequence[tuple[str, str]]
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
    """What each part does, and what the rows gain over the controls, in counts of tests."""
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
    """Run, write the tables, and say what they come to, in lines."""
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
    """Say what is missing, run, write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("weights", type=Path, help="folder of the seeds' weights")
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
