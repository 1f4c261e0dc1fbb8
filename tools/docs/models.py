"""docs/models.md and docs/cards/*.md: the models that are registered, from their cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmark.core.card import Card
from detectors import DETECTORS
from inpainters import INPAINTERS
from tools.docs import ROOT
from tools.docs.markdown import NOTICE, code, table

_HEAD = """# Models

Everything that `bench list` shows, from the models' cards; `bench show NAME` prints one card whole.
The networks are this project's code; the licenses below are those of the authors' own code and
files.

- **official**: whether the authors publish weights that this project can load. *download*: `bench
  weights fetch NAME` gets them. *by hand*: get the file from its authors, then `bench weights add
  NAME FILE`. *none*: nobody publishes them.
- **mini**: weights of the same network at reduced width, trained by this project; they ship with
  the package. They are not the authors' models ([results](results.md)).
- **parameters** and **multiply-adds** (for one 256x256 image) are those of the official sizes.
- **sees the hole** (‡ in tables): the output depends on what the image shows inside the hole, as
  in its authors' program; `--hole-blind` overwrites the hole first.
- **seeded**: the output depends on the seed.
- **trainable**: `bench train NAME` trains it ([training](training.md)).

"""
_SCHEMES = """## Models of your own, and of other collections

| how it is named | what it is | page |
| --- | --- | --- |
| `package.module:Class` | a Python class | [tutorial](tutorial.md) |
| `outputs:DIR`, `heatmaps:DIR` | files that exist already | [finished outputs](howto/finished.md) |
| `cmd:PROGRAM ...` | a program in its own environment | [programs](howto/programs.md) |
| `diffusers:ID`, `iopaint:NAME` | inpainters of other collections | [collections](others.md) |
| `imdlbenco:NAME` | detectors of IMDL-BenCo | [collections](others.md) |
"""


def pages() -> dict[str, str]:
    """The table of all models, and a page for every model card that lies beside mini weights."""
    parts = [NOTICE + _HEAD]
    for title, registry in (("Inpainters", INPAINTERS), ("Detectors", DETECTORS)):
        cards = [registry.card(name) for name in registry.built_in]
        parts.append(f"## {title}\n\n{_overview(cards)}")
        if registry is DETECTORS:
            parts.append(_scores(cards))
        parts.append(f"Terms of the authors' code and weights:\n\n{_licenses(cards)}")
    page = "\n".join([*parts, _SCHEMES])
    return {"docs/models.md": page, **{path: text for path, (_, text) in card_pages()}}


def card_pages() -> Iterator[tuple[str, tuple[str, str]]]:
    """Every model card that ships: its page, the model's title, and what the page includes."""
    for registry in (INPAINTERS, DETECTORS):
        for name in registry.built_in:
            if place := _card_file(registry.card(name)):
                text = f'--8<-- "{place}"\n'
                yield f"docs/cards/{name}.md", (registry.card(name).title, text)


def _card_file(card: Card) -> str:
    """The model card beside the mini weights, from the root; "" where the model has none."""
    package, _, path = card.mini.partition(":")
    place = f"{package}/{path}".removesuffix(".safetensors") + ".md"
    return place if card.mini and (ROOT / place).is_file() else ""


def _overview(cards: list[Card]) -> str:
    head = ("name", "model", "parameters", "multiply-adds", "official", "mini", "remarks")
    return table(head, (_row(card) for card in cards))


def _row(card: Card) -> Iterator[str]:
    yield code(card.name)
    yield f"[{card.title}]({card.paper})" if card.paper else card.title
    yield f"{card.parameters:,}" if card.parameters else ""
    yield f"{card.multiply_adds / 1e9:.2f} G" if card.multiply_adds else ""
    yield _official(card)
    yield f"[yes](cards/{card.name}.md)" if _card_file(card) else ""
    remarks = {
        "sees the hole ‡": card.sees_hole,
        "seeded": card.seeded,
        "trainable": bool(card.learner),
    }
    yield ", ".join(name for name, holds in remarks.items() if holds)


def _official(card: Card) -> str:
    if card.weightless:
        return "needs no weights"
    published = [one for one in card.checkpoints if not one.source.startswith("not published")]
    if not published:
        return "none"
    return "download" if all(one.url for one in published) else "by hand"


def _scores(cards: list[Card]) -> str:
    rows = ((code(card.name), card.score, f"{card.threshold:g}") for card in cards)
    return table(("detector", "image-level score", "called forged above"), rows)


def _licenses(cards: list[Card]) -> str:
    known = (card for card in cards if card.license or card.checkpoints)
    return table(("name", "code", "weights"), map(_terms, known))


def _terms(card: Card) -> tuple[Any, ...]:
    weights = dict.fromkeys(one.license for one in card.checkpoints if one.license)
    return code(card.name), card.license, "; ".join(weights)
