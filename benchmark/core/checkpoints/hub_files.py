"""Addresses of files on the Hugging Face hub, "hf://ORG/REPO@COMMIT/FILE", and its local cache."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.checkpoints.pins import check_pin
from benchmark.core.errors import BadInput, MissingWeights
from benchmark.core.external.optional import needing

HUB = "huggingface_hub>=1.0"  # as in the extra `fetch` of pyproject.toml
_ADDRESS = re.compile(r"hf:/{1,2}([\w.-]+(?:/[\w.-]+)?)@([^/@]+)/([^@]+)", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file in a repository of the hub.

    Attributes:
        repo: the repository, as "ORG/REPO".
        revision: a commit of 40 hexadecimal digits, or a branch or tag.
        file: path of the file in the repository.
    """

    repo: str
    revision: str
    file: str

    def __str__(self) -> str:
        return f"hf://{self.repo}@{self.revision}/{self.file}"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit, which cannot move."""
        return bool(_COMMIT.fullmatch(self.revision))

    @classmethod
    def parse(cls, address: str | Path) -> HubFile:
        """Parse an address; a `Path` of one has lost a slash.

        Raises:
            BadInput: if it is no address of a file on the hub.
        """
        found = _ADDRESS.fullmatch(str(address))
        parts = [*found[1].split("/"), *found[3].split("/")] if found else [""]
        if found is None or any(
            part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts
        ):
            raise BadInput(f"{str(address)[:200]!r}: expected hf://ORG/REPO@COMMIT/FILE")
        return cls(*found.groups())


def is_hub_address(text: str | Path) -> bool:
    """Whether a weights path is an address on the hub, valid or not."""
    return str(text).startswith("hf:/")


def find_cached(address: str | Path) -> Path:
    """Return a file of the hub's local cache; nothing is downloaded.

    Args:
        address: the file, at a full commit.

    Raises:
        BadInput: if it is no such address, or its revision is a branch or tag.
        MissingWeights: if it is not in the cache.
        WeightsError: if its content is not what it was at its first use.
        ExternalError: if huggingface_hub is not installed.
    """
    file = HubFile.parse(address)
    if not file.is_pinned:
        raise BadInput(
            f"{file}: {file.revision!r} is no full commit (40 digits 0-9, a-f), and branches and "
            f"tags move; 'bench weights fetch {file}' says which commit it is now"
        )
    path = cached_path(file)
    if path is None:
        raise MissingWeights(
            f"{file}: not in the hub's local cache, and nothing is downloaded here; get it with "
            f"'bench weights fetch {file}'"
        )
    check_pin(str(file), path)
    return path


def cached_path(file: HubFile) -> Path | None:
    """Return the path of a file in the hub's local cache, or None.

    Raises:
        ExternalError: if huggingface_hub is not installed.
    """
    with needing(HUB):
        from huggingface_hub import constants, try_to_load_from_cache
    found = try_to_load_from_cache(
        file.repo, file.file, revision=file.revision, cache_dir=constants.HF_HUB_CACHE
    )
    return Path(found) if isinstance(found, str) else None
