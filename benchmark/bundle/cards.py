"""Cards and weights of a run's models: written into a bundle, and compared when it is checked."""

from __future__ import annotations

from functools import cache
from typing import Any

from benchmark.bundle.layout import CARDS, member_limit
from benchmark.bundle.proof import Findings, Mismatch
from benchmark.bundle.read import Opened
from benchmark.core.card import Card
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.resolve import mini_path, published_digest
from benchmark.core.filenames import printable
from benchmark.core.registry import Registry
from benchmark.core.training_exposure import THESE_IMAGES, UNNAMED, training_inpainters
from benchmark.core.untrusted import read_json
from benchmark.results.file_hashes import RECORD
from benchmark.results.record import Record
from benchmark.runner.plan import Plan
from detectors import DETECTORS
from inpainters import INPAINTERS

DECIDING = (  # fields of a card that change outputs or numbers, besides the revision
    "threshold", "paints", "sees_hole", "seeded", "rounding", "min_side", "finished", "by_name",
    "eight_bits", "score_from",
)  # fmt: skip
_KINDS: tuple[tuple[str, Registry[Any]], ...] = (
    ("inpainters", INPAINTERS),
    ("detectors", DETECTORS),
)


def cards_of(record: Record, plan: Plan) -> dict[str, Any]:
    """Return the card and the weights of every model of a run, by kind and name."""
    found: dict[str, Any] = {}
    for kind, registry in _KINDS:
        cards = [registry.card(word) for word in _words(plan, kind)]
        found[kind] = {
            card.name: {"card": card.document(), "weights": _weights_of(record, card.name)}
            for card in cards
        }
    return found


def _words(plan: Plan, kind: str) -> tuple[str, ...]:
    """Return the plan's models of a kind; a plan of forgeries has no inpainters."""
    return () if kind == "inpainters" and plan.forgeries is not None else getattr(plan, kind)


def _weights_of(record: Record, name: str) -> dict[str, str]:
    """Return a model's weights as in record.json, or why it has none."""
    noted = record.checkpoints.get(name)
    return noted.model_dump() if noted else {"absent": record.absent.get(name, "")}


def check_cards(opened: Opened, record: Record, plan: Plan, findings: Findings) -> set[str]:
    """Compare cards and weights with the record and with the models of this version.

    Args:
        opened: the bundle.
        record: its record.
        plan: its plan.
        findings: where contradictions and notes are added.

    Returns:
        The names of models of this project with the same revision here.
    """
    try:
        document = read_json(opened.folder / CARDS, member_limit(CARDS) or 0)
    except ValueError as error:
        findings.differs(CARDS, f"damaged ({error})")
        return set()
    same: set[str] = set()
    for kind, registry in _KINDS:
        for word in _words(plan, kind):
            card: Card = registry.card(word)
            found = document.get(kind, {}) if isinstance(document, dict) else {}
            entry = found.get(card.name) if isinstance(found, dict) else None
            if not isinstance(entry, dict) or not isinstance(entry.get("card"), dict):
                findings.differs(CARDS, "has no card of this model", column=f"{kind}.{card.name}")
            elif _is_same_card(card, entry, registry, record, findings):
                same.add(card.name)
    return same


def _is_same_card(
    card: Card,
    entry: dict[str, Any],
    registry: Registry[Any],
    record: Record,
    findings: Findings,
) -> bool:
    """Compare the entry of one model; return whether it is of this version's revision."""
    noted = record.checkpoints.get(card.name)
    if entry.get("weights") != _weights_of(record, card.name):
        findings.differs(CARDS, f"differs from {RECORD}", column=f"{card.name}.weights")
    if card.name not in registry.built_in:
        findings.note(f"{card.name}: not of this project; its outputs are claims.")
        return False
    if noted is not None:
        _check_weights(card, noted.edition, noted.sha256, findings)
        _check_exposure(card, noted.sha256, record, findings)
    elif not card.weightless and not record.absent.get(card.name):
        findings.differs(RECORD, "has no weights of this model", column=f"checkpoints.{card.name}")
    stated, here = entry["card"], card.document()
    if stated.get("revision") != here["revision"]:
        findings.note(
            f"{card.name}: revision {printable(str(stated.get('revision')))[:20]} of the model, "
            f"here {here['revision']}; its keys are not compared, and it does not run again."
        )
        return False
    for name in DECIDING:
        if stated.get(name) != here[name]:
            findings.add(
                Mismatch(
                    file=CARDS,
                    column=f"{card.name}.card.{name}",
                    stated=str(stated.get(name))[:80],
                    computed=str(here[name]),
                )
            )
    return True


def _check_weights(card: Card, edition: str, digest: str, findings: Findings) -> None:
    """Compare the label of a model's weights with the files that are known by their SHA-256."""
    known = _known_weights(card)
    label = known.get(digest, "")
    column = f"checkpoints.{card.name}.edition"
    if card.weightless:
        label = "none"
    elif edition.startswith("sha256:"):
        label = label or f"sha256:{digest[:12]}"
    if label and edition != label:
        findings.add(Mismatch(file=RECORD, column=column, stated=edition, computed=label))
    elif not label:
        findings.note(
            f"{card.name}: this version knows no weights of SHA-256 {digest[:12] or 'none'}; that "
            f"they are {edition or 'unnamed'!r} is a claim."
        )


def _check_exposure(card: Card, digest: str, record: Record, findings: Findings) -> None:
    """Compare what a detector was trained on with what its weights say, if they are known here."""
    stated, mini = record.met.get(card.name), mini_path(card)
    is_mini = mini is not None and _known_weights(card).get(digest) == "mini"
    if stated is None or not (card.weightless or is_mini):
        return
    known = training_inpainters(mini) if mini is not None and is_mini else frozenset[str]()
    others = set(stated) - {THESE_IMAGES, UNNAMED}
    if others != set(known or ()) - {UNNAMED}:
        findings.add(
            Mismatch(
                file=RECORD,
                column=f"met.{card.name}",
                stated=", ".join(stated),
                computed=", ".join(sorted(known or ())),
            )
        )


@cache
def _known_weights(card: Card) -> dict[str, str]:
    """Return the label of each weights file of a model that this version knows, by SHA-256."""
    found = {}
    if digest := published_digest(card):
        found[digest] = "official"
    if (mini := mini_path(card)) is not None:
        found[sha256_of(mini)] = "mini"
    return found
