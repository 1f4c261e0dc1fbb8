"""Inpainters removed from the registry: cards for reading earlier runs, stores and plans."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmark.core.card import Card
from benchmark.core.registry import Retired

RETIRED: Mapping[str, Retired] = MappingProxyType(
    {
        "safepaint+": Retired(
            card=Card(
                name="safepaint+",
                title="SafePaint+ (this project's variant)",
                paper="https://doi.org/10.1145/3664647.3681279",
                license="of this project; a variant the authors have no part in",
                own_weights=True,
                parameters=28_843_068,
                multiply_adds=132_285_361_104,
                multiple=4,
                min_side=64,
                rounding="cut",
                seeded=True,
            ),
            mini="3225e2a57ba5b3e179b0a34648601e16e5579262201d4632e21127adece3eea3",
            last="1351f48",
            page="docs/safepaint-plus.md",
        )
    }
)
