"""README and docs: every code block is run, saved or compared; none is skipped."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import FENCE, PAGES, blocks
from tests.docs.listed import NOT_RUN, SLOW
from tests.docs.player import Player
from tests.docs.world import furnish
from tests.plugins import forget

WITH_BLOCKS = [page for page in PAGES if blocks(page)]
COMMANDS = [
    command
    for page in PAGES
    for block in blocks(page)
    if block.language == "bash"
    for command in block.commands
]


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it, and the store of that run beside it."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "here").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "here")
        furnish(folder / "home")
    return folder


@pytest.fixture
def reader(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a copy of that folder; what was imported from it is forgotten afterwards."""
    shutil.copytree(furnished, tmp_path / "reader")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "reader" / "home"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path / "reader" / "here")
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
        if any(str(place).startswith(str(tmp_path)) for place in places):
            del sys.modules[name]
    forget()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_its_blocks_do_what_they_say(page: str, pytestconfig: pytest.Config) -> None:
    player = Player(slow=pytestconfig.getoption("--slow"))
    for block in blocks(page):
        player.play(block)


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_overlooked(page: str) -> None:
    shown = [block for block in blocks(page) if block.shown]
    assert len(FENCE.findall(PAGES[page])) == 2 * (len(blocks(page)) + len(shown))


@pytest.mark.parametrize("beginning", [one for group in NOT_RUN.values() for one in group])
def test_what_is_listed_as_not_run_is_on_a_page(beginning: str) -> None:
    assert any(command.startswith(beginning) for command in COMMANDS)


@pytest.mark.parametrize("command", SLOW)
def test_what_is_listed_as_slow_is_on_a_page(command: str) -> None:
    assert command in COMMANDS
