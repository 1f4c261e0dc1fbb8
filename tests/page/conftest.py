"""Fixtures: a small run with its page, and a headless browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from benchmark.api import run
from benchmark.runner.plan import Plan
from reports.page.write import write_report

HARMFUL = "<script>document.title='gone'<"  # with a file's ending: </script> needs a slash
IMAGES = ("b", "a", HARMFUL, "img onerror=alert(1) src=x \"'>")
WRITTEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Made(NamedTuple):
    """A finished run."""

    folder: Path
    store: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four small images, one with a harmful name; models without weights; post-processing."""
    root = tmp_path_factory.mktemp("page")
    photos = root / "photos"
    photos.mkdir()
    generator = np.random.default_rng(0)
    for name in IMAGES:
        rough = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((64, 64)).save(photos / f"{name}.png")
    plan = Plan(
        name="small",
        datasets=("folder",),
        images=photos,
        size=64,
        buckets=("10-20", "30-40"),
        inpainters=("telea", "meanfill", "original"),
        detectors=("flatness", "chance"),
        metrics=("auc", "acc", "psnr"),
        launder=("jpeg:90", "jpeg:50"),
    )
    run(plan, out=root / "run", store=root / "store")
    return Made(root / "run", root / "store")


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Made:
    """A copy of the run, for tests that change it."""
    folder = tmp_path / "copy"
    shutil.copytree(made.folder, folder)
    return Made(folder, made.store)


@pytest.fixture(scope="session")
def written_page(made: Made) -> Path:
    """Page of the run."""
    return write_report(made.folder, store=made.store, written=WRITTEN)


@pytest.fixture(scope="session")
def open_page(written_page: Path) -> Iterator[Callable[..., Any]]:
    """Open a page in headless Chromium; skip if it is not installed."""
    pytest.importorskip("selenium", reason="needs selenium: pip install '.[test]'")
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver or not chromium:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service(driver), options=options)

    def show(width: int = 1280, *, dark: bool = False, path: Path = written_page) -> Any:
        scheme = "dark" if dark else "light"
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        browser.get(path.as_uri())
        browser.execute_script("localStorage.clear()")
        browser.get(path.as_uri())
        return browser

    yield show
    browser.quit()
