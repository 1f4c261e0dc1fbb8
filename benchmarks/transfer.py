"""Detection of forgeries by published inpainters, and false positives on authentic images.

    python benchmarks/transfer.py ../shared/images/forged

The folder contains `madf/*/caseN.png`, `caseN_mask.png` (white = known) and `caseN_output.png`; and
`iidnet/forged_*.png` with `output_forged_*.png`, for which no truth is published: these are
compared with the output of the published IID-Net. Images are used at their size and at 256.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.errors import BenchError
from benchmark.core.images import read_image
from benchmark.core.tensors import to_images
from benchmark.core.types import Mask, Pixels
from benchmark.metrics.localization import pixel_auc, pixel_f1
from detectors import DETECTORS, create_detector

SIDE = 256


@dataclass(frozen=True)
class ForgedImage:
    """An image; `truth` is None for an authentic one."""

    group: str
    pixels: Pixels
    truth: Mask | None


def forged_images(folder: Path) -> Iterator[ForgedImage]:
    """Return all forgeries and originals of the folder."""
    for output in sorted(folder.glob("madf/*/*_output.png")):
        case = output.name.removesuffix("_output.png")
        known = np.asarray(Image.open(output.with_name(f"{case}_mask.png")).convert("L")) > 127
        yield ForgedImage("MADF", read_image(output), ~known)
        yield ForgedImage("MADF's originals", read_image(output.with_name(f"{case}.png")), None)
    for forged in sorted(folder.glob("iidnet/forged_*.png")):
        answer = Image.open(forged.with_name(f"output_{forged.name}")).convert("L")
        pixels = read_image(forged)
        seen = np.asarray(answer.resize(pixels.shape[1::-1], Image.Resampling.NEAREST)) > 127
        yield ForgedImage(f"{forged.stem.removeprefix('forged_')} *", pixels, seen)
    for authentic in sorted(folder.glob("psccnet/authentic*.png")):
        yield ForgedImage("PSCC-Net's authentic", read_image(authentic), None)


def shrunk(image: ForgedImage) -> ForgedImage:
    """Return the center square at 256x256; an image of that size unchanged."""
    height, width = image.pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = slice(top, top + side), slice(left, left + side)
    pixels = Image.fromarray(image.pixels[square]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if image.truth is None:
        return ForgedImage(image.group, np.asarray(pixels), None)
    truth = Image.fromarray(image.truth[square]).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return ForgedImage(image.group, np.asarray(pixels), np.asarray(truth))


def measured(detector: str, all_: list[ForgedImage]) -> Iterator[tuple[str, float, float, bool]]:
    """Return per image: group, AUC and F1 (NaN if authentic), and whether it is called forged."""
    model = create_detector(detector)
    for image in all_:
        answer = model.detect(to_images(image.pixels[None]))
        heatmap, fires = answer.heatmap[0].numpy(), float(answer.score[0]) > model.card.threshold
        if image.truth is None:
            yield image.group, float("nan"), float("nan"), fires
        else:
            auc, f1 = pixel_auc(heatmap, image.truth), pixel_f1(heatmap, image.truth)
            yield image.group, auc, f1, fires


def main() -> None:
    """Print a Markdown table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detectors", default="psccnet,trufor,iidnet")
    chosen = parser.parse_args()
    whole = list(forged_images(chosen.folder))
    if not whole:
        parser.error(f"{chosen.folder}: no madf/*/*_output.png and no iidnet/forged_*.png")
    for title, all_ in (("as they are", whole), ("at 256", [shrunk(one) for one in whole])):
        print(f"\n{title}\n\n| images | n | detector | AUC | F1 | called forged |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name in chosen.detectors.split(","):
            DETECTORS.entry(name)
            try:
                rows = list(measured(name, all_))
            except BenchError as error:
                print(f"| - | 0 | {name} | {error} | | |")
                continue
            for group in dict.fromkeys(row[0] for row in rows):
                own = [row[1:] for row in rows if row[0] == group]
                auc, f1, fires = np.mean(own, axis=0)
                print(f"| {group} | {len(own)} | {name} | {auc:.3f} | {f1:.3f} | {fires:.0%} |")
    print("\n\\* no truth is published: compared with the output of the published IID-Net")


if __name__ == "__main__":
    main()
