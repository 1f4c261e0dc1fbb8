"""Checksums of files: SHA-256, and Git's ids of a file and of its Git LFS pointer."""

from __future__ import annotations

import hashlib
from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/v1\n"  # start of a Git LFS pointer


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of a folder's files, sorted."""
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            whole.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\0".encode())
        return whole.hexdigest()
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def git_blob_of(path: Path) -> str:
    """Return a file's Git blob id: SHA-1 of "blob", its size, a zero byte, and its content."""
    with path.open("rb") as content:
        start = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        return hashlib.file_digest(content, lambda: start).hexdigest()


def git_pointer_of(path: Path) -> str:
    """Return the Git blob id of the Git LFS pointer to a file."""
    lines = f"oid sha256:{sha256_of(path)}\nsize {path.stat().st_size}\n"
    pointer = POINTER + lines.encode()
    whole = f"blob {len(pointer)}\0".encode() + pointer
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()
