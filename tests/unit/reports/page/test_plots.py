"""Inline SVG: round ticks, escaped text."""

from __future__ import annotations

import numpy as np
import pytest

from reports.figures.charts import Chart
from reports.page.plots import svg, ticks
from tests.unit.reports.figures.series import series


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.61, 0.93), (-3, 40), (1e-5, 2e-5), (7, 1e6)])
def test_ticks_are_round_and_cover_the_numbers(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert 3 <= len(found) <= 8
    assert np.allclose(np.diff(found), found[1] - found[0])


def test_an_svg_escapes_names_and_stays_within_its_frame() -> None:
    chart = Chart(
        kind="ratio", name="x", title="<b>", x_title="&", y_title='"', positions=("<i>", "2"),
        series=(series(0, (0, 0.2), (1, 1.0)),),
    )  # fmt: skip
    text = str(svg(chart))
    assert "<b>" not in text
    assert "&lt;i&gt;" in text
    assert ">1.2<" not in text  # a share of one has no tick beyond 1
