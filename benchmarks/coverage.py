"""Coverage of the 95 % intervals and false-positive rates of the tests.

    python benchmarks/coverage.py

Prints the tables of docs/statistics.md: simulated for means, exact for shares, whose outcomes can
be enumerated. The columns "old" are the percentile bootstrap, which was used for everything before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, multinomial

from benchmark.metrics.detection import acc_at_5_interval
from benchmark.metrics.intervals import (
    FEW,
    UNBOUNDED,
    UNIT,
    Interval,
    bootstrap_means,
    mean_intervals,
    paired_share_interval,
    share_intervals,
)
from benchmark.results.significance import ALPHA, corrected, paired_tests
from benchmark.results.training_seeds import seeded_test

SIZES = (3, 5, 7, 10, 20, 30, 100)
SHARES = (0.05, 0.5, 0.86, 0.95)
BLOCK = 500  # runs at once: 40 MB of random numbers
MORE = 10  # factor of runs for fast simulations
Draw = Callable[[np.random.Generator, int, int], NDArray[np.float64]]


def normal(generator: np.random.Generator, n: int, runs: int) -> NDArray[np.float64]:
    """Return (n, runs) values of mean 0."""
    return generator.normal(size=(n, runs))


def skewed(generator: np.random.Generator, n: int, runs: int) -> NDArray[np.float64]:
    """Return (n, runs) values of mean 0.8 with a long left tail, like AUC of easy forgeries."""
    return generator.beta(8, 2, size=(n, runs))


def held(intervals: tuple[Interval, ...], truth: float) -> NDArray[np.bool_]:
    """Return which intervals contain the true value; missing intervals do not."""
    ends = np.array(intervals)
    return (ends[:, 0] <= truth) & (truth <= ends[:, 1])


def of_means(draw: Draw, n: int, runs: int) -> tuple[float, float]:
    """Return the coverage of the intervals of a mean, ours and the bootstrap's."""
    truth, bounds = (0.8, UNIT) if draw is skewed else (0.0, UNBOUNDED)
    generator = np.random.default_rng((n, draw is skewed))
    ours, old = [], []
    for seed in range(runs // BLOCK):
        values = draw(generator, n, BLOCK)
        old.append(held(bootstrap_means(values, seed=seed), truth))
        if n < FEW:  # fast: no bootstrap samples
            values = draw(generator, n, MORE * BLOCK)
        ours.append(held(mean_intervals(values, [bounds] * values.shape[1], seed=seed), truth))
    return float(np.mean(ours)), float(np.mean(old))


def of_shares(p: float, n: int) -> tuple[float, float]:
    """Return the exact coverage of the intervals of a share, ours and the bootstrap's."""
    values = (np.arange(n)[:, None] < np.arange(n + 1)).astype(np.float64)  # (n, n + 1)
    weights = binom.pmf(np.arange(n + 1), n, p)
    found = share_intervals(values), bootstrap_means(values, seed=0)
    return tuple(float(weights @ held(one, p)) for one in found)  # type: ignore[return-value]


def of_paired_shares(cells: tuple[float, float, float, float], n: int) -> float:
    """Return the exact coverage for the difference of two shares over the same images.

    Args:
        cells: probabilities that an image is (1, 1), (1, 0), (0, 1) and (0, 0).
        n: number of images.
    """
    total = 0.0
    for counts in product(range(n + 1), repeat=3):
        if (rest := n - sum(counts)) < 0:
            continue
        weight = float(multinomial.pmf((*counts, rest), n, cells))
        if weight > 1e-9:
            pairs = np.repeat([[1.0, 1], [1, 0], [0, 1], [0, 0]], (*counts, rest), axis=0)
            (fits,) = held((paired_share_interval(*pairs.T),), cells[1] - cells[2])
            total += weight * fits
    return total


def of_detection(n: int, runs: int) -> float:
    """Return the coverage for the detection rate at a 5 % false-positive threshold."""
    generator = np.random.default_rng(n)
    truth = float((generator.normal(1.5, 1, 1_000_000) > 1.6448536).mean())
    found = []
    for _ in range(runs):
        authentic = generator.normal(size=n)
        forged = generator.normal(1.5, 1, n)
        found.append(acc_at_5_interval(forged, authentic))
    return float(held(tuple(found), truth).mean())


def false_alarms(n: int, tests: int, runs: int) -> tuple[float, float, float]:
    """Return how often a difference is found where there is none.

    Returns:
        The share of families of `tests` with any finding; the share of single tests with one; and
        the share of single bootstrap intervals without 0, which was the old rule.
    """
    generator = np.random.default_rng((n, tests))
    families, single, old = [], [], []
    for seed in range(runs):
        values = generator.normal(size=(2, n, tests))
        found = paired_tests(values[0], values[1], metrics=["psnr"] * tests, seed=seed)
        families.append(any(one.differs for one in corrected(found)))
        single += [one.differs for one in found]
        old.append(~held(bootstrap_means(values[0] - values[1], seed=seed), 0.0))
    return float(np.mean(families)), float(np.mean(single)), float(np.mean(old))


def of_seeds(
    spreads: tuple[float, float, float], images: int, runs: int, *, apart: float = 0.0
) -> tuple[float, float, float]:
    """Simulate the comparison of two models with three training seeds each, on the same images.

    Args:
        spreads: standard deviations between trainings, between images (differences of the models
            on single images), and of both together.
        images: number of images.
        runs: number of simulated comparisons.
        apart: true difference.

    Returns:
        How often the interval contains the true difference, how often the test finds one, and how
        often the test over images alone, which averages the seeds, finds one.
    """
    generator = np.random.default_rng((images, runs))
    fits, finds, alone = [], [], []
    for seed in range(runs):
        shared = generator.normal(size=images)
        own, other = (
            shift
            + shared
            + generator.normal(0, spreads[0], (3, 1))
            + generator.normal(0, spreads[1], images)
            + generator.normal(0, spreads[2], (3, images))
            for shift in (apart, 0.0)
        )
        found = seeded_test(own, other, metric="psnr", seed=seed)
        fits.append((found.low or 0.0) <= apart <= (found.high or 0.0))
        finds.append((found.p or 0.0) < ALPHA)
        means = own.mean(axis=0)[:, None], other.mean(axis=0)[:, None]
        alone.append((paired_tests(*means, metrics=["psnr"], seed=seed)[0].p or 0.0) < ALPHA)
    return float(np.mean(fits)), float(np.mean(finds)), float(np.mean(alone))


def percent(*shares: float) -> str:
    """Format cells of a Markdown table."""
    return " | ".join(f"{100 * share:.1f}" for share in shares)


def lines(runs: int) -> Iterator[str]:
    """Yield the tables line by line."""
    heads = ["normal", "old", "Beta(8, 2)", "old"]
    heads += [head for p in SHARES for head in (f"share {p}", "old")]
    yield from _heads("images", *heads)
    for n in SIZES:
        means = [one for draw in (normal, skewed) for one in of_means(draw, n, runs)]
        shares = [one for p in SHARES for one in of_shares(p, n)]
        yield f"| {n} | {percent(*means, *shares)} |"
    yield ""
    yield from _heads("images", ".5 and .5", ".6 and .4", ".95 and .9", "detection at 5 %")
    kinds = ((0.4, 0.1, 0.1, 0.4), (0.3, 0.3, 0.1, 0.3), (0.9, 0.05, 0.0, 0.05))
    for n in (7, 20, 30, 50):
        paired = percent(*(of_paired_shares(cells, n) for cells in kinds if n < FEW)) or "- | - | -"
        yield f"| {n} | {paired} | {percent(of_detection(n, runs // 2)) if n >= 20 else '-'} |"
    yield ""
    yield from _heads("images", "any of 9 tests", "any of 3", "one test", "old rule, one number")
    for n in (3, 7, 30):
        nine, one, old = false_alarms(n, 9, runs // 4)
        three, _, _ = false_alarms(n, 3, runs // 4)
        yield f"| {n} | {percent(nine, three, one, old)} |"


def lines_of_seeds(runs: int) -> Iterator[str]:
    """Yield the table of two models with three trainings each on 100 images."""
    yield from _heads("sd of seeds, images, both", "held", "found", "found over images alone")
    for spreads in ((0.0, 0.1, 0.0), (0.05, 0.1, 0.0), (0.05, 0.1, 0.1)):
        said = ", ".join(f"{one:g}" for one in spreads)
        yield f"| {said} | {percent(*of_seeds(spreads, 100, runs))} |"


def _heads(*heads: str) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + " ---: |" * len(heads)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=4000, help="simulated runs per number")
    parser.add_argument("--seeds", action="store_true", help="only the table of training seeds")
    options = parser.parse_args()
    make = lines_of_seeds if options.seeds else lines
    for line in make(options.runs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
