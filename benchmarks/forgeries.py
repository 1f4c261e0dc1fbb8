"""What a run of forgeries costs beyond its detections.

    python benchmarks/forgeries.py [--images 1000] [--detector trufor] [--side 512]

Makes a set of JPEG forgeries with truths, runs the detector alone on the decoded images, then
`bench run --forgeries` with auc, f1 and acc on an empty store, and prints the difference. The
parts that the run adds are hashing, decoding the truth, metrics, heatmaps and previews in the
store, and the table. Seconds are of the processor, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmark import Plan, create_detector, run
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.images import read_image
from benchmark.core.tensors import to_images


def make_set(folder: Path, count: int, side: int) -> list[Path]:
    """Write a set of pairs; return its images."""
    draw = np.random.default_rng(0)
    found = []
    for name in ("Tp", "Gt"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        rough = draw.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
        truth = np.zeros((side, side), np.uint8)
        top, left = draw.integers(0, side // 2, 2)
        truth[top : top + side // 4, left : left + side // 3] = 255
        found.append(folder / f"Tp/{number:05}.jpg")
        Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC).save(found[-1])
        Image.fromarray(truth).save(folder / f"Gt/{number:05}.png")
    return found


def detections(name: str, images: list[Path]) -> float:
    """Return the seconds that a detector takes for images, decoding included."""
    weights = find_weights(create_detector(name, weights=None, device="cpu").card, None).path
    detector = create_detector(name, weights=weights, device="cpu")
    detector.detect(to_images(read_image(images[0])[None]))  # warm
    start = time.process_time()
    for path in images:
        detector.detect(to_images(read_image(path)[None]))
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--detector", default="trufor")
    parser.add_argument("--side", type=int, default=512)
    words = parser.parse_args()
    with TemporaryDirectory() as place:
        images = make_set(Path(place, "set"), words.images, words.side)
        alone = detections(words.detector, images)
        seconds = {}
        for name, limit in (("one", 1), ("all", None)):
            start = time.process_time()
            record = run(
                Plan(forgeries=Path(place, "set"), detectors=(words.detector,), limit=limit),
                out=Path(place, name),
                store=Path(place, f"store-{name}"),
            )
            seconds[name] = time.process_time() - start
        model = record.document["model_seconds"]["judge"]
        size = sum(path.stat().st_size for path in Path(place, "store-all").rglob("*.png"))
    print(f"{words.images} images of {words.side}x{words.side}, {words.detector}:")
    rest = words.images - 1
    each = (seconds["all"] - seconds["one"]) / rest
    print(f"detections alone {alone:8.1f} s, {1000 * alone / words.images:.1f} ms each")
    print(f"whole run        {seconds['all']:8.1f} s  ({seconds['all'] / alone - 1:+.1%})")
    print(f"start-up and one image {seconds['one']:.1f} s, each further image {1000 * each:.1f} ms")
    print(f"of the run, inside the detector (wall time): {model:.1f} s")
    print(f"truths and previews in the store: {size / words.images / 1000:.0f} kB an image")


if __name__ == "__main__":
    main()
