"""Install checkpoints: from a file the user has, or by download when asked; verified first."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from benchmark import imagenet
from benchmark.core.backbones import BACKBONES, backbone_state
from benchmark.core.card import ALGORITHMS, Card, Checkpoint
from benchmark.core.checkpoints.resolve import (
    RECEIPT,
    find_files,
    installed_folder,
    mini_path,
    receipts,
    sha256_of,
    verify,
    ways_to,
)
from benchmark.core.errors import BadInput, OutputError, UnknownName, Unreachable, WeightsError
from benchmark.core.paths import atomic, make_folder, write_text
from benchmark.download import LARGEST, download
from benchmark.imagenet import add_backbone, fetch_backbone, terms_of
from detectors import DETECTORS
from inpainters import INPAINTERS

MODELS = (INPAINTERS, DETECTORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A file somebody offers for a checkpoint.

    Attributes:
        checkpoint: what it is to be.
        path: where it is.
        verified: whether it is, by its checksum, the file its authors publish.
    """

    checkpoint: Checkpoint
    path: Path
    verified: bool


def weights_status() -> list[dict[str, Any]]:
    """Every checkpoint: where it is published, its license, and whether it is here.

    Returns:
        Dictionaries with `name`, `file`, `source`, `address` (to download from, or ""), `licence`,
        `checksum` (how it is verified), and `state`: "verified", "installed" (no checksum is
        published), "altered", "missing", or "shipped" for a mini edition that is here.
    """
    found = []
    for card in (registry.card(name) for registry in MODELS for name in registry.usable()):
        found += [_entry(card.name, one, _state(card, one)) for one in card.checkpoints]
        mini = mini_path(card)
        if mini is not None:
            shipped = Checkpoint(file=mini.name, source="this project (mini edition)")
            found.append(_entry(card.name, shipped, "shipped"))
    for name, backbone in BACKBONES.items():
        entry = _entry(name, backbone.published, backbone_state(name))
        found.append({**entry, "checksum": backbone.checksum})
    return found


def licence_of(name: str) -> str:
    """What a user should read before downloading.

    Raises:
        UnknownName: if nothing is called `name`.
        WeightsError: if it has no address to download from.
    """
    if name in BACKBONES:
        return terms_of(name)
    files = _card(name).checkpoints
    if not all(one.url for one in files):
        _refuse_to_fetch(name, list(files))
    lines = [f"{one.file}: {one.source or 'not published'}\n  {one.license}" for one in files]
    return "\n".join(lines) or f"{name} needs no weights."


def add_weights(name: str, *paths: Path) -> str:
    """Verify files the user has and install them; all of them, or none.

    Args:
        name: a model, or a backbone such as "alexnet".
        paths: checkpoints in the authors' layout, the archive they publish them in, or the folder
            that holds the authors' files, flat or in their own folders.

    Returns:
        What was done, in a line per file, and which files are still needed.

    Raises:
        UnknownName: if nothing is called `name`.
        BadInput: if it needs no weights, or a file is this project's own.
        WeightsError: if a file is missing, damaged or another model's; then nothing is installed.
    """
    for path in paths:
        if not path.exists():
            raise WeightsError(f"{path}: no such file")
        if path.is_dir() and name in BACKBONES:
            raise WeightsError(f"{path}: expected a file, found a folder")
        if path.suffix == ".safetensors" and name not in BACKBONES:
            raise BadInput(
                f"{path}: run your own training with 'bench run --weights {name}={path}'"
            )
    if name in BACKBONES:
        if len(paths) > 1:
            raise BadInput(f"{name} is one file, got {len(paths)}; name one")
        return add_backbone(name, paths[0])
    card = _card(name)
    with TemporaryDirectory() as folder:
        offers = [offer for path in paths for offer in _offers(card, path, Path(folder))]
        if not all(offer.verified for offer in offers):
            _try_load(card, offers)
        done = [_place(card, offer) for offer in offers]
    lacking = [one.file for one in card.checkpoints if _state(card, one) == "missing"]
    return "\n".join(done + [f"{card.name}: still needs {file}" for file in lacking])


def already_here(name: str) -> str | None:
    """A line that says so, if all that can be fetched for `name` is here and verified.

    Raises:
        UnknownName: if nothing is called `name`.
    """
    if name in BACKBONES:
        return imagenet.already_here(name)
    card = _card(name)
    if all(_state(card, one) == "verified" for one in card.checkpoints):
        return f"{name}: already here (verified)"
    return None


def fetch_weights(
    name: str, say: Callable[[str], object] = print, *, largest: int = LARGEST
) -> str:
    """Download what is published for `name`, verify it and install it.

    Args:
        name: a model, or a backbone such as "alexnet".
        say: is told in a line when a backbone's first address cannot be reached.
        largest: bytes that a file may have whose size nobody states.

    Returns:
        What was done, in a line per file.

    Raises:
        UnknownName: if nothing is called `name`.
        WeightsError: if it has no address to download from, the download fails, or a checksum
            differs; then nothing is installed.
        OutputError: if the disk is full or a folder cannot be written.
    """
    try:
        return fetch_backbone(name, say) if name in BACKBONES else _fetch_model(name, largest)
    except OSError as error:
        raise OutputError(f"a temporary file cannot be written ({error})") from None


def _fetch_model(name: str, largest: int) -> str:
    files = list(_card(name).checkpoints)
    if not all(one.url for one in files):
        _refuse_to_fetch(name, files)
    with TemporaryDirectory() as folder:
        addresses = {one.url: largest if one.archive else one.size or largest for one in files}
        try:
            found = [download(url, Path(folder), most=size) for url, size in addresses.items()]
        except Unreachable as error:
            add = f"get it elsewhere and use 'bench weights add {name} FILE'"
            raise Unreachable(f"{error}; {add}") from None
        return add_weights(name, *found)


def _refuse_to_fetch(name: str, files: list[Checkpoint]) -> NoReturn:
    places = "; ".join(f"{one.file}: {one.source or 'not published'}" for one in files)
    what = "FILE" if len(files) == 1 else "FOLDER"
    raise WeightsError(
        f"{name} cannot be fetched ({places}); get it there and use 'bench weights add {name} "
        f"{what}'"
    )


def _card(name: str) -> Card:
    for registry in MODELS:
        if name in registry:
            card = registry.card(name)
            if card.weightless:
                raise BadInput(f"{name} needs no weights")
            if not card.checkpoints:
                raise WeightsError(f"{name}: nobody publishes weights; use {ways_to(card)[0]}")
            return card
    raise UnknownName("model", name, [*(one for kind in MODELS for one in kind), *BACKBONES])


def _offers(card: Card, path: Path, folder: Path) -> list[_Offer]:
    """What a path offers for a card: a folder's files, an archive's, or the file itself."""
    if path.is_dir():
        found = find_files(card, path)
        if not found:
            raise WeightsError(f"{path}: expected {_names(card)} in this folder, once each")
        return [_offer(one, found[one.file]) for one in card.checkpoints if one.file in found]
    packed = [one for one in card.checkpoints if _member(one, path)]
    if packed:
        return [_unpacked(one, path, folder) for one in packed]
    return [_offer(_wanted(card, path), path)]


def _offer(checkpoint: Checkpoint, path: Path) -> _Offer:
    return _Offer(checkpoint=checkpoint, path=path, verified=verify(checkpoint, path))


def _wanted(card: Card, file: Path) -> Checkpoint:
    """Which of the card's files this is: the only one, or the one of its name."""
    if len(card.checkpoints) == 1:
        return card.checkpoints[0]
    for checkpoint in card.checkpoints:
        if file.name == checkpoint.file:
            return checkpoint
    raise WeightsError(f"{file}: {card.name} has files named {_names(card)}")


def _names(card: Card) -> str:
    return ", ".join(checkpoint.file for checkpoint in card.checkpoints)


def _member(checkpoint: Checkpoint, file: Path) -> str:
    """The checkpoint's path inside a file that is its archive, or ""."""
    if not checkpoint.member or not zipfile.is_zipfile(file):
        return ""
    with zipfile.ZipFile(file) as archive:
        ends = f"/{checkpoint.member}"
        return next((name for name in archive.namelist() if f"/{name}".endswith(ends)), "")


def _unpacked(checkpoint: Checkpoint, file: Path, folder: Path) -> _Offer:
    algorithm, _, known = checkpoint.archive.partition(":")
    digest = _digest(file, algorithm)
    if digest != known:
        raise WeightsError(
            f"{file}: not the published archive of {checkpoint.file}: its {ALGORITHMS[algorithm]} "
            f"is {digest}, published is {known}"
        )
    target = folder / checkpoint.file
    with (
        zipfile.ZipFile(file) as archive,
        archive.open(_member(checkpoint, file)) as packed,
        target.open("wb") as unpacked,
    ):
        shutil.copyfileobj(packed, unpacked)
    verify(checkpoint, target)
    return _Offer(checkpoint=checkpoint, path=target, verified=True)


def _try_load(card: Card, offers: list[_Offer]) -> None:
    """No checksum is published: files count only if they fill the network exactly."""
    if sorted(offer.checkpoint.file for offer in offers) != sorted(
        checkpoint.file for checkpoint in card.checkpoints
    ):
        raise WeightsError(
            f"{card.name} needs {_names(card)}, each once; name them all, or their folder"
        )
    with TemporaryDirectory() as folder:
        path = offers[0].path
        if len(offers) > 1:
            path = Path(folder)
            for offer in offers:
                shutil.copyfile(offer.path, path / offer.checkpoint.file)
        for registry in MODELS:
            if card.name in registry:
                registry.load(card.name)(weights=path)


def _place(card: Card, offer: _Offer) -> str:
    folder, file = make_folder(installed_folder(card)), offer.checkpoint.file
    digest = sha256_of(offer.path)
    with atomic(folder / file, durable=True) as draft:
        shutil.copyfile(offer.path, draft)
    noted = {**receipts(card), file: {"sha256": digest, "verified": offer.verified}}
    write_text(folder / RECEIPT, json.dumps(noted, indent=2) + "\n", durable=True)
    how = "verified by its published checksum"
    if not offer.verified:
        how = f"loads into {card.title}; no checksum is published, so it may be anybody's"
    return f"{card.name}: {file} installed ({how}; sha256 {digest})"


def _state(card: Card, checkpoint: Checkpoint) -> str:
    path = installed_folder(card) / checkpoint.file
    if not path.is_file():
        return "missing"
    noted = receipts(card).get(checkpoint.file, {})
    if noted.get("sha256") != sha256_of(path):
        return "altered"
    return "verified" if noted.get("verified") else "installed"


def _entry(name: str, checkpoint: Checkpoint, state: str) -> dict[str, Any]:
    source = checkpoint.source or checkpoint.url
    return {
        "name": name,
        "file": checkpoint.file,
        "source": source,
        "address": checkpoint.url,
        "licence": checkpoint.license,
        "checksum": checkpoint.checksum,
        "state": state,
    }


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        start = hashlib.new(algorithm, usedforsecurity=False)
        return hashlib.file_digest(file, lambda: start).hexdigest()
