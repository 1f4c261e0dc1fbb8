"""`bench check` and `bench clean`: any damage to a store is found, and never read as output."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.core.errors import DamagedStore, DataError, OutputError
from benchmark.core.locks import lock_folder
from benchmark.runner.keys import key_of
from benchmark.store import recover
from benchmark.store.check import StoreFinding, check_store
from benchmark.store.clean import clean_folder, clean_store
from benchmark.store.encoding import heatmap_output, image_output, metric_output
from benchmark.store.store import Store, open_files

COUNT = 120  # of each kind: enough rows for several database pages
RNG = np.random.default_rng(0)
IMAGES = {
    key_of("fill", row): RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8) for row in range(COUNT)
}
HEATMAPS = {
    key_of("judge", row): RNG.normal(size=(4, 5)).astype(np.float16) for row in range(COUNT)
}
NUMBERS = {key_of("measure", row): RNG.normal(size=3) for row in range(COUNT)}


def fill_store(place: Path) -> Path:
    with Store(place) as store:
        store.put(image_output(key, pixels) for key, pixels in IMAGES.items())
        store.put(heatmap_output(key, logits, 0.25) for key, logits in HEATMAPS.items())
        store.put(metric_output(key, numbers) for key, numbers in NUMBERS.items())
    return place


def count_correct(place: Path) -> int:
    """Return the number of stored outputs, after checking each."""
    with Store(place) as store:
        images, heatmaps = store.known(list(IMAGES)), store.known(list(HEATMAPS))
        for key in images:
            assert np.array_equal(store.image(key), IMAGES[key])
        for key in heatmaps:
            assert np.array_equal(store.heatmap(key), HEATMAPS[key])
            assert store.scores([key]) == [0.25]
        rows = dict(zip(NUMBERS, store.measurements(list(NUMBERS)), strict=True))
        numbers = {key: row for key, row in rows.items() if row is not None}
        for key, row in numbers.items():
            assert np.array_equal(row, NUMBERS[key])
    return len(images) + len(heatmaps) + len(numbers)


def kinds(findings: list[StoreFinding]) -> list[str]:
    return [finding.kind for finding in findings]


def file_of(place: Path, key: str) -> Path:
    (path,) = (place / "objects").glob(f"*/{key}.*")
    return path


def flip(path: Path, at: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def test_an_intact_store(tmp_path: Path) -> None:
    assert list(check_store(fill_store(tmp_path))) == []
    assert count_correct(tmp_path) == 3 * COUNT


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a store"):
        list(check_store(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_truncated_changed_lost_and_orphan_files(tmp_path: Path) -> None:
    fill_store(tmp_path)
    cut, changed, lost = list(IMAGES)[:3]
    cut_file, changed_file = file_of(tmp_path, cut), file_of(tmp_path, changed)
    cut_file.write_bytes(cut_file.read_bytes()[:20])
    flip(changed_file, 50)
    file_of(tmp_path, lost).unlink()
    heatmap_file = file_of(tmp_path, next(iter(HEATMAPS)))
    flip(heatmap_file, heatmap_file.stat().st_size - 1)
    orphan = cut_file.with_name("stranger.png")
    orphan.write_bytes(b"")
    (cut_file.parent / ".draft-abc").write_bytes(b"1234")
    found = list(check_store(tmp_path))
    assert sorted(kinds(found)) == ["file"] * 3 + ["missing", "orphan"]
    assert {str(orphan), str(cut_file)} <= {finding.where for finding in found}
    assert all("\n" not in finding.line for finding in found)
    assert count_correct(tmp_path) == 3 * COUNT - 4
    assert kinds(list(check_store(tmp_path))) == ["orphan"]
    with Store(tmp_path) as store:
        assert [one.kind for one in clean_store(store, dry_run=True)].count("draft") == 1
        assert orphan.exists()
        removed = list(clean_store(store))
    assert sorted((one.kind, one.size) for one in removed) == [("draft", 4), ("orphan", 0)]
    assert list(check_store(tmp_path)) == []
    fill_store(tmp_path)
    assert count_correct(tmp_path) == 3 * COUNT


def test_a_changed_file_is_never_read(tmp_path: Path) -> None:
    key = next(iter(HEATMAPS))
    path = file_of(fill_store(tmp_path), key)
    flip(path, path.stat().st_size - 1)  # still a valid heatmap, with another value
    with Store(tmp_path) as store:
        with pytest.raises(OutputError, match="run again to regenerate it"):
            store.heatmap(key)
        assert not store.known([key])


@pytest.mark.parametrize("seed", range(16))
def test_a_flipped_byte_in_the_database_is_found_or_changes_nothing(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 (no secret)
    path = fill_store(tmp_path) / "answers.sqlite"
    flip(path, rng.randrange(path.stat().st_size), rng.randrange(8))
    found = list(check_store(tmp_path))
    whole = count_correct(tmp_path)
    assert found or whole == 3 * COUNT
    assert whole >= 2 * COUNT  # rows below a damaged page are lost, except those of images
    fill_store(tmp_path)
    assert count_correct(tmp_path) == 3 * COUNT
    assert not [kind for kind in kinds(list(check_store(tmp_path))) if kind != "orphan"]


def test_a_row_with_changed_numbers_is_ignored(tmp_path: Path) -> None:
    key = next(iter(NUMBERS))
    fill_store(tmp_path)
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    with connection:
        connection.execute("UPDATE answers SET numbers = ? WHERE key = ?", (b"\0" * 24, key))
    connection.close()
    with Store(tmp_path) as store:
        assert store.known([key]) == set()
        assert store.measurements([key]) == [None]
    assert kinds(list(check_store(tmp_path))) == ["row"]
    assert list(check_store(tmp_path)) == []


def damage(path: Path, kind: str) -> None:
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes({
        "no head": b"x" * 100 + content[100:],
        "no first page": bytes(4096) + content[4096:],
        "half": content[:half],
        "a hole": content[:half] + bytes(4096) + content[half + 4096 :],
        "nothing of it": b"this is no database, and long enough to be one" * 500,
    }[kind])  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "saved"),
    [
        ("no head", 3 * COUNT),
        ("no first page", 3 * COUNT),
        ("half", COUNT),
        ("a hole", COUNT),
        ("nothing of it", COUNT),
    ],
)
def test_readable_rows_of_a_damaged_database_are_recovered(
    tmp_path: Path, kind: str, saved: int
) -> None:
    path = fill_store(tmp_path) / "answers.sqlite"
    damage(path, kind)
    before = path.read_bytes()
    (finding,) = [one for one in check_store(tmp_path) if one.kind != "orphan"]
    assert finding.kind == "database"
    assert count_correct(tmp_path) >= saved
    assert (tmp_path / "damaged" / "1" / "answers.sqlite").read_bytes() == before
    fill_store(tmp_path)
    assert count_correct(tmp_path) == 3 * COUNT
    assert list(check_store(tmp_path)) == []
    with Store(tmp_path) as store:
        assert [one.kind for one in clean_store(store)] == ["aside"]
    assert not list((tmp_path / "damaged").iterdir())


class Stop:
    """Interrupt a recovery at one of its steps that change the disk."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = -1  # steps before the interruption; below 0: never
        for name in ("mkdir", "rename", "replace", "unlink"):
            self._count(patch, Path, name)
        for name in ("copyfile", "rmtree"):
            self._count(patch, shutil, name)
        for name in ("put", "sync"):
            self._count(patch, recover.Database, name)

    def _count(self, patch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def step(*words: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == -1:
                raise KeyboardInterrupt
            return real(*words, **named)

        patch.setattr(owner, name, step)


def test_a_recovery_interrupted_at_any_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {key_of("many", row): RNG.normal(size=3) for row in range(400)}
    pictures = list(IMAGES.items())[:3]
    with Store(tmp_path / "whole") as store:
        store.put(metric_output(key, one) for key, one in numbers.items())
        store.put(image_output(key, pixels) for key, pixels in pictures)
    damage(tmp_path / "whole" / "answers.sqlite", "a hole")
    before = (tmp_path / "whole" / "answers.sqlite").read_bytes()

    def copy(name: str) -> Path:
        return Path(shutil.copytree(tmp_path / "whole", tmp_path / name))

    place = copy("undisturbed")
    saved, _ = recover.recover_database(place, open_files(place))
    assert 3 < saved < len(numbers) + 3
    stop = Stop(monkeypatch)
    for number in range(100):
        place = copy(str(number))
        stop.left = number
        try:
            recover.recover_database(place, open_files(place))
        except KeyboardInterrupt:
            list(check_store(place))
        else:
            assert number > 10
            return
        with Store(place) as store:
            assert store.table.count() == saved, number
        copies = list((place / "damaged").iterdir())
        assert any((one / "answers.sqlite").read_bytes() == before for one in copies), number
        assert all(one.name.isdigit() for one in copies)
        assert not list((place / "damaged").rglob("new"))
    raise AssertionError("it never ended")


def test_an_interrupted_recovery_is_reported_and_blocks_cleaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fill_store(tmp_path) / "answers.sqlite"
    damage(path, "a hole")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recover.Database, "sync", stop)
        with pytest.raises(KeyboardInterrupt):
            list(check_store(tmp_path))
    assert [one.name for one in (tmp_path / "damaged").iterdir()] == ["1.unfinished"]
    path.unlink()  # the copy has all of its content
    with Store(tmp_path) as store, pytest.raises(OutputError, match="bench check --store"):
        list(clean_store(store))
    (finding,) = [one for one in check_store(tmp_path) if one.kind == "database"]
    assert "an earlier recovery was interrupted" in finding.said
    assert count_correct(tmp_path) > COUNT
    with Store(tmp_path) as store:
        assert {one.kind for one in clean_store(store)} <= {"aside", "orphan"}


def test_one_process_recovers_a_database_at_a_time(tmp_path: Path) -> None:
    path = fill_store(tmp_path) / "answers.sqlite"
    damage(path, "a hole")
    before = path.read_bytes()
    (tmp_path / "damaged").mkdir()
    with lock_folder(tmp_path / "damaged") as held:
        assert held
        with pytest.raises(OutputError, match="another 'bench check'"):
            list(check_store(tmp_path))
    assert path.read_bytes() == before


def test_the_message_of_a_damaged_database_says_what_to_do(tmp_path: Path) -> None:
    damage(fill_store(tmp_path) / "answers.sqlite", "no head")
    with pytest.raises(DamagedStore, match=r"'bench check --store .*' recovers what can"):
        Store(tmp_path)


def test_a_store_without_origins_is_upgraded(tmp_path: Path) -> None:
    fill_store(tmp_path)
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    with connection:
        connection.execute("ALTER TABLE answers DROP COLUMN origin")
    connection.close()
    with Store(tmp_path, read_only=True) as store:  # not upgraded while it is only read
        assert store.table.count() == len(store.table.with_prefix(""))
        assert store.table.origins() == {}
    assert count_correct(tmp_path) == 3 * COUNT
    assert list(check_store(tmp_path)) == []


def test_a_store_without_checksums_is_upgraded(tmp_path: Path) -> None:
    fill_store(tmp_path)
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    with connection:
        for name in ("file", "mark", "origin"):
            connection.execute(f"ALTER TABLE answers DROP COLUMN {name}")
    connection.close()
    assert count_correct(tmp_path) == 3 * COUNT
    damaged = file_of(tmp_path, next(iter(IMAGES)))
    damaged.write_bytes(b"half")
    assert kinds(list(check_store(tmp_path))) == ["file"]
    changed = file_of(tmp_path, next(iter(HEATMAPS)))
    flip(changed, changed.stat().st_size - 1)  # found only by the digest that the check has added
    assert kinds(list(check_store(tmp_path))) == ["file"]
    assert count_correct(tmp_path) == 3 * COUNT - 2


def test_unneeded_outputs_are_removed_with_their_files(tmp_path: Path) -> None:
    fill_store(tmp_path)
    needed = {*list(IMAGES)[:100], *HEATMAPS, *NUMBERS}
    with Store(tmp_path) as store:
        removed = list(clean_store(store, needed=needed))
        assert {one.where for one in removed} == set(list(IMAGES)[100:])
        assert all(one.size > 50 for one in removed)
        assert list(clean_store(store, needed=needed)) == []
    assert count_correct(tmp_path) == 3 * COUNT - 20
    assert list(check_store(tmp_path)) == []


def test_outputs_are_kept_while_a_run_uses_the_store(tmp_path: Path) -> None:
    fill_store(tmp_path)
    with Store(tmp_path) as store:
        with store.used(), store.used():  # by two runs
            with pytest.raises(OutputError, match="a run is using this store"):
                list(clean_store(store, needed=set()))
            assert list(clean_store(store)) == []
        assert count_correct(tmp_path) == 3 * COUNT
        assert len(list(clean_store(store, needed=set()))) == 3 * COUNT


def test_drafts_of_an_active_run_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = tmp_path / ".draft-x"
    draft.write_bytes(b"12")
    with lock_folder(tmp_path) as held:
        assert held
        assert list(clean_folder(tmp_path)) == []
    with monkeypatch.context() as windows:  # there are no locks
        windows.setattr("benchmark.store.clean.lock_folder", lambda *_: nullcontext())
        assert list(clean_folder(tmp_path)) == []
        os.utime(draft, (0, 0))
        assert len(list(clean_folder(tmp_path))) == 1
    assert not draft.exists()
    assert list(clean_folder(tmp_path / "nowhere")) == []


def test_drafts_of_a_store_below_a_run_are_left_to_the_store(tmp_path: Path) -> None:
    fill_store(tmp_path / "store")
    draft = tmp_path / "store" / "objects" / "ab" / ".draft-x"
    draft.parent.mkdir(exist_ok=True)
    draft.write_bytes(b"12")
    assert list(clean_folder(tmp_path)) == []
    assert draft.exists()


def test_drafts_in_a_runs_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / ".draft-x").write_bytes(b"12")
    (tmp_path / "results.csv").write_text("kept")
    assert [one.size for one in clean_folder(tmp_path, dry_run=True)] == [2]
    assert [one.size for one in clean_folder(tmp_path)] == [2]
    assert {path.name for path in tmp_path.rglob("*")} == {"images", "results.csv"}


def test_clean_keeps_a_database_whose_recovery_began_meanwhile(tmp_path: Path) -> None:
    fill_store(tmp_path)
    aside = tmp_path / "damaged"
    with Store(tmp_path) as store:
        removing = clean_store(store)
        (aside / "1").mkdir(parents=True)
        (tmp_path / "objects" / "00").mkdir(parents=True, exist_ok=True)
        (tmp_path / "objects" / "00" / ".draft-a").touch()
        assert next(removing).kind == "draft"  # the generator has started
        (aside / "2.unfinished").mkdir()
        assert list(removing) == []
        assert (aside / "1").is_dir()
        (aside / "2.unfinished").rmdir()
        with lock_folder(aside):  # as `bench check` does
            assert list(clean_store(store)) == []
        assert [one.kind for one in clean_store(store)] == ["aside"]
