"""Paired tests of the inpainters of one setting, from the values of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.base import Metric
from benchmark.results.nulls import RANKED, against_null, distance_from_null
from benchmark.results.significance import PairedTest, paired_tests
from benchmark.results.variants import parse_variant
from benchmark.runner.resolve import ORIGINAL
from reports.paired import Setting, SettingSamples


@dataclass(frozen=True, slots=True)
class SettingData:
    """One setting with its samples and the seed of the plan."""

    setting: Setting
    samples: SettingSamples
    seed: int


def distances_from_null(data: SettingData) -> dict[str, PairedTest]:
    """Test each inpainter's AUC against the null; empty where the setting has no null."""
    samples = data.samples
    if not data.setting.detector or ORIGINAL not in samples.inpainters:
        return {}
    null = samples.values(ORIGINAL, METRICS.load(NULLS[RANKED])())
    columns = {
        model: samples.values(model, METRICS.load(RANKED)())
        for model in samples.inpainters
        if parse_variant(model).card.paints
    }
    return against_null(columns, null, seed=data.seed)


def compare_with(
    data: SettingData, metric: Metric, of: str, others: Sequence[str], *, ranked: bool = False
) -> dict[str, PairedTest]:
    """Test one inpainter against each of others with which it shares an image that counts.

    Args:
        data: the setting.
        metric: the metric.
        of: the inpainter.
        others: the other inpainters.
        ranked: compare what ranks are based on: of AUC the distance to the null.
    """
    if not others:
        return {}
    samples = data.samples
    columns = {model: samples.values(model, metric) for model in (of, *others)}
    if ranked and metric.name == RANKED and ORIGINAL in samples.inpainters:
        null = samples.values(ORIGINAL, METRICS.load(NULLS[RANKED])())
        columns = {model: distance_from_null(values, null) for model, values in columns.items()}
    own = columns[of]
    other = np.stack([columns[model] for model in others], axis=1)  # (N, K)
    own = np.broadcast_to(own[:, None], other.shape)
    found = paired_tests(own, other, metrics=[metric.name] * len(others), seed=data.seed)
    return {model: one for model, one in zip(others, found, strict=True) if one.n}
