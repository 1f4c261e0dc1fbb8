"""Files that a manifest or list names: found from its own folder, and not outside of it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from benchmark.core.errors import DataError, quoted
from benchmark.core.filenames import printable


class NamedFiles:
    """Look up the files that a manifest names.

    A manifest may be a stranger's: a path in it that leaves the manifest's folder is refused unless
    that was asked for. Links below the folder are followed, as everywhere in a folder of images.

    Args:
        manifest: the file that names them.
        outside: whether they may lie outside of its folder.
    """

    def __init__(self, manifest: Path, *, outside: bool) -> None:
        self._manifest, self._folder, self._outside = manifest, manifest.parent, outside
        self._images: dict[Path, str] = {}

    def find(self, text: str, place: str) -> tuple[str, Path]:
        """Return a file's name in the set, and where it is.

        Args:
            text: the path as the manifest has it; backslashes part it too where no file has them.
            place: where in the manifest, for messages.

        Raises:
            DataError: if there is no such file, or it lies outside of the manifest's folder.
        """
        name = self.normal(text)
        if not name or "\0" in name:
            raise DataError(f"{self._manifest}: {place}: expected a path, got {quoted(text)}")
        if not self._outside and _leaves(name):
            raise DataError(
                f"{self._manifest}: {place}: {quoted(text)} is no path below the folder of this "
                "file; paths are relative to it: put this file into a folder above all that it "
                "names, or link their folder beside it"
            )
        path = self._folder / name
        try:
            there = path.is_file()
        except OSError:  # such as a name that is too long
            there = False
        if not there:
            raise DataError(f"{self._manifest}: {place}: no such file {quoted(text)}")
        return printable(name), path

    def image(self, text: str, place: str) -> tuple[str, Path]:
        """Return an image's name in the set, and where it is; each image once.

        Raises:
            DataError: as `find`, or if the image was named before.
        """
        name, path = self.find(text, place)
        if path in self._images:
            raise DataError(
                f"{self._manifest}: {place}: the image {quoted(text)} is there twice, first in "
                f"{self._images[path]}"
            )
        self._images[path] = place
        return name, path

    def normal(self, text: str) -> str:
        """Return a path in POSIX form without "." and doubled slashes."""
        if "\\" in text and not (self._folder / text).exists():
            text = text.replace("\\", "/")
        normal = str(PurePosixPath(text))
        return "" if normal == "." else normal


def _leaves(name: str) -> bool:
    """Whether a path begins elsewhere than at its folder, or goes above it on its way."""
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        return True
    depth = 0
    for part in PurePosixPath(name).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
