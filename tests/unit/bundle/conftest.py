"""A small bundle, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bundle_file import make_bundle


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with run/, store/, photos/ and bundle.zip of `make_bundle`; not to be changed."""
    folder = tmp_path_factory.mktemp("bundle")
    make_bundle(folder, images=3)
    return folder


@pytest.fixture
def bundle(made: Path) -> Path:
    """A bundle with all maps and images; not to be changed."""
    return made / "bundle.zip"
