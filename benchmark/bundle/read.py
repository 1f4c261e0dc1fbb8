"""Read a bundle from a stranger: names, sizes and kinds of members are checked, then unpacked.

Nothing is executed, no member is written under a name of its own, and no more is written than the
members say.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from pydantic import ValidationError

from benchmark.bundle.layout import (
    CARDS,
    FORMAT,
    MANIFEST,
    NUMBERS,
    RUN,
    RUN_FILES,
    Manifest,
    member_limit,
    output_of,
)
from benchmark.bundle.members import BoundedFile, bundle_members
from benchmark.core.errors import BenchError, DataError, OutputError, first_line
from benchmark.core.filenames import folder_names, printable
from benchmark.core.images import MOST_PIXELS
from benchmark.core.untrusted import read_json
from benchmark.results.store_location import OWN
from benchmark.runner.plan_file import read_values
from benchmark.store.encoding import StoredOutput, decode_heatmap
from benchmark.store.store import Store

_ONCE = 1 << 20
_TOGETHER = 64  # outputs written to the store at once
MOST_SAID = 200  # characters of an error of the zip library, which may repeat a file's content
_DAMAGED = (
    BadZipFile, OSError, ValueError, EOFError, zlib.error, NotImplementedError, RuntimeError,
    LookupError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A bundle that is unpacked in a temporary folder.

    Attributes:
        path: the bundle.
        folder: the temporary folder.
        run: folder in it with the run's files and, as its store, the enclosed outputs; it is named
            like the bundle.
        manifest: its manifest.
        outputs: keys of the enclosed outputs with their suffixes.
        changed: members that differ from the manifest, with the reason.
    """

    path: Path
    folder: Path
    run: Path
    manifest: Manifest
    outputs: frozenset[tuple[str, str]] = frozenset()
    changed: Sequence[tuple[str, str]] = field(default=())

    @property
    def store(self) -> Path:
        """Store of the enclosed outputs."""
        return self.run / OWN


@contextmanager
def open_bundle(path: str | Path) -> Iterator[Opened]:
    """Unpack a bundle into a temporary folder, which is removed afterwards.

    Args:
        path: the bundle.

    Raises:
        DataError: if it is no bundle, damaged, or larger than the limits.
        OutputError: if there is no space for it.
    """
    place = Path(path)
    if not place.exists():
        raise DataError(f"{place}: no such file; expected one that 'bench submit --out' wrote")
    if place.is_dir():
        raise DataError(f"{place}: a folder; expected a bundle that 'bench submit --out' wrote")
    with TemporaryDirectory(prefix="bench-bundle-") as scratch:
        folder = Path(scratch)
        try:
            with BoundedFile(place) as file, ZipFile(file) as archive:
                members = bundle_members(place, archive)
                opened = _unpack(place, archive, members, folder)
        except _DAMAGED as error:
            said = printable((str(error) or type(error).__name__).partition("\n")[0])
            raise DataError(f"{place}: cannot be read as a bundle ({said[:MOST_SAID]})") from None
        yield opened


@contextmanager
def open_run(path: str | Path) -> Iterator[Path]:
    """Return a folder of a run for a folder, which is itself, or a bundle, which is unpacked.

    The folder of a bundle has its name and, as its store (`store_of`), the enclosed outputs. It is
    removed afterwards.

    Args:
        path: folder of a run, or a bundle.

    Raises:
        DataError: if it is neither, or the bundle is damaged or larger than the limits.
    """
    if Path(path).is_dir():
        yield Path(path)
        return
    with open_bundle(path) as opened:
        yield opened.run


def _unpack(path: Path, archive: ZipFile, members: Sequence[ZipInfo], folder: Path) -> Opened:
    """Write run files, and outputs into a store; compare all with the manifest."""
    size = sum(one.file_size for one in members)
    if size > shutil.disk_usage(folder).free // 2:
        raise OutputError(f"{path}: no space in {folder.parent} for {size:,} bytes; free some, or "
                          "set TMPDIR to another folder")  # fmt: skip
    run = folder / "unpacked" / folder_names([path.name])[path.name]
    run.mkdir(parents=True)
    by_name = {one.filename: one for one in members}
    sums: dict[str, str] = {}
    for name in (MANIFEST, CARDS, NUMBERS, *(f"{RUN}/{file}" for file in RUN_FILES)):
        if name in by_name:
            own = run if name.startswith(f"{RUN}/") else folder
            with (own / Path(name).name).open("wb") as file:
                sums[name] = _copy(archive, by_name[name], file)
    manifest = _manifest(path, folder / MANIFEST)
    outputs = [one for one in members if output_of(one.filename)]
    side = _side(run / "plan.toml")
    changed: list[tuple[str, str]] = []
    with Store(run / OWN) as store:
        for start in range(0, len(outputs), _TOGETHER):
            found = []
            for one in outputs[start : start + _TOGETHER]:
                key, suffix = output_of(one.filename) or ("", "")
                content = _content(archive, one)
                sums[one.filename] = sha256(content).hexdigest()
                if reason := _refused_output(suffix, content, side):
                    changed.append((one.filename, reason))
                    continue
                found.append(StoredOutput(key=key, suffix=suffix, content=content))
            store.put(found)
    names = {name for name, _ in changed}
    kept = (output_of(one.filename) for one in outputs if one.filename not in names)
    return Opened(
        path=path,
        folder=folder,
        run=run,
        manifest=manifest,
        outputs=frozenset(one for one in kept if one),
        changed=(*changed, *_changed(manifest, sums)),
    )


def _manifest(path: Path, file: Path) -> Manifest:
    try:
        found = Manifest.model_validate(read_json(file, member_limit(MANIFEST) or 0))
    except ValidationError as error:
        raise DataError(f"{path}: {MANIFEST}: damaged ({first_line(error)})") from None
    except ValueError as error:
        raise DataError(f"{path}: {MANIFEST}: damaged ({error})") from None
    if found.format > FORMAT:
        raise DataError(
            f"{path}: format {found.format} of a later version, this one reads up to {FORMAT}; "
            "update safepaint-bench"
        )
    return found


def _changed(manifest: Manifest, sums: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the members that differ from the manifest."""
    for name, digest in sums.items():
        if name != MANIFEST and manifest.members.get(name) != digest:
            listed = name in manifest.members
            yield name, "differs from its SHA-256" if listed else f"not listed in {MANIFEST}"
    for name in manifest.members.keys() - sums.keys():
        yield printable(name)[:80], f"listed in {MANIFEST} but missing"


def _copy(archive: ZipFile, member: ZipInfo, file: IO[bytes]) -> str:
    """Unpack a member into a file and return its SHA-256; no more than it says is written."""
    whole, left = sha256(), member.file_size
    with archive.open(member) as content:
        while part := content.read(min(_ONCE, left + 1)):
            left -= len(part)
            if left < 0:
                raise ValueError(f"{member.filename}: larger than it says")
            whole.update(part)
            file.write(part)
    if left:
        raise ValueError(f"{member.filename}: smaller than it says")
    return whole.hexdigest()


def _content(archive: ZipFile, member: ZipInfo) -> bytes:
    """Return a member's bytes, as many as it says."""
    with archive.open(member) as content:
        found = content.read(member.file_size + 1)
    if len(found) != member.file_size:
        raise ValueError(f"{member.filename}: not as large as it says")
    return found


def _side(plan: Path) -> int | None:
    """Return the side of a plan's images, or None if they keep their size."""
    try:
        size = read_values(plan).get("size")
    except BenchError:  # said when the plan is read
        return None
    return size if isinstance(size, int) else None


def _refused_output(suffix: str, content: bytes, side: int | None) -> str:
    """Return why an enclosed output cannot be used, or ""; no image is decoded."""
    if suffix == ".npy":
        logits = decode_heatmap(content)
        return "" if logits is not None and logits.ndim == 2 and logits.size else "not a heatmap"
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not content.startswith(b"\x89PNG") or not 0 < width * height <= MOST_PIXELS:
        return f"not a PNG image of at most {MOST_PIXELS:,} pixels"
    if side is not None and (width, height) != (side, side):
        return f"{width}x{height} pixels, and the plan's size is {side}"
    return ""
