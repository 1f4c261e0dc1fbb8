"""The libraries of the transports are those of the extra."""

from __future__ import annotations

import tomllib
from pathlib import Path

from benchmark.core.checkpoints.hub_files import HUB
from benchmark.fetch.drive import GDOWN, is_drive

ROOT = Path(__file__).parents[3]


def test_the_versions_in_messages_are_those_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert extras["fetch"] == [GDOWN, HUB]
    assert {GDOWN, HUB} <= set(extras["test"])


def test_what_is_on_drive() -> None:
    assert is_drive("https://drive.google.com/file/d/1a")
    assert not is_drive("https://drive.google.com.example/file/d/1a")
