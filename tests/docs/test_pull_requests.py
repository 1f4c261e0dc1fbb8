"""docs/howto/pull-requests.md: its model, plan, reference and workflow, run as a lab would."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmark.cli import app
from tests.docs.blocks import Block, blocks
from tests.docs.player import steps

PAGE = "docs/howto/pull-requests.md"


def saved(block: Block) -> None:
    """Save a block under its title."""
    Path(block.title).write_text(block.text, encoding="utf-8")


def status_of(command: str) -> int:
    """Run a command of the page or of its workflow, and return its exit status."""
    if command.startswith("bench "):
        return CliRunner().invoke(app, shlex.split(command)[1:]).exit_code
    return subprocess.run(command, shell=True, check=False).returncode  # noqa: S602 (our own page)


def size_of(file: str) -> tuple[int, int]:
    """Width and height of an image file."""
    with Image.open(file) as image:
        return image.size


def test_a_changed_model_fails_with_its_three_worst_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "shown.md"))
    model, plan, reference, workflow, changed, by_hand = blocks(PAGE)
    saved(model)
    saved(plan)
    assert [status_of(command) for command in reference.commands] == [0]
    job = [command for command in steps(workflow) if not command.startswith("pip ")]
    assert by_hand.commands == job[:2]

    assert [status_of(command) for command in job] == [0, 0, 0, 0]
    assert "no cell beyond auc:+0.02, psnr:-0.5" in Path("shown.md").read_text()
    assert not Path("worst").exists()

    saved(changed)
    Path("baseline/table.md").unlink()  # four files are enough
    shutil.rmtree("now")
    Path("shown.md").unlink()
    assert [status_of(command) for command in job] == [0, 1, 1, 0]
    summary = Path("shown.md").read_text(encoding="utf-8")
    assert "2 cells beyond a limit" in summary
    assert "Other weights, files or code under the same name: mine." in summary
    names = sorted(path.name for path in Path("worst").iterdir())
    assert names == [f"{metric}-{count}.png" for metric in ("auc", "psnr") for count in (1, 2, 3)]
    assert all(f"](worst/{name})" in summary for name in names)
    assert size_of("worst/auc-1.png") == (5 * 64 + 4 * 4, 64)  # with both heatmaps
    assert size_of("worst/psnr-1.png") == (3 * 64 + 2 * 4, 64)
    suite = ET.parse("junit.xml").find("testsuite")  # noqa: S314 (our own document)
    assert suite is not None
    assert suite.get("failures") == "2"
