"""A self-contained page: tables and images in one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.core.paths import write_text

SIDE = 640  # pixels of the longer side of an image on the page
LEGEND = (
    "Overlays: red where a detector finds manipulation likely, a yellow outline around the map "
    "above 0.5, a white one around the truth where there is one. Heatmaps: dark blue = 0, "
    "yellow = 1."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """An image with its caption.

    Attributes:
        image: a data URI.
        alt: what it shows.
        caption: the text below.
    """

    image: str
    alt: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures under a title."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page shows, in this order.

    Attributes:
        title: its heading.
        lines: paragraphs.
        warnings: paragraphs that are marked.
        columns: headings of the table.
        rows: cells of the table.
        sections: figures.
    """

    title: str
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    sections: tuple[Section, ...] = ()


def write_page(path: Path, page: Page) -> None:
    """Write a page, whole or not at all; texts are escaped.

    Raises:
        OutputError: if it cannot be written.
    """
    from jinja2 import Environment

    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    write_text(path, Environment(autoescape=True).from_string(template).render(page=page))
