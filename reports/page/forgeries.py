"""Build index.html of a run of forgeries: its table, its images with truths and heatmaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from benchmark.results.forgery_table import forgery_table
from benchmark.results.rounding import kind_of, number, span, stored
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.runner.forgery_sources import AUTHENTIC, UNNAMED
from benchmark.runner.jobs import Forgery
from reports.gallery import GallerySample
from reports.page.finding import counted
from reports.page.summary import FEW, mini_caveat

_TRUTHS = {"forged": "truth", "authentic": "nothing is forged", "unknown": "no truth known"}


def forgery_values(run: RunFolder) -> dict[str, Any]:
    """Return the template's variables that only a run of forgeries has."""
    images = {row.sample: row.forgery for row in run.samples if row.forgery is not None}
    kinds = [one.kind for one in images.values()]
    originals = len({one.group for one in images.values()})
    return {
        "forged": len(kinds) - kinds.count("authentic"),
        "authentic": kinds.count("authentic"),
        "originals": originals,
        "subsets": sorted({_subset(one) for one in images.values()}),
        "methods": sorted({_method(one) for one in images.values()}),
        "table": Markup(forgery_table(run.results).html()),  # noqa: S704 (escapes its texts)
        "caveats": list(_caveats(run, originals)),
        "rows": [_row(row) for row in run.results],
    }


def forgery_sample(one: GallerySample, detections: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an image of the gallery for the page's script.

    Args:
        one: the image.
        detections: its detections as the script reads them.

    Raises:
        ValueError: if it is of no set of forgeries.
    """
    if one.forgery is None:
        raise ValueError(f"{one.sample}: expected an image of a set of forgeries")
    about = dict.fromkeys((one.forgery.subset, _method(one.forgery)))
    return {
        "dataset": "",
        "sample": one.sample,
        "bucket": _subset(one.forgery),
        "about": ", ".join(filter(None, about)),
        "truth": _TRUTHS[one.forgery.kind],
        "original": one.original,
        "hole": one.hole,
        "outputs": [{"inpainter": _method(one.forgery), "detections": detections}],
    }


def _subset(one: Forgery) -> str:
    return one.subset or UNNAMED


def _method(one: Forgery) -> str:
    return AUTHENTIC if one.kind == "authentic" else one.method or UNNAMED


def _caveats(run: RunFolder, originals: int) -> Iterator[str]:
    """Yield what a reader must know before trusting a number, in sentences."""
    if originals < FEW:
        yield f"Only {counted(originals, 'original')}: a trial, not a result."
    yield from mini_caveat(run)


def _row(row: ResultRow) -> dict[str, str]:
    digits = kind_of(row.metric).decimals
    return {
        "launder": row.launder or "-",
        "detector": row.detector,
        "subset": row.bucket,
        "method": row.inpainter,
        "metric": kind_of(row.metric).title,
        "value": number(row.value, digits),
        "sort": "" if row.value is None else stored(row.value),
        "interval": span(row.low, row.high, digits),
        "count": f"{row.n}/{row.expected}",
        "images": str(row.images or 0),
        "weights": row.weights,
        "reason": row.reason,
    }
