"""Files on the Hugging Face hub: huggingface_hub finds them, `benchmark.fetch.transfer` downloads.

huggingface_hub's own download has no size limit, follows redirects anywhere, and since version 1
starts again after an interruption.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.core.checkpoints.digests import git_blob_of, sha256_of
from benchmark.core.checkpoints.hub_files import HUB, HubFile
from benchmark.core.errors import BadInput, BenchError, Unreachable, WeightsError
from benchmark.core.external.optional import needing
from benchmark.core.paths import atomic, make_folder
from benchmark.fetch.connection import READ, Session, open_file
from benchmark.fetch.transfer import LARGEST, Say, download

_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the hub says about a file.

    Attributes:
        commit: the commit that was asked for, in full.
        checksum: SHA-256 of a large file, Git blob id of another, or "".
        size: size in bytes, or 0 if it is not stated.
    """

    commit: str
    checksum: str
    size: int


def hub_license(file: HubFile) -> str:
    """Return the license that a repository's card states, to be shown before a download.

    Raises:
        Unreachable: if the hub cannot be reached, or has no such repository or commit.
        BadInput: if the revision is a branch or tag; the message names the commit that it is now.
        ExternalError: if huggingface_hub is not installed.
    """
    refuse_moving(file)
    with needing(HUB):
        from huggingface_hub import HfApi, constants
    with _asking(file):
        found = HfApi(endpoint=constants.ENDPOINT).model_info(
            file.repo, revision=file.revision, timeout=READ
        )
        card = found.card_data
    stated = str((card.get("license") if card else None) or "none stated on its card")[:200]
    return f"{file}\n  license of {file.repo}: {stated}"


def refuse_moving(file: HubFile) -> None:
    """Refuse a branch, a tag or a short commit.

    Raises:
        BadInput: naming the commit that it is now.
        Unreachable: if the hub has no such file.
        ExternalError: if huggingface_hub is not installed.
    """
    if file.is_pinned:
        return
    said = (
        f"{file}: {file.revision!r} is no full commit (40 digits 0-9, a-f), and branches and tags "
        "move"
    )
    try:
        now = replace(file, revision=_facts(file).commit)
    except Unreachable as error:
        raise Unreachable(f"{said}; what it is now is not known: {error}") from None
    raise BadInput(f"{said}; now it is {now.revision}: bench weights fetch {now}")


def download_hub(file: HubFile, folder: Path, *, most: int = 0, say: Say = lambda _: None) -> Path:
    """Download a file at a commit, or continue to, and compare it with the hub's checksum.

    Args:
        file: the file, at a full commit.
        folder: an existing folder.
        most: size limit in bytes, or 0 for the default.
        say: called with a line if an earlier download is continued.

    Raises:
        BadInput: if the revision is a branch or tag.
        Unreachable: if it cannot be downloaded, or the commit is no longer there.
        WeightsError: if it is too large, or not what the hub states.
        OutputError: if it cannot be written.
        ExternalError: if huggingface_hub is not installed.
    """
    refuse_moving(file)
    facts = _facts(file)
    if facts.commit != file.revision:
        raise WeightsError(
            f"{file}: the hub has another commit at this address: {file.revision} is pinned, "
            f"{facts.commit} is there now"
        )
    limit = most or LARGEST
    if facts.size > limit:
        raise WeightsError(
            f"{file}: rejected: expected at most {limit:,} bytes, the hub states {facts.size:,}"
        )
    with Session() as session:
        url, secret = _url(file), _headers()
        path = download(
            str(file),
            folder,
            most=facts.size or limit,
            name=Path(file.file).name,
            opened=lambda headers: open_file(url, {**secret, **headers}, session),
            say=say,
        )
    _verify(file, facts, path)
    return path


def into_cache(file: HubFile, path: Path) -> Path:
    """Copy a file into the hub's local cache, where other programs find it too; return its place.

    Raises:
        OutputError: if it cannot be written.
        ExternalError: if huggingface_hub is not installed.
    """
    with needing(HUB):
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name
    folder = str(repo_folder_name(repo_id=file.repo, repo_type="model"))
    snapshots = Path(constants.HF_HUB_CACHE) / folder / "snapshots"
    place = snapshots / file.revision / file.file  # as without symbolic links
    make_folder(place.parent)
    with atomic(place, durable=True) as draft:
        shutil.copyfile(path, draft)
    return place


def _verify(file: HubFile, facts: _Facts, path: Path) -> None:
    if facts.size and (size := path.stat().st_size) != facts.size:
        raise WeightsError(f"{file}: it has {size:,} bytes, the hub states {facts.size:,}")
    known = facts.checksum
    digests = {64: ("SHA-256", sha256_of), 40: ("Git blob id", git_blob_of)}
    if len(known) not in digests:
        return
    kind, digest_of = digests[len(known)]
    if (digest := digest_of(path)) != known:
        raise WeightsError(f"{file}: its {kind} is {digest}, the hub states {known}")


def _facts(file: HubFile) -> _Facts:
    with needing(HUB):
        from huggingface_hub import get_hf_file_metadata
        from huggingface_hub.errors import RevisionNotFoundError
    try:
        with _asking(file, RevisionNotFoundError):
            found = get_hf_file_metadata(_url(file), timeout=READ)
    except RevisionNotFoundError:
        if file.revision == _BRANCH:
            raise Unreachable(f"{file}: no such branch") from None
        now = _facts(replace(file, revision=_BRANCH)).commit
        raise Unreachable(
            f"{file}: the hub has no such commit (any more): {file.revision} is pinned, "
            f"{_BRANCH!r} is {now} now"
        ) from None
    if not found.commit_hash:
        raise Unreachable(f"{file}: this is no hub: it states no commit")
    return _Facts(found.commit_hash, found.etag or "", found.size or 0)


def _url(file: HubFile) -> str:
    with needing(HUB):
        from huggingface_hub import constants, hf_hub_url
    return str(
        hf_hub_url(file.repo, file.file, revision=file.revision, endpoint=constants.ENDPOINT)
    )


def _headers() -> Mapping[str, str]:
    """Return the user's credentials for the hub, if there are any."""
    from huggingface_hub.utils import build_hf_headers

    return {str(name): str(value) for name, value in build_hf_headers().items()}


@contextmanager
def _asking(file: HubFile, *passed: type[Exception]) -> Iterator[None]:
    """Turn what the hub or its library raises into one line, except for errors of type `passed`."""
    from huggingface_hub import errors

    meanings = {  # the first that fits
        errors.GatedRepoError: "its authors ask for a request; accept their terms on its page, "
        "then 'hf auth login'",
        errors.EntryNotFoundError: "this commit has no such file",
        errors.RevisionNotFoundError: "the repository has no such commit",
        errors.RepositoryNotFoundError: "no such repository, or a private one: 'hf auth login'",
        errors.OfflineModeIsEnabled: "the hub is switched off by HF_HUB_OFFLINE",
    }
    try:
        yield
    except Exception as error:  # of the HTTP library that the hub's one uses
        if isinstance(error, (*passed, BenchError)):
            raise
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = next(
            (text for kind, text in meanings.items() if isinstance(error, kind)),
            (lines or [type(error).__name__])[0][:150],
        )
        from huggingface_hub import constants

        raise Unreachable(
            f"{file}: cannot be downloaded from {constants.ENDPOINT} ({reason})"
        ) from error
