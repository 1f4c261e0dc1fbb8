"""Corrupted files of a run: commands read them or print a one-line error."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import tomllib
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.results.file_hashes import file_hash, record_hash
from tests.cli.conftest import Bench

WORDS = (
    "run", "--inpainter", "meanfill,original", "--detector", "flatness", "--size", "64",
    "--metrics", "auc,acc,psnr", "--buckets", "10-20", "--launder", "noise:2",
)  # fmt: skip
DIGITS = "a number of 5,000 digits"  # which no Python writes
DEEP = "nested a thousand times"
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 1.5, 1e308, DIGITS, DEEP, "", "x", "\x1b[31mred\r\n", "=1+1", "x" * 5000,
    "~nosuchuser/x", "../../x", "/dev/zero", "a\0b", "0x" + "f" * 5000, "\ud800", "s3://x/y",
    "evil:X", "cmd:rm {images} {masks} {out}", [], {}, [[]], [None], {"": None}, ["x" * 300] * 50,
    {"x": {"x": "x"}}, "yes", "1/1", "99999999/99999999", "NaN", 2**63, "inf",
)  # fmt: skip
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("table", "3", "--run", "runs/out"),
    ("table", "all", "--run", "runs/out", "--format", "csv"),
    ("table", "stats", "--run", "runs/out"),
    ("check", "runs/out"),
    ("clean", "runs/out", "--unneeded", "--dry-run"),
    ("merge", "all", "runs/out"),
    ("report", "--compare", "whole", "runs/out"),
    ("compare", "whole", "runs/out", "--format", "github", "--images", "worst"),
    ("export", "runs/out", "--format", "every-eval-ever", "--out", "logs"),
    ("export", "runs/out", "--format", "model-index", "--out", "cards"),
    ("list", "runs"),
    ("check", "runs/out", "--recompute", "1"),
    ("submit", "runs/out", "--out", "runs/out.zip"),
)
PAGE = ("report", "runs/out")
Change = Callable[[Path, random.Random], str]


@pytest.fixture
def whole(bench: Bench, photos: Path) -> Path:
    """A shard's run and its store; every metric and model is of this project."""
    result = bench(*WORDS, "--images", photos, "--shard", "1/1", "--out", "whole")
    assert result.exit_code == 0, result.output
    return Path("whole")


def spots(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a document."""
    if at:
        yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()  # fmt: skip
    for key, one in pairs:
        yield from spots(one, (*at, key))


def replace(document: Any, at: tuple[Any, ...], value: Any) -> None:
    for key in at[:-1]:
        document = document[key]
    document[at[-1]] = value


def as_json(document: Any) -> str:
    text = json.dumps(document)
    return text.replace(json.dumps(DIGITS), "9" * 5000).replace(
        json.dumps(DEEP), "[" * 100_000 + "]" * 100_000
    )


def change_record(folder: Path, dice: random.Random) -> str:
    path = folder / "record.json"
    document = json.loads(path.read_text())
    at = dice.choice(list(spots(document)))
    value = dice.choice(VALUES)
    replace(document, at, value)
    path.write_text(as_json(document))
    return f"record.json {at} = {value!r:.40}"


def change_shard(folder: Path, dice: random.Random) -> str:
    path = folder / "shard.json"
    document = json.loads(path.read_text())
    at, value = dice.choice(["shard", "store"]), dice.choice(VALUES)
    document[at] = value
    path.write_text(as_json(document))
    return f"shard.json {at} = {value!r:.40}"


def change_plan(folder: Path, dice: random.Random) -> str:
    path = folder / "plan.toml"
    keys = list(tomllib.loads(path.read_text()))
    key, value = dice.choice(keys), dice.choice(VALUES)
    text = {DIGITS: "9" * 5000, DEEP: "[" * 5000 + "]" * 5000}.get(str(value)) or as_toml(value)
    others = [f"{one} = {as_toml(found)}" for one, found in tomllib.loads(path.read_text()).items()
              if one != key]  # fmt: skip
    path.write_text("\n".join([*others, f"{key} = {text}"]) + "\n", errors="surrogatepass")
    seal(folder, "plan.toml")
    return f"plan.toml {key} = {value!r:.40}"


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, str) and value.startswith("0x"):
        return value
    return "nan" if value is None else json.dumps(value)


def change_rows(name: str) -> Change:
    def change(folder: Path, dice: random.Random) -> str:
        path = folder / name
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        row, column = dice.randrange(len(rows)), dice.randrange(len(rows[0]))
        value = dice.choice([one for one in VALUES if isinstance(one, (str, int, float))])
        rows[row][column] = str(value)
        with path.open("w", newline="", errors="surrogatepass") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        seal(folder, name)
        return f"{name} {row},{column} = {value!r:.40}"

    return change


def seal(folder: Path, name: str) -> None:
    """Let the record's sums fit, so that the change is read."""
    path = folder / "record.json"
    document = json.loads(path.read_text())
    document["files"][name] = file_hash(folder / name)
    document["files"]["record.json"] = record_hash(document)
    path.write_text(json.dumps(document))


CHANGES: tuple[Change, ...] = (
    *[change_record] * 6, change_shard, *[change_plan] * 2,
    change_rows("results.csv"), change_rows("samples.csv"),
)  # fmt: skip


def try_all(bench: Bench, whole: Path, numbers: range, commands: int) -> list[str]:
    wrong = []
    for number in numbers:
        dice = random.Random(number)  # noqa: S311 (the same changes every time)
        shutil.rmtree("runs", ignore_errors=True)
        shutil.rmtree("all", ignore_errors=True)
        shutil.copytree(whole, "runs/out")
        said = CHANGES[number % len(CHANGES)](Path("runs/out"), dice)
        for turn in range(commands):
            words = COMMANDS[(number + turn) % len(COMMANDS)]
            if number % 50 == 49 and not turn:
                words = PAGE
            wrong += [f"{number}: {said}: {words}: {one}" for one in told(bench(*words), number)]
    return wrong


def told(result: Any, number: int) -> Iterator[str]:
    """What is wrong with how a command ended."""
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        yield "".join(traceback.format_exception(error)[-3:])
    if result.exit_code not in (0, 1, 2):
        yield f"status {result.exit_code}"
    if "\x1b" in result.output or "\r" in result.output:
        yield "a control character"
    if result.exit_code == 2 and not re.search(r"^Error: .", result.stderr, re.MULTILINE):
        yield f"no line: {result.output}"
    if len([line for line in result.stderr.splitlines() if line.startswith("Error")]) > 1:
        yield f"several lines: {result.output}"


def test_a_change_is_read_or_said_in_a_line(bench: Bench, whole: Path) -> None:
    assert try_all(bench, whole, range(60), 1) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_thousand_changes(bench: Bench, whole: Path) -> None:
    assert try_all(bench, whole, range(60, 2060), 2) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_field_of_a_record(bench: Bench, whole: Path) -> None:
    document = json.loads((whole / "record.json").read_text())
    shutil.copytree(whole, "runs/out")
    wrong = []
    for number, at in enumerate(spots(document)):
        for value in VALUES[number % 4 :: 4]:
            changed = json.loads(json.dumps(document))
            replace(changed, at, value)
            Path("runs/out/record.json").write_text(as_json(changed))
            words = COMMANDS[number % len(COMMANDS)]
            wrong += [f"{at} = {value!r:.40}: {words}: {one}" for one in told(bench(*words), 0)]
    assert wrong == []
