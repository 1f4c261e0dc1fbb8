"""Bundles of strangers: what no bundle has is refused in one line, before it is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pytest

from benchmark.bundle import members, read
from benchmark.bundle.read import open_bundle
from benchmark.core.errors import DataError, OutputError
from benchmark.results.record import read_record
from benchmarks.bundle_file import Bundle
from benchmarks.bundles import is_found
from reports.opened import opened_runs

Spoil = Callable[[ZipFile], None]
KEY = "ab" + "0" * 30


def link(archive: ZipFile) -> None:
    info = ZipInfo(f"outputs/ab/{KEY}.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def named(name: str, content: bytes = b"x") -> Spoil:
    return lambda archive: archive.writestr(name, content)


REFUSED: dict[str, tuple[Spoil, str]] = {
    "climbs": (named("../../evil.py"), "not a member of a bundle"),
    "absolute": (named("/etc/evil"), "not a member of a bundle"),
    "another prefix": (named(f"outputs/cd/{KEY}.png"), "not a member of a bundle"),
    "code": (named("run/sitecustomize.py"), "not a member of a bundle"),
    "letters": (named(f"outputs/ab/{KEY.upper()}.png"), "not a member of a bundle"),
    "line break": (named(f"outputs/ab/{KEY}.png\n"), "not a member of a bundle"),
    "control characters": (named("\x1b[31mred"), r"\\x1b\[31mred"),
    "folder": (named("outputs/ab/", b""), "not a member of a bundle"),
    "link": (link, "a link, or not a regular file"),
    "twice": (named("run/plan.toml", b"seed = 1"), "two members named run/plan.toml"),
    "bomb": (named(f"outputs/ab/{KEY}.npy", bytes(30_000_000)), "times as large when unpacked"),
    "huge": (named("cards.json", bytes(20_000_000)), "two members|more than 16,777,216"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_members_that_no_bundle_has(bundle: Path, tmp_path: Path, kind: str) -> None:
    spoil, said = REFUSED[kind]
    path = tmp_path / "bad.zip"
    path.write_bytes(bundle.read_bytes())
    with warnings.catch_warnings(), ZipFile(path, "a", ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a duplicate name
        spoil(archive)
    refused(path, said)


def refused(path: Path, said: str) -> None:
    with pytest.raises(DataError, match=said) as error, open_bundle(path):
        pass
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_other_ways_of_packing(bundle: Path, tmp_path: Path) -> None:
    members = Bundle(bundle).members
    path = tmp_path / "bad.zip"
    with ZipFile(path, "w", ZIP_BZIP2) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refused(path, "packed in another way")
    with ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", members["manifest.json"])
    refused(path, r"run/plan\.toml is missing")
    with ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    refused(path, "not a bundle of 'bench submit'")


def test_a_size_that_is_not_the_real_one(bundle: Path, tmp_path: Path) -> None:
    content = bytearray(bundle.read_bytes())
    with ZipFile(bundle) as archive:
        member = archive.getinfo("run/samples.csv")
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"run/samples.csv"))
    for size in (member.file_size - 7, member.file_size + 7):
        content[at + 24 : at + 28] = struct.pack("<I", size)
        (tmp_path / "bad.zip").write_bytes(content)
        refused(tmp_path / "bad.zip", "cannot be read as a bundle")


def test_members_that_overlap(bundle: Path, tmp_path: Path) -> None:
    content = bytearray(bundle.read_bytes())
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"run/samples.csv"))
    content[at + 20 : at + 24] = struct.pack("<I", len(content))
    (tmp_path / "bad.zip").write_bytes(content)
    refused(tmp_path / "bad.zip", "overlap|cannot be read")


def test_limits_and_space(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MOST_MEMBERS", 5)
    refused(bundle, "more than 5 members")
    monkeypatch.undo()
    monkeypatch.setattr(members, "MOST_DIRECTORY", 1000)
    refused(bundle, "list of members is larger than 1,000 bytes")
    monkeypatch.undo()
    monkeypatch.setattr(members, "MOST_UNPACKED", 1000)
    refused(bundle, "more than 1,000 bytes when unpacked")
    monkeypatch.undo()
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(read.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="no space in"), open_bundle(bundle):
        pass


def test_what_is_no_bundle(bundle: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none.zip", "no such file")
    refused(tmp_path, "a folder")
    (tmp_path / "text.zip").write_text("text")
    refused(tmp_path / "text.zip", "not a zip file")
    whole = bundle.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.zip", "cannot be read as a bundle")
    later = Bundle(bundle)
    manifest = later.document("manifest.json")
    later.set_document("manifest.json", {**manifest, "format": 2})
    refused(later.save(tmp_path / "later.zip"), "of a later version")


def test_outputs_that_are_none_are_told(bundle: Path, tmp_path: Path) -> None:
    changed = Bundle(bundle)
    png, npy = changed.outputs(".png")[0], changed.outputs(".npy")[0]
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    changed.members[npy] = file.getvalue()
    header = bytearray(changed.members[png])
    header[16:24] = struct.pack(">II", 100_000, 100_000)
    changed.members[png] = bytes(header)
    path = changed.save(tmp_path / "bad.zip")
    with open_bundle(path) as opened:
        reasons = dict(opened.changed)
    assert reasons[npy] == "not a heatmap"
    assert "not a PNG image" in reasons[png]
    assert is_found(path)


def test_an_image_of_another_size_is_not_decoded(bundle: Path, tmp_path: Path) -> None:
    changed = Bundle(bundle)
    png = changed.outputs(".png")[0]
    header = bytearray(changed.members[png])
    header[16:24] = struct.pack(">II", 9000, 9000)  # within the limit of pixels
    changed.members[png] = bytes(header)
    with open_bundle(changed.save(tmp_path / "bad.zip")) as opened:
        assert dict(opened.changed)[png] == "9000x9000 pixels, and the plan's size is 48"


def test_checksums_are_compared(bundle: Path, tmp_path: Path) -> None:
    changed = Bundle(bundle)
    changed.members["cards.json"] += b"\n"
    with ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name, content in changed.members.items():
            archive.writestr(name, content)
    assert is_found(tmp_path / "bad.zip") == "cards.json: differs from its SHA-256"


def test_an_error_about_its_files_names_the_bundle(bundle: Path, tmp_path: Path) -> None:
    """Not the folder that it was unpacked to, and not to run a plan again that is a stranger's."""
    changed = Bundle(bundle)
    changed.members["run/results.csv"] += b"\n"
    path = tmp_path / "changed.zip"
    with ZipFile(path, "w") as archive:
        for name, content in changed.members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError) as raised, opened_runs(path):
        pass
    assert f"{path}/results.csv: damaged" in str(raised.value)
    assert f"'bench prove {path}' says what was changed" in str(raised.value)
    with pytest.raises(DataError, match=r"bundle\.zip: a file; expected the folder of a run"):
        read_record(path.rename(tmp_path / "bundle.zip"))
