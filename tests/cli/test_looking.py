"""Reading a run executes, imports and opens nothing that the run names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from benchmark.results.checksums import with_file_hashes
from benchmarks.bundle_file import PLAN, RECORD, Bundle
from tests.cli.conftest import Bench

WORDS = (
    "run", "--inpainter", "meanfill,original", "--detector", "flatness,chance", "--size", "64",
    "--metrics", "auc,acc,psnr", "--buckets", "10-20",
)  # fmt: skip
EVIL = """
from pathlib import Path
Path("marker").touch()
from inpainters.base import Inpainter
class X(Inpainter):
    pass
"""
OUTSIDE = "secret"  # a folder that the hostile plan names
HOSTILE = {  # key of the plan -> what a stranger writes there
    "inpainters": '["evil:X", "cmd:touch marker {images} {masks} {out}", "meanfill", "original"]',
    "detectors": '["flatness", "bad=evil:X", "cmd:touch marker {images} {out} secret", "chance"]',
    "images": '"../secret"',
    "masks": '"../secret"',
    "datasets": '["folder", "evilset"]',
    "metrics": '["auc", "evilmetric", "psnr"]',
    "data_root": '"../secret"',
    "launder": '["evil:X"]',
    "weights": '{meanfill = "../secret/a.png"}',
}
COMMANDS = {
    "table": ("table", "3", "--run", "out"),
    "stats": ("table", "stats", "--run", "out"),
    "report": ("report", "out", "--full"),
    "check": ("check", "out"),
    "clean": ("clean", "out", "--unneeded"),
    "merge": ("merge", "all", "out"),
    "board": ("board", "out", "--out", "site"),
    "compare": ("report", "--compare", "out", "out"),
    "export": ("export", "out", "--format", "model-index", "--out", "cards"),
    "list runs": ("list", "runs"),
    "recompute": ("check", "out", "--recompute", "3"),
    "submit": ("submit", "full", "--out", "full.zip", "--images"),
    "prove": ("prove", "stranger.zip", "--recompute", "3"),
    "board of a bundle": ("board", "stranger.zip", "--out", "bundles"),
}
# Opens, imports and starts are noted; arguments: the folder, and cases (folder, words) as JSON.
WATCH = """
import json, os, sys
from pathlib import Path
here, cases = Path(sys.argv[1]).resolve(), json.loads(sys.argv[2])
from typer.testing import CliRunner
from benchmark.cli import app
import benchmark.bundle, benchmark.merge, benchmark.recompute, reports.document, reports.page.write
import reports.board.write
import benchmark.results.required_keys, benchmark.results.checksums, benchmark.results.run_list
seen = []
def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = Path(os.fsdecode(args[0])).absolute()
        if path.is_relative_to(here / "secret") or path.name.startswith("evil"):
            seen.append(f"opened {path}")
    elif event == "import" and str(args[0]).startswith("evil"):
        seen.append(f"imported {args[0]}")
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"):
        seen.append(f"{event} {args[:1]}")
    elif event in ("os.scandir", "os.listdir") and str(args[0]).endswith("secret"):
        seen.append(f"listed {args[0]}")
sys.addaudithook(watch)
for folder, words in cases:
    os.chdir(here / folder)
    seen.clear()
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        seen.append(f"traceback: {result.exception!r}")
    print(json.dumps([folder, words, seen, result.exit_code, result.output[-400:]]))
"""


def watched(cases: list[tuple[str, tuple[str, ...]]]) -> list[list[Any]]:
    """What some commands did that they must not, all in one process."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(Path.cwd()), json.dumps(cases)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def finished(bench: Bench, photos: Path) -> Path:
    """A shard's run, a whole one and its bundle beside it, and files that are nobody's."""
    for words in (("--shard", "1/1", "--out", "mine"), ("--out", "full")):
        result = bench(*WORDS, "--images", photos, *words)
        assert result.exit_code == 0, result.output
    assert bench("submit", "full", "--out", "full.zip", "--images").exit_code == 0
    shutil.copytree(photos, OUTSIDE)
    return Path("mine")


def hostile(run: Path, number: int, key: str, *, ended: bool) -> str:
    """A folder with copies of runs and a bundle, in whose plan one key is a stranger's."""
    home = Path(f"case{number}")
    shutil.copytree(run, home / "out")
    (home / "evil.py").write_text(EVIL)
    shutil.copytree(home / "out", home / "runs/one")
    shutil.copytree("full", home / "full")
    for folder in (home / "out", home / "runs/one", home / "full"):
        spoil(folder, key, HOSTILE[key])
        if not ended:
            (folder / "record.json").unlink()
    bundle = Bundle(Path("full.zip"))
    for file in (PLAN, RECORD):
        path = home / "full" / Path(file).name
        if path.exists():
            bundle.members[file] = path.read_bytes()
    bundle.save(home / "stranger.zip")
    return str(home)


def spoil(folder: Path, key: str, value: str) -> None:
    """One key of the plan, in plan.toml and in the record, with sums that fit."""
    plan = tomllib.loads((folder / "plan.toml").read_text())
    plan[key] = tomllib.loads(f"it = {value}")["it"]
    (folder / "plan.toml").write_text(tomli_w.dumps(plan))
    record = json.loads((folder / "record.json").read_text())
    record["plan"] = plan
    (folder / "record.json").write_text(json.dumps(with_file_hashes(folder, record)))


@pytest.mark.parametrize(
    ("keys", "commands"),
    [
        (
            ("inpainters", "images", "metrics"),
            ("table", "report", "board", "clean", "merge", "check", "submit", "prove"),
        ),
        pytest.param(tuple(HOSTILE), tuple(COMMANDS), marks=pytest.mark.slow),
    ],
    ids=["some", "all"],
)
def test_a_hostile_run_is_looked_at_and_nothing_of_it_runs(
    finished: Path, keys: tuple[str, ...], commands: tuple[str, ...]
) -> None:
    folders = [
        hostile(finished, 2 * number + ended, key, ended=bool(ended))
        for number, key in enumerate(keys)
        for ended in (0, 1)
    ]
    found = watched([(folder, COMMANDS[name]) for folder in folders for name in commands])
    assert len(found) == 2 * len(keys) * len(commands)
    assert [one for one in found if one[2]] == []
    assert not list(Path.cwd().rglob("marker"))


def test_the_watch_sees_what_it_is_for(finished: Path) -> None:
    folder = hostile(finished, 0, "inpainters", ended=True)
    ((*_, seen, _, _),) = watched([(folder, ("run", "out/plan.toml", "--out", "again"))])
    assert any(one.endswith("evil.py") for one in seen)
    assert list(Path(folder).glob("marker"))  # whoever runs a plan trusts it
