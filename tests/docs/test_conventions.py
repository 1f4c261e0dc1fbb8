"""docs/conventions.md explains every convention."""

from __future__ import annotations

from benchmark.metrics import CONVENTIONS
from tests.docs.blocks import PAGES


def test_every_convention_and_its_metrics_are_explained() -> None:
    for convention, own in CONVENTIONS.items():
        for name in (convention, *own.values()):
            assert f"`{name}`" in PAGES["docs/conventions.md"]
