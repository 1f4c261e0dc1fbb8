"""Output of `bench list` and `bench show`: read from cards, no model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.resolve import (
    UNVERIFIED,
    find_weights,
    installed_folder,
    mini_path,
    receipts,
    ways_to,
)
from benchmark.core.errors import BenchError, ExternalError, UnknownName, WeightsError
from benchmark.core.registry import Registry
from benchmark.datasets import DATASETS
from benchmark.metrics import METRICS
from benchmark.plans import PLANS
from benchmark.postprocess import LAUNDERS
from benchmark.postprocess.chain import usage_of
from detectors import DETECTORS
from inpainters import INPAINTERS

MODELS = (INPAINTERS, DETECTORS)


def editions(card: Card) -> list[str]:
    """Return the installed weights variants of a model; no file is read.

    Returns:
        "official", or "official, unverified" if no checksum is published for the authors' file;
        "mini"; or "none" for a model without weights.
    """
    if card.weightless:
        return ["none"]
    return _installed(card) + (["mini"] if mini_path(card) else [])


def _installed(card: Card) -> list[str]:
    names = [checkpoint.file for checkpoint in card.checkpoints]
    if not names or not all((installed_folder(card) / name).is_file() for name in names):
        return []
    noted = receipts(card)
    verified = all(noted.get(name, {}).get("verified") for name in names)
    return ["official" if verified else UNVERIFIED]


def listing() -> dict[str, list[dict[str, Any]]]:
    """Return all registered models, metrics, data sets and post-processing steps, and all plans.

    Entries of plugins have a `distribution`; entries that cannot be loaded have an `error`, models
    without an optional package that they need `lacking`.
    """
    return {
        **{
            f"{registry.kind}s": [_model(registry, name) for name in registry]
            for registry in MODELS
        },
        "metrics": [_named(METRICS, name) for name in METRICS],
        "datasets": [_named(DATASETS, name) for name in DATASETS],
        "launders": [{**_named(LAUNDERS, name), "form": usage_of(name)} for name in LAUNDERS],
        "plans": [{"name": name} for name in PLANS],
    }


def listing_text(found: Mapping[str, Sequence[dict[str, Any]]] | None = None) -> str:
    """Format a listing as text.

    Args:
        found: the result of `listing`, or a part of it; by default all.
    """
    found, lines = found or listing(), []
    for kind, entries in found.items():
        lines.append(f"{kind}:")
        if "title" not in entries[0]:
            lines.append("  " + ", ".join(map(_short, entries)))
            continue
        wide = max(len(entry["name"]) for entry in entries)
        lines += [f"  {entry['name']:<{wide}}  {_line(entry)}" for entry in entries]
    if any("title" in entry for entries in found.values() for entry in entries):
        lines.append(
            "none = needs no weights; mini = reduced width, trained by this project; official = "
            "the authors' file, verified; official, unverified = no checksum is published"
        )
    return "\n".join(lines)


def find_card(name: str) -> dict[str, Any]:
    """Return the card of an inpainter or detector, and its installed weights.

    Returns:
        The fields of the card, `kind`, `weights` (one dictionary per installed variant with
        `edition`, `path` and `sha256`, or `error` if the file was altered) and `model_card`, the
        path of the model card of the mini weights, or "".

    Raises:
        UnknownName: if there is no such model.
        ExternalError: if a plugin or external model cannot be used.
    """
    registry = _registry_of(name)
    card = registry.card(name)
    return {
        "kind": registry.kind,
        "distribution": registry.find(name).distribution,
        **card.document(),
        "weights": _weights_here(card),
        "model_card": _model_card(card),
    }


def _registry_of(name: str) -> Registry[Any]:
    """Return the registry of a model; for "package.module:Class", inpainters are tried first."""
    for registry in MODELS:
        if name in registry:
            return registry
    if ":" not in name:
        raise UnknownName("model", name, [known for registry in MODELS for known in registry])
    try:
        INPAINTERS.load(name)
    except (ExternalError, UnknownName):  # no such class, no such scheme
        return DETECTORS
    return INPAINTERS


def card_text(name: str) -> str:
    """Format the card of a model as text.

    Raises:
        UnknownName: if there is no such model.
        ExternalError: if a plugin or external model cannot be used.
    """
    found = find_card(name)
    card = _registry_of(name).card(name)
    lines = [f"{name}: {card.title} ({found['kind']})"]
    lines += _field("plugin", found["distribution"])
    lines += _field("paper", card.paper)
    of_whom = "" if card.license.startswith("no code") else " (of the authors' code, not this one)"
    lines += _field("license", card.license and f"{card.license}{of_whom}")
    lines += _field("sizes", card.sizes)
    lines += _field(
        "sees hole", card.sees_hole and "yes: the output depends on the content of the hole"
    )
    lines += _field("score", card.score and _score(card))
    if card.parameters:
        lines += _field("parameters", f"{card.parameters:,}")
        lines += _field("multiply-adds", f"{card.multiply_adds / 1e9:.2f} G for a 256x256 image")
    lines += _field("revision", str(card.revision))
    for one in card.checkpoints:
        lines += _checkpoint(one)
    lines += [line for entry in found["weights"] for line in _field("installed", _edition(entry))]
    lines += _field("lacks", _registry_of(name).lacking(name).partition(": ")[2])
    if not card.weightless and not found["weights"]:
        lines += _field("installed", f"none; use {', or '.join(ways_to(card))}")
    return "\n".join(lines + _field("model card", found["model_card"]))


def _field(name: str, value: str | bool) -> list[str]:
    return [f"{name + ':':<15}{value}"] if value else []


def _score(card: Card) -> str:
    dagger = " †" if card.score_from == "area" else ""
    return f"{card.score}{dagger}; called forged above {card.threshold}"


def _checkpoint(one: Checkpoint) -> list[str]:
    size = f", {one.size:,} bytes" if one.size else ""
    parts = {
        "source": one.source,
        "url": one.url or "none",
        "inside": one.member,
        "license": one.license,
        "verified by": one.checksum or "strict loading only: no checksum is published",
    }
    inner = [f"  {name + ':':<13}{value}" for name, value in parts.items() if value]
    return [f"{'checkpoint:':<15}{one.file}{size}", *inner]


def _edition(entry: dict[str, str]) -> str:
    return entry.get("error") or f"{entry['edition']}, {entry['path']}, sha256 {entry['sha256']}"


def _weights_here(card: Card) -> list[dict[str, str]]:
    """Return the installed variants with their checksums, or the error of each."""
    wanted = ["official"] if _installed(card) else []
    wanted += ["mini"] if mini_path(card) else []
    return [_one_here(card, edition) for edition in wanted]


def _one_here(card: Card, wanted: str) -> dict[str, str]:
    try:
        found = find_weights(card, wanted)
    except WeightsError as error:
        return {"edition": wanted, "error": str(error)}
    return {"edition": found.edition, "path": str(found.path), "sha256": found.sha256}


def _model_card(card: Card) -> str:
    mini = mini_path(card)
    text = mini.with_suffix(".md") if mini else None
    return str(text) if text is not None and text.is_file() else ""


def _line(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return f"cannot be used: {entry['error']}"
    weights = ", ".join(entry["weights"]) or "no weights"
    license = f"; {entry['licence']}" if entry["licence"] else ""
    whose = f" [{entry['distribution']}]" if "distribution" in entry else ""
    whose += f" ({entry['lacking'].partition(': ')[2]})" if "lacking" in entry else ""
    return f"{weights:<18}{entry['title']}{license}{whose}"


def _short(entry: dict[str, Any]) -> str:
    """Return the name of a metric or data set, or the form of a step, with its plugin."""
    whose, name = entry.get("error") or entry.get("distribution"), entry.get("form", entry["name"])
    return f"{name} [{whose}]" if whose else str(name)


def _named(registry: Registry[Any], name: str) -> dict[str, Any]:
    try:
        whose = registry.find(name).distribution
    except ExternalError as error:
        return {"name": name, "error": str(error)}
    return {"name": name, **({"distribution": whose} if whose else {})}


def _model(registry: Registry[Any], name: str) -> dict[str, Any]:
    found = _named(registry, name)
    if "error" in found:
        return found
    try:
        card = registry.card(name)
    except BenchError as error:
        return {**found, "error": str(error)}
    reason = registry.lacking(name)
    return {
        **found,
        "title": card.title,
        "licence": card.license,
        "weights": editions(card),
        **({"lacking": reason} if reason else {}),
    }
