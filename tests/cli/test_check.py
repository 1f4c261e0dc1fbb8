"""`bench check` finds damage, rerunning repairs it, `bench clean` removes leftovers."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.results.checksums import with_file_hashes
from tests.cli.conftest import Bench

SET = (
    "run", "--inpainter", "meanfill,original", "--detector", "flatness", "--size", "64",
    "--metrics", "auc,psnr", "--buckets", "30-40", "--store", "store", "--out", "out",
)  # fmt: skip
FILES = ("plan.toml", "results.csv", "samples.csv", "table.md")
CHECK = ("check", "--store", "store")


def written(out: Path = Path("out")) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def test_a_store_and_a_run_that_are_whole(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    result = bench(*CHECK, "out")
    assert result.exit_code == 0, result.output
    assert result.stdout == "No problems found.\n"
    assert json.loads(bench(*CHECK, "--json").stdout) == []


def test_damage_is_found_and_the_same_command_heals_it(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    before = written()
    draw = random.Random(0)  # noqa: S311 (no secret)
    files = sorted(Path("store/objects").glob("*/*"))
    for path in files[::2]:
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1
        path.write_bytes(content)
    files[1].unlink()
    result = bench(*CHECK)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == len(files[::2]) + 1
    assert all("rerun to regenerate it" in line for line in result.stdout.splitlines())
    healed = bench(*SET, "--images", photos)
    assert healed.exit_code == 0, healed.output
    assert written() == before
    assert bench(*CHECK, "out").exit_code == 0


def test_a_database_that_is_none_is_said_saved_and_healed(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    before = written()
    Path("store/answers.sqlite").write_bytes(b"no database, but long enough to be one" * 300)
    result = bench(*SET, "--images", photos)
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert "bench check --store store" in line
    assert bench(*CHECK).exit_code == 1
    assert bench(*SET, "--images", photos).exit_code == 0
    assert json.loads(Path("out/record.json").read_text())["jobs_run"]["fill"] == 0
    assert written() == before


def test_a_changed_result_is_found_and_mended(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    before = written()
    for name in (*FILES, "record.json"):
        path = Path("out", name)
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"0", b"1", 1))
        result = bench(*CHECK, "out", "--json")
        assert result.exit_code == 1, name
        assert [one["kind"] for one in json.loads(result.stdout)] == ["file"], name
        path.write_bytes(whole)
    Path("out/table.md").unlink()
    assert "missing file: out/table.md" in bench(*CHECK, "out").stdout
    bench(*SET, "--images", photos)
    assert written() == before


def test_clean_removes_what_no_run_needs(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    bench(*SET[:-1], "other", "--images", photos, "--seed", "3")
    count = len(list(Path("store/objects").glob("*/*")))
    Path("store/objects/aa").mkdir(exist_ok=True)
    Path("store/objects/aa/.draft-1").write_bytes(bytes(1000))
    Path("out/.draft-2").write_bytes(bytes(234))
    words = ("clean", "out", "--store", "store")
    said = bench(*words, "--dry-run").stdout
    assert said == "Would remove 2 drafts: 1,234 bytes.\n"
    assert bench(*words).stdout == "Removed 2 drafts: 1,234 bytes.\n"
    assert bench(*words).stdout == "Removed nothing: 0 bytes.\n"
    assert "answers" in bench(*words, "--unneeded").stdout
    assert 0 < len(list(Path("store/objects").glob("*/*"))) < count
    assert bench(*CHECK, "out").exit_code == 0
    again = bench(*SET, "--images", photos, "--json")
    assert set(json.loads(again.stdout)["jobs_run"].values()) == {0}


def test_clean_needs_no_data_of_a_finished_run(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    for path in photos.iterdir():
        path.unlink()
    result = bench("clean", "out", "--store", "store", "--unneeded")
    assert result.exit_code == 0, result.output
    assert "Removed nothing" in result.stdout
    assert bench(*CHECK).exit_code == 0


def test_clean_removes_nothing_if_a_runs_needs_cannot_be_told(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    for path in photos.iterdir():
        path.unlink()
    Path("out/record.json").unlink()  # a run that has not ended is known by its plan alone
    result = bench("clean", "out", "--store", "store", "--unneeded")
    assert result.exit_code == 2
    assert "cannot determine what this run needs" in result.stderr
    assert bench(*CHECK).exit_code == 0


@pytest.mark.parametrize("command", ["check", "clean"])
def test_no_store_is_a_line(bench: Bench, command: str) -> None:
    result = bench(command, "--store", "nowhere")
    assert result.exit_code == 2
    assert re.search(r"nowhere: is no(t a)? store", result.stderr)
    assert not Path("nowhere").exists()


def test_two_runs_on_one_store_at_once(tmp_path: Path, photos: Path) -> None:
    """Both begin with no store at all, ask for the same answers, and come to the same bytes."""
    words = [
        "run", "--inpainter", "telea,meanfill,original", "--detector", "flatness,chance", "--size",
        "64", "--metrics", "auc,f1,psnr", "--images", str(photos), "--store", str(tmp_path / "s"),
    ]  # fmt: skip
    code = "from benchmark.cli import main; main()"
    outs = [tmp_path / f"out{number}" for number in range(2)]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words, "--out", str(out)],
            env={**os.environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for out in outs
    ]
    for process in runs:
        _, errors = process.communicate(timeout=500)
        assert process.returncode == 0, errors
    assert written(outs[0]) == written(outs[1])
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "--store", str(tmp_path / "s")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "No problems found.\n"), done.stderr


def test_samples_of_another_run_are_found_though_the_sums_fit(bench: Bench, photos: Path) -> None:
    bench(*SET, "--images", photos)
    bench(*SET, "--images", photos, "--inpainter", "telea", "--out", "other")
    bench(*SET, "--images", photos, "--limit", "1", "--out", "few")
    for name, said in (("other", "not in plan.toml"), ("few", "samples, but record.json says")):
        shutil.copytree("out", f"mixed-{name}")
        shutil.copyfile(f"{name}/samples.csv", f"mixed-{name}/samples.csv")
        reseal(Path(f"mixed-{name}"))
        result = bench("check", f"mixed-{name}", "--store", "store")
        assert result.exit_code == 1, result.output
        assert said in result.stdout


def reseal(folder: Path) -> None:
    """Let the sums fit what lies in a run's folder."""
    path = folder / "record.json"
    path.write_text(json.dumps(with_file_hashes(folder, json.loads(path.read_text()))))


def test_a_strangers_run_names_no_store_to_be_emptied(
    bench: Bench, photos: Path, tmp_path: Path
) -> None:
    """Its store is not on this machine, or has the name of one's own."""
    words = [word for word in SET if word not in ("--store", "store")]
    assert bench(*words, "--images", photos).exit_code == 0
    own = Path(os.environ["BENCH_HOME"], "store")
    (tmp_path / "others").mkdir()
    shutil.copy(photos / "b.png", tmp_path / "others" / "z.png")
    theirs = [*words[:-1], "theirs", "--seed", "7", "--size", "48"]
    assert bench(*theirs, "--images", tmp_path / "others", "--store", "elsewhere").exit_code == 0
    shutil.rmtree("elsewhere")
    before = sorted((own / "objects").rglob("*.*"))
    said = bench("clean", "theirs", "--unneeded")
    assert said.exit_code == 2
    assert "elsewhere does not exist; name one with --store. Nothing was removed" in said.stderr
    assert "elsewhere does not exist; " in bench("check", "theirs").stderr
    document = json.loads(Path("theirs/record.json").read_text())
    document.pop("files")
    named = with_file_hashes(Path("theirs"), {**document, "store": str(own)})
    Path("theirs/record.json").write_text(json.dumps(named))
    said = bench("clean", "theirs", "--unneeded")
    assert said.exit_code == 2
    assert "has no output that these runs need" in said.stderr
    assert sorted((own / "objects").rglob("*.*")) == before
    assert bench("clean", "out", "--unneeded").exit_code == 0
    assert bench("clean", "theirs", "--unneeded", "--store", own).exit_code == 0
    assert sorted(own.rglob("*.png")) == []
