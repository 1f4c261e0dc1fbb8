"""Stores of strangers are data: no row, link or pipe in one leads out of the store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.core.errors import DamagedStore, OutputError
from benchmark.store.check import check_store
from benchmark.store.clean import clean_folder, clean_store
from benchmark.store.database import Database
from benchmark.store.encoding import StoredOutput, heatmap_output, image_output
from benchmark.store.files import FolderFileStore, RemoteFileStore
from benchmark.store.recover import recover_database
from benchmark.store.row import StoredRow, is_key, parse_row
from benchmark.store.store import Store, file_name, open_files

KEY, OTHER = "ab" * 16, "cd" * 16
DIGEST = "0" * 32
IMAGE = np.zeros((2, 2, 3), np.uint8)
OUTWARD = "ab/../../../kept.txt"  # out of a prefix's folder, and out of the store


def with_rows(folder: Path, *rows: StoredRow) -> Path:
    """Create a store with rows as a stranger may write them, each with a valid checksum."""
    Store(folder).table.__exit__(None, None, None)
    connection = sqlite3.connect(folder / "answers.sqlite")
    with connection:
        connection.executemany(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            [(*row[:-1], row.checksum, row.origin) for row in rows],
        )
    connection.close()
    return folder


HOSTILE = {
    "a key that climbs": StoredRow(OUTWARD, None, b"", f".png:{DIGEST}"),
    "a key of an older version that climbs": StoredRow(OUTWARD, None, b"", None),
    "an ending that climbs": StoredRow(KEY, None, b"", f"/../../../../kept.txt:{DIGEST}"),
    "another ending": StoredRow(KEY, None, b"", f".py:{DIGEST}"),
    "an ending without a digest": StoredRow(KEY, None, b"", ".png:"),
    "a short key": StoredRow("ab", None, b"", f".png:{DIGEST}"),
    "capitals": StoredRow(KEY.upper(), None, b"", f".png:{DIGEST}"),
    "a line more": StoredRow(KEY + "\n", None, b"", f".png:{DIGEST}"),
    "half a number": StoredRow(KEY, None, b"12345", ""),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_row_that_leads_out_of_the_store_is_ignored(tmp_path: Path, kind: str) -> None:
    row = HOSTILE[kind]
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    theirs = with_rows(tmp_path / "theirs", row)
    (theirs / "objects").mkdir()
    (tmp_path / "objects").mkdir()
    with Store(tmp_path / "ours") as ours:
        ours.merge_from(theirs, origin="theirs")
        assert ours.known([row.key]) == set()
        assert ours.table.count() == 0
    assert [one.kind for one in check_store(theirs)] == ["row"]
    assert list(check_store(theirs)) == []
    with_rows(theirs, row)
    with Store(theirs) as store:
        assert list(clean_store(store, needed=set())) == []
    assert kept.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "kept.txt", "objects", "ours", "theirs"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "suffix"), [("../up", ".png"), (KEY, ".sh"), (KEY, "/../x.png"), ("", ""), ("ab", "")]
)
def test_invalid_keys_and_suffixes_are_refused(key: str, suffix: str) -> None:
    with pytest.raises(DamagedStore, match="not the name of a stored file"):
        file_name(key, suffix)


@pytest.mark.parametrize("name", ["../x", "ab/../../x", "ab/", "ab/..", "ab/c/d", "abc/d", "/ab/x"])
@pytest.mark.parametrize("kind", ["folder", "elsewhere"])
def test_invalid_file_names_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    root = tmp_path / "root"
    files = FolderFileStore(root) if kind == "folder" else RemoteFileStore(f"file://{root}")
    for use in (
        lambda: files.read(name),
        lambda: files.write({name: b""}),
        lambda: files.take(FolderFileStore(tmp_path), [name]),
        lambda: files.remove([name]),
    ):
        with pytest.raises(OutputError, match="not the name of a stored file"):
            use()
    assert not root.exists()


STRANGE = {
    "a view that never ends": """
        DROP TABLE answers;
        CREATE VIEW answers AS WITH RECURSIVE more(key) AS (
            SELECT 'ab' UNION ALL SELECT key FROM more
        ) SELECT key, 0.5 score, x'' numbers, '' file, x'' mark FROM more;
    """,
    "a trigger": """
        CREATE TRIGGER more AFTER INSERT ON answers BEGIN DELETE FROM answers; END;
    """,
    "another table": "CREATE TABLE more (key TEXT);",
    "an index that runs": "CREATE INDEX more ON answers (abs(score));",
    "a computed column": """
        DROP TABLE answers;
        CREATE TABLE answers (
            key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL DEFAULT x'', file TEXT,
            mark BLOB AS (zeroblob(1000000000))
        ) WITHOUT ROWID;
    """,
    "a virtual table": """
        DROP TABLE answers;
        CREATE VIRTUAL TABLE answers USING fts5(key, score, numbers, file, mark);
    """,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_database_with_anything_but_our_table_is_not_read(tmp_path: Path, kind: str) -> None:
    theirs = with_rows(tmp_path / "theirs", StoredRow(KEY, None, b"", ""))
    connection = sqlite3.connect(theirs / "answers.sqlite")
    try:
        connection.executescript(STRANGE[kind])
    except sqlite3.OperationalError as error:
        pytest.skip(str(error))
    finally:
        connection.close()
    with pytest.raises(DamagedStore, match="its table is damaged or of another version"):
        Store(theirs)
    with Store(tmp_path / "ours") as ours, pytest.raises(DamagedStore, match="another version"):
        ours.merge_from(theirs, origin="theirs")
    assert [one.kind for one in check_store(theirs)] == ["database"]  # and it terminates
    assert list(check_store(theirs)) == []


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("old", [False, True])
def test_another_s_store_is_only_read(tmp_path: Path, old: bool) -> None:
    theirs = tmp_path / "theirs ? & #"
    with Store(theirs) as store:
        store.put([image_output(KEY, IMAGE)])
        store.put([heatmap_output(OTHER, np.zeros((2, 2), np.float16), 0.25)])
    if old:
        connection = sqlite3.connect(theirs / "answers.sqlite")
        with connection:
            for name in ("file", "mark", "origin"):
                connection.execute(f"ALTER TABLE answers DROP COLUMN {name}")
        connection.close()
    before = snapshot(theirs)
    with Store(tmp_path / "ours") as ours:
        ours.merge_from(theirs, origin="theirs")
        assert np.array_equal(ours.image(KEY), IMAGE)
        assert ours.scores([OTHER]) == [0.25]
    after = {name: one for name, one in snapshot(theirs).items() if "-" not in name}
    assert after == before
    with Database(theirs, read_only=True) as rows:
        assert set(rows.get([KEY, OTHER])) == {KEY, OTHER}
        with pytest.raises(OutputError, match="readonly"), rows.writing():
            rows.drop([KEY])


def test_another_s_store_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = with_rows(tmp_path / "theirs", StoredRow(KEY, None, b"", ""))
    theirs.chmod(0o555)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write all
    with Database(theirs, read_only=True) as rows:
        assert set(rows.get([KEY])) == {KEY}
        assert [path.name for path in theirs.iterdir()] == ["answers.sqlite"]
    theirs.chmod(0o755)


def test_a_read_only_store_is_not_changed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    path = one_file(theirs)
    path.write_bytes(b"damaged")
    before = snapshot(theirs)
    with Store(theirs, read_only=True) as store:
        with pytest.raises(OutputError, match="missing or damaged"):
            store.image(KEY)
        assert store.known([KEY]) == {KEY}
    assert {name: one for name, one in snapshot(theirs).items() if "-" not in name} == before
    with pytest.raises(OutputError, match="cannot be opened"):
        Store(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()


def one_file(folder: Path) -> Path:
    with Store(folder) as store:
        store.put([image_output(KEY, IMAGE)])
    return folder / "objects" / file_name(KEY, ".png")


def test_a_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    path = one_file(tmp_path / "theirs")
    path.rename(outside)
    path.symlink_to(outside)
    before = outside.read_bytes()
    with Store(tmp_path / "ours") as ours:
        ours.merge_from(tmp_path / "theirs", origin="theirs")
        with pytest.raises(OutputError, match="missing"):
            ours.image(KEY)
    assert [one.kind for one in check_store(tmp_path / "theirs")] == ["missing"]
    with Store(tmp_path / "theirs") as theirs:
        assert [one.kind for one in clean_store(theirs)] == ["orphan"]
    assert not path.is_symlink()
    assert outside.read_bytes() == before
    assert outside.stat().st_nlink == 1


@pytest.mark.parametrize("what", ["objects", "objects/ab"])
def test_a_prefix_folder_that_is_a_link_is_not_followed(tmp_path: Path, what: str) -> None:
    theirs, outside = tmp_path / "theirs", tmp_path / "outside"
    one_file(theirs)
    (theirs / what).rename(outside)
    (theirs / what).symlink_to(outside)
    (outside / ".draft-of-another").write_text("kept")
    before = snapshot(outside)
    uses: list[Callable[[Store], Any]] = [
        lambda store: store.image(KEY),
        lambda store: store.put([image_output("ab" * 15 + "00", IMAGE)]),
        lambda store: list(clean_store(store)),
        lambda store: list(check_store(theirs)),
    ]
    for use in uses:
        with Store(theirs) as store, pytest.raises(OutputError, match="is a link"):
            use(store)
    with Store(tmp_path / "ours") as ours, pytest.raises(OutputError, match="is a link"):
        ours.merge_from(theirs, origin="theirs")
    assert snapshot(outside) == before


@pytest.mark.parametrize("part", ["", "-wal", "-shm", "-journal"])
def test_a_database_that_is_a_link_is_not_followed(tmp_path: Path, part: str) -> None:
    theirs, outside = tmp_path / "theirs", tmp_path / "outside"
    one_file(theirs)
    path = theirs / f"answers.sqlite{part}"
    if part:
        outside.write_bytes(b"kept")
    else:
        path.rename(outside)
    before = outside.read_bytes()
    path.symlink_to(outside)
    for read_only in (False, True):
        with pytest.raises(OutputError, match="is a link"):
            Database(theirs, read_only=read_only)
    assert outside.read_bytes() == before


def test_a_journal_that_names_another_file_deletes_none(tmp_path: Path) -> None:
    theirs, outside = tmp_path / "theirs", tmp_path / "outside"
    one_file(theirs)
    outside.write_bytes(b"kept")
    name = str(outside).encode()
    magic = bytes.fromhex("d9d505f920a163d7")
    page = (1).to_bytes(4, "big")
    (theirs / "answers.sqlite-journal").write_bytes(
        magic + bytes(4) + page + page + (512).to_bytes(4, "big") + (4096).to_bytes(4, "big")
        + bytes(484) + page + name + len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big")
        + magic
    )  # fmt: skip
    with pytest.raises(OutputError, match="names another file"):
        Store(theirs)
    assert outside.read_bytes() == b"kept"


def test_damaged_databases_are_not_moved_through_links(tmp_path: Path) -> None:
    theirs, outside = tmp_path / "theirs", tmp_path / "outside"
    one_file(theirs)
    (outside / "1").mkdir(parents=True)
    (theirs / "damaged").mkdir()
    (theirs / "damaged" / "2.unfinished").symlink_to(outside)
    with Store(theirs) as store:
        assert list(clean_store(store)) == []
    assert list(check_store(theirs)) == []
    (theirs / "damaged" / "2.unfinished").unlink()
    (theirs / "damaged").rmdir()
    (theirs / "damaged").symlink_to(outside)
    with pytest.raises(OutputError, match="is a link"):
        recover_database(theirs, open_files(theirs))
    with Store(theirs) as store:
        assert list(clean_store(store)) == []
    assert [path.name for path in outside.iterdir()] == ["1"]


def test_a_pipe_in_place_of_a_file_is_missing(tmp_path: Path) -> None:
    path = one_file(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with Store(tmp_path) as store, pytest.raises(OutputError, match="missing"):
        store.image(KEY)


def test_a_store_may_be_a_link_itself(tmp_path: Path) -> None:
    one_file(tmp_path / "large disk")
    (tmp_path / "store").symlink_to(tmp_path / "large disk")
    with Store(tmp_path / "store") as store:
        assert np.array_equal(store.image(KEY), IMAGE)
        store.put([image_output(OTHER, IMAGE)])
        assert list(clean_store(store)) == []
    assert list(check_store(tmp_path / "store")) == []
    with Store(tmp_path / "ours") as ours:
        ours.merge_from(tmp_path / "store", origin="theirs")
        assert ours.known([KEY, OTHER]) == {KEY, OTHER}


def test_a_link_among_a_run_s_drafts_leads_nowhere(tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    for folder in (run, outside):
        folder.mkdir()
    (outside / ".draft-1").write_text("kept")
    (run / "images").symlink_to(outside)
    (run / ".draft-2").symlink_to(tmp_path / "nowhere")
    assert [Path(one.where).name for one in clean_folder(run)] == [".draft-2"]
    assert (outside / ".draft-1").read_text() == "kept"


def test_keys() -> None:
    assert is_key(KEY)
    assert not any(map(is_key, (KEY + "0", KEY[1:], KEY.upper(), KEY + "\n", "g" * 32)))
    assert parse_row(KEY, None, b"", b"", b"") is None


def test_drafts_that_are_dead_links_are_removed(tmp_path: Path) -> None:
    store, run = one_file(tmp_path / "store"), tmp_path / "run"
    run.mkdir()
    prefix = tmp_path / "store/objects" / KEY[:2]
    for folder in (prefix, run):
        (folder / ".draft-0").symlink_to(tmp_path / "nowhere")
        (folder / ".draft-1").symlink_to(folder)
    assert list(check_store(tmp_path / "store")) == []
    with Store(tmp_path / "store") as opened:
        kinds = [one.kind for one in clean_store(opened)]
    kinds += [one.kind for one in clean_folder(run)]
    assert set(kinds) <= {"draft"}
    assert not (prefix / ".draft-0").is_symlink()
    assert not (run / ".draft-0").is_symlink()
    assert store is not None


@pytest.mark.skipif(os.name == "nt", reason="pipes")
@pytest.mark.parametrize("part", ["-wal", "-shm", "-journal"])
def test_a_pipe_beside_a_database_is_refused(tmp_path: Path, part: str) -> None:
    """Opening a pipe would block forever."""
    with Store(tmp_path):
        pass
    path = tmp_path / f"answers.sqlite{part}"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    for read_only in (False, True):
        with pytest.raises(OutputError, match=f"answers.sqlite{part}: is not a regular file"):
            Store(tmp_path, read_only=read_only)


def test_a_too_long_row_is_not_read_and_loses_few_others(tmp_path: Path) -> None:
    """A value of 64 MB, in an otherwise intact database."""
    with Store(tmp_path) as store:
        store.put(StoredOutput(key=f"{key:032x}", numbers=(1.0,)) for key in range(5))
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        row = "(?, 1, zeroblob(64000000), '', x'', NULL)"
        connection.execute(f"INSERT INTO answers VALUES {row}", ("f" * 32,))  # noqa: S608
    connection.close()
    with Database(tmp_path) as rows, pytest.raises(DamagedStore, match="too big"):
        rows.with_prefix("f")
    found = list(check_store(tmp_path))
    assert [one.kind for one in found] == ["database"]
    assert "5 outputs recovered" in found[0].said
    assert list(check_store(tmp_path)) == []


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_link_in_place_of_a_damaged_database_is_not_followed(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        store.put([StoredOutput(key="0" * 32, numbers=(1.0,))])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    aside = tmp_path / "store" / "damaged" / "1.unfinished"
    aside.mkdir(parents=True)
    (aside / "answers.sqlite").symlink_to(elsewhere)
    assert "1 outputs recovered" in next(check_store(tmp_path / "store")).said
    assert elsewhere.read_text() == "mine"
