"""`manifest`: a CSV file with a row an image; this project's own form.

Columns: `image` and `mask`, and if wanted `original`, `group`, `subset` and `method`. Paths begin
at the manifest's folder. `mask` is the truth (white = forged), `authentic` for an authentic image
(`Negative`, as IMDL-BenCo writes it, is the same) or `unknown` for a forgery without truth; an
empty cell is refused, as it might mean either. `original` is the path or name of the authentic
image; `group` what identifies it, by default the original.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from benchmark.core.errors import DataError, quoted
from benchmark.core.untrusted import read_limited
from benchmark.forgeries.item import FileBytes, ForgeryItem
from benchmark.forgeries.layout import Facts, Found, Layout, shown
from benchmark.forgeries.named_files import NamedFiles
from benchmark.forgeries.tree import Tree, item_names

REQUIRED, OPTIONAL = ("image", "mask"), ("original", "group", "subset", "method")
AUTHENTIC, UNKNOWN = frozenset({"authentic", "negative"}), "unknown"
NAME = "manifest.csv"
_LARGEST = 2**28  # bytes


class Manifest(Layout):
    """A CSV file, or a folder with `manifest.csv`."""

    facts = Facts(
        title="manifest of forgeries",
        tried="real files",
        tree=(
            f"a .csv file with the columns {', '.join(REQUIRED)} and, if wanted, "
            f"{', '.join(OPTIONAL)}; or a folder with {NAME}"
        ),
    )
    needs = (NAME,)
    endings = (".csv",)

    def tops(self, tree: Tree) -> list[str]:
        """Return the folder itself if it has a manifest; folders below are not looked into."""
        return [] if tree.find(NAME) is None else [""]

    def read(self, tree: Tree) -> Found:
        """Find the items that `manifest.csv` names.

        Raises:
            DataError: as `read_file`.
        """
        path = tree.find(NAME)
        if path is None:
            raise self.refused(tree.folder, f"missing: {NAME}")
        return self.read_file(path, outside=False)

    def read_file(self, path: Path, *, outside: bool) -> Found:
        """Find the items that a manifest names.

        Raises:
            DataError: if it is no such file, has an unknown column or lacks one, or names a file
                that is missing, outside of its folder or there twice; the message has row and
                column.
        """
        rows = list(_rows(path))
        files = NamedFiles(path, outside=outside)
        images: dict[str, Path] = {}
        found: list[tuple[str, dict[str, str], Path | None]] = []
        for line, row in rows:
            name, file = files.image(row["image"], f"row {line}, column 'image'")
            mask = row["mask"]
            if not mask:
                raise DataError(
                    f"{path}: row {line}, column 'mask': empty; expected a path, 'authentic' for "
                    "an authentic image or 'unknown' for a forgery without truth"
                )
            told = mask.casefold() in AUTHENTIC or mask.casefold() == UNKNOWN
            place = f"row {line}, column 'mask'"
            images[name] = file
            found.append((name, row, None if told else files.find(mask, place)[1]))
        names = item_names(images)
        sources = {files.normal(row["original"]) for _, row, _ in found if row["original"]}
        result = Found()
        for name, row, truth in found:
            original = files.normal(row["original"]) if row["original"] else ""
            item = names[name]
            group = row["group"] or (names.get(original, original) if original else item)
            result.items.append(
                ForgeryItem(
                    name=item,
                    image=FileBytes(images[name]),
                    mask=FileBytes(truth) if truth else None,
                    authentic=row["mask"].casefold() in AUTHENTIC,
                    original=names.get(original, original),
                    group=group,
                    subset=row["subset"],
                    method=row["method"],
                )
            )
        result.note_missing_truth()
        result.note_own_groups()
        absent = sorted(sources - set(names) - set(names.values()))
        if absent:
            result.notes.append(
                f"{len(absent)} originals are named and are no image of the manifest: "
                f"{shown(absent)}"
            )
        return result


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the rows of a manifest with the numbers of their lines; every column is in each."""
    try:
        text = read_limited(path, _LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: no text in UTF-8 (byte {error.start})") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header, path)
        count = 0
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path}: row {reader.line_num}: expected {len(header)} cells, got {len(cells)}"
                )
            row = dict.fromkeys((*REQUIRED, *OPTIONAL), "")
            row |= {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
            count += 1
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}: row {reader.line_num}: no CSV ({error})") from None
    if not count:
        raise DataError(f"{path}: no rows below the header")


def _check_header(header: list[str], path: Path) -> None:
    known = (*REQUIRED, *OPTIONAL)
    for number, name in enumerate(header, start=1):
        if name not in known:
            close = get_close_matches(name.casefold(), known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise DataError(
                f"{path}: row 1, column {number}: unknown column {quoted(name)}.{hint} Known: "
                f"{', '.join(known)}"
            )
        if header.index(name) != number - 1:
            raise DataError(f"{path}: row 1, column {number}: {name!r} is there twice")
    lacking = [name for name in REQUIRED if name not in header]
    if lacking:
        raise DataError(
            f"{path}: row 1: missing column {lacking[0]!r}; expected {', '.join(REQUIRED)} and, if "
            f"wanted, {', '.join(OPTIONAL)}"
        )
