"""Shards: shares of a plan's images, so that independent machines compute one run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from benchmark.core.errors import BadInput, DataError
from benchmark.core.untrusted import read_json
from benchmark.store.store import is_address

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One of `count` shares of a plan's images.

    Attributes:
        index: its number, from 1.
        count: the number of shares.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Parse a shard such as "2/10".

        Raises:
            BadInput: if the text is not of that form, or there is no such share.
        """
        found = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MAX_SHARDS:
            raise BadInput(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/10")
        return cls(int(found[1]), int(found[2]))

    @property
    def label(self) -> str:
        """Its text, such as "2/10"."""
        return f"{self.index}/{self.count}"

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """Return every `count`-th item, so that the sizes of shards differ by one at most."""
        return items[self.index - 1 :: self.count]


WHOLE = Shard(1, 1)
MAX_SHARDS = 1_000_000
MAX_BYTES = 64 << 10  # of shard.json
SHARD_FILE = "shard.json"  # in the folder of a shard's run


def shard_text(shard: Shard, folder: Path, store: str | Path) -> str:
    """Return the content of shard.json: the shard, and its store relative to the folder."""
    where = str(store)
    if not is_address(store):
        path, here = Path(store).resolve(), folder.resolve()
        where = (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
    return json.dumps({"shard": shard.label, "store": where}, indent=2) + "\n"


class ShardFile(BaseModel):
    """The file shard.json.

    Attributes:
        shard: the shard, such as "2/10".
        store: its store relative to the folder, or an address.
    """

    model_config = ConfigDict(frozen=True)

    shard: str
    store: str


def read_shard_file(folder: Path) -> ShardFile | None:
    """Return the shard.json of a run's folder, or None if it is missing.

    Raises:
        DataError: if it is damaged.
    """
    path = folder / SHARD_FILE
    try:
        found = ShardFile.model_validate(read_json(path, MAX_BYTES))
        Shard.parse(found.shard)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise DataError(f"{path}: damaged; rerun the shard") from None
    return found


def read_shard(folder: Path) -> Shard | None:
    """Return the shard of a run's folder, or None if the run has all images.

    Raises:
        DataError: if its shard.json is damaged.
    """
    found = read_shard_file(folder)
    return Shard.parse(found.shard) if found else None
