"""The gallery of a run's page: its images and numbers as JSON for the page's script."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from benchmark.metrics import METRICS
from benchmark.results.rounding import kind_of, number
from benchmark.results.run_folder import RunFolder
from benchmark.results.training_exposure import MET, seen_in_training
from benchmark.results.variants import variants_of
from detectors import DETECTORS
from reports.figures.charts import marked
from reports.gallery import Gallery, GalleryDetection, GallerySample
from reports.page.forgeries import forgery_sample

IMAGES = "images"


def to_json(value: object) -> Markup:
    """Render JSON that cannot end its script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 (<, > and & are escaped)


def inpainter_names(run: RunFolder) -> dict[str, str]:
    """Return the inpainters and their treatments by name, with marks."""
    return {one.name: marked(one.card, run.results, one.treatment) for one in variants_of(run.plan)}


def detector_names(run: RunFolder) -> dict[str, str]:
    """Return the detectors by name, with marks."""
    return {name: marked(DETECTORS.card(name), run.results) for name in run.plan.detector_names}


def gallery_data(run: RunFolder, gallery: Gallery, *, full: bool) -> Markup:
    """Return the gallery as JSON for the page's script.

    Args:
        run: the run.
        gallery: its images.
        full: whether full-size images are written beside the page.
    """
    kind = METRICS.load(gallery.metric) if gallery.metric else None
    met = {(row.painter, row.detector) for row in run.results if seen_in_training(row)}
    content = {
        "metric": kind.title if kind else "",
        "digits": kind.decimals if kind else 4,
        "better": kind.better if kind else "lower",
        "forgeries": run.plan.forgeries is not None,
        "names": {**inpainter_names(run), **detector_names(run)},
        "images": gallery.images,
        "samples": [
            _sample(run, one, gallery.metric, full=full, met=met) for one in gallery.samples
        ],
    }
    return to_json(content)


def _met(painter: str, detector: str, met: Container[tuple[str, str]]) -> str:
    return f", {MET} seen in training" if (painter, detector) in met else ""


def _sample(
    run: RunFolder, one: GallerySample, metric: str, *, full: bool, met: Container[tuple[str, str]]
) -> dict[str, Any]:
    if one.forgery is not None:
        (output,) = one.outputs
        return forgery_sample(
            one, [_detection(metric, detection) for detection in output.detections]
        )
    several = len(run.plan.datasets) > 1
    parts = [IMAGES, *([one.dataset] if several else []), one.bucket, one.folder]
    return {
        "dataset": one.dataset if several else "",
        "sample": one.sample,
        "bucket": one.bucket,
        "original": one.original,
        "hole": one.hole,
        "full": "/".join(quote(part) for part in parts) if full else "",
        "outputs": [
            {
                "inpainter": output.inpainter,
                "image": output.image,
                "detections": [
                    _detection(metric, detection, _met(output.inpainter, detection.detector, met))
                    for detection in output.detections
                ],
            }
            for output in one.outputs
        ],
    }


def _detection(metric: str, detection: GalleryDetection, mark: str = "") -> dict[str, Any]:
    return {
        "detector": detection.detector,
        "heatmap": detection.heatmap,
        "value": detection.value,
        "text": _detection_text(metric, detection) + mark,
    }


def _detection_text(metric: str, detection: GalleryDetection) -> str:
    """Return the printed numbers of a detector for one image."""
    threshold = DETECTORS.card(detection.detector).threshold
    parts = [f"score {number(detection.score, 3)}"]
    if detection.score is not None:
        word = "forged" if detection.score > threshold else "authentic"
        parts[0] += f", called {word} (forged above {threshold:g})"
    if detection.value is not None:
        kind = kind_of(metric)
        parts.insert(0, f"{kind.title} {number(detection.value, kind.decimals)}")
    return ", ".join(parts)
