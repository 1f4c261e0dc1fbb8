"""`opensdid`: OpenSDID, images made or edited by diffusion models (Wang et al., 2025), in Parquet.

Follows `HFDataset` in blablabLACK/OpenSDI (a copy of iamwangyabin/OpenSDI), data/hf_datasets.py at
91388a2db2cd1351cebd3a09f29f90d99751cc7d, and the card of the Hugging Face data set
nebula/OpenSDI_train at 855b6299b659339b48ac0e1c87e6b7b15e39aa77: columns key, image, mask and label
(0 real, 1 fake), a file name begins with the model (data/sd15-00000-of-00070.parquet). White is
forged; of a fake image without a mask every pixel is. Keys with "partial" are local edits, others
are synthesized whole. Nothing tells which real image a fake was made from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from benchmark.core.filenames import printable
from benchmark.forgeries.item import ForgeryItem
from benchmark.forgeries.layout import Facts, Found, Layout, Reader
from benchmark.forgeries.parquet import ParquetBytes, row_groups
from benchmark.forgeries.tree import Tree

COLUMNS = ("key", "image.bytes", "mask.bytes", "label")


class OpenSdid(Layout):
    """Parquet files whose rows are images with masks."""

    facts = Facts(
        title="OpenSDID",
        paper="Wang et al., 2025",
        url="https://huggingface.co/datasets/nebula/OpenSDI_test",
        terms="CC BY-SA 4.0; for academic use",
        readers=(
            Reader(
                "blablabLACK/OpenSDI",
                "data/hf_datasets.py",
                "91388a2db2cd1351cebd3a09f29f90d99751cc7d",
            ),
            Reader(
                "huggingface.co/datasets/nebula/OpenSDI_train",
                "README.md",
                "855b6299b659339b48ac0e1c87e6b7b15e39aa77",
            ),
        ),
        tree="data/MODEL-00000-of-00007.parquet with the columns key, image, mask, label; or one "
        "such file",
    )
    endings = (".parquet",)
    absent = "no .parquet file here or in data/"

    def tops(self, tree: Tree) -> list[str]:
        """Return the folder itself if Parquet files lie in it, or in `data/`."""
        return [""] if _files(tree) else []

    def read(self, tree: Tree) -> Found:
        """Find the items of all Parquet files.

        Raises:
            DataError: if pyarrow is missing, or a file lacks a column.
        """
        found = Found()
        for path in _files(tree):
            _add(found, path)
        return self._checked(found, tree.folder)

    def read_file(self, path: Path, *, outside: bool) -> Found:
        """Find the items of one Parquet file.

        Raises:
            DataError: as `read`.
        """
        found = Found()
        _add(found, path)
        return self._checked(found, path)

    def _checked(self, found: Found, place: Path) -> Found:
        if not found.items:
            raise self.refused(place, "no rows")
        found.items = _distinct(found.items)
        whole = sum(item.truth == "all" for item in found.items)
        if whole:
            found.notes.append(f"{whole} images are synthesized whole: every pixel is forged")
        found.note_own_groups()
        return found


def _files(tree: Tree) -> list[Path]:
    return [
        path
        for name, path in tree.files.items()
        if name.casefold().endswith(".parquet")
        and name.casefold().rpartition("/")[0] in ("", "data")
    ]


def _add(found: Found, path: Path) -> None:
    """Add the rows of a file; of images and masks only whether they are there is read."""
    model = path.name.partition("-")[0].removesuffix(".parquet")
    odd = []
    for part in row_groups(path, ("key", "label", "mask.path"), needs=COLUMNS):
        keys, labels, masks = (part.columns[name] for name in ("key", "label", "mask"))
        for row, (key, label, mask) in enumerate(zip(keys, labels, masks, strict=True)):
            name = printable(f"{model}/{key or f'{path.stem}-{part.number}-{row}'}")
            if label not in (0, 1):
                odd.append(name)
                continue
            image, truth = (
                ParquetBytes(path=path, group=part.number, row=row, column=f"{column}.bytes")
                for column in ("image", "mask")
            )
            given = label == 1 and mask is not None
            found.items.append(
                ForgeryItem(
                    name=name,
                    image=image,
                    mask=truth if given else None,
                    authentic=label == 0,
                    group=name,
                    subset="" if label == 0 else "partial" if "partial" in name else "entire",
                    method="" if label == 0 else model,
                    truth="white" if given or label == 0 else "all",
                )
            )
    found.skip(odd, "neither real (0) nor fake (1)")


def _distinct(items: list[ForgeryItem]) -> list[ForgeryItem]:
    """Return items with different names; the same key may be in several rows."""
    times = Counter(item.name for item in items)
    counts: Counter[str] = Counter()
    distinct = []
    for item in items:
        if times[item.name] == 1:
            distinct.append(item)
            continue
        counts[item.name] += 1
        name = f"{item.name}#{counts[item.name]}"
        distinct.append(replace(item, name=name, group=name))
    return distinct
