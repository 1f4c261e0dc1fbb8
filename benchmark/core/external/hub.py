"""Files of models on the Hugging Face hub, from its local cache; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import MissingWeights
from benchmark.core.external.optional import importing
from benchmark.core.paths import expand_home


def find_local(name: str, *, how: str) -> Path:
    """Return the folder of a model.

    Args:
        name: a folder, or an ID on the hub.
        how: the command that installs diffusers, for messages.

    Raises:
        MissingWeights: if it is neither a folder nor in the hub's local cache.
        ExternalError: if diffusers is not installed.
    """
    folder = expand_home(Path(name))
    if folder.is_dir():
        return folder
    with importing("diffusers", how=how):
        from huggingface_hub import snapshot_download
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError):  # not in the cache, or not an ID
        raise MissingWeights(
            f"{name}: no such folder, and not in the hub's local cache; get it with "
            f"'hf download {name}'"
        ) from None
