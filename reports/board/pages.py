"""Pages of the site as text: the board, images, and one page per inpainter, detector and run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from benchmark.core.card import Card
from benchmark.results.rounding import number
from reports.board.first_change import first_change
from reports.board.history import histories
from reports.board.images import SiteImages, browser_values, first_images, thumbnail_file
from reports.board.lines import fpr_text, lines_table, standing_lines
from reports.board.names import detector_page, inpainter_page, run_page
from reports.board.run_numbers import BoardRun
from reports.board.sources import LeftOut
from reports.board.template import fill, json_text
from reports.board.values import SectionView, board_values
from reports.page.finding import counted
from reports.page.plots import legend_mark, svg

IMAGES_OF_A_MODEL = 8
OTHER_RUNS = 5  # runs to which a run's page links for what moved


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything that the pages are made of.

    Attributes:
        runs: the runs, in the order given.
        left_out: runs that cannot be used.
        views: the sections.
        images: the images of all runs.
        written: time stamp of the pages.
    """

    runs: tuple[BoardRun, ...]
    left_out: tuple[LeftOut, ...]
    views: tuple[SectionView, ...]
    images: SiteImages
    written: datetime

    @property
    def inpainters(self) -> dict[str, Card]:
        """Cards of the inpainters, by name."""
        return {row.variant.inpainter: row.card for view in self.views for row in view.rows}

    @property
    def detectors(self) -> dict[str, Card]:
        """Cards of the detectors, by name."""
        return {
            column.detector: run.cards[column.detector]
            for view in self.views
            for column in view.columns
            for run in view.section.runs
            if column.detector in run.plan.detector_names
        }


def pages(site: Site, out: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the text of every page.

    Args:
        site: content of the site.
        out: folder of the site, to which links to reports are relative.
    """
    yield "index.html", _board(site)
    values = browser_values(site.runs, site.images)
    browser = Markup(json_text(values))  # noqa: S704 (escaped)
    count = len(site.images.places)
    yield (
        "images.html",
        _page(
            site,
            "images.html",
            "Images",
            "images",
            data=browser,
            count=count,
            notes=site.images.notes,
        ),
    )
    paired = sum(len(members) > 1 for members in site.images.runs.values())
    opens = first_change(site.runs, site.images) if paired else None
    browser = Markup(json_text({**values, "opens": opens}))  # noqa: S704 (escaped)
    yield "moved.html", _page(site, "moved.html", "What moved", "moved", data=browser, count=paired)
    for name, card in site.inpainters.items():
        yield inpainter_page(name), _inpainter(site, name, card)
    for name, card in site.detectors.items():
        yield detector_page(name), _detector(site, name, card)
    for view in site.views:
        for run in view.section.runs:
            yield run_page(run), _run(site, view, run, out)


def _page(site: Site, template: str, title: str, here: str, **values: Any) -> str:  # noqa: ANN401
    root = "../" if here == "" else ""
    return fill(
        template,
        title=f"{title} - SafePaint Bench",
        written=site.written,
        root=root,
        here=here,
        counted=counted,
        number=number,
        run_page=run_page,
        **values,
    )


def _board(site: Site) -> str:
    return _page(
        site,
        "board.html",
        "Board",
        "board",
        runs=site.runs,
        left_out=site.left_out,
        views=site.views,
        notes={view.section.id: view.notes() for view in site.views},
        inpainters={name: inpainter_page(name) for name in site.inpainters},
        detectors={name: detector_page(name) for name in site.detectors},
        proofs=any(run.proof for run in site.runs),
        data=Markup(json_text(board_values(site.views, site.runs))),  # noqa: S704 (escaped)
    )


def _inpainter(site: Site, name: str, card: Card) -> str:
    sections = []
    found = []
    for view in site.views:
        places = [at for at, row in enumerate(view.rows) if row.variant.inpainter == name]
        if places:
            lines = list(standing_lines(view, places, view.columns))
            caption = f"with every detector, in {view.section.title}"
            sections.append((view, lines_table(lines, view.metric, "../", caption)))
            found += [(view, one) for one in histories(view, name)]
    return _page(
        site,
        "inpainter.html",
        card.title,
        "",
        card=card,
        facts=_facts(card),
        sees=card.sees_hole,
        sections=sections,
        histories=found,
        strip=list(_strip(site, name)),
        svg=svg,
        legend_mark=legend_mark,
    )


def _strip(site: Site, name: str) -> Iterator[dict[str, str]]:
    """Yield the first outputs of an inpainter that have thumbnails."""
    run = next(
        (
            run
            for run in site.runs
            if any(
                run.variants[one.painter].inpainter == name and one.image in site.images.names
                for one in run.results
            )
        ),
        None,
    )
    if run is None:
        return
    wanted = set(first_images(run, site.images, IMAGES_OF_A_MODEL))
    done: set[str] = set()
    for one in run.results:
        place = run.places[one.place]
        fits = place.id in wanted - done and run.variants[one.painter].inpainter == name
        if fits and one.image in site.images.names:
            done.add(place.id)
            yield {
                "id": place.id,
                "run": run.id,
                "sample": place.sample,
                "bucket": place.bucket,
                "painter": one.painter,
                "file": thumbnail_file(one.image),
            }


def _detector(site: Site, name: str, card: Card) -> str:
    sections = []
    for view in site.views:
        for column in (one for one in view.columns if one.detector == name):
            scopes = [(launder, "", "") for launder in view.section.launders]
            places = range(len(view.rows))
            lines = list(standing_lines(view, places, [column], scopes=scopes, by_rank=True))
            caption = f"with {view.titles[column]}, in {view.section.title}"
            table = lines_table(lines, view.metric, "../", caption)
            sections.append((view, view.titles[column], fpr_text(view, column), table))
    return _page(
        site, "detector.html", card.title, "", card=card, facts=_facts(card), sections=sections
    )


def _run(site: Site, view: SectionView, run: BoardRun, out: Path) -> str:
    places = [at for at, row in enumerate(view.rows) if run in row.runs]
    columns = [one for one in view.columns if one.detector in run.plan.detector_names]
    sharing = {at for name in site.images.places if run.id in _ids(site, name)
               for at in site.images.runs[name]}  # fmt: skip
    others = [site.runs[at] for at in sorted(sharing) if site.runs[at] is not run]
    report = run.folder / "index.html"
    return _page(
        site,
        "run.html",
        run.name,
        "",
        one=run,
        view=view,
        report=_relative(report, out / "runs") if run.report else "",
        images=bool(run.places),
        others=others[:OTHER_RUNS],
        facts=_run_facts(run),
        table=lines_table(
            list(standing_lines(view, places, columns, only=run)),
            view.metric,
            "../",
            f"of {run.name}",
        ),
        plan=run.plan.dump(run.folder),
    )


def _ids(site: Site, place: str) -> set[str]:
    return {site.runs[at].id for at in site.images.runs[place]}


def _relative(path: Path, start: Path) -> str:
    """Return a link from one folder of this machine to a file, with "/" and escaped signs."""
    relative = Path(os.path.relpath(path.absolute(), start.absolute()))
    return quote(os.fsencode(relative.as_posix()))  # names may have bytes that are not UTF-8


def _run_facts(run: BoardRun) -> Mapping[str, str]:
    record = run.record
    models = ", ".join(f"{name} {one.edition}" for name, one in run.weights.items())
    file = "bundle" if run.of_bundle else "record.json"
    facts = {
        "date": f"{run.date:%Y-%m-%d %H:%M} (of its {file})",
        "version": record.versions.get("safepaint-bench", ""),
        "commit": record.commit,
        "device": record.device,
        "samples": str(record.samples or ""),
        "failures": str(len(record.failures)),
        "weights": models,
        "left out": ", ".join(record.absent),
    }
    return {name: value for name, value in facts.items() if value}


def _facts(card: Card) -> Mapping[str, str]:
    """Return what a card says, without empty facts."""
    facts = {
        "paper": card.paper,
        "license": card.license,
        "parameters": f"{card.parameters:,}" if card.parameters else "",
        "image sizes": card.sizes,
        "image-level score": card.score,
        "forged above": f"{card.threshold:g}" if card.score else "",
        "weights by this project": "mini" if card.mini else "",
        "revision": str(card.revision),
    }
    return {name: value for name, value in facts.items() if value}
