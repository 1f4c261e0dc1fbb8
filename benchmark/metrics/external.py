"""Plugin metrics as record.json describes them, so that a run is read without their code."""

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
_OWN = ("values", "counted", "reduce", "interval")  # methods that compute a cell from the rows
_OWN_CODE = (
    "values per image are computed by its own code, which is not run when a run is only read"
)
_NO_DIRECTION = "this older run does not record which direction is better; it ranks nothing"


class MetricCard(BaseModel):
    """Entry of record.json for a metric that is not part of this project.

    Attributes:
        title: name in tables.
        better: the better direction, or "" if unknown.
        needs: "filled" if computed from the inpainted image, "verdict" if from a detector's output.
        unit: unit, or "".
        decimals: decimal places in tables.
        low: smallest value of a cell, or None.
        high: largest value of a cell, or None.
        share: whether every image's value is 0 or 1.
        note: one sentence below every table, or "".
        parts: names of the numbers of a sample.
        plain: whether a cell is the mean of its samples' first numbers.
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
    """Return the cards of those of the given metrics that are not part of this project."""
    return {name: _card(METRICS.load(name)) for name in names if name not in METRICS.built_in}


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
    """Replacement of a plugin metric whose code is not imported.

    Attributes:
        directed: whether the better direction is known.
    """

    directed: ClassVar[bool] = True

    @classmethod
    def of_untouched_images(cls) -> bool:
        """Whether it ranks no inpainter: true if the better direction is unknown."""
        return not cls.directed

    def measure(self, case: Case) -> Rows:
        """Raise ExternalError: nothing is measured when a run is only read."""
        raise ExternalError(f"{self.name}: its code is not installed or not imported")


class _RecordedReduction(_RecordedMetric):
    """The same for a metric that overrides the reduction: values per image are unknown."""

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """Return (N,) NaN."""
        return np.full(len(rows), np.nan)

    def reduce(self, rows: Rows) -> float:
        """Return NaN."""
        return float("nan")


def stand_in_for(name: str, card: MetricCard) -> None:
    """Register a card as the replacement of a metric while a run is only read."""
    title = card.title or name
    notes = [
        card.note,
        "" if card.plain else f"{title}: {_OWN_CODE}.",
        "" if card.better else f"{title}: {_NO_DIRECTION}.",
    ]
    attributes: dict[str, Any] = {
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
    METRICS.register_stand_in(
        name, cast("type[Metric]", type("RecordedMetric", (base,), attributes))
    )
