"""What two runs must have in common to be compared, and in what else they differ.

Numbers are paired by image, so a data set and bin that both runs have must have the same images and
masks. Everything else may differ, as that is what a comparison is for: it is said in a line each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.core.errors import DataError
from benchmark.results.checksums import PATHS
from benchmark.results.run_folder import RunFolder

# Keys of a plan that are no condition of a number: names, paths, and what every cell shows.
_SHOWN_OTHERWISE = frozenset({"name", "datasets", "metrics", *PATHS})
_LONGEST = 60  # characters of a value in a line


@dataclass(frozen=True, slots=True)
class RunImages:
    """The images of a run.

    Attributes:
        masks: names of images with descriptions of their masks, by data set and mask-ratio bin.
        pixels: key of the image's pixels in the store, by data set, name and mask-ratio bin, as it
            contains the mask; "" if unknown.
    """

    masks: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    pixels: dict[tuple[str, str, str], str] = field(default_factory=dict)


def images_of(run: RunFolder) -> RunImages:
    """Return the images of a run, from its samples.

    Raises:
        DataError: if samples.csv is missing or damaged.
    """
    found = RunImages()
    for row in run.each_sample():
        found.masks.setdefault((row.dataset, row.bucket), set()).add((row.sample, row.mask))
        found.pixels[row.dataset, row.sample, row.bucket] = row.keys.original
    return found


def check_same_images(runs: Sequence[RunFolder], images: Sequence[RunImages]) -> None:
    """Check that each bin of a data set has the same images and masks in both runs.

    Args:
        runs: both runs.
        images: their images.

    Raises:
        DataError: naming an image, or if there is no data set and bin in common.
    """
    both = " and ".join(str(run.path) for run in runs)
    first, second = (one.masks for one in images)
    shared = first.keys() & second.keys()
    if not shared:
        raise DataError(f"{both}: no data set and mask-ratio bin in common")
    for key in sorted(shared):
        odd = sorted(first[key] ^ second[key])
        if odd:
            dataset, bucket = key
            where = f" at {bucket} %" if bucket else ""
            raise DataError(
                f"{both}: different images or masks of {dataset}{where}, such as "
                f"{odd[0][0]!r}; runs can be compared over the same ones only"
            )


def other_definitions(runs: Sequence[RunFolder]) -> dict[str, str]:
    """Return the metrics whose revision differs between two runs, each with both revisions."""
    first, second = (run.record.metrics if run.record else {} for run in runs)
    return {
        name: f"revision {first[name]} in the first run, {second[name]} in the second"
        for name in first
        if name in second and first[name] != second[name]
    }


def differences(runs: Sequence[RunFolder], images: Sequence[RunImages]) -> Iterator[str]:
    """Yield a line for everything in which two runs differ besides their numbers.

    Args:
        runs: both runs.
        images: their images.
    """
    others = other_definitions(runs)
    if others:
        listed = "; ".join(f"{name} ({said})" for name, said in others.items())
        yield f"Metrics of another revision, not compared: {listed}."
    unknown = [str(run.path) for run in runs if run.record and not run.record.metrics]
    if len(unknown) == 1:
        yield (
            f"{unknown[0]}: of an older version, which does not say the revisions of its metrics: "
            "compared as if they were those of the other run."
        )
    yield from _plan_line(*(run.plan.document() for run in runs))
    yield from _pixels_line(*(one.pixels for one in images))
    changed = [name for name in _models(runs) if _content(runs[0], name) != _content(runs[1], name)]
    if changed:
        yield f"Other weights, files or code under the same name: {', '.join(changed)}."


def _plan_line(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    names = [name for name in {**first, **second} if name not in _SHOWN_OTHERWISE]
    changed = [name for name in names if (first.get(name) or None) != (second.get(name) or None)]
    if changed:
        pairs = (f"{name} ({_said(first, name)}; {_said(second, name)})" for name in changed)
        yield f"The plans differ in {', '.join(pairs)}."


def _said(plan: Mapping[str, Any], name: str) -> str:
    value = plan.get(name)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if value is None or text == "":
        return "none"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _pixels_line(
    first: Mapping[tuple[str, str, str], str], second: Mapping[tuple[str, str, str], str]
) -> Iterator[str]:
    shared = {key: {first[key], second[key]} - {""} for key in first.keys() & second.keys()}
    changed = {key[:2] for key, found in shared.items() if len(found) > 1}
    if changed:
        yield (
            f"{len(changed)} of {len({key[:2] for key in shared})} images have other pixels in the "
            "second run (another file or size), or were read by a version that decodes them "
            "differently."
        )


def _models(runs: Sequence[RunFolder]) -> Iterator[str]:
    """Yield the names of models that both runs have."""
    first, second = (run.record.checkpoints if run.record else {} for run in runs)
    yield from (name for name in first if name in second)


def _content(run: RunFolder, name: str) -> tuple[str, str]:
    """Return the SHA-256 of a model's weights, and what identifies a model from outside."""
    record = run.record
    if record is None:
        return "", ""
    outside = record.brought.get(name)
    return record.checkpoints[name].sha256, outside.identity if outside else ""
