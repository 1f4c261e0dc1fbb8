"""A share of a plan's images, so that machines that know nothing of each other do a run."""

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
    """One of `count` shares, numbered from 1.

    Attributes:
        index: which.
        count: of how many.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read "2/10".

        Raises:
            BadInput: if it is not of that form, or there is no such share.
        """
        found = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST:
            raise BadInput(f"--shard {text!r}: expected I/N with I from 1 to N, such as 2/10")
        return cls(int(found[1]), int(found[2]))

    @property
    def label(self) -> str:
        """As it is written: "2/10"."""
        return f"{self.index}/{self.count}"

    def of(self, things: Sequence[T]) -> Sequence[T]:
        """Its share: every so many-th, so that shares differ by one at most."""
        return things[self.index - 1 :: self.count]


WHOLE = Shard(1, 1)
MOST = 1_000_000  # shards
MOST_BYTES = 64 << 10  # of shard.json
SHARD_FILE = "shard.json"  # in the folder of a shard's run


def shard_text(shard: Shard, folder: Path, store: str | Path) -> str:
    """What stands in a shard's folder: which it is, and where its store is, seen from there."""
    where = str(store)
    if not is_address(store):
        path, here = Path(store).resolve(), folder.resolve()
        where = (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
    return json.dumps({"shard": shard.label, "store": where}, indent=2) + "\n"


class ShardFile(BaseModel):
    """shard.json.

    Attributes:
        shard: which share, such as "2/10".
        store: its store, seen from the folder, or an address.
    """

    model_config = ConfigDict(frozen=True)

    shard: str
    store: str


def read_shard_file(folder: Path) -> ShardFile | None:
    """The shard.json of a run's folder, or None where there is none.

    Raises:
        DataError: if it is damaged.
    """
    path = folder / SHARD_FILE
    try:
        found = ShardFile.model_validate(read_json(path, MOST_BYTES))
        Shard.parse(found.shard)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise DataError(f"{path}: damaged; run the shard again") from None
    return found


def read_shard(folder: Path) -> Shard | None:
    """Which share of its plan a run's folder is for, or None for all of it.

    Raises:
        DataError: if its shard.json is damaged.
    """
    found = read_shard_file(folder)
    return Shard.parse(found.shard) if found else None
