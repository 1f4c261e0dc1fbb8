"""Whatever happens to a store's files and rows is found, and nothing wrong is ever read."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import DamagedStore, DataError, OutputError
from benchmark.runner.check import Finding, check_store
from benchmark.runner.clean import clean_folder, clean_store
from benchmark.runner.jobs import key_of
from benchmark.runner.store import Store, heatmap_answer, metric_answer, picture_answer

COUNT = 120  # of each kind: enough rows for a tree of several pages
DRAW = np.random.default_rng(0)
PICTURES = {
    key_of("fill", row): DRAW.integers(0, 256, (4, 5, 3), dtype=np.uint8) for row in range(COUNT)
}
HEATMAPS = {
    key_of("judge", row): DRAW.normal(size=(4, 5)).astype(np.float16) for row in range(COUNT)
}
NUMBERS = {key_of("measure", row): DRAW.normal(size=3) for row in range(COUNT)}


def filled(place: Path) -> Path:
    with Store(place) as store:
        store.put(picture_answer(key, pixels) for key, pixels in PICTURES.items())
        store.put(heatmap_answer(key, logits, 0.25) for key, logits in HEATMAPS.items())
        store.put(metric_answer(key, numbers) for key, numbers in NUMBERS.items())
    return place


def right(place: Path) -> int:
    """How many answers there are; each must be the one that was put."""
    with Store(place) as store:
        pictures, heatmaps = store.known(list(PICTURES)), store.known(list(HEATMAPS))
        for key in pictures:
            assert np.array_equal(store.picture(key), PICTURES[key])
        for key in heatmaps:
            assert np.array_equal(store.heatmap(key), HEATMAPS[key])
            assert store.scores([key]) == [0.25]
        rows = dict(zip(NUMBERS, store.rows(list(NUMBERS)), strict=True))
        numbers = {key: row for key, row in rows.items() if row is not None}
        for key, row in numbers.items():
            assert np.array_equal(row, NUMBERS[key])
    return len(pictures) + len(heatmaps) + len(numbers)


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def file_of(place: Path, key: str) -> Path:
    (path,) = (place / "objects").glob(f"*/{key}.*")
    return path


def flip(path: Path, at: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def test_a_store_that_is_whole(tmp_path: Path) -> None:
    assert list(check_store(filled(tmp_path))) == []
    assert right(tmp_path) == 3 * COUNT


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no store"):
        list(check_store(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_files_that_were_truncated_changed_lost_or_that_nobody_knows(tmp_path: Path) -> None:
    filled(tmp_path)
    cut, changed, lost = list(PICTURES)[:3]
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
    assert right(tmp_path) == 3 * COUNT - 4
    assert kinds(list(check_store(tmp_path))) == ["orphan"]
    with Store(tmp_path) as store:
        assert [one.kind for one in clean_store(store, dry_run=True)].count("draft") == 1
        assert orphan.exists()
        removed = list(clean_store(store))
    assert sorted((one.kind, one.size) for one in removed) == [("draft", 4), ("orphan", 0)]
    assert list(check_store(tmp_path)) == []
    filled(tmp_path)
    assert right(tmp_path) == 3 * COUNT


def test_a_changed_file_is_never_read(tmp_path: Path) -> None:
    key = next(iter(HEATMAPS))
    path = file_of(filled(tmp_path), key)
    flip(path, path.stat().st_size - 1)  # still a heatmap, of another value
    with Store(tmp_path) as store:
        with pytest.raises(OutputError, match="run again to make it anew"):
            store.heatmap(key)
        assert not store.known([key])


@pytest.mark.parametrize("seed", range(16))
def test_a_flipped_byte_in_the_database_is_found_or_changes_nothing(
    tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 (no secret)
    path = filled(tmp_path) / "answers.sqlite"
    flip(path, draw.randrange(path.stat().st_size), draw.randrange(8))
    found = list(check_store(tmp_path))
    whole = right(tmp_path)
    assert found or whole == 3 * COUNT
    assert whole >= 2 * COUNT  # what lies below a damaged page is lost, but for the pictures
    filled(tmp_path)
    assert right(tmp_path) == 3 * COUNT
    assert not [kind for kind in kinds(list(check_store(tmp_path))) if kind != "orphan"]


def test_a_row_whose_numbers_changed_counts_as_none(tmp_path: Path) -> None:
    key = next(iter(NUMBERS))
    filled(tmp_path)
    link = sqlite3.connect(tmp_path / "answers.sqlite")
    with link:
        link.execute("UPDATE answers SET numbers = ? WHERE key = ?", (b"\0" * 24, key))
    link.close()
    with Store(tmp_path) as store:
        assert store.known([key]) == set()
        assert store.rows([key]) == [None]
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
def test_what_can_be_saved_of_a_damaged_database_is(tmp_path: Path, kind: str, saved: int) -> None:
    path = filled(tmp_path) / "answers.sqlite"
    damage(path, kind)
    before = path.read_bytes()
    (finding,) = [one for one in check_store(tmp_path) if one.kind != "orphan"]
    assert finding.kind == "database"
    assert right(tmp_path) >= saved
    assert (tmp_path / "damaged" / "1" / "answers.sqlite").read_bytes() == before
    filled(tmp_path)
    assert right(tmp_path) == 3 * COUNT
    assert list(check_store(tmp_path)) == []
    with Store(tmp_path) as store:
        assert [one.kind for one in clean_store(store)] == ["aside"]
    assert not list((tmp_path / "damaged").iterdir())


def test_a_damaged_database_is_said_in_a_line_with_what_to_do(tmp_path: Path) -> None:
    damage(filled(tmp_path) / "answers.sqlite", "no head")
    with pytest.raises(DamagedStore, match=r"'bench check --store .*' saves what can be saved"):
        Store(tmp_path)


def test_an_older_versions_store_is_brought_up_to_date(tmp_path: Path) -> None:
    filled(tmp_path)
    link = sqlite3.connect(tmp_path / "answers.sqlite")
    with link:
        link.execute("ALTER TABLE answers DROP COLUMN file")
        link.execute("ALTER TABLE answers DROP COLUMN mark")
    link.close()
    assert right(tmp_path) == 3 * COUNT
    damaged = file_of(tmp_path, next(iter(PICTURES)))
    damaged.write_bytes(b"half")
    assert kinds(list(check_store(tmp_path))) == ["file"]
    changed = file_of(tmp_path, next(iter(HEATMAPS)))
    flip(changed, changed.stat().st_size - 1)  # found only by the digest that the check has noted
    assert kinds(list(check_store(tmp_path))) == ["file"]
    assert right(tmp_path) == 3 * COUNT - 2


def test_answers_that_are_not_needed_go_with_their_files(tmp_path: Path) -> None:
    filled(tmp_path)
    needed = {*list(PICTURES)[:100], *HEATMAPS, *NUMBERS}
    with Store(tmp_path) as store:
        removed = list(clean_store(store, needed=needed))
        assert {one.where for one in removed} == set(list(PICTURES)[100:])
        assert all(one.size > 50 for one in removed)
        assert list(clean_store(store, needed=needed)) == []
    assert right(tmp_path) == 3 * COUNT - 20
    assert list(check_store(tmp_path)) == []


def test_drafts_in_a_runs_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / ".draft-x").write_bytes(b"12")
    (tmp_path / "results.csv").write_text("kept")
    assert [one.size for one in clean_folder(tmp_path, dry_run=True)] == [2]
    assert [one.size for one in clean_folder(tmp_path)] == [2]
    assert {path.name for path in tmp_path.rglob("*")} == {"images", "results.csv"}
