"""Run the code blocks of a page one after the other, as a reader would."""

from __future__ import annotations

import importlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.runner.plan import Plan
from benchmark.training.recipe import read_recipe
from tests.docs.blocks import Block
from tests.docs.listed import SLOW, UNDERSTOOD, why_not_run
from tests.docs.printed import not_printed
from tests.docs.world import RUN, SMALL
from tests.plugins import forget
from tests.unit.test_layers import ROOT


class Player:
    """Plays blocks in the current folder; everything that goes wrong is an AssertionError.

    Args:
        slow: whether slow commands are run too.
    """

    def __init__(self, *, slow: bool) -> None:
        self._slow = slow
        self._names: dict[str, Any] = {"__name__": "page"}
        self._plays: dict[str, Callable[[Block], None]] = {
            "bash": self._bash,
            "python": self._python,
            "toml": self._toml,
            "yaml": self._yaml,
        }

    def play(self, block: Block) -> None:
        """Run a block, or save it under its title."""
        assert block.language in self._plays, f"{block.place}: nothing plays {block.language!r}"
        if block.title:
            _save(block)
        if block.language != "python" or not block.title:
            self._plays[block.language](block)

    def _python(self, block: Block) -> None:
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(block.text, block.place, "exec"), self._names)  # noqa: S102 (our own page)
        if block.shown:
            assert printed.getvalue() == block.shown, block.place

    def _toml(self, block: Block) -> None:
        assert block.title, f"{block.place}: a file needs a title"
        keys = tomllib.loads(block.text)
        if "model" in keys:
            read_recipe(keys["model"], block.title)
        else:
            Plan.load(Path(block.title))

    def _yaml(self, block: Block) -> None:
        """Look at the commands of a workflow; tests/docs/test_pull_requests.py runs them."""
        for command in steps(block):
            understand(shlex.split(command), block.place)

    def _bash(self, block: Block) -> None:
        printed = ""
        for command in block.commands:
            printed = self._command(command, as_it_stands=bool(block.shown), place=block.place)
        lacking = not_printed(block.shown, printed)
        assert not lacking, "\n".join([f"{block.place}: not printed:", *lacking, "but:", printed])

    def _command(self, command: str, *, as_it_stands: bool, place: str) -> str:
        words = shlex.split(command.replace("<time>", RUN))
        program, rest = words[0], words[1:]
        read = place.startswith(UNDERSTOOD) or (command in SLOW and not self._slow)
        if read or why_not_run(command):
            return understand(words, place)
        if program == "cd":
            os.chdir(rest[0])
            return ""
        if program == "python":
            return _call([sys.executable, *rest], place)
        assert program == "bench", f"{place}: {command!r} is neither run nor listed in listed.py"
        return bench(rest if as_it_stands else cheap(rest), place)


def steps(block: Block) -> list[str]:
    """The commands of a workflow."""
    return re.findall(r"^ +(?:- )?run: (.+)$", block.text, re.MULTILINE)


def bench(words: list[str], place: str) -> str:
    """Run `bench`, and return what it prints."""
    result = CliRunner().invoke(app, words)
    said = f"{place}: bench {shlex.join(words)}: {result.output[-2000:]}"
    assert result.exit_code == 0, said
    return result.output


def cheap(words: list[str]) -> list[str]:
    """A command with what makes it small, where it does not say otherwise."""
    if words[0] == "train":
        return [*words, "--smoke"]
    if words[0] != "run":
        return words
    if "--forgeries" in words:  # at their own size, and without bins
        return words if "--limit" in words else [*words, "--limit", "1"]
    missing = [pair for pair in zip(SMALL[::2], SMALL[1::2], strict=True) if pair[0] not in words]
    return [*words, *(word for pair in missing for word in pair)]


def understand(words: list[str], place: str) -> str:
    """Look at a command that is not run: `bench` knows its options, the Makefile its target."""
    program, *rest = words[1:] if words[0] == "exec" else words
    if Path(program).name == "bench":
        bench([*rest, "--help"], place)
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert f"\n{rest[0]}:" in makefile, f"{place}: no target {rest[0]!r}"
    if Path(program).name == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        for word in (word for word in rest if word.endswith("]")):
            extra = word.partition("[")[2][:-1]
            assert extra in extras["project"]["optional-dependencies"], f"{place}: {word}"
    return ""


def _call(words: list[str], place: str) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, f"{place}: {done.stdout}{done.stderr}"
    return done.stdout


def _save(block: Block) -> None:
    """Save a block; a module of this name is imported anew."""
    Path(block.title).write_text(block.text, encoding="utf-8")
    sys.modules.pop(Path(block.title).stem, None)
    importlib.invalidate_caches()
    forget()
