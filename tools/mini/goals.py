"""The goals of the mini weights compared with their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmark.core.tensors import to_images
from benchmark.datasets import open_dataset
from detectors import create_detector
from tools.docs.markdown import table
from tools.mini.measured import NETWORKS, Measured, Row
from tools.mini.plans import DETECTORS, PLAIN

FLAT_GRAIN = ("meanfill+grain:1.5", "meanfill+grain:match")
CONTROLS = ("meanfill", *FLAT_GRAIN, "meanfill+grain:4", PLAIN, "telea+grain:1.5",
            "telea+grain:match", "shiftmap", "original+grain:1.5")  # fmt: skip
PASTED = {"splice": 0.8, "copy-move": 0.7}
NO_GOAL = "iidnet"  # whose authors train on neither splices nor copy-moves
FALSE_POSITIVES = 0.1  # of the photos
FALSE_POSITIVES_SAMPLES = 1  # of the images that ship
MISSES = {"LPIPS": "LPIPS below telea's", "PSNR": "PSNR not far below telea's",
          "peaks": "no checkerboard", "blur": "gradient energy of at least telea's"}  # fmt: skip

BINS = 3  # of quality

Kinds = Mapping[tuple[str, str], Row]


def table_of_goals(found: Measured) -> str:
    """Return the goals of detectors, then those of inpainters, as Markdown."""
    kinds = {(row["kind"], row["detector"]): row for row in found.kinds}
    detectors = table(("detectors", "goal", *DETECTORS), _detector_rows(kinds))
    inpainters = table(
        ("inpainters, in every bin", "met by", "missed by (in some bins)"), _inpainter_rows(found)
    )
    return f"{detectors}\n{inpainters}"


def _detector_rows(kinds: Kinds) -> Iterator[list[str]]:
    for kind in FLAT_GRAIN:
        yield [kind, "0.80", *(_auc(kinds[kind, one], 0.8) for one in DETECTORS)]
    yield ["telea+grain:match", "0.75",
           *(_auc(kinds["telea+grain:match", one], 0.75) for one in DETECTORS)]  # fmt: skip
    unmet = [kind for kind in NETWORKS if kinds.get((kind, DETECTORS[0]), {}).get("met") == "0"]
    for kind in unmet:
        yield [f"{kind} (not in training)", "0.80",
               *(_auc(kinds[kind, one], 0.8) for one in DETECTORS)]  # fmt: skip
    for kind, goal in PASTED.items():
        cells = (
            f"{float(kinds[kind, one]['auc']):.3f} (no goal)"
            if one == NO_GOAL
            else _auc(kinds[kind, one], goal)
            for one in DETECTORS
        )
        yield [kind, f"{goal:.2f}", *cells]
    rates = [float(kinds["authentic", one]["fires"]) for one in DETECTORS]
    yield ["false positives", "at most 10 %",
           *(_mark(f"{rate:.0%}", rate <= FALSE_POSITIVES) for rate in rates)]  # fmt: skip
    counts = [_false_positives(one) for one in DETECTORS]
    yield ["of the images that ship", "at most 1",
           *(_mark(str(one), one <= FALSE_POSITIVES_SAMPLES) for one in counts)]  # fmt: skip
    yield ["controls below the null", "none", *(_below(kinds, one) for one in DETECTORS)]


def _auc(row: Row, goal: float) -> str:
    value = float(row["auc"])
    return _mark(f"{value:.3f}{'*' if row['met'] == '1' else ''}", value >= goal)


def _mark(text: str, met: bool) -> str:
    return f"**{text}**" if met else f"{text}: missed"


def _below(kinds: Kinds, detector: str) -> str:
    """Return the controls whose interval of AUC minus null is below 0."""
    rows = {kind: kinds[kind, detector] for kind in CONTROLS}
    low = {kind: row for kind, row in rows.items() if float(row["high"]) < 0}
    named = ", ".join(
        f"{kind} {float(row['auc']) - float(row['null']):+.3f}" for kind, row in low.items()
    )
    return _mark(named or "none", not named)


def _false_positives(detector: str) -> int:
    """Return how many of the images that ship are called forged."""
    model = create_detector(detector, weights="mini")
    data = open_dataset("samples", images=None, size=256)
    scores = [float(model.detect(to_images(data.load(name)[None])).score[0]) for name in data.ids()]
    return sum(score > model.card.threshold for score in scores)


def _inpainter_rows(found: Measured) -> Iterator[list[str]]:
    rows = [row for row in found.quality if row["model"] in NETWORKS]
    for word, title in MISSES.items():
        missed = [row for row in rows if word in row["misses"].split(", ")]
        names = {row["model"] for row in missed}
        yield [title, f"{len(NETWORKS) - len(names)} of {len(NETWORKS)}", _bins(missed) or "-"]


def _bins(rows: Sequence[Row]) -> str:
    names = dict.fromkeys(row["model"] for row in rows)
    bins = {name: [row["bin"] for row in rows if row["model"] == name] for name in names}
    return "; ".join(
        name if len(which) == BINS else f"{name} ({', '.join(which)} %)"
        for name, which in bins.items()
    )
