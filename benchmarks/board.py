"""Time, memory and size of `bench board` of many runs: `python -m benchmarks.board`.

Makes 100 runs of 20 inpainters (10 with and without grain), each with weights of its own, by 5
detectors over 8 images and 3 mask-ratio bins, without running a model, and measures the command in
a process of its own, and how long Chromium takes to open the board. The goals: 60 s, 1 GB, 2 MB, 1
s.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmark.metrics.intervals import RULES
from benchmark.results.csv import write_results
from benchmark.results.files import write_rows
from benchmark.results.rows import ResultRow
from benchmark.results.samples import FIXED
from benchmark.runner.plan import Plan

INPAINTERS = (
    "safepaint", "edgeconnect", "madf", "ctsdg", "aotgan", "lama", "fcf", "telea", "navierstokes",
    "meanfill",
)  # fmt: skip
STEPS = ("", "grain:1.5")
DETECTORS = ("psccnet", "trufor", "iidnet", "flatness", "chance")
BUCKETS = ("10-20", "30-40", "50-60")
METRICS = ("auc", "f1", "acc", "psnr", "lpips")
OPEN = """
import sys, time
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
options = webdriver.ChromeOptions()
for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
    options.add_argument(word)
browser = webdriver.Chrome(service=Service(sys.argv[1]), options=options)
browser.get("about:blank")
times = []
for _ in range(3):
    start = time.perf_counter()
    browser.get(sys.argv[2])
    browser.execute_script("return document.querySelectorAll('#board tbody tr').length")
    times.append(time.perf_counter() - start)
print(min(times))
browser.quit()
"""


def main() -> None:
    """Make the runs, write the board, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="folder to keep the runs and the site in")
    settings = parser.parse_args()
    with TemporaryDirectory() as temporary:
        root = settings.keep or Path(temporary)
        folders = [root / "runs" / f"run{number:03}" for number in range(settings.runs)]
        for number, folder in enumerate(folders):
            if not (folder / "record.json").exists():
                make_run(folder, number, settings.images)
        seconds, processor, memory = _timed(folders, root / "site")
        page = root / "site" / "index.html"
        opened, own = _opened(page), page.stat().st_size
        sizes = sum(path.stat().st_size for path in (root / "site").rglob("*") if path.is_file())
    rows = [
        ("site written, s", f"{seconds:.1f}", "60"),
        ("processor time of it, s", f"{processor:.1f}", ""),
        ("peak memory, MB", f"{memory:.0f}", "1000"),
        ("board's page, MB", f"{own / 1e6:.2f}", "2"),
        ("board opened, s", opened, "1"),
        ("whole site, MB", f"{sizes / 1e6:.1f}", ""),
    ]
    sys.stdout.write(
        "".join(f"{name}: {value} (goal {goal or '-'})\n" for name, value, goal in rows)
    )


def make_run(folder: Path, number: int, images: int) -> None:
    """Write the files of a finished run of random numbers."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(number)
    plan = Plan(
        inpainters=(*INPAINTERS, "original"),
        detectors=DETECTORS,
        metrics=METRICS,
        buckets=BUCKETS,
        retouch=("none", STEPS[1]),
    )
    (folder / "plan.toml").write_text(plan.dump(), encoding="utf-8")
    rows = list(_samples(generator, number, images))
    write_rows(folder / "samples.csv", (*FIXED, *METRICS, "auc_null"), rows)
    write_results(folder / "results.csv", list(_cells(rows, images)))
    shas = {name: sha256(f"{name} {number}".encode()).hexdigest() for name in INPAINTERS}
    shas |= {name: sha256(name.encode()).hexdigest() for name in DETECTORS}
    record = {
        "failures": [],
        "intervals": RULES,
        "samples": images * len(BUCKETS),
        "commit": sha256(str(number).encode()).hexdigest()[:40],
        "versions": {"safepaint-bench": "0.1.0"},
        "metrics": dict.fromkeys((*METRICS, "auc_null"), "1"),
        "checkpoints": {name: {"edition": "mini", "sha256": sha} for name, sha in shas.items()},
    }
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")


def _samples(
    generator: np.random.Generator, number: int, images: int
) -> Iterator[dict[str, object]]:
    painters = [(name, step) for name in INPAINTERS for step in STEPS] + [("original", "")]
    for at, (painter, step) in enumerate(painters):
        for index, detector in enumerate(DETECTORS):
            for bucket in BUCKETS:
                for image in range(images):
                    key = f"{image} {bucket}"
                    value = 0.5 + 0.02 * at + 0.03 * index + generator.normal(0, 0.05)
                    numbers: dict[str, object] = {"auc_null": min(1.0, 0.5 + 0.03 * index)}
                    if painter != "original":
                        numbers = {"auc": float(np.clip(value, 0, 1)), "f1": 0.5, "acc": 1.0,
                                   "psnr": 20 + at / 5, "lpips": 0.3 - at / 100}  # fmt: skip
                    yield {
                        "dataset": "samples", "launder": "", "sample": f"image {image}",
                        "mask_ratio_percent": bucket, "mask": f"drawn with seed {key}",
                        "inpainter": painter, "retouch": step, "detector": detector, "score": 0.9,
                        "original_key": _key(f"image {image}"), "mask_key": _key(key),
                        "image_key": _key(f"{number} {painter} {step} {key}"),
                        "heatmap_key": _key(f"{number} {painter} {step} {key} {detector}"),
                        **numbers,
                    }  # fmt: skip


def _key(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def _cells(rows: list[dict[str, object]], images: int) -> Iterator[ResultRow]:
    groups: dict[tuple[str, str, str, str, str], list[float]] = {}
    for row in rows:
        for metric in (*METRICS, "auc_null"):
            if (value := row.get(metric)) is not None:
                detector = "" if metric in ("psnr", "lpips") else str(row["detector"])
                key = (detector, str(row["inpainter"]), str(row["retouch"]),
                       str(row["mask_ratio_percent"]), metric)  # fmt: skip
                groups.setdefault(key, []).append(float(str(value)))
    for (detector, painter, step, bucket, metric), values in groups.items():
        mean = float(np.mean(values))
        edition = "none" if painter == "original" else "mini"
        yield ResultRow(
            dataset="samples", detector=detector, inpainter=painter, retouch=step, bucket=bucket,
            metric=metric, value=mean, n=images, expected=images, low=mean - 0.01, high=mean + 0.01,
            weights=f"{painter}={edition}" + (f" {detector}=mini" if detector else ""),
        )  # fmt: skip


def _timed(folders: list[Path], site: Path) -> tuple[float, float, float]:
    """Return the seconds, the processor time and the peak memory in MB of the command."""
    words = [sys.executable, "-c", "from benchmark.cli import main; main()", "board"]
    start = time.perf_counter()
    subprocess.run(
        [*words, *map(str, folders), "--out", str(site)], check=True, capture_output=True
    )
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _opened(page: Path) -> str:
    """Return the seconds in which a browser opens the board, the best of three, or "-"."""
    driver = shutil.which("chromedriver")
    if not driver:
        return "- (no browser)"
    words = [sys.executable, "-c", OPEN, driver, page.absolute().as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"{float(done.stdout):.2f}" if done.returncode == 0 else "- (no selenium)"


if __name__ == "__main__":
    main()
