"""Install checkpoints: from a file the user has, or by download when asked; verified first."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.core.card import Card, Checkpoint
from benchmark.core.errors import BadInput, UnknownName, WeightsError
from benchmark.core.paths import atomic, make_folder, torch_checkpoints, write_text
from benchmark.core.weights import RECEIPT, installed_folder, mini_path, receipts, sha256_of
from benchmark.metrics.backbones import BACKBONES
from detectors import DETECTORS
from inpainters import INPAINTERS

MODELS = (INPAINTERS, DETECTORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A file somebody offers for a checkpoint.

    Attributes:
        path: where it is.
        verified: whether it is, by its checksum, the file its authors publish.
    """

    path: Path
    verified: bool


def weights_status() -> list[dict[str, Any]]:
    """Every checkpoint: where it is published, its licence, and whether it is here.

    Returns:
        Dictionaries with `name`, `file`, `source`, `licence`, and `state`: "verified", "installed"
        (no checksum is published), "altered", "missing", or "shipped" for the mini edition.
    """
    found = []
    for card in (registry.card(name) for registry in MODELS for name in registry):
        found += [_entry(card.name, one, _state(card, one)) for one in card.checkpoints]
        mini = mini_path(card)
        if card.mini:
            shipped = Checkpoint(file=Path(card.mini).name, source="this project (mini edition)")
            found.append(_entry(card.name, shipped, "shipped" if mini else "missing"))
    for name, backbone in BACKBONES.items():
        found.append(_entry(name, backbone, _backbone_state(backbone)))
    return found


def licence_of(name: str) -> str:
    """What a user should read before downloading.

    Raises:
        UnknownName: if nothing is called `name`.
    """
    files = [BACKBONES[name]] if name in BACKBONES else _card(name).checkpoints
    lines = [f"{one.file}: {one.source or 'not published'}\n  {one.licence}" for one in files]
    return "\n".join(lines) or f"{name} needs no weights."


def add_weights(name: str, file: Path) -> str:
    """Verify a file the user has and install it.

    Args:
        name: a model, or a backbone such as "alexnet".
        file: the checkpoint in the authors' layout, or the archive they publish it in.

    Returns:
        What was done, in a line.

    Raises:
        UnknownName: if nothing is called `name`.
        WeightsError: if the file is missing, damaged or another model's; then nothing is installed.
    """
    if not file.is_file():
        raise WeightsError(f"{file}: no such file")
    if name in BACKBONES:
        return _add_backbone(BACKBONES[name], file)
    card = _card(name)
    if file.suffix == ".safetensors":
        raise BadInput(f"{file}: run your own training with 'bench run --weights {name}={file}'")
    with TemporaryDirectory() as folder:
        checkpoint = _wanted(card, file)
        offer = _unpacked(checkpoint, file, Path(folder))
        if not offer.verified:
            _try_load(card, offer.path)
        return _place(card, checkpoint, offer)


def fetch_weights(name: str) -> str:
    """Download what is published for `name`, verify it and install it.

    Returns:
        What was done, in a line per file.

    Raises:
        UnknownName: if nothing is called `name`.
        WeightsError: if nobody publishes it, the download fails, or the checksum differs.
    """
    if name in BACKBONES:
        with TemporaryDirectory() as folder:
            return _add_backbone(BACKBONES[name], _download(BACKBONES[name], Path(folder)))
    card = _card(name)
    if not any(one.url for one in card.checkpoints):
        places = "; ".join(f"{one.file}: {one.source}" for one in card.checkpoints)
        raise WeightsError(f"{name} cannot be fetched ({places}); add a file you have instead")
    with TemporaryDirectory() as folder:
        files = [_download(one, Path(folder)) for one in card.checkpoints if one.url]
        return "\n".join(add_weights(name, file) for file in files)


def _card(name: str) -> Card:
    for registry in MODELS:
        if name in registry:
            card = registry.card(name)
            if not card.checkpoints:
                raise BadInput(f"{name} needs no weights")
            return card
    raise UnknownName("model", name, [*(one for kind in MODELS for one in kind), *BACKBONES])


def _wanted(card: Card, file: Path) -> Checkpoint:
    """Which of the card's files this is: the only one, or the one of its name."""
    if len(card.checkpoints) == 1:
        return card.checkpoints[0]
    for checkpoint in card.checkpoints:
        if file.name == checkpoint.file:
            return checkpoint
    known = ", ".join(checkpoint.file for checkpoint in card.checkpoints)
    raise WeightsError(f"{file}: {card.name} has files named {known}")


def _unpacked(checkpoint: Checkpoint, file: Path, folder: Path) -> _Offer:
    if checkpoint.archive_md5 and _md5(file) == checkpoint.archive_md5:
        target = folder / checkpoint.file
        with (
            zipfile.ZipFile(file) as archive,
            archive.open(checkpoint.member) as packed,
            target.open("wb") as unpacked,
        ):
            shutil.copyfileobj(packed, unpacked)
        return _Offer(path=target, verified=True)
    if checkpoint.sha256 and sha256_of(file) != checkpoint.sha256:
        raise WeightsError(f"{file}: its SHA-256 is not the published one of {checkpoint.file}")
    return _Offer(path=file, verified=bool(checkpoint.sha256))


def _try_load(card: Card, path: Path) -> None:
    """No checksum is published: the file counts only if it fills the network exactly."""
    for registry in MODELS:
        if card.name in registry:
            registry.load(card.name)(weights=path)


def _place(card: Card, checkpoint: Checkpoint, offer: _Offer) -> str:
    folder = make_folder(installed_folder(card))
    digest = sha256_of(offer.path)
    with atomic(folder / checkpoint.file) as draft:
        shutil.copyfile(offer.path, draft)
    noted = {**receipts(card), checkpoint.file: {"sha256": digest, "verified": offer.verified}}
    write_text(folder / RECEIPT, json.dumps(noted, indent=2) + "\n")
    how = "verified" if offer.verified else "loads strictly; no checksum is published"
    return f"{card.name}: {checkpoint.file} installed ({how}; sha256 {digest})"


def _add_backbone(backbone: Checkpoint, file: Path) -> str:
    digest = sha256_of(file)
    if not digest.startswith(backbone.sha256):
        raise WeightsError(
            f"{file}: not {backbone.file}: its SHA-256 begins {digest[:8]}, not {backbone.sha256}"
        )
    folder = make_folder(torch_checkpoints())
    with atomic(folder / backbone.file) as draft:
        shutil.copyfile(file, draft)
    return f"{backbone.file} installed where torch keeps its checkpoints (verified)"


def _download(checkpoint: Checkpoint, folder: Path) -> Path:
    import pooch

    name = checkpoint.url.rsplit("/", 1)[-1]
    known = f"md5:{checkpoint.archive_md5}" if checkpoint.archive_md5 else checkpoint.sha256
    whole = known if len(known) > 8 else None  # torch publishes only the first 8 digits
    try:
        return Path(
            pooch.retrieve(checkpoint.url, whole, fname=name, path=folder, progressbar=True)
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:150]
        raise WeightsError(
            f"{checkpoint.url}: cannot be fetched ({reason}); "
            "get it elsewhere and use 'bench weights add'"
        ) from None


def _state(card: Card, checkpoint: Checkpoint) -> str:
    path = installed_folder(card) / checkpoint.file
    if not path.is_file():
        return "missing"
    noted = receipts(card).get(checkpoint.file, {})
    if noted.get("sha256") != sha256_of(path):
        return "altered"
    return "verified" if noted.get("verified") else "installed"


def _backbone_state(backbone: Checkpoint) -> str:
    path = torch_checkpoints() / backbone.file
    if not path.is_file():
        return "missing"
    return "verified" if sha256_of(path).startswith(backbone.sha256) else "altered"


def _entry(name: str, checkpoint: Checkpoint, state: str) -> dict[str, Any]:
    source = checkpoint.source or checkpoint.url
    return {
        "name": name,
        "file": checkpoint.file,
        "source": source,
        "licence": checkpoint.licence,
        "state": state,
    }


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
