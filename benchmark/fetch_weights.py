"""`bench weights fetch`: show the terms, download, verify and install published files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from benchmark import imagenet
from benchmark.core.backbones import BACKBONES
from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.hub_files import HubFile, cached_path, is_hub_address
from benchmark.core.checkpoints.pins import check_pin, differs, pin, pinned
from benchmark.core.checkpoints.resolve import receipts
from benchmark.core.errors import ExternalError, OutputError, Unreachable, WeightsError
from benchmark.fetch.hub import download_hub, hub_license, into_cache, refuse_moving
from benchmark.fetch.parts import download_folder
from benchmark.fetch.transfer import LARGEST
from benchmark.fetch.transports import check_library, fetch_file
from benchmark.imagenet import fetch_backbone, terms_of
from benchmark.install import add_weights, card_of, state_of

Say = Callable[[str], object]

_NO_CHECKSUM = "no checksum is published: its SHA-256 is shown, and compared from then on"


def license_of(name: str) -> str:
    """Return source and license of each file, and what is checked, to be shown before a download.

    Args:
        name: a model, a backbone, or a file of the hub as "hf://ORG/REPO@COMMIT/FILE".

    Raises:
        UnknownName: if there is no such model or backbone.
        BadInput: if the model needs no weights, or the revision on the hub is a branch or tag.
        WeightsError: if it has no download URL, or the hub has no such repository.
        ExternalError: if gdown or huggingface_hub is needed and not installed.
    """
    if is_hub_address(name):
        return hub_license(HubFile.parse(name))
    if name in BACKBONES:
        return terms_of(name)
    files = card_of(name).checkpoints
    if not all(one.url for one in files):
        _refuse_to_fetch(name, files)
    for one in files:
        try:
            check_library(one.url)
        except ExternalError as error:
            add = f"get the file from {one.url} and use 'bench weights add {name} {_what(files)}'"
            raise ExternalError(f"{error}; or {add}") from None
    return "\n".join(_terms(one) for one in files)


def already_here(name: str) -> str | None:
    """Return a message if all files of `name` are here and unchanged, else None.

    Args:
        name: a model, a backbone, or a file of the hub.

    Raises:
        UnknownName: if there is no such model or backbone.
        WeightsError: if a file of the hub's cache is not what it was at its first use.
    """
    if is_hub_address(name):
        file = HubFile.parse(name)
        path = cached_path(file) if file.is_pinned else None
        if path is None:
            return None
        return f"{file}: already in the hub's local cache (sha256 {check_pin(str(file), path)})"
    if name in BACKBONES:
        return imagenet.already_here(name)
    card = card_of(name)
    states = {state_of(card, one) for one in card.checkpoints}
    if not states <= {"verified", "installed"}:
        return None
    if states == {"verified"}:
        return f"{name}: already installed (verified)"
    digests = ", ".join(f"{file} {one['sha256']}" for file, one in receipts(card).items())
    return f"{name}: already installed (unchanged since; unverified; sha256: {digests})"


def fetch_weights(
    name: str, say: Say = print, *, largest: int = LARGEST, replace: bool = False
) -> str:
    """Download the published files of `name`, verify and install them.

    Args:
        name: a model, a backbone, or a file of the hub, which goes into the hub's local cache.
        say: called with a message if a download is continued, or another URL is used.
        largest: size limit in bytes for files of unpublished size.
        replace: accept a file that differs from the one that was installed or fetched before.

    Returns:
        One line per installed file.

    Raises:
        UnknownName: if there is no such model or backbone.
        BadInput: if the model needs no weights, or the revision on the hub is a branch or tag.
        WeightsError: if it has no download URL, the download fails, or a checksum differs; nothing
            is installed then.
        OutputError: if the disk is full or a folder cannot be written.
        ExternalError: if gdown or huggingface_hub is needed and not installed.
    """
    try:
        if is_hub_address(name):
            return _fetch_from_hub(HubFile.parse(name), say, largest, replace=replace)
        if name in BACKBONES:
            return fetch_backbone(name, say, replace=replace)
        return _fetch_model(card_of(name), say, largest, replace=replace)
    except OSError as error:
        raise OutputError(f"cannot write a temporary file ({error})") from None


def _fetch_model(card: Card, say: Say, largest: int, *, replace: bool) -> str:
    files = card.checkpoints
    if not all(one.url for one in files):
        _refuse_to_fetch(card.name, files)
    with download_folder(card.name) as folder:
        found: dict[tuple[str, str], Path] = {}
        for one in files:
            packed = one.url.rpartition("/")[2] if one.archive else ""
            if (key := (one.url, packed or one.file)) not in found:
                found[key] = _fetch_one(card, one, folder, say, largest)
        if not replace:
            _refuse_changed(card, found)
        return add_weights(card.name, *found.values())


def _fetch_one(card: Card, one: Checkpoint, folder: Path, say: Say, largest: int) -> Path:
    name = "" if one.archive else one.file
    most = largest if one.archive else one.size or largest
    try:
        return fetch_file(one.url, name, folder, most=most, say=say)
    except Unreachable as error:
        parts = any(folder.glob("*.part"))
        again = "; run the same command again to continue the download" if parts else ""
        raise Unreachable(
            f"{error}{again}; or get the file elsewhere and use 'bench weights add {card.name} "
            f"{_what(card.checkpoints)}'"
        ) from None


def _refuse_changed(card: Card, found: dict[tuple[str, str], Path]) -> None:
    """Refuse files without a published checksum that are not those installed before."""
    noted = receipts(card)
    for (address, file), path in found.items():
        known = noted.get(file, {})
        if known and not known.get("verified") and known["sha256"] != sha256_of(path):
            raise differs(address, sha256_of(path), str(known["sha256"]), card.name)


def _fetch_from_hub(file: HubFile, say: Say, largest: int, *, replace: bool) -> str:
    refuse_moving(file)
    address = str(file)
    name = "hub-" + hashlib.sha256(address.encode()).hexdigest()[:16]
    with download_folder(name) as folder:
        path = download_hub(file, folder, most=largest, say=say)
        digest, known = sha256_of(path), pinned(address)
        if known not in (None, digest) and not replace:
            raise differs(address, digest, str(known), address)
        into_cache(file, path)
        pin(address, digest)
    return (
        f"{address}: now in the hub's local cache (sha256 {digest}); use it with --weights "
        f"MODEL={address}"
    )


def _terms(one: Checkpoint) -> str:
    size = f" ({one.size:,} bytes)" if one.size else ""
    checked = f"verified by: {one.checksum}" if one.checksum else _NO_CHECKSUM
    return (
        f"{one.file}{size}: {one.source or 'not published'}\n  {one.license}\n  from {one.url}\n"
        f"  {checked}"
    )


def _refuse_to_fetch(name: str, files: tuple[Checkpoint, ...]) -> NoReturn:
    places = "; ".join(f"{one.file}: {one.source or 'not published'}" for one in files)
    raise WeightsError(
        f"{name} cannot be downloaded ({places}); get it there and use 'bench weights add {name} "
        f"{_what(files)}'"
    )


def _what(files: tuple[Checkpoint, ...]) -> str:
    return "FILE" if len(files) == 1 else "FOLDER"
