"""What `bench list`, `bench show` and `bench weights` print; reads cards, loads no model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from benchmark.core.card import Card
from benchmark.core.errors import UnknownName
from benchmark.core.weights import installed_folder, mini_path
from benchmark.datasets import DATASETS
from benchmark.metrics import METRICS
from detectors import DETECTORS
from inpainters import INPAINTERS

MODELS = (INPAINTERS, DETECTORS)


def editions(card: Card) -> list[str]:
    """The editions of weights that are here: "none" for a model that needs none."""
    if card.weightless:
        return ["none"]
    files = [installed_folder(card) / checkpoint.file for checkpoint in card.checkpoints]
    found = ["installed"] if files and all(file.is_file() for file in files) else []
    return found + (["mini"] if mini_path(card) else [])


def listing() -> dict[str, list[dict[str, Any]]]:
    """Every inpainter, detector, metric and data set that is registered."""
    return {
        **{
            f"{registry.kind}s": [_entry(registry.card(name)) for name in registry]
            for registry in MODELS
        },
        "metrics": [{"name": name} for name in METRICS],
        "datasets": [{"name": name} for name in DATASETS],
    }


def listing_text() -> str:
    """The listing for a reader."""
    lines = []
    for kind, entries in listing().items():
        lines.append(f"{kind}:")
        if "title" not in entries[0]:
            lines.append("  " + ", ".join(entry["name"] for entry in entries))
            continue
        lines += [_line(entry) for entry in entries]
    lines.append(
        "none = needs no weights; mini = trained by this project; installed = see 'bench weights'"
    )
    return "\n".join(lines)


def find_card(name: str) -> dict[str, Any]:
    """The card of an inpainter or detector, and which weights are here.

    Raises:
        UnknownName: if there is no such model.
    """
    for registry in MODELS:
        if name in registry:
            card = registry.card(name)
            return {"kind": registry.kind, **asdict(card), "weights": editions(card)}
    raise UnknownName("model", name, [known for registry in MODELS for known in registry])


def card_text(name: str) -> str:
    """The card for a reader.

    Raises:
        UnknownName: if there is no such model.
    """
    card = find_card(name)
    lines = [f"{card['name']}: {card['title']} ({card['kind']})"]
    for key in ("paper", "licence"):
        if card[key]:
            lines.append(f"{key}: {card[key]}")
    lines.append(f"weights here: {', '.join(card['weights']) or 'none'}")
    for file in card["checkpoints"]:
        lines.append(f"checkpoint {file['file']}: {file['source'] or 'not published'}")
        lines += [f"  licence: {file['licence']}"] if file["licence"] else []
    if card["kind"] == "detector":
        rule = (
            "share of the heatmap above 0.5 (†)" if card["score_from"] == "area" else "its own head"
        )
        lines.append(f"image-level score: {rule}; called forged above {card['threshold']}")
    lines.append(
        f"sides: at least {card['min_side']}, extended to a multiple of {card['multiple']}"
    )
    return "\n".join(lines)


def weights_text(entries: list[dict[str, Any]]) -> str:
    """The list of checkpoints for a reader."""
    lines = []
    for entry in entries:
        lines.append(f"{entry['name']:<12} {entry['file']:<32} {entry['state']}")
        lines.append(f"{'':<12} from: {entry['source'] or 'not published'}")
        lines += [f"{'':<12} licence: {entry['licence']}"] if entry["licence"] else []
    return "\n".join(lines)


def _line(entry: dict[str, Any]) -> str:
    weights = ", ".join(entry["weights"]) or "no weights here"
    licence = f"; {entry['licence']}" if entry["licence"] else ""
    return f"  {entry['name']:<14}{weights:<18}{entry['title']}{licence}"


def _entry(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "licence": card.licence,
        "weights": editions(card),
    }
