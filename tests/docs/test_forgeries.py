"""The page on sets of forgeries lists every layout with its reader, terms and what was tried."""

from __future__ import annotations

import pytest

from benchmark.forgeries import LAYOUTS
from tests.docs.blocks import PAGES

PAGE = PAGES["docs/howto/forgeries.md"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_has_its_row(name: str) -> None:
    facts = LAYOUTS.load(name).facts
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    readers = "<br>".join(
        f"`{one.repository}` `{one.path}` at `{one.commit[:10]}`" for one in facts.readers
    )
    wanted = (facts.title, facts.url, facts.paper, facts.tree, readers, facts.terms, facts.tried)
    assert all(one in row for one in wanted)
    assert row.count(" | ") == 5
