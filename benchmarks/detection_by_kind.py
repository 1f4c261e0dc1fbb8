"""Detection by kind of forgery, next to the null, and false-positive rates.

    python benchmarks/detection_by_kind.py ../shared/images/test/scenes --limit 30
    python benchmarks/detection_by_kind.py ../shared/images/test/scenes --weights trufor=FILE
    python benchmarks/detection_by_kind.py ../shared/images/test/scenes --weights trufor=runs/trufor

A folder instead of a file is that of a running training: the EMA weights of its checkpoint are
measured, before its threshold is calibrated. Images are 256x256, holes are generated at 30-40 %,
seed 0. Splices and copy-moves are made by the module that training uses, from images and a seed
that no training used. An AUC is the mean over images; its null is that of the authentic image with
the same truth. `--forged` adds images of published inpainters. Inpainted images are kept in
`--cache`, from run to run. `--csv` writes the numbers to a file as well.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transfer import forged_images, shrunk

from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images
from benchmark.core.training_exposure import SYNTHETIC_FORGERIES, training_inpainters
from benchmark.core.types import Mask, Pixels
from benchmark.datasets import open_dataset
from benchmark.masks.bucket import Bucket
from benchmark.masks.generated import GeneratedMasks
from benchmark.metrics.intervals import mean_interval
from benchmark.metrics.localization import pixel_auc
from benchmark.retouch import Retouch
from benchmark.training import LEARNERS
from benchmark.training.data.forgeries import forge, paste
from benchmark.training.data.postprocess import Forgery, eight_bits
from benchmark.training.export import export_safetensors
from benchmark.training.recipe import Recipe, read_part
from detectors import DETECTORS, create_detector
from detectors.base import Detector
from inpainters import create_inpainter

SEED = 77  # of splices and copy-moves; recipes use others
SIDE, BUCKET = 256, Bucket(30, 40)
FLAT = ("meanfill", "meanfill+grain:1.5", "meanfill+grain:match", "meanfill+grain:4")
CONTROLS = ("telea", "telea+grain:1.5", "telea+grain:match", "shiftmap", "original+grain:1.5")
LEARNED = ("lama", "madf", "aotgan", "ctsdg", "fcf", "edgeconnect", "safepaint")
COLUMNS = ("kind", "detector", "met", "auc", "spread", "null", "low", "high", "fires")
KINDS = (*FLAT, *CONTROLS, *LEARNED, "safepaint+grain:match", "splice", "copy-move")


@dataclass(frozen=True, kw_only=True)
class KindResult:
    """Detections of one detector on one kind of forgery.

    Attributes:
        auc: mean pixel AUC over images.
        spread: standard error of that mean.
        null: the same for the authentic images with the same truths.
        above_null: (low, high), 95 % interval of the mean difference of AUC and null, by image.
        fires: share of images called forged.
    """

    auc: float
    spread: float
    null: float
    above_null: tuple[float, float]
    fires: float


class Bench:
    """The test images, their holes, and forgeries of every kind.

    Args:
        folder: folder of images.
        limit: number of images.
        cache: folder that keeps forgeries, or None.
    """

    def __init__(self, folder: Path, limit: int, cache: Path | None) -> None:
        data = open_dataset("folder", images=folder, size=SIDE)
        self.names = list(data.ids())[:limit]
        self.photographs = [data.load(name) for name in self.names]
        masks = GeneratedMasks([BUCKET], seed=0)
        self.holes = [masks.mask_for(name, BUCKET.label, (SIDE, SIDE)) for name in self.names]
        self._cache = cache

    def forgeries(self, kind: str) -> list[Forgery]:
        """Return all images forged in one way; the last step of a name is a retouching."""
        file = (
            self._cache / f"{kind.replace(':', '-')}-{len(self.names)}.npz" if self._cache else None
        )
        if file is not None and file.is_file():
            with np.load(file) as kept:
                pairs = zip(kept["pixels"], kept["truths"], strict=True)
                return [Forgery(pixels=pixels, truth=truth) for pixels, truth in pairs]
        made = list(self._made(kind))
        if file is not None:
            pixels, truths = np.stack([f.pixels for f in made]), np.stack([f.truth for f in made])
            np.savez(file, pixels=pixels, truths=truths)
        return made

    def _made(self, kind: str) -> Iterator[Forgery]:
        if kind in SYNTHETIC_FORGERIES:
            yield from (self._pasted(kind, number) for number in range(len(self.names)))
            return
        name, _, step = kind.partition("+grain:")
        inpainter = create_inpainter(name, weights="mini" if name in LEARNERS else None)
        for number, (pixels, hole) in enumerate(zip(self.photographs, self.holes, strict=True)):
            seed = seed_of(0, self.names[number])
            forgery = forge(inpainter, pixels, hole, seed=seed)
            if name == "original":
                forgery = Forgery(pixels=pixels, truth=hole)
            yield _retouched(forgery, f"grain:{step}", seed) if step else forgery

    def _pasted(self, kind: str, number: int) -> Forgery:
        draw = np.random.default_rng(seed_of(SEED, kind, self.names[number]))
        donor = self.photographs[(number + 1) % len(self.photographs)]
        return paste(kind, self.photographs[number], self.holes[number], draw, donor=donor)


def _retouched(forgery: Forgery, step: str, seed: int) -> Forgery:
    image = forgery.pixels.astype(np.float32) / np.float32(255)
    changed = Retouch.parse(step).apply(image, forgery.truth, seed=seed)
    return Forgery(pixels=eight_bits(255 * changed), truth=forgery.truth)


@dataclass(frozen=True, kw_only=True)
class LoadedDetector:
    """A detector, and the inpainters seen in its training, if known."""

    detector: Detector
    met: frozenset[str]


def load_detector(name: str, weights: str) -> LoadedDetector:
    """Return a detector from a file, "mini", or the folder of a running training."""
    finished = Path(weights) / f"{name}.safetensors"
    if not Path(weights).is_dir() or finished.is_file():
        given = finished if finished.is_file() else weights
        file = find_weights(DETECTORS.card(name), given).path
        met = training_inpainters(file) if file else None
        return LoadedDetector(detector=create_detector(name, weights=given), met=met or frozenset())
    content = torch.load(Path(weights) / "checkpoint.pt", weights_only=True)
    recipe = Recipe.model_validate_json(content["recipe"])
    kind = LEARNERS.load(name)
    learner = kind(recipe.network, read_part(kind.Losses, recipe.losses, name), torch.device("cpu"))
    learner.network.load_state_dict(content["average"] or content["modules"]["network"])
    print(f"{name}: step {content['step']} of {recipe.steps}; its threshold is not calibrated yet")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.safetensors"
        export_safetensors(learner.network, file, {"model": name, "config": learner.config()})
        detector = create_detector(name, weights=file)
    return LoadedDetector(detector=detector, met=frozenset(recipe.met or ()))


def answers(detector: Detector, images: Iterable[Pixels]) -> tuple[list[np.ndarray], float]:
    """Return heatmaps (H, W) and the share of images called forged."""
    found = [detector.detect(to_images(pixels[None])) for pixels in images]
    fires = [float(one.score[0]) > detector.card.threshold for one in found]
    return [one.heatmap[0].numpy() for one in found], float(np.mean(fires))


def measure_kind(
    detector: Detector, bench: Bench, kind: str, nulls: list[np.ndarray]
) -> KindResult:
    """Return the AUC of one kind and its null."""
    forgeries = bench.forgeries(kind)
    heatmaps, fires = answers(detector, [one.pixels for one in forgeries])
    truths = [one.truth for one in forgeries]
    aucs, null = _aucs(heatmaps, truths), _aucs(nulls, truths)
    spread = float(np.std(aucs, ddof=1) / len(aucs) ** 0.5) if len(aucs) > 1 else float("nan")
    low, high = mean_interval(aucs - null, seed=0)
    return KindResult(
        auc=float(np.mean(aucs)),
        spread=spread,
        null=float(np.mean(null)),
        above_null=(low, high),
        fires=fires,
    )


def _aucs(heatmaps: list[np.ndarray], truths: list[Mask]) -> np.ndarray:
    return np.array([pixel_auc(h, t) for h, t in zip(heatmaps, truths, strict=True)])


def published(detectors: Mapping[str, Detector], folder: Path) -> Iterator[str]:
    """Yield a line per group of images of published inpainters, at their size and at 256."""
    whole = list(forged_images(folder))
    for title, all_ in (("as filed", whole), ("at 256", [shrunk(one) for one in whole])):
        for group in dict.fromkeys(one.group for one in all_):
            own = [one for one in all_ if one.group == group]
            cells = []
            for detector in detectors.values():
                maps, fires = answers(detector, [one.pixels for one in own])
                truths = [one.truth for one in own]
                pairs = zip(maps, truths, strict=True)
                aucs = [pixel_auc(h, t) for h, t in pairs if t is not None]
                cells.append(f"{np.mean(aucs):.3f}, {fires:.0%}" if aucs else f"-, {fires:.0%}")
            yield f"| {group}, {title} | {len(own)} | {' | '.join(cells)} |"


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--detectors", default="psccnet,trufor,iidnet")
    parser.add_argument("--weights", default="", help="comma-separated NAME=FILE or NAME=FOLDER")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--forged", type=Path, help="folder of images by published inpainters")
    parser.add_argument("--cache", type=Path, help="folder that keeps the forgeries")
    parser.add_argument("--csv", type=Path, help="file for the numbers of the first table")
    given = parser.parse_args()
    weights = dict(one.split("=", 1) for one in given.weights.split(",") if one)
    names = given.detectors.split(",")
    all_ = {name: load_detector(name, weights.get(name, "mini")) for name in names}
    detectors = {name: one.detector for name, one in all_.items()}
    if given.cache:
        given.cache.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.images, given.limit, given.cache)
    nulls = {name: answers(one, bench.photographs) for name, one in detectors.items()}
    print(
        f"\n{len(bench.names)} images, holes of {BUCKET.label} %: AUC +- its standard error (null)"
    )
    print(f"\n| kind | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    alarms = " | ".join(f"{fires:.0%}" for _, fires in nulls.values())
    rows = [{"kind": "authentic", "detector": name, "fires": nulls[name][1]} for name in names]
    for kind in given.kinds.split(","):
        cells = []
        for name, detector in detectors.items():
            one = measure_kind(detector, bench, kind, nulls[name][0])
            met = kind.partition("+grain:")[0] in all_[name].met
            cells.append(
                f"{one.auc:.3f}{'*' if met else ''} +- {one.spread:.3f} ({one.null:.3f}), "
                f"{one.fires:.0%}"
            )
            low, high = one.above_null
            rows.append({
                "kind": kind, "detector": name, "met": int(met), "auc": one.auc,
                "spread": one.spread, "null": one.null, "low": low, "high": high,
                "fires": one.fires,
            })  # fmt: skip
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    print(f"| false-positive rate | {alarms} |\n")
    print("\\* seen in training; after the comma: share called forged")
    if given.csv:
        with given.csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)
    if given.forged:
        print(f"\n| published | n | {' | '.join(names)} |\n| --- | --- |{' --- |' * len(names)}")
        print("\n".join(published(detectors, given.forged)))


if __name__ == "__main__":
    main()
