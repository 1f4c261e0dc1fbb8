"""Text formats of the paper's tables: add a module here and an entry to `FORMATS`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import cast

from benchmark.core.errors import UnknownName
from reports.paper.entries import PaperTable

FORMATS = {
    "text": "reports.formats.text",
    "md": "reports.formats.md",
    "csv": "reports.formats.csv",
    "tex": "reports.formats.tex",
    "html": "reports.formats.html",
}


def render(tables: Sequence[PaperTable], name: str) -> str:
    """Render tables as one text that ends with a line break.

    Args:
        tables: one or more.
        name: one of `FORMATS`.

    Raises:
        UnknownName: if there is no such format.
    """
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return cast(str, importlib.import_module(FORMATS[name]).render(tables))
