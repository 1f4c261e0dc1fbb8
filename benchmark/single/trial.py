"""What `bench try` does: inpaint one image with many models, and show it all to detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.errors import BadInput, BadOutput, DataError
from benchmark.core.threads import threads_for_networks
from benchmark.core.types import Mask, Pixels
from benchmark.runner.jobs import ResolvedModel
from benchmark.single.commands import (
    Failed,
    Session,
    tile_progress,
    truth_text,
)
from benchmark.single.detection import Detected, detect_image, localize, tiling_for
from benchmark.single.draw import data_uri, outline, overlay_image, save_png
from benchmark.single.files import Item, output_path, prepare_folder
from benchmark.single.inpainting import Inpainted, inpaint_image
from benchmark.single.models import Models
from benchmark.single.page import LEGEND, SIDE, Figure, Page, Section, write_page
from benchmark.single.progress import Step

LARGEST_SIDE = 512  # pixels that an image is reduced to by default
UNCHANGED = "the image itself"  # in the place of an inpainter
PAGE = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One image, inpainted and detected by many models.

    Attributes:
        image: name of the image.
        size: height and width that it was tried at.
        inpainted: by each inpainter.
        detected: by inpainter, `UNCHANGED` among them, and detector.
        nulls: by detector the AUC of the image itself against the hole: what the detector says of
            the hole's place when nothing was inpainted.
        failed: what gave no output.
        page: the page.
    """

    image: str
    size: tuple[int, int]
    inpainted: tuple[Inpainted, ...]
    detected: Mapping[tuple[str, str], Detected]
    nulls: Mapping[str, float | None]
    failed: tuple[Failed, ...]
    page: Path

    def lines(self) -> list[str]:
        """A line for the image itself and for each inpainter: what each detector returned."""
        rows = {UNCHANGED: UNCHANGED}
        rows |= {one.inpainter: f"{one.inpainter} ({one.weights})" for one in self.inpainted}
        return [f"{shown}: {'; '.join(self._said(name))}" for name, shown in rows.items()]

    def _said(self, name: str) -> list[str]:
        found = [one for (by, _), one in self.detected.items() if by == name]
        return [f"{one.detector} {self.numbers(one)}" for one in found] or ["no detector"]

    def numbers(self, one: Detected) -> str:
        """A detection's score with AUC and F1, or the null of the image itself; no verdict."""
        null = self.nulls.get(one.detector)
        text = f"score {one.score:.3f}"
        if one.truth is not None:
            return f"{text}, {truth_text(one.truth)}"
        return text if null is None else f"{text}, null AUC {null:.3f}"


def reduced_size(shape: tuple[int, int], largest: int) -> tuple[int, int]:
    """Height and width of an image whose longer side is at most `largest`; 0 leaves it."""
    if not largest or max(shape) <= largest:
        return shape
    factor = largest / max(shape)
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def reduce(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize (H, W, 3) uint8 to a height and width by Pillow's bicubic filter."""
    if pixels.shape[:2] == size:
        return pixels
    resized = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def count_steps(models: Models) -> int:
    """Inpaintings and detections of a trial."""
    painters, detectors = len(models.inpainters), len(models.detectors)
    return painters + detectors * (painters + 1)


def try_models(item: Item, pixels: Pixels, mask: Mask, models: Models, session: Session) -> Trial:
    """Inpaint an image with each model, detect with each detector, and write one page.

    Writes OUT/IMAGE.INPAINTER.png and OUT/index.html; each is complete when it takes its name.

    Args:
        item: the image.
        pixels: (H, W, 3) uint8 RGB, the image as it is tried.
        mask: (H, W) bool, the hole.
        models: inpainters and detectors.
        session: store, folder and options.

    Raises:
        OutputError: if the folder cannot be written.
        WeightsError: if a checkpoint cannot be used.
    """
    files = [output_path(session.out, item, one.name, "png") for one in models.inpainters]
    page = session.out / PAGE
    prepare_folder(session.out, [item], [*files, page])
    steps = _Steps(session, count_steps(models))
    failed: list[Failed] = []
    with threads_for_networks():
        inpainted = _inpaint(item, (pixels, mask), models.inpainters, steps, failed)
        for one in inpainted:
            save_png(output_path(session.out, item, one.inpainter, "png"), one.pixels)
        images = {UNCHANGED: pixels} | {one.inpainter: one.pixels for one in inpainted}
        detected = _detect(images, mask, models.detectors, steps, failed)
    nulls = {
        name: localize(one, mask, pixels).truth
        for (by, name), one in detected.items()
        if by == UNCHANGED
    }
    trial = Trial(
        image=item.name,
        size=(pixels.shape[0], pixels.shape[1]),
        inpainted=tuple(inpainted),
        detected=detected,
        nulls={name: null.auc if null else None for name, null in nulls.items()},
        failed=tuple(failed),
        page=page,
    )
    write_page(page, _page(trial, pixels, mask))
    return trial


class _Steps:
    """Counts the steps of a trial and reports them."""

    def __init__(self, session: Session, count: int) -> None:
        self.session = session
        self._count = count
        self._number = 0

    def next(self, label: str) -> Step:
        self._number += 1
        step = Step(label=label, number=self._number, count=max(self._count, self._number))
        self.session.notify(step)
        return step


def _inpaint(
    item: Item,
    sample: tuple[Pixels, Mask],
    inpainters: Sequence[ResolvedModel],
    steps: _Steps,
    failed: list[Failed],
) -> list[Inpainted]:
    session, found = steps.session, []
    for chosen in inpainters:
        steps.next(f"inpaint with {chosen.name}")
        try:
            found.append(
                inpaint_image(
                    chosen,
                    *sample,
                    loaded=session.loaded,
                    store=session.store,
                    name=item.name,
                    seed=session.seed,
                )
            )
        except (BadOutput, DataError, BadInput) as error:
            failed.append(Failed(image=item.name, model=chosen.name, reason=str(error)))
    return found


def _detect(
    images: Mapping[str, Pixels],
    mask: Mask,
    detectors: Sequence[ResolvedModel],
    steps: _Steps,
    failed: list[Failed],
) -> dict[tuple[str, str], Detected]:
    session = steps.session
    found: dict[tuple[str, str], Detected] = {}
    for chosen in detectors:
        for by, pixels in images.items():
            step = steps.next(f"detect {by} with {chosen.name}")
            try:
                one = detect_image(
                    chosen,
                    pixels,
                    loaded=session.loaded,
                    store=session.store,
                    tiling=tiling_for(chosen, (pixels.shape[0], pixels.shape[1])),
                    name=by,
                    done=tile_progress(session.notify, step),
                )
            except (BadOutput, DataError, BadInput) as error:
                failed.append(Failed(image=by, model=chosen.name, reason=str(error)))
                continue
            found[by, chosen.name] = one if by == UNCHANGED else localize(one, mask, pixels)
    return found


def _page(trial: Trial, pixels: Pixels, mask: Mask) -> Page:
    detectors = tuple(dict.fromkeys(name for _, name in trial.detected))
    shown = pixels.copy()
    shown[outline(mask, max(1, max(pixels.shape[:2]) // 200))] = (255, 0, 0)
    first = Section(
        title=trial.image,
        figures=(
            Figure(image=data_uri(pixels, SIDE), alt="the image", caption="the image"),
            Figure(image=data_uri(shown, SIDE), alt="the hole", caption="the hole, outlined"),
            *_overlays(trial, UNCHANGED, pixels, None),
        ),
    )
    sections = [first]
    for made in trial.inpainted:
        figure = Figure(
            image=data_uri(made.pixels, SIDE),
            alt=f"inpainted by {made.inpainter}",
            caption=f"{made.inpainter} ({made.weights}): {made.crop.text}",
        )
        overlays = _overlays(trial, made.inpainter, made.pixels, mask)
        sections.append(Section(title=made.inpainter, figures=(figure, *overlays)))
    notes = dict.fromkeys(f"{one.detector}: {one.evidence}" for one in trial.detected.values()
                          if one.evidence)  # fmt: skip
    summary = (
        f"{len(trial.inpainted)} inpainters filled the hole ({mask.mean():.1%} of "
        f"{trial.size[1]}x{trial.size[0]} pixels), and {len(detectors)} detectors were run on the "
        "results. An AUC is read against the detector's null, its AUC on the image itself with the "
        "same hole taken for the truth: a detector that finds the hole is near 1, and above it."
    )
    return Page(
        title=f"bench try: {trial.image}",
        lines=(summary, LEGEND),
        warnings=(*notes, *(one.line for one in trial.failed)),
        columns=("inpainted by", *detectors),
        rows=tuple(
            (name, *(_cell(trial, trial.detected.get((name, one))) for one in detectors))
            for name in (UNCHANGED, *(one.inpainter for one in trial.inpainted))
        ),
        sections=tuple(sections),
    )


def _cell(trial: Trial, one: Detected | None) -> str:
    return "" if one is None else trial.numbers(one)


def _overlays(trial: Trial, by: str, pixels: Pixels, mask: Mask | None) -> list[Figure]:
    figures = []
    for (name, detector), one in trial.detected.items():
        if name != by:
            continue
        image = overlay_image(pixels, one.heatmap(), truth=mask)
        figures.append(
            Figure(
                image=data_uri(image, SIDE),
                alt=f"heatmap of {detector} over the image",
                caption=f"{detector}: {trial.numbers(one)}; {one.verdict}",
            )
        )
    return figures
