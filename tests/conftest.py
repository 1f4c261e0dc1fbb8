"""Shared by all tests: the --slow option, and a home folder for each test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch: side by side, one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmark.core.backbones import find_backbone, own_file, published_file

# Where the user has them: read before every test gets a home of its own.
BACKBONES = {name: (own_file(name), published_file(name)) for name in ("alexnet", "vgg16")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run tests over ten seconds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(scope="session", autouse=True)
def _no_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a module or a session shares is made without the user's home too."""
    with pytest.MonkeyPatch.context() as patch:
        _move_home(patch, tmp_path_factory.mktemp("shared"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_python() -> Iterator[None]:
    """`python` and `bench` in a command are those of these tests, whatever is activated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's store, checkpoints or torch cache, nor leaves anything there."""
    _move_home(monkeypatch, tmp_path)


def _move_home(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("BENCH_HOME", str(folder / "home"))
    patch.setenv("TORCH_HOME", str(folder / "torch"))


def link_backbone(name: str) -> bool:
    """Put the user's backbone into the test's home, if it is installed and verified."""
    for theirs, place in zip(BACKBONES[name], (own_file(name), published_file(name)), strict=True):
        if theirs.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(theirs)
    return find_backbone(name) is not None


@pytest.fixture
def alexnet(_own_home: None) -> None:
    """The backbone of LPIPS, in the test's home."""
    if not link_backbone("alexnet"):
        pytest.skip("run 'bench weights fetch alexnet'")


@pytest.fixture
def vgg16(_own_home: None) -> None:
    """The backbone of LPIPS (VGG) and of perceptual losses, in the test's home."""
    if not link_backbone("vgg16"):
        pytest.skip("run 'bench weights fetch vgg16'")


@pytest.fixture
def no_minis(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no mini edition were shipped: every model that needs weights has none."""
    monkeypatch.setattr("benchmark.core.checkpoints.resolve.mini_path", lambda card: None)
