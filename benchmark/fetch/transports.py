"""Choose how a published file is downloaded, by its address: directly, from Drive or the hub."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.checkpoints.hub_files import HUB, HubFile, is_hub_address
from benchmark.core.external.optional import needing
from benchmark.fetch.connection import Session
from benchmark.fetch.drive import GDOWN, id_of, is_drive, open_drive
from benchmark.fetch.hub import download_hub
from benchmark.fetch.transfer import Say, download


def fetch_file(
    address: str, file: str, folder: Path, *, most: int = 0, say: Say = lambda _: None
) -> Path:
    """Download a published file into a folder; the caller verifies its content.

    Args:
        address: https://..., a file or folder on Google Drive, or hf://ORG/REPO@COMMIT/FILE.
        file: name of the file.
        folder: an existing folder.
        most: size limit in bytes, or 0 for the default.
        say: called with a line if an earlier download is continued.

    Raises:
        Unreachable: if there is no such file, or it cannot be reached.
        WeightsError: if it is too large, or an address on the way is refused.
        OutputError: if it cannot be written.
        ExternalError: if the library that the address needs is not installed.
    """
    if is_hub_address(address):
        return download_hub(HubFile.parse(address), folder, most=most, say=say)
    if not is_drive(address):
        return download(address, folder, most=most, name=file, say=say)
    identity = id_of(address, file)
    with Session() as session:
        return download(
            f"https://drive.google.com/uc?id={identity}",
            folder,
            most=most,
            name=file,
            opened=lambda headers: open_drive(identity, headers, session),
            say=say,
        )


def check_library(address: str) -> None:
    """Check that the library that an address needs is installed.

    Raises:
        ExternalError: if it is missing or of another version, with the command that installs it.
    """
    if is_hub_address(address):
        with needing(HUB):
            import huggingface_hub  # noqa: F401
    elif is_drive(address):
        with needing(GDOWN):
            import gdown  # noqa: F401
