"""`bench train`: one model, a set of weights, and invalid options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.training import editions as edition
from tests.cli.conftest import Bench
from tests.unit.training.conftest import write_set


def test_an_edition_says_a_line_a_model(bench: Bench, photos: Path) -> None:
    for number in range(3, 8):
        (photos / f"{number}.png").write_bytes((photos / "a.png").read_bytes())
    words = ("train", "--edition", "mini", "--data", photos, "--out", "trained", "--smoke")
    words += ("--only", "madf,aotgan")
    result = bench(*words)
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first.startswith("madf: 6 steps")
    assert second.startswith("aotgan: 6 steps")
    assert "was there" in bench(*words).stdout


def test_a_model_that_fails_does_not_end_the_edition(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = edition.Member(model="madf", weights=None, failure="the hole loss turned nan")
    monkeypatch.setattr(edition, "train_edition", lambda *_, **__: iter([failed]))
    result = bench("train", "--edition", "mini", "--data", photos, "--out", "trained")
    assert result.exit_code == 1
    assert "madf: the hole loss turned nan" in result.stdout


def test_rows_and_the_result_as_lines_of_json(bench: Bench, photos: Path) -> None:
    (photos / "d.png").write_bytes((photos / "a.png").read_bytes())
    words = ("train", "aotgan", "--data", photos, "--out", "trained", "--smoke", "--json")
    result = bench(*words)
    assert result.exit_code == 0, result.output
    *rows, done = (json.loads(line) for line in result.stdout.splitlines())
    losses = [row for row in rows if "l1" in row]
    assert [row["step"] for row in losses] == [1, 2, 3, 4, 5, 6]
    assert [row["psnr"] for row in rows if "psnr" in row]
    assert (done["model"], done["finished"]) == ("aotgan", True)
    assert Path(done["weights"]).is_file()
    assert Path(done["facts"]).is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "expected NAME"),
        (("madf", "--edition", "mini"), "omit NAME"),
        (("--edition", "mini", "--recipe", "paper"), "omit --recipe"),
        (("--edition", "maxi"), "maxi"),
        (("--edition", "mini", "--start", "mini"), "omit --start"),
        (("madf", "--forgeries", "set"), "madf is an inpainter"),
        (("trufor", "--layout", "pairs"), "--layout goes with --forgeries DIR"),
    ],
)
def test_what_cannot_be_asked(
    bench: Bench, photos: Path, words: tuple[str, ...], said: str
) -> None:
    result = bench("train", *words, "--data", photos, "--out", "trained")
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_detector_trains_on_existing_forgeries_and_from_weights(bench: Bench) -> None:
    write_set(Path("set"))
    words = ("train", "iidnet", "--forgeries", "set", "--smoke")
    first = bench(*words, "--out", "first")
    assert first.exit_code == 0, first.output
    assert "Forgeries: 20 forged and 10 authentic images of 10 originals, 2 of them" in first.stderr
    second = bench(*words, "--start", "first/iidnet.safetensors", "--out", "second")
    assert second.exit_code == 0, second.output
    assert second.stderr.startswith("Start: sha256:")
    none = bench("train", "psccnet", "--recipe", "paper", "--data", "set", "--out", "none")
    assert none.exit_code == 2
    assert len(none.stderr.splitlines()) == 1
    assert "Recipes that make forgeries from --data: made, mini" in none.stderr
