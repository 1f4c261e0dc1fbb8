"""`sagi`: SAGI-D, images inpainted by BrushNet, PowerPaint and others (Giakoumoglou et al., 2025).

Follows `_iter_sagi_d` in samrent/trustfake-framework, src/trustfake/curation/readers.py at
3c382730aaad631857ececef945cadaef04cab2d (sagid.csv with img_path, src_path, split, inpainting_model
and diffusion_model; paths begin with sagid/ and may have backslashes; the originals are src_path),
and dataset/split_sagi.py in Diego-Meloni/DinoV3-Inpainting-Forensics at
664e7230283fc75334ba71eb4e936ce95743b878 (mask_path; some truths have another shape than their
image, which `read_truth` refuses).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.forgeries.item import FileBytes, ForgeryItem
from benchmark.forgeries.layout import Facts, Found, Layout, Reader
from benchmark.forgeries.tree import Tree, item_names

COLUMNS = ("img_path", "mask_path", "src_path", "split", "inpainting_model")
_TABLE = "sagid.csv"
_TEST = "test"


class Sagi(Layout):
    """A table of images, truths and originals, with their files."""

    facts = Facts(
        title="SAGI-D",
        paper="Giakoumoglou et al., 2025",
        url="https://www.kaggle.com/datasets/giakop/sagi-d/data",
        terms="the code's is Apache-2.0; the images' are on the Kaggle page and were not read",
        readers=(
            Reader(
                "samrent/trustfake-framework",
                "src/trustfake/curation/readers.py",
                "3c382730aaad631857ececef945cadaef04cab2d",
            ),
            Reader(
                "Diego-Meloni/DinoV3-Inpainting-Forensics",
                "dataset/split_sagi.py",
                "664e7230283fc75334ba71eb4e936ce95743b878",
            ),
        ),
        tree=f"{_TABLE} ({', '.join(COLUMNS)}) beside the folders that it names, such as "
        "train/coco/MODEL/NAME.png (or sagid/train/...)",
    )
    needs = (_TABLE,)

    def read(self, tree: Tree) -> Found:
        """Find the items of the test part; the group is the original's path.

        Raises:
            DataError: if the table lacks a column, or none of its files is there.
        """
        table = tree.find(_TABLE)
        if table is None:
            raise self.refused(tree.folder, f"missing: {_TABLE}")
        rows = _rows(table)
        found = Found()
        parts = {row["split"] for row in rows}
        if _TEST in parts and len(parts) > 1:
            others = sum(row["split"] != _TEST for row in rows)
            found.notes.append(f"the test part alone; {others} rows of other parts are left out")
            rows = [row for row in rows if row["split"] == _TEST]
        absent: dict[str, list[str]] = defaultdict(list)
        forged: dict[str, tuple[Path, Path | None, dict[str, str]]] = {}
        originals: dict[str, Path] = {}
        for row in rows:
            image, source = _path(row["img_path"]), _path(row["src_path"])
            file, truth = _file(tree, image), _file(tree, _path(row["mask_path"]))
            if image in forged:
                raise DataError(f"{table}: the image {image!r} is there twice")
            if file is None:
                absent["images that are not there"].append(image)
                continue
            forged[image] = (file, truth, row)
            original = _file(tree, source)
            if original is None:
                absent["originals that are not there"].append(source)
            else:
                originals[source] = original
        if not forged:
            raise self.refused(tree.folder, f"none of the {len(rows)} images of {_TABLE} is there")
        names = item_names([*forged, *originals])
        for image, (file, truth, row) in forged.items():
            source = _path(row["src_path"])
            found.items.append(
                ForgeryItem(
                    name=names[image],
                    image=FileBytes(file),
                    mask=FileBytes(truth) if truth else None,
                    original=names.get(source, source),
                    group=source,
                    subset="/".join(filter(None, (_source(image), row.get("type", "")))),
                    method=row["inpainting_model"],
                )
            )
        found.items += [
            ForgeryItem(name=names[path], image=FileBytes(file), authentic=True, group=path,
                        subset=_source(path))
            for path, file in originals.items()
        ]  # fmt: skip
        found.note_missing_truth()
        for reason, paths in absent.items():
            found.skip(list(dict.fromkeys(paths)), reason)
        return found


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            lacking = [one for one in COLUMNS if one not in (reader.fieldnames or ())]
            if lacking:
                raise DataError(f"{table}: row 1: missing column {lacking[0]!r}")
            rows = [{name: value or "" for name, value in row.items() if name} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read ({error})") from None
    return [{**row, "split": row["split"].strip()} for row in rows]


def _path(text: str) -> str:
    return text.strip().replace("\\", "/").removeprefix("sagid/")


def _file(tree: Tree, path: str) -> Path | None:
    """Return a file of the table; files of the walked folder alone, so that no path leaves it."""
    return tree.find(path, f"sagid/{path}") if path else None


def _source(path: str) -> str:
    """Return the collection that an image is from: test/coco/brushnet/... is of coco."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""
