"""`bench new` writes working projects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Bench
from tests.unit.test_layers import ROOT

KINDS = ("inpainter", "detector", "metric", "dataset", "launder")


def own_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """The project's own tests, as its author runs them, in an environment that has the bench."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_new_projects_pass_their_own_tests(bench: Bench) -> None:
    """One process for all four: each would import torch anew."""
    for kind in KINDS:
        result = bench("new", kind, f"My-{kind}.2")
        assert result.exit_code == 0, result.output
        install = "pip install --editable . pytest"  # which is not installed with the bench
        assert result.stdout.endswith(f"Next: cd My-{kind}.2; {install}; python -m pytest\n")
        folder, module = Path(f"My-{kind}.2"), f"my_{kind}_2.py"
        names = {path.name for path in folder.iterdir()}
        assert names == {"pyproject.toml", "README.md", module, f"test_{module}"}
        readme = (folder / "README.md").read_text()
        assert ("An inpainter for" if kind == "inpainter" else f"A {kind} for") in readme
        assert "bench run" in readme
        assert install in readme
        assert "$" not in "".join(path.read_text() for path in folder.glob("*.*[!c]"))
    done = own_tests(Path())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(KINDS)} passed" in done.stdout


def test_the_own_test_can_fail(bench: Bench) -> None:
    bench("new", "inpainter", "wrong")
    file = Path("wrong/wrong.py")
    source = file.read_text()
    file.write_text(source.replace("known_mean(images, masks).expand_as(images)", "images[:, :1]"))
    done = own_tests(Path("wrong"))
    assert done.returncode == 1
    assert "wrong: expected an image of shape (1, 3, 64, 64)" in done.stdout


@pytest.mark.parametrize("check", [("check",), ("format", "--check")], ids=" ".join)
def test_new_projects_pass_a_linter(bench: Bench, check: tuple[str, ...]) -> None:
    for kind in KINDS:
        bench("new", kind, f"own-{kind}")
        words = [sys.executable, "-m", "ruff", *check, "--isolated", "--line-length", "100"]
        done = subprocess.run(words, cwd=f"own-{kind}", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("inpainter", "../up"), "is not a valid project name"),
        (("inpainter", "2d"), "is not a valid project name"),
        (("inpainter", "a b"), "is not a valid project name"),
        (("inpainter", "-x"), ""),
        (("inpainter", "lambda"), "is a module or a Python keyword"),
        (("inpainter", "torch"), "is a module or a Python keyword"),
        (("inpainter", "json"), "is a module or a Python keyword"),
        (("inpainter", "telea"), "already the name of another inpainter"),
        (("paintbrush", "mine"), "no kind of project named 'paintbrush'"),
        (("inpainter", "full"), "full: already exists and is not empty"),
    ],
)
def test_names_and_folders_that_are_refused(
    bench: Bench, words: tuple[str, ...], said: str
) -> None:
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    result = bench("new", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert [str(path) for path in Path().rglob("*")] == ["full", "full/notes.txt"]


@pytest.mark.slow
def test_a_new_project_is_installed_listed_and_run(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not here: pip install hatchling")
    bench("new", "inpainter", "my-painter")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
               "--no-build-isolation", "--target", str(site), "./my-painter"]  # fmt: skip
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{site}"}
    code = "from benchmark.cli import main; main()"
    for words in (
        ["list"],
        ["run", "--inpainter", "my-painter", "--detector", "flatness", "--limit", "1", "--size",
         "64", "--metrics", "psnr"],
    ):  # fmt: skip
        done = subprocess.run([sys.executable, "-c", code, *words], env=environment,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "my-painter" in done.stdout
