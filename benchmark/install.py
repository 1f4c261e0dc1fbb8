"""Install checkpoints from local files, after verifying their checksums; list what is installed."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.core.backbones import BACKBONES, backbone_state
from benchmark.core.card import ALGORITHMS, Card, Checkpoint
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.resolve import (
    RECEIPT,
    find_files,
    installed_folder,
    mini_path,
    receipts,
    verify,
    ways_to,
)
from benchmark.core.errors import BadInput, UnknownName, WeightsError
from benchmark.core.paths import atomic, make_folder, write_text
from benchmark.imagenet import add_backbone
from detectors import DETECTORS
from inpainters import INPAINTERS

MODELS = (INPAINTERS, DETECTORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A local file to install as a checkpoint.

    Attributes:
        checkpoint: the checkpoint.
        path: the file.
        verified: whether its checksum is that of the file its authors publish.
    """

    checkpoint: Checkpoint
    path: Path
    verified: bool


def weights_status() -> list[dict[str, Any]]:
    """Return all checkpoints: source, license, and whether they are installed.

    Returns:
        Dictionaries with `name`, `file`, `source`, `address` (download URL, or ""), `licence`,
        `checksum` (how it is verified), `state`: "verified", "installed" (no checksum is
        published), "altered", "missing", or "shipped" for mini weights, and `how`: the command
        that installs the model's files, or "" if they are installed.
    """
    found = []
    for card in (registry.card(name) for registry in MODELS for name in registry.usable()):
        found += [_entry(card.name, one, state_of(card, one)) for one in card.checkpoints]
        mini = mini_path(card)
        if mini is not None:
            shipped = Checkpoint(file=mini.name, source="this project (mini edition)")
            found.append(_entry(card.name, shipped, "shipped"))
    for name, backbone in BACKBONES.items():
        entry = _entry(name, backbone.published, backbone_state(name))
        found.append({**entry, "checksum": backbone.checksum})
    return found


def add_weights(name: str, *paths: Path) -> str:
    """Verify local checkpoint files and install them: all of them, or none.

    Args:
        name: a model, or a backbone such as "alexnet".
        paths: checkpoints in the authors' layout, the archive they are published in, or a folder
            that contains the authors' files, flat or in their own subfolders.

    Returns:
        One line per installed file, and one per file that is still missing.

    Raises:
        UnknownName: if there is no such model or backbone.
        BadInput: if it needs no weights, or a file was trained with this project.
        WeightsError: if a file is missing, damaged or of another model; nothing is installed then.
    """
    for path in paths:
        if not path.exists():
            raise WeightsError(f"{path}: no such file")
        if path.is_dir() and name in BACKBONES:
            raise WeightsError(f"{path}: expected a file, found a folder")
        if path.suffix == ".safetensors" and name not in BACKBONES:
            raise BadInput(
                f"{path}: use weights of your own training with 'bench run --weights {name}={path}'"
            )
    if name in BACKBONES:
        if len(paths) > 1:
            raise BadInput(f"{name}: expected 1 file, got {len(paths)}")
        return add_backbone(name, paths[0])
    card = card_of(name)
    with TemporaryDirectory() as folder:
        candidates = [
            candidate for path in paths for candidate in _candidates(card, path, Path(folder))
        ]
        if not all(candidate.verified for candidate in candidates):
            _try_load(card, candidates)
        done = [_place(card, candidate) for candidate in candidates]
    lacking = [one.file for one in card.checkpoints if state_of(card, one) == "missing"]
    return "\n".join(done + [f"{card.name}: {file} is still missing" for file in lacking])


def card_of(name: str) -> Card:
    """Return the card of a model that has published checkpoints.

    Raises:
        UnknownName: if there is no such model.
        BadInput: if it needs no weights.
        WeightsError: if none are published.
    """
    for registry in MODELS:
        if name in registry:
            card = registry.card(name)
            if card.weightless:
                raise BadInput(f"{name} needs no weights")
            if not card.checkpoints:
                raise WeightsError(f"{name}: no weights are published; use {ways_to(card)[0]}")
            return card
    raise UnknownName("model", name, [*(one for kind in MODELS for one in kind), *BACKBONES])


def _candidates(card: Card, path: Path, folder: Path) -> list[_Candidate]:
    """Return the candidates for a card in a folder, an archive or a single file."""
    if path.is_dir():
        found = find_files(card, path)
        if not found:
            raise WeightsError(f"{path}: expected {_names(card)} in this folder, once each")
        return [_candidate(one, found[one.file]) for one in card.checkpoints if one.file in found]
    packed = [one for one in card.checkpoints if _member(one, path)]
    if packed:
        return [_unpacked(one, path, folder) for one in packed]
    return [_candidate(_match(card, path), path)]


def _candidate(checkpoint: Checkpoint, path: Path) -> _Candidate:
    return _Candidate(checkpoint=checkpoint, path=path, verified=verify(checkpoint, path))


def _match(card: Card, file: Path) -> Checkpoint:
    """Return the card's only checkpoint, or the one with the name of the file."""
    if len(card.checkpoints) == 1:
        return card.checkpoints[0]
    for checkpoint in card.checkpoints:
        if file.name == checkpoint.file:
            return checkpoint
    raise WeightsError(f"{file}: expected a file named {_names(card)} for {card.name}")


def _names(card: Card) -> str:
    return ", ".join(checkpoint.file for checkpoint in card.checkpoints)


def _member(checkpoint: Checkpoint, file: Path) -> str:
    """Return the path of the checkpoint inside its archive, or "" if the file is not one."""
    if not checkpoint.member or not zipfile.is_zipfile(file):
        return ""
    with zipfile.ZipFile(file) as archive:
        ends = f"/{checkpoint.member}"
        return next((name for name in archive.namelist() if f"/{name}".endswith(ends)), "")


def _unpacked(checkpoint: Checkpoint, file: Path, folder: Path) -> _Candidate:
    algorithm, _, known = checkpoint.archive.partition(":")
    digest = _digest(file, algorithm)
    if digest != known:
        raise WeightsError(
            f"{file}: not the published archive of {checkpoint.file}: expected "
            f"{ALGORITHMS[algorithm]} {known}, got {digest}"
        )
    target = folder / checkpoint.file
    with (
        zipfile.ZipFile(file) as archive,
        archive.open(_member(checkpoint, file)) as packed,
        target.open("wb") as unpacked,
    ):
        shutil.copyfileobj(packed, unpacked)
    verify(checkpoint, target)
    return _Candidate(checkpoint=checkpoint, path=target, verified=True)


def _try_load(card: Card, candidates: list[_Candidate]) -> None:
    """Without a published checksum, require that the files load strictly into the network."""
    if sorted(candidate.checkpoint.file for candidate in candidates) != sorted(
        checkpoint.file for checkpoint in card.checkpoints
    ):
        raise WeightsError(f"{card.name}: expected {_names(card)}, once each, or their folder")
    with TemporaryDirectory() as folder:
        path = candidates[0].path
        if len(candidates) > 1:
            path = Path(folder)
            for candidate in candidates:
                shutil.copyfile(candidate.path, path / candidate.checkpoint.file)
        for registry in MODELS:
            if card.name in registry:
                registry.load(card.name)(weights=path)


def _place(card: Card, candidate: _Candidate) -> str:
    folder, file = make_folder(installed_folder(card)), candidate.checkpoint.file
    digest = sha256_of(candidate.path)
    with atomic(folder / file, durable=True) as draft:
        shutil.copyfile(candidate.path, draft)
    receipt = {**receipts(card), file: {"sha256": digest, "verified": candidate.verified}}
    write_text(folder / RECEIPT, json.dumps(receipt, indent=2) + "\n", durable=True)
    how = "verified by its published checksum"
    if not candidate.verified:
        how = f"loads into {card.title}; no checksum is published, so its origin is unverified"
    return f"{card.name}: {file} installed ({how}; sha256 {digest})"


def state_of(card: Card, checkpoint: Checkpoint) -> str:
    """Return the state of a checkpoint: "verified", "installed", "altered" or "missing"."""
    path = installed_folder(card) / checkpoint.file
    if not path.is_file():
        return "missing"
    receipt = receipts(card).get(checkpoint.file, {})
    if receipt.get("sha256") != sha256_of(path):
        return "altered"
    return "verified" if receipt.get("verified") else "installed"


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
        "how": _how(name) if state in ("missing", "altered") else "",
    }


def _how(name: str) -> str:
    """Return the command that installs a model's files."""
    if name in BACKBONES or all(one.url for one in card_of(name).checkpoints):
        return f"bench weights fetch {name}"
    several = len(card_of(name).checkpoints) > 1
    return f"bench weights add {name} {'FOLDER' if several else 'FILE'}"


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        start = hashlib.new(algorithm, usedforsecurity=False)
        return hashlib.file_digest(file, lambda: start).hexdigest()
