"""Cards of the mini weights: facts of the training, results, and the limitations of before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmark.results.rounding import number
from benchmark.runner.resolve import ORIGINAL
from benchmark.training.facts import Facts, read_facts
from benchmark.training.model_card import NOT_OURS, render_card
from benchmark.training.recipe import LEARNERS
from detectors import DETECTORS as ALL_DETECTORS
from inpainters import INPAINTERS
from reports.paired import SettingSamples
from tools.docs.markdown import code, table
from tools.mini.controls import hole_name, values
from tools.mini.measured import ROOT, Measured
from tools.mini.plans import BUCKET, DETECTORS, STEPS, controls_samples

LIMITS = "## Limitations\n\n"
QUALITY = ("bin", "PSNR", "minus telea's PSNR", "LPIPS", "minus telea's LPIPS",
           "gradient / telea's", "peaks at 2, 4, 8")  # fmt: skip


def write_cards(found: Measured, trainings: Path) -> Iterator[Path]:
    """Write the card of every model with facts, trainings/NAME/NAME.json, and yield its path."""
    for name in LEARNERS:
        facts = trainings / name / f"{name}.json"
        if not facts.is_file():
            continue
        is_detector = name in DETECTORS
        registry = ALL_DETECTORS if is_detector else INPAINTERS
        card = ROOT / ("detectors" if is_detector else "inpainters") / "mini" / f"{name}.md"
        found_facts = read_facts(facts)
        text = render_card(
            found_facts,
            title=registry.card(name).title,
            results=_detector_results(found, found_facts)
            if is_detector
            else _inpainter_results(found, name),
            weak=_limitations(card),
        )
        card.write_text(text, encoding="utf-8")
        yield card


def _limitations(card: Path) -> str:
    """Return the list of limitations of the card so far, without the item that always ends it."""
    text = card.read_text(encoding="utf-8") if card.exists() else ""
    return text.partition(LIMITS)[2].replace(f"- {NOT_OURS}\n", "").strip()


def _images(found: Measured) -> str:
    return f"{found.limit} images of BSDS500's test set, none of them trained on, 256x256"


def _inpainter_results(found: Measured, name: str) -> str:
    rows = [[row[key] for key in QUALITY] for row in found.quality if row["model"] == name]
    samples = controls_samples(found)
    detected = [[code(hole_name(name, step)), *_detection(samples, hole_name(name, step))]
                for step in (STEPS[0], STEPS[-1])]  # fmt: skip
    what = (
        f"{_images(found)}, generated holes. PSNR in dB; LPIPS with AlexNet, lower is better; "
        "gradient energy and spectral peaks of the hole as in benchmarks/inpainting_quality.py."
    )
    return "\n\n".join((
        what,
        table(QUALITY, rows).strip(),
        f"At {BUCKET} %, by the mini detectors; controls and nulls are in docs/mini.md:",
        table(("hole", *(f"{one} AUC / F1 / ACC" for one in DETECTORS)), detected).strip(),
    ))  # fmt: skip


def _detection(samples: Mapping[str, SettingSamples], hole: str) -> Iterator[str]:
    for one in DETECTORS:
        means = [values(samples[one], hole, metric).mean() for metric in ("auc", "f1", "acc")]
        yield " / ".join(number(float(mean), 2) for mean in means)


def _is_met(kind: str, facts: Facts) -> bool:
    """Whether a detector was trained on this kind of forgery, plain or retouched."""
    name = kind.partition("+grain:")[0]
    return ("retouched" if name == ORIGINAL else name) in facts.forgers


def _detector_results(found: Measured, facts: Facts) -> str:
    own = [row for row in found.kinds if row["detector"] == facts.model]
    (authentic,) = (row for row in own if row["kind"] == "authentic")
    rows = [
        [
            code(row["kind"]), "yes" if _is_met(row["kind"], facts) else "no",
            *(f"{float(row[key]):.3f}" for key in ("auc", "null")), f"{float(row['fires']):.0%}",
        ]
        for row in own if row is not authentic
    ]  # fmt: skip
    what = (
        f"{_images(found)}, holes of {BUCKET} %. Mean AUC of pixels, beside that of the authentic "
        "images with the same holes (null)."
    )
    return "\n\n".join((
        what,
        table(("forgery", "in training data", "AUC", "null", "called forged"), rows).strip(),
        f"{float(authentic['fires']):.0%} of the authentic images are called forged.",
    ))  # fmt: skip
