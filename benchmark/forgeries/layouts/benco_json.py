"""`benco-json`: IMDL-BenCo's list of pairs, `[["tp", "gt"], ["au", "Negative"]]`.

Follows `JsonDataset` in scu-zjz/IMDLBenCo, IMDLBenCo/datasets/iml_datasets.py at
056a06718cd158b5e7ace6ef649eed70aa0f8bb4: "Negative" in place of a truth says that the image is
authentic. That reader takes relative paths from the current folder; here they begin at the list's
own, so that a list means the same wherever a program is started.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.core.errors import DataError, quoted
from benchmark.core.untrusted import read_json
from benchmark.forgeries.layout import (
    Details,
    Facts,
    Found,
    Layout,
    Reader,
    authentic_items,
    forged_items,
)
from benchmark.forgeries.named_files import NamedFiles
from benchmark.forgeries.tree import Tree, item_names

AUTHENTIC = "Negative"
_FORM = '[["image", "truth"], ["image", "Negative"], ...]'
_LARGEST = 2**28  # bytes


class BenCoJson(Layout):
    """A file of JSON with a pair an image."""

    facts = Facts(
        title="IMDL-BenCo list",
        paper="Ma et al., 2024",
        url="https://github.com/scu-zjz/IMDLBenCo",
        terms="those of the set that it lists",
        readers=(
            Reader(
                "scu-zjz/IMDLBenCo",
                "IMDLBenCo/datasets/iml_datasets.py",
                "056a06718cd158b5e7ace6ef649eed70aa0f8bb4",
            ),
        ),
        tree=f"a .json file, {_FORM}, paths from its own folder",
    )
    generic = True
    endings = (".json",)
    absent = "a folder"

    def read(self, tree: Tree) -> Found:
        """Refuse a folder."""
        raise self.refused(tree.folder, "a folder")

    def read_file(self, path: Path, *, outside: bool) -> Found:
        """Find the items that a list names.

        Raises:
            DataError: if it is no such list, or a file is missing, outside of its folder or there
                twice; the message names the pair.
        """
        try:
            content = read_json(path, _LARGEST)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise DataError(f"{path}: no list of pairs ({error}); expected {_FORM}") from None
        if not isinstance(content, list) or not content:
            raise DataError(f"{path}: expected {_FORM}, got {quoted(content)}")
        files = NamedFiles(path, outside=outside)
        forged: dict[str, Path] = {}
        truths: dict[str, Path] = {}
        authentic: dict[str, Path] = {}
        for number, pair in enumerate(content):
            image, truth = _pair(pair, f"{path}: pair {number}")
            name, file = files.image(image, f"pair {number}")
            if truth == AUTHENTIC:
                authentic[name] = file
            else:
                forged[name] = file
                truths[name] = files.find(truth, f"pair {number}")[1]
        found = Found()
        names = item_names({**forged, **authentic})
        found.items += forged_items(forged, names, truths, Details())
        found.items += authentic_items(authentic, names)
        found.note_own_groups()
        return found


def _pair(pair: Any, place: str) -> tuple[str, str]:  # noqa: ANN401 (whatever stands there)
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(x, str) for x in pair):
        raise DataError(f"{place}: expected two texts, an image and its truth, got {quoted(pair)}")
    return pair[0], pair[1]
