"""Which weights a model runs with: the authors' file, this project's mini edition, or a path."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.paths import home

RECEIPT = "installed.json"  # beside installed files: {file: {"sha256": ..., "verified": bool}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights behind an answer.

    Attributes:
        edition: "official", "mini", "sha256:" and 12 digits for another file, or "none" for a model
            that needs none. It stands in every row of every result.
        path: the file, or the folder where the authors publish several; None where none is needed.
        sha256: SHA-256 of the file, or of the folder's names and files; "" where none is needed.
    """

    edition: str
    path: Path | None = None
    sha256: str = ""


def find_weights(card: Card, wanted: str | Path | None = None) -> Weights:
    """Find the weights to run a model with.

    Args:
        card: the model's card.
        wanted: "official", "mini", a path, or None for official where installed, else mini.

    Returns:
        What was found, with the checksum of the bytes that are there now.

    Raises:
        BadInput: if weights are given to a model that takes none.
        WeightsError: if there are none; the message names the ways to get them.
    """
    if card.weightless:
        if wanted is not None:
            raise BadInput(f"{card.name} takes no weights, got {str(wanted)!r}")
        return Weights(edition="none")
    if wanted is None:
        return _official(card) or _mini(card) or _none(card, "weights")
    if str(wanted) == "official":
        return _official(card) or _none(card, "official weights")
    if str(wanted) == "mini":
        return _mini(card) or _none(card, "mini weights")
    path = Path(wanted).expanduser()
    if not path.exists():
        raise WeightsError(f"{path}: no such checkpoint for {card.name}")
    return _labelled(card, path)


def mini_path(card: Card) -> Path | None:
    """Where the mini edition's file lies in its package, or None if it is not there."""
    package, _, inner = card.mini.partition(":")
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / inner
    return path if path.is_file() else None


def installed_folder(card: Card) -> Path:
    """Where a model's published files are installed."""
    return home() / "weights" / card.name


def receipts(card: Card) -> dict[str, dict[str, object]]:
    """What was noted when files were installed: per file its checksum and if it was verified."""
    path = installed_folder(card) / RECEIPT
    if not path.is_file():
        return {}
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise WeightsError(f"{path}: damaged; delete it and add the files again") from None
    return dict(noted)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files in name order."""
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            whole.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\0".encode())
        return whole.hexdigest()
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _official(card: Card) -> Weights | None:
    folder = installed_folder(card)
    files = [folder / checkpoint.file for checkpoint in card.checkpoints]
    if not files or not all(file.is_file() for file in files):
        return None
    noted = receipts(card)
    for file in files:
        if noted.get(file.name, {}).get("sha256") != sha256_of(file):
            raise WeightsError(
                f"{file}: not the file that was installed; run 'bench weights add {card.name} FILE'"
            )
    path = files[0] if len(files) == 1 else folder
    if all(noted[file.name].get("verified") for file in files):
        return Weights(edition="official", path=path, sha256=sha256_of(path))
    return _labelled(card, path)


def _mini(card: Card) -> Weights | None:
    path = mini_path(card)
    return Weights(edition="mini", path=path, sha256=sha256_of(path)) if path else None


def _labelled(card: Card, path: Path) -> Weights:
    digest = sha256_of(path)
    mini = mini_path(card)
    if mini is not None and path.is_file() and digest == sha256_of(mini):
        return Weights(edition="mini", path=path, sha256=digest)
    if len(card.checkpoints) == 1 and digest == card.checkpoints[0].sha256:
        return Weights(edition="official", path=path, sha256=digest)
    return Weights(edition=f"sha256:{digest[:12]}", path=path, sha256=digest)


def _none(card: Card, wanted: str) -> NoReturn:
    ways = []
    if any(checkpoint.url for checkpoint in card.checkpoints):
        ways.append(f"'bench weights fetch {card.name}' for the authors' file")
    ways.append(f"'bench weights add {card.name} FILE' for a file you have")
    if card.mini:
        ways.append(f"'bench train {card.name}' to train your own")
    raise WeightsError(f"{card.name} has no {wanted} here. Use {', or '.join(ways)}.")
