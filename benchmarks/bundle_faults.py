"""Changes of a bundle by which somebody could want to pass on a false number.

Those of heatmaps, masks and images are in `bundle_output_faults`.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable

import numpy as np
import tomli_w

from benchmarks.bundle_file import CARDS, NUMBERS, PLAN, RECORD, RESULTS, SAMPLES, Bundle
from benchmarks.bundle_output_faults import heatmap, image, invented_maps, mask, swapped_maps
from detectors import DETECTORS

LARGEST = 1e6
KEYS = ("original_key", "mask_key", "image_key", "heatmap_key")
Dice = random.Random
Fault = Callable[[Bundle, Dice], str]


def _number(text: str, dice: Dice) -> str:
    """Return another number of six decimals."""
    value = float(text)
    if abs(value) > LARGEST:  # infinite
        return "12.000000"
    new = value + dice.choice((-1, 1)) * dice.choice((0.00001, 0.001, 0.1))
    return f"{new:.6f}"


def _filled(rows: list[list[str]], columns: list[int], dice: Dice) -> tuple[int, int]:
    """Return a row and a column of a cell with a number."""
    cells = [(row, col) for row in range(1, len(rows)) for col in columns if rows[row][col]]
    return dice.choice(cells)


def result_number(bundle: Bundle, dice: Dice) -> str:
    """Change value, interval, n or expected of a result."""
    rows = bundle.rows(RESULTS)
    names = ["value", "low", "high", "n", "expected"]
    row, col = _filled(rows, [rows[0].index(name) for name in names], dice)
    whole = rows[0][col] in ("n", "expected")
    rows[row][col] = str(int(rows[row][col]) + 1) if whole else _number(rows[row][col], dice)
    bundle.set_rows(RESULTS, rows)
    return f"{rows[0][col]} of a result"


def result_text(bundle: Bundle, dice: Dice) -> str:
    """Change a name or a label of a result."""
    rows = bundle.rows(RESULTS)
    col = dice.choice(
        [at for at, name in enumerate(rows[0]) if name not in ("value", "low", "high")]
    )
    row = dice.randrange(1, len(rows))
    rows[row][col] += dice.choice(("x", "1"))
    bundle.set_rows(RESULTS, rows)
    return f"{rows[0][col]} of a result"


def sample_number(bundle: Bundle, dice: Dice) -> str:
    """Change a number of a sample, in samples.csv alone."""
    rows = bundle.rows(SAMPLES)
    row, col = _filled(rows, _metric_columns(rows[0]), dice)
    rows[row][col] = _number(rows[row][col], dice)
    bundle.set_rows(SAMPLES, rows)
    return f"{rows[0][col]} of a sample"


def consistent_number(bundle: Bundle, dice: Dice) -> str:
    """Change a number of a sample in samples.csv and numbers.csv, as if it were measured."""
    rows, exact = bundle.rows(SAMPLES), bundle.rows(NUMBERS)
    heads = [name for name in exact[0] if name != "score" and not name.startswith("acc")]
    heads = [name for name in heads if not name.startswith("fpr")]
    row, col = _filled(rows, [rows[0].index(name) for name in heads], dice)
    name = rows[0][col]
    new = _number(rows[row][col], dice)
    same = [
        at
        for at in range(1, len(rows))
        if rows[at][rows[0].index("image_key")] == rows[row][rows[0].index("image_key")]
        and rows[at][col] == rows[row][col]
    ]
    for at in same:  # a quality of one image is in the row of each detector
        rows[at][col] = new
        exact[at][exact[0].index(name)] = repr(float(new))
    bundle.set_rows(SAMPLES, rows)
    bundle.set_rows(NUMBERS, exact)
    return f"{name} of a sample, with all digits"


def score(bundle: Bundle, dice: Dice) -> str:
    """Change the score of a sample, and `acc`, in samples.csv and numbers.csv."""
    rows, exact = bundle.rows(SAMPLES), bundle.rows(NUMBERS)
    row, _ = _filled(rows, [rows[0].index("score")], dice)
    before = float(rows[row][rows[0].index("score")])
    new = float(np.float32((before + dice.uniform(0.05, 0.9)) % 1))
    called = float(new > np.float32(DETECTORS.card("flatness").threshold))
    for name, value in (("score", new), ("acc.score", new), ("acc", called)):
        if rows[row][rows[0].index(name)]:
            rows[row][rows[0].index(name)] = f"{value:.6f}"
            exact[row][exact[0].index(name)] = repr(value)
    bundle.set_rows(SAMPLES, rows)
    bundle.set_rows(NUMBERS, exact)
    return "score"


def threshold(bundle: Bundle, dice: Dice) -> str:
    """Change the operating point on a detector's card."""
    cards = bundle.document(CARDS)
    cards["detectors"]["flatness"]["card"]["threshold"] = round(dice.random(), 3) + 1e-4
    bundle.set_document(CARDS, cards)
    return "threshold"


def recorded_plan(bundle: Bundle, dice: Dice) -> str:
    """Change a key of the record's plan."""
    record = bundle.document(RECORD)
    key = dice.choice(
        ("seed", "size", "buckets", "metrics", "inpainters", "detectors", "hole_blind")
    )
    record["plan"][key] = _other(record["plan"][key])
    bundle.set_document(RECORD, record)
    return f"{key} of the record's plan"


def whole_plan(bundle: Bundle, dice: Dice) -> str:
    """Change a key of the plan, in plan.toml and in the record."""
    key = dice.choice(("seed", "size", "buckets"))
    record, plan = bundle.document(RECORD), tomllib.loads(bundle.members[PLAN].decode())
    if key == "buckets":
        plan[key] = [*plan[key][:-1], "20-40"]
    else:
        plan[key] = _other(plan[key])
    record["plan"][key] = plan[key]
    bundle.members[PLAN] = tomli_w.dumps(plan).encode()
    bundle.set_document(RECORD, record)
    return f"{key} of the plan"


def bucket(bundle: Bundle, dice: Dice) -> str:
    """Change the mask-ratio bin of one row, or of all rows of a sample."""
    rows = bundle.rows(SAMPLES)
    col, name = rows[0].index("mask_ratio_percent"), rows[0].index("sample")
    row = dice.randrange(1, len(rows))
    chosen = rows[row][name], rows[row][col]
    whole = dice.random() < 0.5
    for at in range(1, len(rows)):
        if at == row or (whole and (rows[at][name], rows[at][col]) == chosen):
            rows[at][col] = "30-40" if chosen[1] == "10-20" else "10-20"
    bundle.set_rows(SAMPLES, rows)
    return f"bin of {'a sample' if whole else 'a row'}"


def weights(bundle: Bundle, dice: Dice) -> str:
    """Change the weights variant of a model, in the results, the record, or everywhere."""
    where = dice.choice(("results", "record", "everywhere"))
    model, label = dice.choice(("telea", "meanfill", "flatness")), dice.choice(("official", "mini"))
    if where != "record":
        rows = bundle.rows(RESULTS)
        col = rows[0].index("weights")
        for row in rows[1:]:
            row[col] = row[col].replace(f"{model}=none", f"{model}={label}")
        bundle.set_rows(RESULTS, rows)
    if where != "results":
        record, cards = bundle.document(RECORD), bundle.document(CARDS)
        record["checkpoints"][model]["edition"] = label
        kind = "detectors" if model == "flatness" else "inpainters"
        cards[kind][model]["weights"]["edition"] = label
        bundle.set_document(RECORD, record)
        bundle.set_document(CARDS, cards)
    return f"weights label in {where}"


def moved_rows(bundle: Bundle, dice: Dice) -> str:
    """Exchange, remove or repeat rows of a table, numbers.csv with samples.csv."""
    name, kind = dice.choice((SAMPLES, RESULTS)), dice.choice(("swapped", "dropped", "repeated"))
    files = (SAMPLES, NUMBERS) if name == SAMPLES else (RESULTS,)
    count = len(bundle.rows(name))
    one, other = dice.sample(range(1, count), 2)
    for file in files:
        rows = bundle.rows(file)
        if kind == "swapped":
            rows[one], rows[other] = rows[other], rows[one]
        elif kind == "dropped":
            del rows[one]
        else:
            rows.insert(other, rows[one])
        bundle.set_rows(file, rows)
    return f"rows of {name} {kind}"


def dropped_sample(bundle: Bundle, dice: Dice) -> str:
    """Remove all rows of a sample, also from the number of samples in the record."""
    rows = bundle.rows(SAMPLES)
    name, col = rows[0].index("sample"), rows[0].index("mask_ratio_percent")
    row = dice.randrange(1, len(rows))
    chosen = rows[row][name], rows[row][col]
    kept = [at for at in range(len(rows)) if (rows[at][name], rows[at][col]) != chosen]
    _drop_sample(bundle, kept)
    return "a sample dropped"


def _drop_sample(bundle: Bundle, kept: list[int]) -> None:
    """Keep some rows of the samples and their numbers, and count a sample less in the record."""
    for name in (SAMPLES, NUMBERS):
        rows = bundle.rows(name)
        bundle.set_rows(name, [rows[at] for at in kept])
    record = bundle.document(RECORD)
    record["samples"] -= 1
    bundle.set_document(RECORD, record)


def mask_seed(bundle: Bundle, dice: Dice) -> str:
    """Change the seed of a mask in all rows of a sample."""
    rows = bundle.rows(SAMPLES)
    key, col = rows[0].index("mask_key"), rows[0].index("mask")
    chosen, new = dice.choice(rows[1:])[key], f"drawn with seed {dice.randrange(2**62)}"
    for row in rows[1:]:
        row[col] = new if row[key] == chosen else row[col]
    bundle.set_rows(SAMPLES, rows)
    return "mask's seed"


def dropped_bin(bundle: Bundle, dice: Dice) -> str:
    """Remove all rows of an image at one bin, with the outputs that only these need."""
    rows = bundle.rows(SAMPLES)
    place = [rows[0].index(name) for name in ("sample", "mask_ratio_percent")]
    keys = [rows[0].index(name) for name in KEYS]
    row = dice.choice(rows[1:])
    chosen = [row[at] for at in place]
    kept = [at for at, one in enumerate(rows) if [one[col] for col in place] != chosen]
    needed = {rows[at][col] for at in kept for col in keys}
    bundle.members = {
        name: content
        for name, content in bundle.members.items()
        if not name.startswith("outputs/") or name[11:43] in needed
    }
    _drop_sample(bundle, kept)
    return "a bin of an image dropped with its outputs"


def six_decimals(bundle: Bundle, dice: Dice) -> str:
    """Remove the numbers with all digits and all outputs, and change `acc` of a sample."""
    rows = bundle.rows(SAMPLES)
    row, col = _filled(rows, [rows[0].index("acc")], dice)
    rows[row][col] = f"{1 - float(rows[row][col]):.6f}"
    bundle.set_rows(SAMPLES, rows)
    bundle.members = {
        name: content
        for name, content in bundle.members.items()
        if not name.startswith("outputs/") and name != NUMBERS
    }
    return "acc of a sample, without maps and digits"


def swapped_inpainters(bundle: Bundle, dice: Dice) -> str:
    """Call the images of each of two inpainters those of the other."""
    rows, exact = bundle.rows(SAMPLES), bundle.rows(NUMBERS)
    col, names = rows[0].index("inpainter"), ["telea", "meanfill"]
    dice.shuffle(names)
    there = {name: [at for at, row in enumerate(rows) if row[col] == name] for name in names}
    for one, other in zip(*there.values(), strict=True):
        rows[one], rows[other] = rows[other], rows[one]
        rows[one][col], rows[other][col] = rows[other][col], rows[one][col]
        exact[one], exact[other] = exact[other], exact[one]
    bundle.set_rows(SAMPLES, rows)
    bundle.set_rows(NUMBERS, exact)
    return "inpainters exchanged"


FAULTS: tuple[Fault, ...] = (
    result_number, result_text, sample_number, consistent_number, heatmap, swapped_maps, score,
    threshold, recorded_plan, whole_plan, bucket, weights, moved_rows, dropped_sample, mask,
    mask_seed, image, dropped_bin, six_decimals, swapped_inpainters, invented_maps,
)  # fmt: skip
# Results are made anew from the changed numbers.
MEASURED = (
    consistent_number, score, dropped_bin, six_decimals, swapped_inpainters, invented_maps,
)  # fmt: skip
RERUN = (swapped_inpainters, invented_maps)  # nothing contradicts until models run again


def _other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value[:-1] if isinstance(value, list) and len(value) > 1 else [*value, "original"]  # type: ignore[misc]


def _metric_columns(heads: list[str]) -> list[int]:
    """Return the columns of a samples file that hold numbers."""
    names = ("score", "auc", "f1", "acc", "acc.score", "fpr", "fpr.score", "psnr")
    return [at for at, name in enumerate(heads) if name in names]
