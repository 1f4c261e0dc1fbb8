"""The store: pictures and heatmaps as files under their key, rows in one SQLite database.

A row is written after its file, and a file takes its name only when it is whole: whatever has a row
is complete. The same key always means the same answer, so two runs may share a store.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DamagedAnswer, OutputError
from benchmark.core.paths import atomic, make_folder
from benchmark.core.types import Pixels

_TABLE = """CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL
) WITHOUT ROWID"""
_MANY = 500  # keys in one question; SQLite's own limit is 999 on old builds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a job answered, on its way to the store.

    Attributes:
        key: the job's key.
        suffix: ".png" of a picture, ".npy" of a heatmap, "" where there is no file.
        content: the file's bytes.
        score: a detector's score in [0, 1], or None.
        numbers: (K,) float64 that a metric measured.
    """

    key: str
    suffix: str = ""
    content: bytes = b""
    score: float | None = None
    numbers: tuple[float, ...] = ()


class Store:
    """Answers under their keys, in a folder that outlives runs.

    Args:
        root: the folder; made if need be.

    Raises:
        OutputError: if it cannot be made, written or read as a store.
    """

    def __init__(self, root: Path) -> None:
        self.root = make_folder(root)
        try:
            self._rows = sqlite3.connect(root / "answers.sqlite", timeout=60)
            self._rows.execute("PRAGMA journal_mode=WAL")
            self._rows.execute("PRAGMA synchronous=NORMAL")
            self._rows.execute(_TABLE)
        except sqlite3.Error as error:
            raise OutputError(
                f"{root}: cannot be used as a store ({error}); name another with --store"
            ) from None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.close()

    def known(self, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that have an answer.

        Raises:
            OutputError: if the store cannot be read.
        """
        return {key for (key,) in self._ask("key", keys)}

    def put(self, answers: Iterable[Answer]) -> None:
        """Keep answers: files first, then all rows at once.

        Raises:
            OutputError: if the disk is full or cannot be written; nothing half-written stays.
        """
        rows = []
        for answer in answers:
            if answer.suffix:
                path = self.path(answer.key, answer.suffix)
                make_folder(path.parent)
                with atomic(path) as draft:
                    draft.write_bytes(answer.content)
            numbers = np.asarray(answer.numbers, dtype="<f8")
            rows.append((answer.key, answer.score, numbers.tobytes()))
        try:
            with self._rows:
                self._rows.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise OutputError(f"{self.root}: cannot be written ({error})") from None

    def absorb(self, other: Path) -> None:
        """Take over the answers of another store that this one lacks: files first, then rows.

        Files are linked where both lie on one file system, else copied.

        Raises:
            OutputError: if either cannot be read or written.
        """
        for file in (other / "objects").glob("*/*"):
            here = self.path(file.stem, file.suffix)
            if not here.exists() and not file.name.startswith("."):
                make_folder(here.parent)
                _link(file, here)
        try:
            self._rows.execute("ATTACH DATABASE ? AS other", (str(other / "answers.sqlite"),))
            with self._rows:
                self._rows.execute("INSERT OR IGNORE INTO answers SELECT * FROM other.answers")
            self._rows.execute("DETACH DATABASE other")
        except sqlite3.Error as error:
            raise OutputError(f"{other}: cannot be merged into {self.root} ({error})") from None

    def rows(self, keys: Sequence[str]) -> list[NDArray[np.float64] | None]:
        """What was measured under each key, (K,) float64, or None where there is no answer."""
        found = {key: np.frombuffer(row[1], dtype="<f8") for key, row in self._get(keys).items()}
        return [found.get(key) for key in keys]

    def scores(self, keys: Sequence[str]) -> list[float | None]:
        """The detector's score under each key, or None where there is no answer."""
        found = self._get(keys)
        return [found[key][0] if key in found else None for key in keys]

    def path(self, key: str, suffix: str) -> Path:
        """Where the file of a key lies."""
        return object_path(self.root, key, suffix)

    def picture(self, key: str) -> Pixels:
        """(H, W, 3) uint8 RGB that was painted under a key.

        Raises:
            DamagedAnswer: if the file is gone or damaged; its row is dropped, running again heals.
        """
        with self._dropping():
            return load_picture(self.root, key)

    def heatmap(self, key: str) -> NDArray[np.float16]:
        """(H, W) float16 logits kept under a key.

        Raises:
            DamagedAnswer: if the file is gone or damaged; its row is dropped, running again heals.
        """
        with self._dropping():
            return load_heatmap(self.root, key)

    def drop(self, key: str) -> None:
        """Forget an answer whose file is gone or damaged: running again makes it anew."""
        with self._rows:
            self._rows.execute("DELETE FROM answers WHERE key = ?", (key,))

    @contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except DamagedAnswer as error:
            self.drop(error.key)
            raise

    def _get(self, keys: Sequence[str]) -> dict[str, tuple[float | None, bytes]]:
        return {key: (score, row) for key, score, row in self._ask("key, score, numbers", keys)}

    def _ask(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _MANY):
            part = keys[start : start + _MANY]
            marks = ",".join("?" * len(part))
            question = f"SELECT {columns} FROM answers WHERE key IN ({marks})"  # noqa: S608 (ours)
            try:
                yield from self._rows.execute(question, part).fetchall()
            except sqlite3.Error as error:
                raise OutputError(
                    f"{self.root}: cannot be read ({error}); name another with --store"
                ) from None


def _link(file: Path, place: Path) -> None:
    try:
        place.hardlink_to(file)
    except OSError:  # on another file system, or one without links
        with atomic(place) as draft:
            shutil.copyfile(file, draft)


def object_path(root: Path, key: str, suffix: str) -> Path:
    """Where the file of a key lies in the store at `root`."""
    return root / "objects" / key[:2] / f"{key}{suffix}"


def load_picture(root: Path, key: str) -> Pixels:
    """(H, W, 3) uint8 RGB that was painted under a key, read without the database.

    Raises:
        DamagedAnswer: if the file is gone or damaged.
    """
    path = object_path(root, key, ".png")
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if bgr is None:
        raise DamagedAnswer(str(path), key)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def load_heatmap(root: Path, key: str) -> NDArray[np.float16]:
    """(H, W) float16 logits kept under a key, read without the database.

    Raises:
        DamagedAnswer: if the file is gone or damaged.
    """
    path = object_path(root, key, ".npy")
    try:
        logits: NDArray[np.float16] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise DamagedAnswer(str(path), key) from None
    return logits


def picture_answer(key: str, pixels: Pixels) -> Answer:
    """Keep a painted picture, (H, W, 3) uint8 RGB, without loss."""
    # on photographs smaller and twice as fast as the default
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), fast)
    if not done:
        raise OutputError("a picture could not be encoded as PNG")
    return Answer(key=key, suffix=".png", content=content.tobytes())


def heatmap_answer(key: str, logits: NDArray[np.float16], score: float) -> Answer:
    """Keep a detector's heatmap, (H, W) float16 logits, and its score."""
    file = BytesIO()
    np.save(file, logits, allow_pickle=False)
    return Answer(key=key, suffix=".npy", content=file.getvalue(), score=score)


def metric_answer(key: str, row: NDArray[np.float64]) -> Answer:
    """Keep what a metric measured on one sample: (K,) float64."""
    return Answer(key=key, numbers=tuple(map(float, row)))
