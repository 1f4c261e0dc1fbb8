"""Generate docs/models.md and docs/cards/*.md: the registered models, from their cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.core.card import Card
from detectors import DETECTORS
from inpainters import INPAINTERS
from tools.docs import ROOT
from tools.docs.markdown import NOTICE, code, table

_HEAD = """# Models

All models of `bench list`, from their cards; `bench show NAME` prints a complete card. The networks
are reimplemented in this project; the licenses below are those of the authors' own code and files.

- **official**: whether the authors publish weights that this project can load. *download*: use
  `bench weights fetch NAME`. *by hand*: get the file from its authors, then use `bench weights add
  NAME FILE`. *none*: not published.
- **mini**: weights of the same network at reduced width, trained by this project and included in
  the package. They are not the authors' models ([results](results.md)).
- **parameters** and **multiply-adds** (for one 256x256 image) are those of the official sizes.
- **sees the hole** (‡ in tables): the output depends on the content of the hole, as in the authors'
  program; `--hole-blind` overwrites the hole first.
- **seeded**: the output depends on the seed.
- **trainable**: `bench train NAME` trains it ([training](training.md)).

"""
_SCHEMES = """## Your own models, and other collections

| specifier | model | page |
| --- | --- | --- |
| `package.module:Class` | a Python class | [tutorial](tutorial.md) |
| `outputs:DIR`, `heatmaps:DIR` | existing output files | [finished outputs](howto/finished.md) |
| `cmd:PROGRAM ...` | a program in its own environment | [programs](howto/programs.md) |
| `diffusers:ID`, `iopaint:NAME`, `spandrel:FILE` | other inpainters | [collections](others.md) |
| `imdlbenco:NAME`, `photoholmes:NAME` | other detectors | [collections](others.md) |
"""


def pages() -> dict[str, str]:
    """Return the table of all models, and a page for every model card of mini weights."""
    parts = [NOTICE + _HEAD]
    for title, registry in (("Inpainters", INPAINTERS), ("Detectors", DETECTORS)):
        cards = [registry.card(name) for name in registry.built_in]
        needs = {name: registry.package(name) for name in registry.built_in}
        parts.append(f"## {title}\n\n{_overview(cards, needs)}")
        if registry is DETECTORS:
            parts.append(_scores(cards))
        parts.append(f"Terms of the authors' code and weights:\n\n{_licenses(cards)}")
    page = "\n".join([*parts, _SCHEMES])
    return {"docs/models.md": page, **{path: text for path, (_, text) in card_pages()}}


def card_pages() -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield every shipped model card: its page, the title of the model, and the included text."""
    for registry in (INPAINTERS, DETECTORS):
        for name in registry.built_in:
            if place := _card_file(registry.card(name)):
                text = f'--8<-- "{place}"\n'
                yield f"docs/cards/{name}.md", (registry.card(name).title, text)


def _card_file(card: Card) -> str:
    """Return the model card next to the mini weights, from the root, or ""."""
    package, _, path = card.mini.partition(":")
    place = f"{package}/{path}".removesuffix(".safetensors") + ".md"
    return place if card.mini and (ROOT / place).is_file() else ""


def _overview(cards: list[Card], needs: Mapping[str, str]) -> str:
    head = ("name", "model", "parameters", "multiply-adds", "official", "mini", "remarks")
    return table(head, (_row(card, needs[card.name]) for card in cards))


def _row(card: Card, needed: str) -> Iterator[str]:
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
        f"needs `{needed}`": bool(needed),
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
