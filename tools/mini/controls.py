"""Networks beside the controls with the same retouching: one flat color, and telea."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.intervals import Values, mean_interval
from benchmark.results.nulls import RANKED, distance_from_null
from benchmark.results.rounding import number, signed, signed_span, span
from benchmark.results.significance import corrected, paired_test
from benchmark.runner.resolve import ORIGINAL
from reports.paired import SettingSamples
from tools.docs.markdown import code, table
from tools.mini.measured import NETWORKS, Measured
from tools.mini.plans import DETECTORS, FLAT, PLAIN, STEPS, controls_samples

SEED = 0  # of intervals and tests


def table_of_controls(found: Measured) -> str:
    """Return a row for each hole: PSNR, LPIPS, and AUC with its interval by detector."""
    samples = controls_samples(found)
    nulls = [_mean(null_values(samples[name])) for name in DETECTORS]
    rows = [["**null: authentic images, same holes**", "", "", *nulls]]
    for step in STEPS:
        for name in (FLAT, PLAIN, *NETWORKS):
            hole = hole_name(name, step)
            quality = [
                number(float(values(samples[""], hole, metric).mean()), decimals)
                for metric, decimals in (("psnr", 2), ("lpips", 3))
            ]
            aucs = [_mean(values(samples[one], hole, RANKED)) for one in DETECTORS]
            rows.append([code(hole), *quality, *aucs])
    return table(("hole", "PSNR", "LPIPS", *(f"{one} AUC" for one in DETECTORS)), rows)


def table_of_tests(found: Measured) -> str:
    """Return, for each network, the tests against both controls with the same retouching."""
    samples = controls_samples(found)
    compared = [
        (name, step, control)
        for control in (FLAT, PLAIN)
        for step in ("none", "grain:match")
        for name in NETWORKS
    ]
    columns = [list(_family(samples[one], compared)) for one in DETECTORS]
    rows = [
        [code(hole_name(name, step)), code(hole_name(control, step)), *cells]
        for (name, step, control), *cells in zip(compared, *columns, strict=True)
    ]
    return table(("hole", "against", *DETECTORS), rows)


def hole_name(name: str, step: str) -> str:
    """Return the name of an inpainter with a retouching step."""
    return name if step == "none" else f"{name}+{step}"


def values(samples: SettingSamples, hole: str, metric: str) -> Values:
    """Return the values of a metric, (N,)."""
    return samples.values(hole, METRICS.load(metric)())


def _family(samples: SettingSamples, compared: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield the result of each comparison: of the distances of AUC to the null, paired by image."""
    null = null_values(samples)
    made = [
        paired_test(
            distance_from_null(values(samples, hole_name(name, step), RANKED), null),
            distance_from_null(values(samples, hole_name(control, step), RANKED), null),
            metric=RANKED,
            seed=SEED,
        )
        for name, step, control in compared
    ]
    for one in corrected(made):
        yield f"{signed(one.value, 3)} {signed_span(one.low, one.high, 3)} {one.verdict}"


def null_values(samples: SettingSamples) -> Values:
    """Return the AUC of the authentic images with the same holes, (N,)."""
    return samples.values(ORIGINAL, METRICS.load(NULLS[RANKED])())


def _mean(of: Values) -> str:
    low, high = mean_interval(of, seed=SEED, bounds=METRICS.load(RANKED).bounds)
    return f"{number(float(of.mean()), 3)} {span(low, high, 3)}"
