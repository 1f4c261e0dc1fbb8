"""What `bench inpaint` and `bench detect` do: images by models, with a file for each output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmark.core.errors import BadInput, BadOutput, DataError
from benchmark.core.images import read_image
from benchmark.core.paths import make_folder
from benchmark.core.threads import threads_for_networks
from benchmark.core.types import Pixels
from benchmark.masks.files import Polarity
from benchmark.runner.jobs import ResolvedModel
from benchmark.single.detection import (
    EMPTY_TRUTH,
    FULL_TRUTH,
    Detected,
    Localization,
    detect_image,
    localize,
    tiling_for,
)
from benchmark.single.draw import heatmap_image, overlay_image, save_arrays, save_png
from benchmark.single.files import Item, arrays_path, output_path, prepare_folder
from benchmark.single.inpainting import inpaint_image
from benchmark.single.masks import ReadMask, read_hole, read_truth
from benchmark.single.models import Loaded
from benchmark.single.progress import Notify, Step, ignore_progress
from benchmark.single.tiles import TileOptions
from benchmark.store.store import Store

_NO_LOGITS = np.empty((0, 0), dtype=np.float16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An image that gave no output.

    Attributes:
        image: its name.
        model: the model, or "" where the image or its mask is the reason.
        reason: in a line.
    """

    image: str
    model: str
    reason: str

    @property
    def line(self) -> str:
        """The failure, for a reader."""
        model = f" ({self.model})" if self.model else ""
        return f"failed: {self.image}{model}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InpaintedFile:
    """An inpainted image in a file.

    Attributes:
        image: name of the image.
        inpainter: name of the inpainter.
        weights: edition of its weights.
        file: where the image was written.
        done: what the inpainter saw, such as "the whole image".
        hole: share of the image that was filled.
        notes: what was done to the mask; often empty.
    """

    image: str
    inpainter: str
    weights: str
    file: Path
    done: str
    hole: float
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The output, for a reader."""
        notes = "".join(f"; {note}" for note in self.notes)
        return (
            f"{self.image}: {self.inpainter} ({self.weights}): {self.file}: {self.done} "
            f"({self.hole:.1%} hole){notes}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFile:
    """A detection, with its files.

    Attributes:
        detected: what the detector returned, without the heatmap.
        heatmap: file of the heatmap.
        overlay: file of the overlay.
        arrays: file of the heatmap as an array, or None.
    """

    detected: Detected
    heatmap: Path
    overlay: Path
    arrays: Path | None = None

    @property
    def line(self) -> str:
        """The detection, for a reader."""
        return detection_line(self.detected)

    @property
    def gap(self) -> bool:
        """Whether truths were given and none can be used; an empty one can."""
        truth = self.detected.truth
        return truth is not None and truth.reason not in ("", EMPTY_TRUTH, FULL_TRUTH)


def detection_line(one: Detected) -> str:
    """A detection as a line: score, verdict, share of the map above 0.5; with truth AUC, F1."""
    line = (
        f"{one.image}: {one.detector} ({one.weights}): score {one.score:.3f}, {one.verdict}; "
        f"{one.area:.1%} of the map above 0.5"
    )
    return line if one.truth is None else f"{line}; {truth_text(one.truth)}"


def truth_text(truth: Localization) -> str:
    """AUC and F1 for a reader, or why there are none."""
    if truth.reason:
        return f"no AUC and F1: {truth.reason}"
    values = {"AUC": truth.auc, "F1": truth.f1}
    return ", ".join(
        f"{name} {'undefined' if value is None else f'{value:.3f}'}"
        for name, value in values.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the commands on single images share.

    Attributes:
        store: where outputs are kept.
        out: folder of the files.
        device: a torch device such as "cpu".
        seed: what random numbers of inpainters are drawn from.
        polarity: which color of a mask file is the hole.
        notify: called with progress.
        loaded: the model at work.
    """

    store: Store
    out: Path
    device: str = "cpu"
    seed: int = 0
    polarity: Polarity = "auto"
    notify: Notify = ignore_progress
    loaded: Loaded = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loaded", Loaded(self.device))


def inpaint_items(
    items: Sequence[Item], inpainters: Sequence[ResolvedModel], session: Session
) -> Iterator[InpaintedFile | Failed]:
    """Inpaint images, each with each inpainter, and write OUT/IMAGE.INPAINTER.png.

    Every file is complete when it takes its name; what is stored already is not computed again.

    Args:
        items: the images with their masks.
        inpainters: the inpainters.
        session: store, folder and options.

    Yields:
        A file, or why there is none, model by model.

    Raises:
        OutputError: if the folder cannot be written.
        WeightsError: if a checkpoint cannot be used.
    """
    files = {
        (item.name, chosen.name): output_path(session.out, item, chosen.name, "png")
        for item in items
        for chosen in inpainters
    }
    prepare_folder(session.out, items, list(files.values()))
    count = len(files)
    unusable: set[str] = set()
    with threads_for_networks():
        for number, (chosen, item) in enumerate(_pairs(inpainters, items), start=1):
            session.notify(
                Step(label=f"inpaint {item.name} with {chosen.name}", number=number, count=count)
            )
            if item.name in unusable:
                continue
            try:
                pixels = read_image(item.path)
                read = _hole(item, pixels, session)
            except DataError as error:  # whichever model is to see it
                unusable.add(item.name)
                yield Failed(image=item.name, model="", reason=str(error))
                continue
            yield _inpainted(chosen, item, (pixels, read), files[item.name, chosen.name], session)


def _pairs(
    models: Sequence[ResolvedModel], items: Sequence[Item]
) -> Iterator[tuple[ResolvedModel, Item]]:
    """Every model with every image, one model after the other."""
    return ((chosen, item) for chosen in models for item in items)


def _hole(item: Item, pixels: Pixels, session: Session) -> ReadMask:
    if item.mask is None:
        raise BadInput(f"{item.name}: expected a mask or --box")
    return read_hole(item.mask, _shape(pixels), polarity=session.polarity)


def _shape(pixels: Pixels) -> tuple[int, int]:
    return pixels.shape[0], pixels.shape[1]


def _inpainted(
    chosen: ResolvedModel, item: Item, sample: tuple[Pixels, ReadMask], file: Path, session: Session
) -> InpaintedFile | Failed:
    pixels, read = sample
    try:
        made = inpaint_image(
            chosen,
            pixels,
            read.mask,
            loaded=session.loaded,
            store=session.store,
            name=item.name,
            seed=session.seed,
        )
    except (BadOutput, DataError, BadInput) as error:
        return Failed(image=item.name, model=chosen.name, reason=str(error))
    save_png(file, made.pixels)
    return InpaintedFile(
        image=item.name,
        inpainter=made.inpainter,
        weights=made.weights,
        file=file,
        done=made.crop.text,
        hole=float(read.mask.mean()),
        notes=read.notes,
    )


def detect_items(
    items: Sequence[Item],
    detectors: Sequence[ResolvedModel],
    session: Session,
    *,
    tiles: TileOptions | None = None,
    arrays: bool = False,
) -> Iterator[DetectedFile | Failed]:
    """Run detectors on images, and write OUT/IMAGE.DETECTOR.heatmap.png and .overlay.png.

    Every file is complete when it takes its name; what is stored already is not computed again.

    Args:
        items: the images, with their truth where there is one.
        detectors: the detectors.
        session: store, folder and options.
        tiles: how large images are divided.
        arrays: whether OUT/npz/DETECTOR/IMAGE.npz is written too.

    Yields:
        A detection, or why there is none, model by model.

    Raises:
        BadInput: if tiles are smaller than a detector takes.
        OutputError: if the folder cannot be written.
        WeightsError: if a checkpoint cannot be used.
    """
    tiles = tiles or TileOptions()
    for chosen in detectors:  # before anything runs
        tiling_for(chosen, (1, 1), tiles)
    kinds = ("heatmap.png", "overlay.png")
    prepare_folder(
        session.out,
        items,
        [
            output_path(session.out, item, chosen.name, kind)
            for chosen, item in _pairs(detectors, items)
            for kind in kinds
        ],
    )
    count = len(items) * len(detectors)
    unusable: set[str] = set()
    with threads_for_networks():
        for number, (chosen, item) in enumerate(_pairs(detectors, items), start=1):
            step = Step(label=f"detect {item.name} with {chosen.name}", number=number, count=count)
            session.notify(step)
            if item.name in unusable:
                continue
            try:
                pixels = read_image(item.path)
            except DataError as error:
                unusable.add(item.name)
                yield Failed(image=item.name, model="", reason=str(error))
                continue
            try:
                detected = _detected(chosen, item, pixels, session, (tiles, step))
            except (BadOutput, DataError, BadInput) as error:
                yield Failed(image=item.name, model=chosen.name, reason=str(error))
                continue
            yield _write(item, pixels, detected, session, arrays=arrays)


def _detected(
    chosen: ResolvedModel,
    item: Item,
    pixels: Pixels,
    session: Session,
    how: tuple[TileOptions, Step],
) -> Detected:
    tiles, step = how
    return detect_image(
        chosen,
        pixels,
        loaded=session.loaded,
        store=session.store,
        tiling=tiling_for(chosen, _shape(pixels), tiles),
        name=item.name,
        done=tile_progress(session.notify, step),
    )


def tile_progress(notify: Notify, step: Step) -> Callable[[int, int], None]:
    """Report the tiles of a step."""

    def report(done: int, total: int) -> None:
        notify(replace(step, done=done, total=total))

    return report


def _write(
    item: Item, pixels: Pixels, detected: Detected, session: Session, *, arrays: bool
) -> DetectedFile:
    truth = None
    if item.mask is None and item.reason:
        detected = replace(detected, truth=Localization(reason=item.reason))
    elif item.mask is not None:
        try:
            truth = read_truth(item.mask, _shape(pixels), polarity=session.polarity).mask
        except DataError as error:  # a gap with its reason; the detection stands
            detected = replace(detected, truth=Localization(reason=str(error)))
        else:
            detected = localize(detected, truth, pixels)
    heatmap = detected.heatmap()
    name = detected.detector
    heatmap_file, overlay_file = (
        output_path(session.out, item, name, kind) for kind in ("heatmap.png", "overlay.png")
    )
    save_png(heatmap_file, heatmap_image(heatmap))
    save_png(overlay_file, overlay_image(pixels, heatmap, truth=truth))
    array_file = arrays_path(session.out, item, name) if arrays else None
    if array_file is not None:
        make_folder(array_file.parent)
        save_arrays(array_file, heatmap, detected.score)
    return DetectedFile(
        detected=replace(detected, logits=_NO_LOGITS),
        heatmap=heatmap_file,
        overlay=overlay_file,
        arrays=array_file,
    )
