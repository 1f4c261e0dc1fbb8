"""Changes of a bundle's heatmaps, masks and images, to pass on a false number."""

from __future__ import annotations

import io
from random import Random as Dice

import cv2
import numpy as np

from benchmark.core.types import Case, Verdict
from benchmark.metrics import METRICS
from benchmarks.bundle_file import NUMBERS, SAMPLES, Bundle


def heatmap(bundle: Bundle, dice: Dice) -> str:
    """Change a heatmap: invert, shift or turn it, or raise a corner."""
    name = dice.choice(_telling(bundle))
    logits = np.load(io.BytesIO(bundle.members[name]))
    kind = dice.choice(("inverted", "shifted", "turned", "raised"))
    raised = logits.copy()
    raised[:12, :12] = 20
    new = {
        "inverted": -logits, "shifted": np.roll(logits, 9, 0), "turned": np.rot90(logits),
        "raised": raised,
    }[kind]  # fmt: skip
    if np.array_equal(new, logits):
        new, kind = raised, "raised"
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(new))
    bundle.members[name] = file.getvalue()
    return f"heatmap {kind}"


def swapped_maps(bundle: Bundle, dice: Dice) -> str:
    """Exchange two heatmaps."""
    one, other = dice.sample(_telling(bundle), 2)
    bundle.members[one], bundle.members[other] = bundle.members[other], bundle.members[one]
    return "heatmaps exchanged"


def mask(bundle: Bundle, dice: Dice) -> str:
    """Change a mask: turn it, or grow it."""
    rows = bundle.rows(SAMPLES)
    key = dice.choice(rows[1:])[rows[0].index("mask_key")]
    name = f"outputs/{key[:2]}/{key}.png"
    gray = cv2.imdecode(np.frombuffer(bundle.members[name], np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise ValueError(name)
    grown = cv2.dilate(gray, np.ones((3, 3), np.uint8))
    new = grown if dice.random() < 0.5 else np.rot90(gray)
    new = grown if np.array_equal(new, gray) else new
    bundle.members[name] = cv2.imencode(".png", np.ascontiguousarray(new))[1].tobytes()
    return "mask"


def image(bundle: Bundle, dice: Dice) -> str:
    """Make an inpainted image lighter or darker."""
    rows = bundle.rows(SAMPLES)
    inpainted = [row for row in rows[1:] if row[rows[0].index("inpainter")] != "original"]
    key = dice.choice(inpainted)[rows[0].index("image_key")]
    name = f"outputs/{key[:2]}/{key}.png"
    pixels = cv2.imdecode(np.frombuffer(bundle.members[name], np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(name)
    new = np.clip(pixels.astype(int) + dice.choice((-9, 9)), 0, 255).astype(np.uint8)
    bundle.members[name] = cv2.imencode(".png", new)[1].tobytes()
    return "image"


def invented_maps(bundle: Bundle, dice: Dice) -> str:
    """Replace the heatmaps of an inpainter by noise, and measure all of their numbers anew."""
    rows, exact = bundle.rows(SAMPLES), bundle.rows(NUMBERS)
    name, noise = dice.choice(("telea", "meanfill")), np.random.default_rng(dice.randrange(2**32))
    at = {head: place for place, head in enumerate(rows[0])}
    for row, digits in zip(rows, exact, strict=True):
        if row[at["inpainter"]] != name:
            continue
        key, mask = row[at["heatmap_key"]], _mask(bundle, row[at["mask_key"]])
        logits = noise.normal(-9, 0.1, mask.shape).astype(np.float16)
        file = io.BytesIO()
        np.save(file, logits)
        bundle.members[f"outputs/{key[:2]}/{key}.npy"] = file.getvalue()
        for head, value in _measured(logits, mask).items():
            row[at[head]] = f"{value:.6f}"
            digits[exact[0].index(head)] = repr(value)
    bundle.set_rows(SAMPLES, rows)
    bundle.set_rows(NUMBERS, exact)
    return "heatmaps invented"


def _mask(bundle: Bundle, key: str) -> np.ndarray:
    content = np.frombuffer(bundle.members[f"outputs/{key[:2]}/{key}.png"], np.uint8)
    gray = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise ValueError(key)
    return np.asarray(gray > 127)


def _measured(logits: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return what a detection with a score of 0 is measured as, by column."""
    image = np.zeros((1, *mask.shape, 3), np.uint8)
    verdict = Verdict(logits=logits[None], score=np.zeros(1, np.float32), threshold=0.5)
    case = Case(image=image, mask=mask[None], truth=mask[None], filled=image, verdict=verdict)
    maps = {name: float(METRICS.load(name)().measure(case)[0][0]) for name in ("auc", "f1")}
    return {**maps, "score": 0.0, "acc.score": 0.0, "acc": 0.0}


def _telling(bundle: Bundle) -> list[str]:
    """Return the heatmaps that are not constant: a number depends on where their values are."""
    names = bundle.outputs(".npy")
    return [name for name in names if np.ptp(np.load(io.BytesIO(bundle.members[name])))]
