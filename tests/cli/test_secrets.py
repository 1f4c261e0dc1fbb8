"""Secrets of external programs never reach plan, record, page, log or console."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Bench

VALUE = "s3cr3t-0123456789abcdef"
PAINT = """
import os, shutil, sys
print("token", sys.argv[3], os.environ.get("MY_TOKEN"), os.environ.get("OTHER_TOKEN"))
if "fail" in sys.argv:
    sys.exit("refused " + sys.argv[3])
for name in os.listdir(sys.argv[1]):
    shutil.copy(f"{sys.argv[1]}/{name}", f"{sys.argv[2]}/{name}")
"""


def command(token: str, *words: str) -> str:
    Path("paint.py").write_text(PAINT)
    more = " ".join(words)
    words = f"{sys.executable} paint.py {{images}} {{out}} {token} {more}"
    return f"mine=cmd:masks={{name}}_mask.png {words}"


def everything() -> bytes:
    return b"".join(path.read_bytes() for path in Path.cwd().rglob("*") if path.is_file())


QUICK = ("--detector", "none", "--metrics", "psnr", "--buckets", "10-20", "--size", "64",
         "--out", "out", "--store", "store")  # fmt: skip


def test_a_secret_in_a_command_is_refused_before_anything_is_written(
    bench: Bench, photos: Path
) -> None:
    words = ("run", "--images", photos, *QUICK, "--inpainter", command(f"--token={VALUE}"))
    result = bench(*words)
    assert result.exit_code == 2
    assert "the value of --token looks like a secret" in result.stderr
    assert VALUE not in result.output
    assert not Path("out").exists()


def test_a_command_that_cannot_be_read_is_not_quoted_with_its_secret(
    bench: Bench, photos: Path
) -> None:
    word = f"cmd:'paint --token {VALUE} {{images}} {{out}}"  # the quotation is not closed
    result = bench("run", "--images", photos, *QUICK, "--inpainter", word)
    assert result.exit_code == 2
    assert VALUE not in result.output


@pytest.mark.parametrize("failing", [False, True])
def test_a_secret_goes_to_the_program_alone(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    monkeypatch.setenv("MY_TOKEN", VALUE)
    monkeypatch.setenv("OTHER_TOKEN", "another-0123456789")
    word = command("--token={env:MY_TOKEN}", *(["fail"] if failing else []))
    result = bench("run", "--images", photos, *QUICK, "--inpainter", word, "--env", "MY_TOKEN")
    assert result.exit_code == (1 if failing else 0), result.output
    assert "Not passed to cmd: programs because they look like secrets:" in result.stderr
    assert "OTHER_TOKEN" in result.stderr
    log = "".join(path.read_text() for path in Path("out/logs").glob("*.log"))
    assert "token --token=*** *** None" in log
    assert bench("report", "out").exit_code == 0
    assert VALUE not in result.output
    assert VALUE.encode() not in everything()
    if failing:
        assert "refused --token=***" in result.stderr


def test_a_variable_that_is_not_there_or_not_named_is_a_line(bench: Bench, photos: Path) -> None:
    words = ("run", "--images", photos, *QUICK, "--inpainter", command("--token={env:MY_TOKEN}"))
    result = bench(*words, "--env", "NO_TOKEN")
    assert result.exit_code == 2
    assert "--env NO_TOKEN: no such variable" in result.stderr
    assert bench(*words, "--env", "NO_TOKEN", "--dry-run").stderr == result.stderr
    assert "needs --env MY_TOKEN" in bench(*words).stderr


def test_an_address_with_a_password_is_refused_untold(bench: Bench, photos: Path) -> None:
    place = f"s3://me:{VALUE}@bucket/x"
    for words in (
        ("run", "--images", photos, *QUICK, "--store", place),
        ("check", "--store", place),
    ):
        result = bench(*words)
        assert result.exit_code == 2
        assert VALUE not in result.output
