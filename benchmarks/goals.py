"""Goals of the mini weights compared with their results.

    bench run mini --out RUN
    bench run mini --images ../shared/images/test/scenes --out RUN
    python benchmarks/goals.py RUN...

From the results of one or more runs: detection of inpainters seen and unseen in training, false
positives on authentic images, whether inpainters beat `telea`, and whether SafePaint evades
detection better than the others, as the paper reports for the full models.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from math import isnan
from pathlib import Path
from statistics import fmean

import pandas as pd

from benchmark.training import chosen_recipe
from benchmark.training.recipe import LEARNERS
from detectors import DETECTORS
from inpainters import INPAINTERS

BUCKET = "30-40"
CLAIMED = ("auc", "f1", "acc")
OURS = ("safepaint",)


def forgers_of(detector: str) -> set[str]:
    """Return the inpainters that a mini detector was trained on."""
    return set(chosen_recipe(detector, "mini").met or ())


def networks(names: Iterable[str]) -> list[str]:
    """Return the names of the learned models."""
    return [name for name in names if name in LEARNERS]


def value(rows: pd.DataFrame, **where: str) -> float:
    """Return the only matching value, or NaN."""
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    return float(rows["value"].iloc[0]) if len(rows) == 1 else float("nan")


def detector_lines(rows: pd.DataFrame) -> Iterator[str]:
    """Yield one line per detector and post-processing: AUC on seen and unseen inpainters, FPR."""
    yield f"| detector | laundered | AUC seen | AUC unseen learned ({BUCKET} %) | lowest | fires |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for detector in [one for one in DETECTORS if one in set(rows["detector"]) & set(LEARNERS)]:
        seen = forgers_of(detector)
        own = rows[(rows["detector"] == detector) & (rows["mask_ratio_percent"] == BUCKET)]
        for launder in own["launder"].unique():
            part = own[own["launder"] == launder]
            auc = part[(part["metric"] == "auc") & part["value"].notna()]
            by_name = dict(zip(auc["inpainter"], auc["value"], strict=True))
            met = [auc for name, auc in by_name.items() if name in seen]
            unmet = {name: by_name[name] for name in networks(by_name) if name not in seen}
            lowest = min(unmet, key=lambda name: unmet[name], default="")
            alarms = value(part, inpainter="original", metric="fpr")
            yield (
                f"| {detector} | {launder or '-'} | {mean(met):.3f} | {mean(unmet.values()):.3f} | "
                f"{lowest} {unmet.get(lowest, float('nan')):.3f} | {alarms:.0%} |"
            )


def mean(values: Iterable[float]) -> float:
    """Return the mean, or NaN of an empty list."""
    found = list(values)
    return fmean(found) if found else float("nan")


def inpainter_lines(rows: pd.DataFrame) -> Iterator[str]:
    """Yield one line per learned inpainter: PSNR and LPIPS minus those of telea, by bin."""
    buckets = list(rows["mask_ratio_percent"].unique())
    yield f"| inpainter | {' | '.join(f'{one} % PSNR, LPIPS' for one in buckets)} | beats telea |"
    yield f"| --- |{' --- |' * (len(buckets) + 1)}"
    plain = rows[rows["launder"] == ""]
    for name in networks(one for one in INPAINTERS if one in set(rows["inpainter"])):
        cells, better = [], True
        for bucket in buckets:
            here = plain[plain["mask_ratio_percent"] == bucket]
            psnr, lpips = (
                value(here, inpainter=name, metric=one) - value(here, inpainter="telea", metric=one)
                for one in ("psnr", "lpips")
            )
            better &= psnr > 0 or lpips < 0
            cells.append(f"{psnr:+.2f}, {lpips:+.3f}")
        yield f"| {name} | {' | '.join(cells)} | {'yes' if better else 'no'} |"


def claim_lines(rows: pd.DataFrame) -> Iterator[str]:
    """Yield one line per detector and metric: SafePaint against the best other inpainter."""
    buckets = list(rows["mask_ratio_percent"].unique())
    yield f"| detector | metric | {' | '.join(f'{one} %' for one in buckets)} |"
    yield f"| --- | --- |{' --- |' * len(buckets)}"
    plain = rows[rows["launder"] == ""]
    for detector in [one for one in DETECTORS if one in set(rows["detector"]) & set(LEARNERS)]:
        for metric in CLAIMED:
            part = plain[(plain["detector"] == detector) & (plain["metric"] == metric)]
            yield f"| {detector} | {metric} | {' | '.join(claims(part, one) for one in buckets)} |"


def claims(rows: pd.DataFrame, bucket: str) -> str:
    """Return the two claims of this project and the one of the paper."""
    others = [one for one in networks(rows["inpainter"].unique()) if INPAINTERS.card(one).reported]
    scores = {one: value(rows, inpainter=one, mask_ratio_percent=bucket) for one in others}
    rivals = {
        one: score
        for one, score in scores.items()
        if not one.startswith("safepaint") and not isnan(score)
    }
    best = min(rivals, key=lambda one: rivals[one], default="")
    ours = " / ".join(
        f"{value(rows, inpainter=one, mask_ratio_percent=bucket):.3f}" for one in OURS
    )
    return f"{ours} : {best} {rivals.get(best, float('nan')):.3f}"


def main() -> None:
    """Print the three tables of each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    for folder in parser.parse_args().runs:
        rows = pd.read_csv(folder / "results.csv", keep_default_na=False, na_values={"value": [""]})
        for dataset, part in rows.groupby("dataset"):
            print(
                f"\n## {folder.name}: {dataset}, {int(part['expected'].max())} per mask-ratio bin\n"
            )
            print("\n".join(detector_lines(part)), "\n")
            print("PSNR (dB) and LPIPS minus those of telea\n")
            print("\n".join(inpainter_lines(part)), "\n")
            print(f"{' / '.join(OURS)} ; the baseline that best evades detection\n")
            print("\n".join(claim_lines(part)))


if __name__ == "__main__":
    main()
