"""`cmd:PROGRAM ...`: external programs, run once per batch of images."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench
from tests.cli.test_bad_input import refused

QUICK = ("--size", "64", "--buckets", "10-20,30-40", "--metrics", "psnr,auc")
PAINT = """
import sys
from pathlib import Path
import cv2

images, masks, out = map(Path, sys.argv[1:4])
with open("calls", "a") as file:
    file.write(f"{len(list(images.iterdir()))}\\n")
for path in sorted(images.iterdir()):
    image, hole = cv2.imread(str(path)), cv2.imread(str(masks / path.name), 0)
    cv2.imwrite(str(out / path.name), cv2.inpaint(image, hole, 3, cv2.INPAINT_TELEA))
"""
LOOK = """
import sys
from pathlib import Path
import cv2

images, out = map(Path, sys.argv[1:3])
for path in sorted(images.iterdir()):
    grey = cv2.imread(str(path), 0)
    cv2.imwrite(str(out / path.name), grey)
    if "--scores" in sys.argv:
        new = not (out / "scores.csv").exists()
        with (out / "scores.csv").open("a") as file:
            file.write("name,score\\n" if new else "")
            file.write(f"{path.name},{grey.mean() / 255}\\n")
"""
PAINTER = f"cmd:{sys.executable} paint.py {{images}} {{masks}} {{out}}"
LOOKER = f"cmd:{sys.executable} look.py {{images}} {{out}}"


@pytest.fixture(autouse=True)
def programs(bench: Bench) -> None:
    Path("paint.py").write_text(PAINT)
    Path("look.py").write_text(LOOK)


def results(folder: str) -> list[dict[str, str]]:
    with Path(folder, "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(folder: str, name: str) -> list[tuple[str, str]]:
    return [(row["metric"], row["value"]) for row in results(folder) if row["inpainter"] == name]


def record(folder: str) -> dict[str, object]:
    return dict(json.loads(Path(folder, "record.json").read_text()))


def calls() -> list[int]:
    return [int(line) for line in Path("calls").read_text().split()]


def test_a_program_gets_the_numbers_that_ours_gets(bench: Bench, photos: Path) -> None:
    words = ("run", "--inpainter", "telea", "--inpainter", PAINTER, "--detector", "flatness",
             "--images", photos, *QUICK, "--out")  # fmt: skip
    result = bench(*words, "out")
    assert result.exit_code == 0, result.output
    assert numbers("out", "cmd-paint") == numbers("out", "telea")
    assert calls() == [6]  # one start for all of them
    (log,) = Path("out/logs").iterdir()
    assert log.read_text().startswith(f"$ {sys.executable} paint.py ")
    bench(*words, "again")
    assert calls() == [6]
    plan = bench("run", "out/plan.toml", "--out", "plan")
    assert plan.exit_code == 0, plan.output
    assert results("plan") == results("out")


def test_a_changed_script_never_answers_with_old_numbers(bench: Bench, photos: Path) -> None:
    words = ("run", "--inpainter", PAINTER, "--detector", "none", "--images", photos, *QUICK[:4],
             "--metrics", "psnr", "--out")  # fmt: skip
    bench(*words, "first")
    Path("paint.py").write_text(PAINT.replace("TELEA", "NS"))
    bench(*words, "second")
    assert record("second")["jobs_run"]["fill"] == 6
    assert results("first")[0]["value"] != results("second")[0]["value"]


def test_a_detecting_program_by_the_area_rule_and_with_its_scores(
    bench: Bench, photos: Path
) -> None:
    words = ("run", "--inpainter", "meanfill", "--images", photos, "--size", "64", "--buckets",
             "30-40", "--metrics", "auc,acc", "--detector")  # fmt: skip
    area = bench(*words, f"mine={LOOKER}", "--out", "area")
    assert area.exit_code == 0, area.output
    assert "mine†" in Path("area/table.md").read_text()
    own = bench(*words, f"mine=cmd:score=csv {LOOKER[4:]} --scores", "--out", "own")
    assert own.exit_code == 0, own.output
    assert "†" not in Path("own/table.md").read_text()
    with Path("own/samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["score"] for row in rows}) == 3
    unsaid = bench(*words, f"mine={LOOKER} --scores", "--out", "unsaid")
    assert unsaid.exit_code == 1
    assert "put score=csv before the program" in unsaid.stderr
    missing = bench(*words, f"mine=cmd:score=csv {LOOKER[4:]}", "--out", "missing")
    assert "the program wrote no score for 0000_30-40_a" in missing.stderr


def test_options_before_the_program(bench: Bench, photos: Path) -> None:
    Path("paint.py").write_text(
        "import sys\nfrom pathlib import Path\nimport numpy as np\nfrom PIL import Image\n"
        "images, out = map(Path, sys.argv[1:3])\n"
        "for path in sorted(images.glob('*[!k].png')):\n"
        "    mask = np.asarray(Image.open(path.with_name(path.stem + '_mask.png')))\n"
        "    image = np.asarray(Image.open(path)).copy()\n"
        "    assert image.shape == (96, 96, 3) and mask.shape == (96, 96)\n"
        "    assert set(np.unique(mask)) == {0, 255} and (mask == 0).mean() < 0.5, 'polarity'\n"
        "    image[mask == 0] = 0\n"
        "    Image.fromarray(image).save(out / (path.stem + '_mask.jpg'))\n"
    )
    command = f"cmd:size=96 holes=black masks={{name}}_mask.png {sys.executable} paint.py "
    result = bench("run", "--inpainter", f"black={command}{{images}} {{out}}", "--detector", "none",
                   "--images", photos, *QUICK[:4], "--metrics", "psnr,known_drift",
                   "--save-images", "--out", "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [value for metric, value in numbers("out", "black") if metric == "known_drift"] == [
        "0.000000"
    ] * 2
    mask, black = (
        np.asarray(Image.open(f"out/images/30-40/a/{name}.png")) for name in ("mask", "black")
    )
    assert black[mask > 0].mean() < 30


FAIL = "import sys\nprint('loading')\nprint('CUDA is out of memory')\nsys.exit(3)\n"


def test_a_failed_chunk_is_tried_twice_and_counted(bench: Bench, photos: Path) -> None:
    Path("paint.py").write_text("open('calls', 'a').write('1 ')\n" + FAIL)
    result = bench("run", "--inpainter", f"mine={PAINTER},x", "--inpainter", "meanfill",
                   "--detector", "none", "--images", photos, *QUICK[:4], "--metrics", "psnr",
                   "--out", "out")  # fmt: skip
    assert result.exit_code == 1, result.output
    assert len(calls()) == 2
    reasons = {one["reason"] for one in record("out")["failures"]}
    assert len(record("out")["failures"]) == 6
    (reason,) = reasons
    assert "exit status 3: CUDA is out of memory; log: out/logs/mine." in reason
    assert Path(reason.rpartition("log: ")[2]).read_text().count("loading") == 2
    assert all(value for _, value in numbers("out", "meanfill"))


def test_what_a_second_try_brings_is_kept(bench: Bench, photos: Path) -> None:
    once = "import sys\nfrom pathlib import Path\nif not Path('tried').exists():\n"
    Path("paint.py").write_text(once + "    Path('tried').touch()\n    sys.exit(1)\n" + PAINT)
    result = bench("run", "--inpainter", PAINTER, "--detector", "none", "--images", photos,
                   *QUICK[:4], "--metrics", "psnr", "--out", "out")  # fmt: skip
    assert result.exit_code == 0, result.output


def test_only_what_is_missing_is_tried_again(bench: Bench, photos: Path) -> None:
    source = PAINT.replace("    image,", "    if '_a' in path.name: continue\n    image,")
    Path("paint.py").write_text(source)
    result = bench("run", "--inpainter", f"mine={PAINTER}", "--detector", "none", "--images",
                   photos, *QUICK[:4], "--metrics", "psnr", "--out", "out")  # fmt: skip
    assert result.exit_code == 1
    assert calls() == [6, 2]
    failures = record("out")["failures"]
    assert {one["sample"] for one in failures} == {"a"}
    assert "the program wrote no file {out}/" in failures[0]["reason"]


def test_a_program_is_stopped_at_the_limit_with_all_it_started(bench: Bench, photos: Path) -> None:
    Path("paint.py").write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('children', 'a').write(f'{child.pid} ')\n"
        "print('step 1', flush=True)\ntime.sleep(600)\n"
    )
    start = time.monotonic()
    result = bench("run", "--inpainter", f"mine={PAINTER}", "--detector", "none", "--images",
                   photos, *QUICK[:4], "--metrics", "psnr", "--out", "out",
                   "--cmd-timeout", "3")  # fmt: skip
    assert result.exit_code == 1, result.output
    assert time.monotonic() - start < 300  # not the ten minutes of the program
    assert "stopped at the time limit of 3 s (--cmd-timeout): step 1" in result.stderr
    children = [int(pid) for pid in Path("children").read_text().split()]
    assert len(children) == 2
    assert not any(map(stays, children))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and only waiting to be collected by who started it


def stays(pid: int) -> bool:
    """Return whether a process is still alive after ten seconds."""
    deadline = time.monotonic() + 10
    while alive(pid):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to look into")
@pytest.mark.parametrize("more", [(), ("--executor", "processes", "--workers", "1")])
def test_ctrl_c_ends_the_program_too(tmp_path: Path, photos: Path, more: tuple[str, ...]) -> None:
    Path("paint.py").write_text(
        "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    code = "from benchmark.cli import main; main()"
    words = ("run", "--inpainter", PAINTER, "--detector", "none", "--images", str(photos),
             *QUICK[:4], "--metrics", "psnr", "--out", "out")  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words, *more],
        env={**os.environ, "BENCH_HOME": str(tmp_path / "home")},
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not (Path("pid").exists() and Path("pid").read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert not stays(int(Path("pid").read_text()))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("cmd:python {images} {masks}", "expected a program's command with {out}"),
        ("cmd:", "expected a program's command with {images} {out}"),
        ("cmd:python {images} {out}", "expected {masks} in the command"),
        ("cmd:python '{images} {out}", "No closing quotation"),
        ("cmd:no-such-program {images} {masks} {out}", "no program 'no-such-program'"),
        ("cmd:sise=3 python {images} {masks} {out}", "unknown option 'sise'. Known: holes"),
        ("cmd:size=3 python {images} {masks} {out}", "size=3: expected a side from 32"),
        ("cmd:holes=grey python {images} {masks} {out}", "holes=grey: expected white or black"),
        ("cmd:masks=m.png python {images} {masks} {out}", "masks=m.png: expected a file name"),
        ("cmd:masks=../{name} python {images} {masks} {out}", "expected a file name"),
    ],
)
def test_commands_that_are_none(bench: Bench, photos: Path, command: str, said: str) -> None:
    command = command.replace("python", sys.executable)
    words = ("run", "--inpainter", command, "--detector", "none", "--images", photos, *QUICK)
    refused(bench(*words, "--out", "out"), said)


@pytest.mark.slow
def test_a_published_program_runs(bench: Bench, photos: Path) -> None:
    iopaint = os.environ.get("BENCH_IOPAINT") or shutil.which("iopaint")
    if iopaint is None:
        pytest.skip("iopaint is not here: pip install iopaint, or BENCH_IOPAINT=its path")
    command = (
        f"cmd:{iopaint} run --model=cv2 --device=cpu --image {{images}} --mask {{masks}} "
        "--output {out}"
    )
    words = ("run", "--images", photos, *QUICK, "--detector", "flatness", "--out", "out")
    result = bench(*words, "--inpainter", f"iopaint={command}", "--inpainter", "meanfill")
    assert result.exit_code == 0, result.output
    psnr = {row["inpainter"]: float(row["value"]) for row in results("out")
            if row["metric"] == "psnr" and row["mask_ratio_percent"] == "10-20"}  # fmt: skip
    assert psnr["iopaint"] > psnr["meanfill"]
