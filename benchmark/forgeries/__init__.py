"""Sets of forgeries: folders, manifests and lists as items. `LAYOUTS` is the list of their forms.

Adding a layout adds a line here and a file in `layouts/`.
"""

from __future__ import annotations

from benchmark.core.registry import Registry
from benchmark.forgeries.item import ByteSource, FileBytes, ForgeryItem, ForgerySet, Skipped
from benchmark.forgeries.layout import Facts, Layout

__all__ = [
    "LAYOUTS",
    "ByteSource",
    "Facts",
    "FileBytes",
    "ForgeryItem",
    "ForgerySet",
    "Layout",
    "Skipped",
]

LAYOUTS: Registry[type[Layout]] = Registry(
    "layout",
    {
        "benco": "benchmark.forgeries.layouts.benco:BenCo",
        "benco-json": "benchmark.forgeries.layouts.benco_json:BenCoJson",
        "manifest": "benchmark.forgeries.layouts.manifest:Manifest",
        "pairs": "benchmark.forgeries.layouts.pairs:Pairs",
        "tgif": "benchmark.forgeries.layouts.tgif:Tgif",
        "sagi": "benchmark.forgeries.layouts.sagi:Sagi",
        "opensdid": "benchmark.forgeries.layouts.opensdid:OpenSdid",
        "cocoglide": "benchmark.forgeries.layouts.cocoglide:CocoGlide",
        "casia1": "benchmark.forgeries.layouts.casia1:Casia1",
        "casia2": "benchmark.forgeries.layouts.casia2:Casia2",
        "columbia": "benchmark.forgeries.layouts.columbia:Columbia",
        "coverage": "benchmark.forgeries.layouts.coverage:Coverage",
        "dso1": "benchmark.forgeries.layouts.dso1:Dso1",
        "imd2020": "benchmark.forgeries.layouts.imd2020:Imd2020",
        "korus": "benchmark.forgeries.layouts.korus:Korus",
    },
    base="benchmark.forgeries.layout:Layout",
    group="bench.forgeries",
)
