"""Tables of docs/howto/composite.md: spliced images beside whole outputs of the inpainters."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark import Plan
from benchmark.metrics import METRICS
from benchmark.metrics.intervals import Values, mean_interval
from benchmark.plans import plan_file
from benchmark.results.nulls import RANKED, distance_from_null
from benchmark.results.rounding import p_text, signed, signed_span, with_span
from benchmark.results.significance import PairedTest, corrected, paired_test
from benchmark.runner.resolve import ORIGINAL
from benchmark.training import chosen_recipe
from detectors import DETECTORS as ALL_DETECTORS
from reports.paired import SettingSamples
from tools.docs.markdown import table
from tools.mini.controls import SEED, null_values, values
from tools.mini.measured import NETWORKS, Measured
from tools.mini.plans import DETECTORS, PLAIN, by_detector, kept_run

WHOLE, SOFT = "composite:none", "feather:8"
FEW = 12  # photos
HEAD = (
    "inpainter",
    "AUC `splice`",
    "AUC `none`",
    "`none` against `splice`, paired",
    "`feather:8` against `splice`, paired",
    "ACC `splice`, `none`, `feather:8`",
)


def table_of_composites(found: Measured) -> str:
    """Return a table for each detector: AUC and ACC of each inpainter by composite."""
    plan = Plan.load(plan_file("splice"))
    samples = by_detector(kept_run(found, "splice", plan))
    return "\n\n".join(_of_detector(samples[name], name) for name in DETECTORS)


def _of_detector(samples: SettingSamples, detector: str) -> str:
    null = null_values(samples)
    share = values(samples, ORIGINAL, "fpr").mean()
    met = set(chosen_recipe(detector, "mini").met or ())
    rows = []
    for name in (*NETWORKS, PLAIN):
        is_whole = name == PLAIN  # it returns known pixels as they are
        rows.append([
            f"{name}{'¶' if name in met else ''}",
            _mean(values(samples, name, RANKED)),
            _mean(values(samples, name if is_whole else f"{name}+{WHOLE}", RANKED)),
            "0, the same images" if is_whole else _change(samples, name, WHOLE, null),
            "-" if is_whole else _change(samples, name, SOFT, null),
            ", ".join(
                f"{values(samples, hole, 'acc').mean():.2f}"
                for hole in (name, name if is_whole else f"{name}+{WHOLE}", f"{name}+{SOFT}")
            ),
        ])  # fmt: skip
    title = ALL_DETECTORS.card(detector).title
    return (
        f"**{title}** (null {_mean(null)}; {share:.0%} of the authentic images called forged):\n\n"
        f"{table(HEAD, rows).strip()}"
    )


def table_of_known_pixels(found: Measured) -> str:
    """Return how much each inpainter changes of the known pixels."""
    samples = by_detector(kept_run(found, "splice", Plan.load(plan_file("splice"))))[""]
    rows = []
    for name in (*NETWORKS, PLAIN):
        whole = f"{name}+{WHOLE}" if f"{name}+{WHOLE}" in samples.inpainters else name
        levels = values(samples, whole, "known_mae")
        low, high = mean_interval(levels, seed=SEED)
        rows.append([
            name, f"{values(samples, whole, 'known_changed').mean():.1%}".replace("%", " %"),
            with_span(float(levels.mean()), low, high, 1),
        ])  # fmt: skip
    return table(("inpainter", "known pixels changed", "mean change in gray levels"), rows)


def table_of_photos(found: Measured) -> str:
    """Return the tests of whole outputs against spliced ones on some of the photos."""
    update = {
        "datasets": ("folder",),
        "images": found.photos,
        "limit": FEW,
        "composite": ("splice", "none"),
        "metrics": ("auc", "f1", "acc"),
    }
    plan = Plan.load(plan_file("splice")).model_copy(update=update)
    samples = by_detector(kept_run(found, "splice-photos", plan))
    columns = [list(_tests(samples[name])) for name in DETECTORS]
    titles = (ALL_DETECTORS.card(name).title for name in DETECTORS)
    rows = [[name, *cells] for name, *cells in zip(NETWORKS, *columns, strict=True)]
    return table(("inpainter", *titles), rows)


def _tests(samples: SettingSamples) -> Iterator[str]:
    null = null_values(samples)
    for one in corrected([_test(samples, name, WHOLE, null) for name in NETWORKS]):
        p = f"p {p_text(one.p_holm)}" if one.differs else one.verdict
        yield f"{signed(one.value, 2)} {signed_span(one.low, one.high, 2)}, {p}"


def _change(samples: SettingSamples, name: str, composite: str, null: Values) -> str:
    one = _test(samples, name, composite, null)
    return f"{signed(one.value, 2)} {signed_span(one.low, one.high, 2)}"


def _test(samples: SettingSamples, name: str, composite: str, null: Values) -> PairedTest:
    own, other = (values(samples, hole, RANKED) for hole in (f"{name}+{composite}", name))
    return paired_test(
        distance_from_null(own, null), distance_from_null(other, null), metric=RANKED, seed=SEED
    )


def _mean(of: Values) -> str:
    low, high = mean_interval(of, seed=SEED, bounds=METRICS.load(RANKED).bounds)
    return with_span(float(of.mean()), low, high, 2)
