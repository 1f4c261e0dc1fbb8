"""Corrupted bundles, with checksums that fit: read and told, or refused in one line."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.bundle_file import CARDS, NUMBERS, PLAN, RECORD, RESULTS, SAMPLES, Bundle
from tests.cli.conftest import Bench
from tests.cli.test_mutated import VALUES, as_json, as_toml, replace, spots, told

WORDS = (
    "run", "--inpainter", "meanfill", "--detector", "flatness", "--size", "32", "--limit", "1",
    "--metrics", "auc,acc,psnr", "--buckets", "10-20",
)  # fmt: skip
COMMANDS = (
    ("prove", "bad.zip", "--recompute", "1"),
    ("prove", "bad.zip", "--recompute", "0", "--json"),
    ("table", "3", "--run", "bad.zip"),
    ("compare", "good.zip", "bad.zip", "--format", "github"),
    ("export", "bad.zip", "--format", "every-eval-ever", "--out", "logs"),
    ("export", "bad.zip", "--format", "model-index", "--out", "cards"),
    ("board", "good.zip", "bad.zip", "--out", "site"),
)
Change = Callable[[Bundle, random.Random], str]


@pytest.fixture
def good(bench: Bench, photos: Path) -> Path:
    """A bundle with all maps and images."""
    assert bench(*WORDS, "--images", photos, "--out", "run").exit_code == 0
    assert bench("submit", "run", "--out", "good.zip", "--images").exit_code == 0
    return Path("good.zip")


def change_json(name: str) -> Change:
    def change(bundle: Bundle, dice: random.Random) -> str:
        document = bundle.document(name)
        at, value = dice.choice(list(spots(document))), dice.choice(VALUES)
        replace(document, at, value)
        bundle.members[name] = as_json(document).encode("utf-8", "surrogatepass")
        return f"{name} {at} = {value!r:.40}"

    return change


def change_rows(name: str) -> Change:
    def change(bundle: Bundle, dice: random.Random) -> str:
        rows = bundle.rows(name)
        row, column = dice.randrange(len(rows)), dice.randrange(len(rows[0]))
        value = dice.choice([one for one in VALUES if isinstance(one, (str, int, float))])
        rows[row][column] = str(value)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        bundle.members[name] = text.getvalue().encode("utf-8", "surrogatepass")
        return f"{name} {row},{column} = {value!r:.40}"

    return change


def change_plan(bundle: Bundle, dice: random.Random) -> str:
    lines = bundle.members[PLAN].decode().splitlines()
    at, value = dice.randrange(len(lines)), dice.choice(VALUES)
    lines[at] = f"{lines[at].partition(' = ')[0]} = {as_toml(value)}"
    bundle.members[PLAN] = "\n".join(lines).encode("utf-8", "surrogatepass")
    return f"plan.toml {lines[at]:.60}"


def change_output(bundle: Bundle, dice: random.Random) -> str:
    name = dice.choice([one for one in bundle.members if one.startswith("outputs/")])
    content = bytearray(bundle.members[name])
    for _ in range(3):
        content[dice.randrange(min(len(content), 140))] = dice.randrange(256)
    bundle.members[name] = bytes(content[: dice.choice((-1, 60, None))])
    return name


CHANGES: tuple[Change, ...] = (
    change_json(RECORD), change_json(CARDS), change_rows(NUMBERS), change_json(RECORD),
    change_rows(SAMPLES), change_rows(RESULTS), change_plan, change_output,
    change_json("manifest.json"),
)  # fmt: skip


def pack(bundle: Bundle, path: Path) -> None:
    """Write a bundle whose sums fit, as far as its documents can still be read."""
    try:
        bundle.save(path)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ):  # such as a record without `files`
        bundle.save_as_it_is(path)


def try_all(bench: Bench, numbers: range) -> list[str]:
    wrong = []
    for number in numbers:
        dice = random.Random(number)  # noqa: S311 (the same changes every time)
        bundle = Bundle(Path("good.zip"))
        said = CHANGES[number % len(CHANGES)](bundle, dice)
        pack(bundle, Path("bad.zip"))
        words = COMMANDS[number // len(CHANGES) % len(COMMANDS)]
        wrong += [f"{number}: {said}: {words}: {one}" for one in told(bench(*words), number)]
    return wrong


def test_a_changed_bundle_is_read_or_refused_in_a_line(bench: Bench, good: Path) -> None:
    assert try_all(bench, range(36)) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_three_hundred_changed_bundles(bench: Bench, good: Path) -> None:
    assert try_all(bench, range(36, 336)) == []
