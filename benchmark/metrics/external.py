"""A metric that a run brought, as its record describes it: enough to read the run, and no code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from benchmark.core.errors import ExternalError
from benchmark.core.types import Case, Rows
from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Bounds

Text = Annotated[str, Field(max_length=1000)]
_OWN = ("values", "counted", "reduce", "interval")  # methods that make a cell of the rows
_OWN_CODE = (
    "what it came to image by image, only its own code tells; that is not run to look at a run"
)
_NO_DIRECTION = "which direction is better, this older run does not say; nothing is ranked by it"


class MetricCard(BaseModel):
    """What record.json says of a metric that is not of this project.

    Attributes:
        title: its name in tables.
        better: the better direction, or "" where that is not known.
        needs: "filled" for a metric of the image alone, "verdict" for one of a detector's answer.
        unit: what it is counted in, or "".
        decimals: digits after the point in tables.
        low: the smallest value that a cell can have, or None.
        high: the largest, or None.
        share: whether the value of every image is 0 or 1.
        note: one sentence beneath every table, or "".
        parts: what the numbers of a sample are.
        plain: whether a cell is the mean of the first number of its samples.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Text = ""
    better: Literal["higher", "lower", ""] = ""
    needs: Literal["filled", "verdict"]
    unit: Text = ""
    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    low: float | None = None
    high: float | None = None
    share: bool = False
    note: Text = ""
    parts: Annotated[tuple[Text, ...], Field(max_length=1000)] = ("",)
    plain: bool = True


def metric_cards(names: Iterable[str]) -> dict[str, MetricCard]:
    """The cards of those of some metrics that are not of this project."""
    return {name: _card(METRICS.load(name)) for name in names if name not in METRICS.ours}


def _card(kind: type[Metric]) -> MetricCard:
    low, high = (
        float(end) if np.isfinite(end) else None for end in (kind.bounds[0], kind.bounds[1])
    )
    return MetricCard(
        title=kind.title,
        better=kind.better,
        needs=kind.needs,
        unit=kind.unit,
        decimals=kind.decimals,
        low=low,
        high=high,
        share=kind.share,
        note=kind.note,
        parts=kind.parts,
        plain=all(getattr(kind, name) is getattr(Metric, name) for name in _OWN),
    )


class _RecordedMetric(Metric):
    """What stands for a metric whose code is not imported.

    Attributes:
        directed: whether the better direction is known.
    """

    directed: ClassVar[bool] = True

    @classmethod
    def of_untouched_images(cls) -> bool:
        """Whether no inpainter is better by it; so it is where the direction is not known."""
        return not cls.directed

    def measure(self, case: Case) -> Rows:
        """Nothing is measured while a run is looked at."""
        raise ExternalError(f"{self.name}: its code is not here")


class _RecordedReduction(_RecordedMetric):
    """The same of one whose own code makes a cell: what an image came to is not known."""

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """Gaps."""
        return np.full(len(rows), np.nan)

    def reduce(self, rows: Rows) -> float:
        """A gap."""
        return float("nan")


def stand_in_for(name: str, card: MetricCard) -> None:
    """Let a card stand for a metric while a run is only looked at."""
    title = card.title or name
    notes = [
        card.note,
        "" if card.plain else f"{title}: {_OWN_CODE}.",
        "" if card.better else f"{title}: {_NO_DIRECTION}.",
    ]
    told: dict[str, Any] = {
        "name": name,
        "title": title,
        "better": card.better or "higher",
        "directed": bool(card.better),
        "needs": card.needs,
        "unit": card.unit,
        "decimals": card.decimals,
        "bounds": Bounds(
            -np.inf if card.low is None else card.low, np.inf if card.high is None else card.high
        ),
        "share": card.share,
        "note": " ".join(filter(None, notes)),
        "parts": card.parts,
    }
    base = _RecordedMetric if card.plain else _RecordedReduction
    METRICS.stand_in(name, cast("type[Metric]", type("Described", (base,), told)))
