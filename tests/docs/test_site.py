"""The documentation site: navigation, model cards, and a strict build."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES
from tests.unit.test_layers import ROOT

NAVIGATION = re.findall(
    r"^ +- (?:.+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), flags=re.MULTILINE
)
CARDS = [path for kind in ("inpainters", "detectors") for path in (ROOT / kind).glob("mini/*.md")]


def test_every_page_is_in_the_navigation() -> None:
    pages = [page.removeprefix("docs/") for page in PAGES if page != "README.md"]
    assert sorted(NAVIGATION) == sorted(pages)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_every_model_card_has_a_page(card: Path) -> None:
    page = PAGES[f"docs/cards/{card.name}"]
    assert page.strip() == f'--8<-- "{card.relative_to(ROOT).as_posix()}"'


def test_it_builds(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="zensical is not here: pip install '.[docs]'")
    pytest.importorskip("mkdocstrings_handlers", reason="no mkdocstrings: pip install '.[docs]'")
    for name in ("docs", "benchmark", "inpainters", "detectors", "mkdocs.yml"):
        whole = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        whole(ROOT / name, tmp_path / name)
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", "mkdocs.yml"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in NAVIGATION:
        assert (tmp_path / "site" / name).with_suffix(".html").is_file()
    models = (tmp_path / "site" / "reference" / "models.html").read_text(encoding="utf-8")
    assert "known pixels are the input's, bit for bit" in models
