"""Resolve a model's weights: the authors' official files, the mini weights, or a path."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn
from zipfile import BadZipFile, ZipFile

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.digests import POINTER, git_blob_of, git_pointer_of, sha256_of
from benchmark.core.checkpoints.hub_files import find_cached, is_hub_address
from benchmark.core.errors import BadInput, MissingWeights, WeightsError
from benchmark.core.paths import expand_home, home

_WHOLE = 64  # digits of a SHA-256
UNVERIFIED = "official, unverified"  # edition of an installed file without a published checksum
RECEIPT = "installed.json"  # beside installed files: {file: {"sha256": ..., "verified": bool}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights that a model is run with.

    Attributes:
        edition: the weights variant: "official", "official, unverified" for an installed file
            without a published checksum, "mini", "sha256:" and 12 digits for another file, or
            "none" for a model without weights. It is part of every row of results.
        path: the file, or the folder if the authors publish several; None without weights.
        sha256: SHA-256 of the file, or of the folder's names and files; "" without weights.
    """

    edition: str
    path: Path | None = None
    sha256: str = ""


def find_weights(card: Card, wanted: str | Path | None = None) -> Weights:
    """Find the weights to run a model with.

    Args:
        card: the model's card.
        wanted: "official", "mini", a path, a file of the hub's local cache as
            "hf://ORG/REPO@COMMIT/FILE", or None for official if installed, else mini.

    Returns:
        The weights, with the SHA-256 of the present files.

    Raises:
        BadInput: if weights are given to a model without weights, or no full commit of the hub.
        MissingWeights: if there are none; the message says how to get them.
        WeightsError: if a path does not exist, or an installed file has changed.
    """
    if card.weightless:
        if wanted is not None:
            raise BadInput(f"{card.name} takes no weights, got {str(wanted)!r}")
        return Weights(edition="none")
    if wanted is None:
        return _official(card) or _mini(card) or _raise_missing(card, "weights")
    if str(wanted) == "official":
        return _official(card) or _raise_missing(card, "official weights")
    if str(wanted) == "mini":
        return _mini(card) or _raise_missing(card, "mini weights")
    path = find_cached(wanted) if is_hub_address(wanted) else expand_home(Path(wanted))
    if not path.exists():
        raise WeightsError(
            f"{path}: no such checkpoint for {card.name}; expected official, mini or a file"
        )
    if not (path.is_file() or path.is_dir()):  # a device or pipe may never end
        raise WeightsError(f"{path}: not a regular file")
    refuse_other(path)
    return _labelled(card, path)


def mini_path(card: Card) -> Path | None:
    """Return the path of the mini weights in their package; None if they are missing."""
    package, _, inner = card.mini.partition(":")
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / inner
    return path if path.is_file() else None


def installed_folder(card: Card) -> Path:
    """Return the folder in which a model's published files are installed."""
    return home() / "weights" / card.name


def published_digest(card: Card) -> str:
    """Return what `Weights.sha256` is of a model's published files, or "" if it is unknown."""
    sums = {one.file: one.sha256 for one in card.checkpoints}
    if not sums or any(len(one) != _WHOLE for one in sums.values()):
        return ""
    return _digest_of_all(sums)


def receipts(card: Card) -> dict[str, dict[str, object]]:
    """Read what was recorded at installation: each file's checksum, and whether it was verified."""
    path = installed_folder(card) / RECEIPT
    if not path.is_file():
        return {}
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise WeightsError(f"{path}: damaged; delete it and add the files again") from None
    return dict(noted)


def refuse_changed(card: Card, weights: Weights) -> None:
    """Refuse weights whose files changed after they were hashed.

    Args:
        card: the model's card.
        weights: weights found earlier, and loaded since.

    Raises:
        WeightsError: if a file changed in between.
    """
    if weights.path is None or not weights.sha256:
        return
    if _labelled(card, weights.path).sha256 != weights.sha256:
        raise WeightsError(
            f"{weights.path}: the weights of {card.name} changed while the run was going on; "
            "run again"
        )


def verify(checkpoint: Checkpoint, path: Path) -> bool:
    """Compare a file with the published size and checksums of a checkpoint.

    Args:
        checkpoint: the published facts.
        path: the file.

    Returns:
        True if a checksum proves that it is the published file; False if no checksum, or only its
        first digits, are published.

    Raises:
        WeightsError: if it is another file, with both sizes or both checksums; or if it is a Git
            LFS pointer, as in a repository that was cloned without Git LFS.
    """
    size = path.stat().st_size
    if not checkpoint.file.endswith(".zip"):
        refuse_other(path)
    if checkpoint.size and size != checkpoint.size:
        raise _other(checkpoint, path, "size in bytes", str(size), str(checkpoint.size))
    if checkpoint.sha256 and not (digest := sha256_of(path)).startswith(checkpoint.sha256):
        raise _other(checkpoint, path, "SHA-256", digest, checkpoint.sha256)
    if checkpoint.git_blob and checkpoint.git_blob not in (
        found := git_blob_of(path),
        git_pointer_of(path),
    ):
        raise _other(checkpoint, path, "Git blob id", found, checkpoint.git_blob)
    return len(checkpoint.sha256) == _WHOLE or bool(checkpoint.git_blob)


def refuse_other(path: Path) -> None:
    """Refuse common mistakes in place of a checkpoint; the reader refuses everything else.

    Raises:
        WeightsError: if it is a web page, a Git LFS pointer, or a zip archive other than PyTorch's.
    """
    if not path.is_file():
        return
    try:
        with path.open("rb") as content:
            head = content.read(512)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    if head.startswith(POINTER):
        raise WeightsError(f"{path}: a pointer of Git LFS, not the file itself; get the file")
    if is_web_page(head):
        raise WeightsError(
            f"{path}: a web page, not a checkpoint, such as a page that asks to sign in or to "
            "confirm; download the file itself"
        )
    if head.startswith(b"PK") and not _of_torch(path):
        raise WeightsError(
            f"{path}: a zip archive, but not a PyTorch checkpoint; unpack it and give the file "
            "inside"
        )


def is_web_page(head: bytes) -> bool:
    """Whether a file that starts with these bytes is a page of HTML or XML."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:9].lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml"))


def _of_torch(path: Path) -> bool:
    """Whether a zip archive was written by torch.save; True for damaged ones."""
    try:
        with ZipFile(path) as file:
            return any(name.rpartition("/")[2] == "data.pkl" for name in file.namelist())
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return True


def find_files(card: Card, folder: Path) -> dict[str, Path]:
    """Find the card's files in a folder, directly or in the authors' own subfolders.

    Returns:
        Paths by the checkpoint's file name, in the card's order; missing and ambiguous files are
        left out.
    """
    found = {}
    for checkpoint in card.checkpoints:
        flat = folder / checkpoint.file
        below = [flat] if flat.is_file() else [*folder.rglob(checkpoint.file)]
        if len(below) == 1 and below[0].is_file():
            found[checkpoint.file] = below[0]
    return found


def _other(checkpoint: Checkpoint, path: Path, kind: str, found: str, known: str) -> WeightsError:
    return WeightsError(
        f"{path}: not the published {checkpoint.file}: its {kind} is {found}, published is {known}"
    )


def _official(card: Card) -> Weights | None:
    folder = installed_folder(card)
    files = [folder / checkpoint.file for checkpoint in card.checkpoints]
    if not files or not all(file.is_file() for file in files):
        return None
    noted = receipts(card)
    for file in files:
        known, digest = noted.get(file.name, {}).get("sha256"), sha256_of(file)
        if known != digest:
            raise WeightsError(
                f"{file}: not the file that was installed: its SHA-256 is {digest}, installed was "
                f"{known or 'none'}; run {ways_to(card)[0]}"
            )
    path = files[0] if len(files) == 1 else folder
    if all(noted[file.name].get("verified") for file in files):
        return Weights(edition="official", path=path, sha256=_sha256_of_all(files))
    found = _labelled(card, path)
    return replace(found, edition=UNVERIFIED) if found.edition.startswith("sha256:") else found


def _mini(card: Card) -> Weights | None:
    path = mini_path(card)
    return Weights(edition="mini", path=path, sha256=sha256_of(path)) if path else None


def _labelled(card: Card, path: Path) -> Weights:
    """Return the weights at a path, with the edition that their content identifies."""
    files = _published(card, path)
    if files:
        return Weights(edition="official", path=path, sha256=_sha256_of_all(files))
    digest, mini = sha256_of(path), mini_path(card)
    if mini is not None and path.is_file() and digest == sha256_of(mini):
        return Weights(edition="mini", path=path, sha256=digest)
    return Weights(edition=f"sha256:{digest[:12]}", path=path, sha256=digest)


def _published(card: Card, path: Path) -> list[Path]:
    """Return the files at a path if they are all that the card lists, each verified; else []."""
    if path.is_dir():
        found = find_files(card, path)
    else:
        found = {one.file: path for one in card.checkpoints} if len(card.checkpoints) == 1 else {}
    try:
        known = [one.file in found and verify(one, found[one.file]) for one in card.checkpoints]
    except WeightsError:
        return []  # other weights, identified by their hash
    return list(found.values()) if known and all(known) else []


def _sha256_of_all(files: list[Path]) -> str:
    """Return the SHA-256 of a file, or of several files' names and contents, sorted by name."""
    return _digest_of_all({file.name: sha256_of(file) for file in files})


def _digest_of_all(sums: Mapping[str, str]) -> str:
    """Return the SHA-256 of one file, or one of the names and sums of several, sorted by name."""
    if len(sums) == 1:
        return next(iter(sums.values()))
    whole = hashlib.sha256()
    for name, digest in sorted(sums.items()):
        whole.update(f"{name}\0{digest}\0".encode())
    return whole.hexdigest()


def _raise_missing(card: Card, wanted: str) -> NoReturn:
    raise MissingWeights(f"{card.name} has no {wanted} here. Use {', or '.join(ways_to(card))}.")


def ways_to(card: Card) -> list[str]:
    """List the ways to get a model's weights, each with its command."""
    several = len(card.checkpoints) > 1
    files = "the authors' files" if several else "the authors' file"
    ways = []
    if card.checkpoints and all(checkpoint.url for checkpoint in card.checkpoints):
        ways.append(f"'bench weights fetch {card.name}' to download {files}")
    if card.checkpoints:
        add = f"'bench weights add {card.name} {'FOLDER' if several else 'FILE'}'"
        ways.append(f"{add} for {files} ({card.checkpoints[0].source})")
    else:
        ways.append(f"'--weights {card.name}=FILE' for a file of its network")
    if card.learner:
        ways.append(f"'bench train {card.name}' to train your own")
    return ways
