"""The formats a table of the paper is written in. A format is a line here and a file beside it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import cast

from benchmark.core.errors import UnknownName
from reports.paper.tables import PaperTable

FORMATS = {
    "text": "reports.formats.text",
    "md": "reports.formats.md",
    "csv": "reports.formats.csv",
    "tex": "reports.formats.tex",
    "html": "reports.formats.html",
}


def render(tables: Sequence[PaperTable], name: str) -> str:
    """Tables as one text that ends with a line break.

    Args:
        tables: one or more.
        name: a name of `FORMATS`.

    Raises:
        UnknownName: if there is no such format.
    """
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return cast(str, importlib.import_module(FORMATS[name]).render(tables))
