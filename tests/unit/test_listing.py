"""`bench list` and `bench show`: installed weights and all fields of the cards."""

from __future__ import annotations

import json

import pytest

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.resolve import RECEIPT, installed_folder, mini_path
from benchmark.core.errors import BadInput, UnknownName
from benchmark.explain import explain
from benchmark.listing import card_text, editions, find_card, listing, listing_text
from detectors import DETECTORS
from inpainters import INPAINTERS

MODELS = [(name, registry) for registry in (INPAINTERS, DETECTORS) for name in registry]


def install(card: Card, *, verified: bool) -> None:
    """Put something where the model's files are installed."""
    folder = installed_folder(card)
    folder.mkdir(parents=True)
    noted = {}
    for one in card.checkpoints:
        (folder / one.file).write_bytes(one.file.encode())
        noted[one.file] = {"sha256": sha256_of(folder / one.file), "verified": verified}
    (folder / RECEIPT).write_text(json.dumps(noted))


def line_of(name: str) -> str:
    return next(line for line in listing_text().splitlines() if line.split()[:1] == [name])


def test_every_model_has_a_line_with_title_edition_and_license() -> None:
    for name, registry in MODELS:
        card, line = registry.card(name), line_of(name)
        line = line.removesuffix(f" ({registry.lacking(name).partition(': ')[2]})")
        assert line.endswith(f"{card.title}; {card.license}" if card.license else card.title)
        shown = "none" if card.weightless else "mini" if mini_path(card) else "no weights"
        assert line.split(maxsplit=1)[1].startswith(shown)


@pytest.mark.parametrize(
    ("verified", "edition"), [(True, "official"), (False, "official, unverified")]
)
def test_an_installed_file_is_listed_as_what_it_is(verified: bool, edition: str) -> None:
    card = DETECTORS.card("psccnet")
    assert "official" not in editions(card)
    install(card, verified=verified)
    assert editions(card)[0] == edition
    assert line_of("psccnet").split(maxsplit=1)[1].startswith(f"{edition}, mini")


def test_half_of_a_models_files_are_no_edition() -> None:
    card = DETECTORS.card("psccnet")
    install(card, verified=True)
    (installed_folder(card) / card.checkpoints[0].file).unlink()
    assert "official" not in editions(card)


@pytest.mark.parametrize("name", [name for name, _ in MODELS])
def test_a_card_prints_all_that_it_knows(name: str) -> None:
    card = next(registry.card(known) for known, registry in MODELS if known == name)
    text = card_text(name)
    words = [card.title, card.paper, card.license, card.sizes, card.score]
    words += [f"{card.parameters:,}" if card.parameters else ""]
    for one in card.checkpoints:
        words += [one.file, one.source, one.url, one.license, one.checksum]
        words += [f"{one.size:,} bytes" if one.size else ""]
    assert [word for word in words if word not in text] == []
    assert ("†" in text) == (card.score_from == "area")
    assert ("sees hole" in text) == card.sees_hole
    assert f"revision:      {card.revision}" in text


def test_an_edition_that_is_here_is_shown_with_its_checksum() -> None:
    card = DETECTORS.card("psccnet")
    install(card, verified=True)
    (entry,) = (one for one in find_card("psccnet")["weights"] if one["edition"] == "official")
    assert len(entry["sha256"]) == 64
    assert f"installed:     official, {entry['path']}, sha256 {entry['sha256']}" in card_text(
        "psccnet"
    )
    (installed_folder(card) / card.checkpoints[0].file).write_bytes(b"altered")
    assert "not the file that was installed" in card_text("psccnet")


def test_a_model_without_weights_shows_the_ways_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = Card(
        name="lama",
        title="LaMa",
        checkpoints=(Checkpoint(file="best.ckpt", source="somewhere"),),
        mini="inpainters:mini/nowhere.safetensors",
    )
    monkeypatch.setitem(INPAINTERS._cards, INPAINTERS.entry("lama"), card)
    assert "installed:     none; use 'bench weights add lama FILE'" in card_text("lama")
    assert "nowhere" not in card_text("lama")
    assert "no weights" in line_of("lama")


def test_the_mini_editions_text_is_named() -> None:
    assert find_card("safepaint")["model_card"].endswith("inpainters/mini/safepaint.md")
    assert "model card:    " in card_text("safepaint")
    assert find_card("telea")["model_card"] == ""


def test_the_listing_is_plain_data() -> None:
    json.dumps(listing())
    assert [entry["name"] for entry in listing()["detectors"]] == list(DETECTORS)
    with pytest.raises(UnknownName, match="Did you mean 'lama'"):
        card_text("lamma")


def test_steps_are_listed_by_their_form() -> None:
    text = listing_text({"launders": listing()["launders"]})
    assert "  jpeg:QUALITY, resize:FACTOR, " in text
    assert "crop:PIXELS, fit:PIXELS, social:telegram" in text


def test_the_name_of_a_collection_alone_says_how_its_models_are_named() -> None:
    with pytest.raises(BadInput, match=r"diffusers is a collection .* as diffusers:ID"):
        explain("diffusers")
