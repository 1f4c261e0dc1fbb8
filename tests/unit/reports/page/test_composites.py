"""Sentences of the report about composites."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmark import Plan
from reports.page.composites import composite_sentences

PLAN = Plan(
    inpainters=("lama", "telea", "safepaint"),
    detectors=("flatness",),
    composite=("splice", "none", "feather:8"),
)
RUN: Any = SimpleNamespace(plan=PLAN)


def test_each_network_is_tested_against_its_own_spliced_images() -> None:
    spliced = np.linspace(0.6, 0.9, 12)
    values = {
        "lama": spliced,
        "lama+composite:none": spliced - 0.2 + 0.01 * np.arange(12) % 0.03,
        "lama+feather:8": spliced,
        "telea": spliced,
        "telea+composite:none": spliced,
        "safepaint+composite:none": spliced,  # its spliced images have gaps
    }
    (said,) = composite_sentences(RUN, "auc", values)
    assert "Holm's rule over 2 tests" in said
    assert "with composite:none, lama -0.1" in said
    assert "(found less, p 0.0" in said
    assert "; with feather:8, lama" in said
    assert "telea" not in said
    assert "safepaint" not in said


def test_nothing_is_said_without_composites() -> None:
    run: Any = SimpleNamespace(plan=Plan(inpainters=("lama",)))
    assert not list(composite_sentences(run, "auc", {"lama": np.linspace(0.6, 0.9, 12)}))
