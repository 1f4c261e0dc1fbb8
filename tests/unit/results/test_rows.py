"""Weights variants in results.csv."""

from __future__ import annotations

from benchmark.results.rows import editions_of, weights_text


def test_weights_text_round_trip() -> None:
    editions = {"telea": "none", "trufor": "official, unverified", "lama": "sha256:0123456789ab"}
    assert (
        weights_text(editions) == "telea=none trufor=official,unverified lama=sha256:0123456789ab"
    )
    assert editions_of(weights_text(editions)) == editions


def test_cells_of_earlier_versions_are_read() -> None:
    assert editions_of("telea=none trufor=official") == {"telea": "none", "trufor": "official"}
