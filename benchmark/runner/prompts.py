"""Prompts of a plan: one text per image, read from a CSV file, for inpainters that take prompts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from benchmark.core.errors import PlanError, quoted
from benchmark.core.external.spec import RegistryEntry
from benchmark.core.image_open import SUFFIXES
from benchmark.core.inspecting import is_inspecting
from benchmark.core.paths import expand_home
from benchmark.core.untrusted import read_limited

COLUMNS = ["image", "prompt"]
MAX_BYTES = 1 << 20  # of a file: a plan, which holds its prompts, may have four times as much
_SCHEMES = ("diffusers",)  # schemes whose inpainters may take a prompt
_SHOWN = 3  # names in a message


def takes_prompts(entry: RegistryEntry) -> bool:
    """Return whether a run's prompts are for this inpainter."""
    return entry.scheme in _SCHEMES


def prompts_of(value: object) -> object:
    """Return a plan's prompts: the table that a path names, any other value unchanged.

    Raises:
        PlanError: if the file cannot be used.
    """
    if not isinstance(value, str | Path):
        return value
    if is_inspecting():  # a run's own plan has the texts, and a stranger's names no file
        raise PlanError("prompts: expected a table of images and prompts, got the name of a file")
    return read_prompts(expand_home(Path(value)))


def read_prompts(path: Path) -> dict[str, str]:
    """Read a file of prompts.

    Args:
        path: a CSV file in UTF-8 with the columns image and prompt.

    Returns:
        The prompt of each image, by the image's name as it is in the file.

    Raises:
        PlanError: naming the file and row, if it cannot be read, has other columns, no rows, an
            empty field, or an image twice.
    """
    rows = csv.reader(io.StringIO(_text_of(path)), strict=True)
    found: dict[str, str] = {}
    try:
        head = next(rows, [])
        if [name.strip() for name in head] != COLUMNS:
            raise PlanError(
                f"{path}: expected the columns image,prompt, got {quoted(','.join(head))}"
            )
        for row in filter(None, rows):
            _add(found, row, f"{path}: row {rows.line_num}")
    except csv.Error as error:
        raise PlanError(f"{path}: row {rows.line_num}: not valid CSV ({error})") from None
    if not found:
        raise PlanError(f"{path}: no prompts: expected a row for each image")
    return found


def _text_of(path: Path) -> str:
    try:
        return read_limited(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError(
            f"{path}: not UTF-8 (byte {error.start}); save the prompts as UTF-8"
        ) from None
    except OSError as error:
        raise PlanError(f"{path}: cannot be read as prompts ({error.strerror or error})") from None
    except ValueError as error:  # too large, or no file name
        raise PlanError(f"{path}: cannot be read as prompts ({error})") from None


def _add(found: dict[str, str], row: list[str], where: str) -> None:
    if len(row) != len(COLUMNS):
        raise PlanError(
            f"{where}: expected 2 fields, got {len(row)}; put a prompt with a comma into quotes"
        )
    image, prompt = row[0].strip(), row[1].strip()
    if not image or not prompt:
        raise PlanError(f"{where}: the {'prompt' if image else 'image'} is empty")
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in image + prompt):
        raise PlanError(f"{where}: a control character in the text of {quoted(image)}")
    if image in found:
        raise PlanError(f"{where}: {quoted(image)} is there twice")
    found[image] = prompt


def named_prompts(
    prompts: Mapping[str, str], used: Iterable[str], known: Iterable[str]
) -> dict[str, str]:
    """Return prompts by the names of a data set's images: one for every image, and no other.

    Args:
        prompts: of a plan, by names with or without the ending of the image's file.
        used: names of the images that are inpainted.
        known: names of all images of the data set, also of those that --limit leaves out.

    Raises:
        PlanError: naming the images that have none or two, and the names of no image.
    """
    every, found = set(known), dict[str, str]()
    surplus: list[str] = []
    twice: list[str] = []
    for given, prompt in prompts.items():
        name = given if given in every else _without_ending(given)
        (surplus if name not in every else twice if name in found else []).append(given)
        found[name] = prompt
    if surplus:
        raise PlanError(
            f"prompts: {_listed(surplus)} not in the data set; expected names as 'bench run "
            "--dry-run' prints them, with or without the ending of the file"
        )
    if twice:
        raise PlanError(f"prompts: {_listed(twice)} with a second prompt; remove one")
    if missing := [name for name in dict.fromkeys(used) if name not in found]:
        raise PlanError(f"prompts: {_listed(missing)} without a prompt; add a row for each")
    return found


def _without_ending(name: str) -> str:
    end = PurePosixPath(name).suffix
    return name[: -len(end)] if end.lower() in SUFFIXES else name


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(quoted, names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} image{'s' if len(names) > 1 else ''} ({shown}{more})"
