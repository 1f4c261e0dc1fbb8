"""Reasons of gaps in a run's numbers."""

from __future__ import annotations

NO_WEIGHTS = "no weights here"  # of an inpainter without weights
NO_PACKAGE = "not installed here"  # of an inpainter that needs an optional package
NOT_DEFINED = "not defined for any of these samples"
NO_TRUTH = "no truth: it is not known which pixels are forged"
NO_AUTHENTIC = "no authentic images to compare with"
