"""Sections of the board: runs whose numbers may be compared, and how sections differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.core.tiles import tiling_of
from reports.board.run_numbers import BoardRun, Spot, short_hash
from reports.page.finding import counted

# Keys of a plan that choose rows and columns, or the images, which are compared by their pixels.
_CHOOSES = frozenset({
    "name", "inpainters", "detectors", "metrics", "weights", "retouch", "composite", "recomposite",
    "images", "data_root", "masks", "limit", "max_pixels", "mask_polarity", "pairing", "margin",
    "forgeries", "layout", "black_forged",
})  # fmt: skip
_WORDS = {
    "datasets": "data sets",
    "buckets": "mask ratios",
    "launder": "post-processing",
    "size": "image size",
    "hole_blind": "filling of holes before inpainting",
    "images": "images or holes",
    "revision": "revision of the metric",
}


@dataclass(frozen=True, kw_only=True)
class Section:
    """Runs over the same images and holes, after the same steps, by the same metric.

    Attributes:
        id: identity for links.
        facts: what must be equal in its runs, by name.
        runs: its runs in the order given.
        title: title, such as "samples, masks 30-40 %, 256 px".
        differences: how it differs from the first section, or "".
    """

    id: str
    facts: Mapping[str, object]
    runs: tuple[BoardRun, ...] = field(repr=False)
    title: str
    differences: str

    @property
    def first(self) -> BoardRun:
        """Its first run, whose data sets, bins and steps all runs share."""
        return self.runs[0]

    @property
    def launders(self) -> tuple[str, ...]:
        """Post-processing, with "" for none first."""
        return ("", *self.first.plan.launder_words)

    def spots(self, launder: str, dataset: str = "", bucket: str = "") -> tuple[Spot, ...]:
        """Return the cells of a scope: one data set and bin, or all for ""."""
        plan = self.first.plan
        return tuple(
            Spot(one, launder, other)
            for one in plan.datasets
            for other in plan.buckets
            if dataset in ("", one) and bucket in ("", other)
        )


def sections_of(runs: Iterable[BoardRun]) -> tuple[Section, ...]:
    """Return the sections of some runs, in the order of their first runs."""
    groups: dict[str, tuple[dict[str, object], list[BoardRun]]] = {}
    for run in runs:
        facts = _facts(run)
        key = short_hash(repr(sorted(facts.items())))
        groups.setdefault(key, (facts, []))[1].append(run)
    first = next((facts for facts, _ in groups.values()), {})
    titles = Counter(_title(members) for _, members in groups.values())
    sections = []
    for key, (facts, members) in groups.items():
        title, differences = _title(members), _differences(facts, first)
        alike = titles[title] > 1 and differences
        sections.append(
            Section(
                id=key,
                facts=facts,
                runs=tuple(members),
                title=f"{title}; {differences}" if alike else title,
                differences=differences,
            )
        )
    return tuple(sections)


def _facts(run: BoardRun) -> dict[str, object]:
    """Return everything that two runs must share for their numbers to be compared."""
    plan = run.plan.model_dump(mode="json", exclude=set(_CHOOSES))
    plan["launder"] = sorted(run.plan.launder_words)
    images = short_hash(repr(sorted(place.id for place in run.places)))
    return {
        **{key: _frozen(value) for key, value in plan.items()},
        "images": images if run.places else f"unknown in {run.id}",
        "revision": tuple(
            run.record.metrics.get(name, "not recorded") for name in (run.metric, run.null) if name
        ),
    }


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _title(runs: Sequence[BoardRun]) -> str:
    plan = runs[0].plan
    counts = {len(order) for order in runs[0].order.values()}
    parts = [
        ", ".join(plan.datasets),
        f"masks of {', '.join(plan.buckets)} %",
        "images at their own size" if plan.size == "native" else f"{plan.size} pixels",
    ]
    if plan.tile is not None:
        tiling = tiling_of(plan.tile, plan.overlap)
        parts.append(f"tiles of {tiling.side} pixels")
    if plan.launder:
        parts.append(f"post-processing {', '.join(plan.launder_words)}")
    if plan.convention != "paper":
        parts.append(f"convention {plan.convention}")
    if counts:
        least, most = min(counts), max(counts)
        parts.append(counted(most, "image") if least == most else f"{least} to {most} images")
    return "; ".join(parts)


def _differences(facts: Mapping[str, object], first: Mapping[str, object]) -> str:
    """Return in which facts a section differs from the first, in one line."""
    names = [name for name in facts if facts[name] != first[name]]
    return ", ".join(_difference(name, facts[name], first[name]) for name in names)


def _difference(name: str, own: object, first: object) -> str:
    word = _WORDS.get(name, name)
    if name == "images":
        return "other images or holes"
    return f"{word} {_text(own)} instead of {_text(first)}"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
