"""Steps that `bench inpaint`, `bench detect` and `bench try` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

from benchmark.cli.errors import parse_weights, print_line, print_result
from benchmark.core.errors import BadInput, DataError

if TYPE_CHECKING:  # loads torch
    from benchmark.masks.files import Polarity
    from benchmark.single.commands import Failed, Session
    from benchmark.single.masks import Box
    from benchmark.single.models import Models

T = TypeVar("T")


class Format(Enum):
    """What is printed on standard output: a line per result, a JSON document, or CSV."""

    LINES = "lines"
    JSON = "json"
    CSV = "csv"

    @classmethod
    def of(cls, *, as_json: bool, as_csv: bool) -> Format:
        """Return the format that the options choose.

        Raises:
            BadInput: if both are given.
        """
        if as_json and as_csv:
            raise BadInput("--json and --csv: expected one of them")
        return cls.JSON if as_json else cls.CSV if as_csv else cls.LINES


def mask_source(mask: Path | None, box: str | None, *, needed: bool) -> Path | Box | None:
    """Return the mask that was named, as a file, a folder or a box.

    Raises:
        BadInput: if both are given, or none where one is needed, or the box cannot be read.
        DataError: if there is no such file or folder.
    """
    if mask is not None and box is not None:
        raise BadInput("a mask and --box: expected one of them")
    if needed and mask is None and box is None:
        raise BadInput("expected a mask: MASK, or --box X,Y,W,H")
    if box is None:
        if mask is not None and not mask.exists():
            raise DataError(f"{mask}: no such mask")
        return mask
    from benchmark.single.masks import Box

    return Box.parse(box)


def parse_polarity(text: str) -> Polarity:
    """Return the value of --mask-polarity, checked."""
    from benchmark.single.masks import POLARITIES

    if text not in POLARITIES:
        raise BadInput(f"--mask-polarity {text}: expected white-hole, black-hole or auto")
    return POLARITIES[text]


def choose_models(
    *,
    inpainters: Sequence[str] = (),
    detectors: Sequence[str] = (),
    weights: Sequence[str] | None,
    engine: str | None,
    device: str,
) -> Models:
    """Return the models that were named, with the weights of each --weights option."""
    from benchmark.core.engines import given_engine
    from benchmark.single import models

    wanted = dict(parse_weights(text) for text in weights or ())
    return models.choose_models(
        inpainters=inpainters,
        detectors=detectors,
        weights=wanted,
        engine=given_engine(engine),
        device=device,
    )


@contextmanager
def open_session(
    out: Path,
    store: str | None,
    *,
    device: str,
    seed: int = 0,
    polarity: Polarity = "auto",
    quiet: bool,
) -> Iterator[tuple[Session, Callable[[], None]]]:
    """Yield a session on the open store, and the function that clears the line of progress."""
    from benchmark.core.model import check_device
    from benchmark.core.paths import expand_home
    from benchmark.single.cache import open_cache
    from benchmark.single.commands import Session
    from benchmark.single.progress import Lines, ignore_progress

    check_device(device)
    lines = Lines()
    with open_cache(store) as answers:
        try:
            yield (
                Session(
                    store=answers,
                    out=expand_home(out),
                    device=device,
                    seed=seed,
                    polarity=polarity,
                    notify=ignore_progress if quiet else lines,
                ),
                lines.clear,
            )
        finally:
            lines.clear()


def collect_results(
    found: Iterator[T | Failed],
    kind: type[T],
    clear: Callable[[], None],
    *,
    alone: bool,
    line: Callable[[T], str] | None,
) -> tuple[list[T], list[Failed]]:
    """Print each result as it arrives, and return results and failures.

    Raises:
        DataError: if the image is the only one (`alone`) and cannot be used.
    """
    results: list[T] = []
    failed: list[Failed] = []
    for one in found:
        clear()
        if isinstance(one, kind):
            results.append(one)
            if line is not None:
                print_line(line(one))
            continue
        failure = cast("Failed", one)
        if alone and not failure.model:
            raise DataError(failure.reason)
        failed.append(failure)
        print_note(failure.line)
    return results, failed


def print_document(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    also: tuple[Models, Sequence[Failed]],
    form: Format,
) -> None:
    """Print a JSON document or CSV; nothing where lines were printed already."""
    from benchmark.single.documents import csv_text, failed_rows

    models, failed = also
    if form is Format.JSON:
        document: dict[str, Any] = {"results": rows, "failed": failed_rows(failed)}
        document["absent"] = list(models.absent)
        document |= {"engines": models.engines} if models.engines else {}
        print_result(document)
    elif form is Format.CSV:
        typer.echo(csv_text(columns, rows), nl=False)


def print_notes(notes: Sequence[str], models: Models) -> None:
    """Print notes, models that were left out, and engines, on standard error."""
    for note in notes:
        print_note(note)
    for reason in models.absent:
        print_note(f"Left out: {reason}")
    if models.engines:
        print_note(f"Engines: {', '.join(map(' '.join, models.engines.items()))}.")


def print_note(text: str) -> None:
    """Print one line on standard error."""
    from benchmark.console import say

    say(text)


def exit_if_failed(done: int, failed: Sequence[Failed], *, gaps: bool = False) -> None:
    """Exit with status 1 if something failed.

    Raises:
        DataError: if no image could be used, which exits with status 2.
    """
    if failed and not done and all(not one.model for one in failed):
        raise DataError(f"no image could be used; the first: {failed[0].reason}")
    if failed or gaps:
        raise typer.Exit(1)
