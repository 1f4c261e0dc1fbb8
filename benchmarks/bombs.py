"""Decompression bombs: peak memory and time of readers for files that expand when read.

    python benchmarks/bombs.py [--only TEXT]

Each file is created and then read in a separate process, with the reader already loaded (Linux).
Readers that run for more than ten minutes or end with a traceback are reported, with exit status 1.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.bundle_file import Bundle, make_bundle
from tests.unit.core import test_arrays, test_image_limits
from tests.unit.core.checkpoints import test_limits

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 600.0  # seconds
PICTURE = ("benchmark.core.images", "read_image(path)")
HEADER = ("benchmark.core.images", "image_shape(path)")
CHECKPOINT = ("benchmark.core.checkpoints.load", "read_checkpoint(path)")
READ = """
import sys, time
from pathlib import Path
from benchmark.core.errors import BenchError
from {module} import {function}
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
path = Path(sys.argv[1])
before, start = most(), time.perf_counter()
try:
    {call}
    said = "read"
except (BenchError, ValueError) as error:
    said = str(error).partition(": ")[2]
seconds = time.perf_counter() - start
print(f"{{most() - before}} MiB, {{seconds:.2f}} s | {{said[:90]}}")
"""
PRINTING = "import sys; [sys.stdout.write('x' * 2**20) for _ in range(512)]"
LOGGED = f"run_program([sys.executable, '-c', {PRINTING!r}], limit=300, log=path)"


@dataclass(frozen=True, kw_only=True)
class Bomb:
    """A file and its reader.

    Attributes:
        ending: ending of the file name.
        make: function that writes the file.
        reader: module, and the call of one of its functions.
    """

    ending: str
    make: Callable[[Path], object]
    reader: tuple[str, str]


def bombs() -> dict[str, Bomb]:
    """Return all bombs by name."""
    return _networks() | _checkpoints() | _images() | _sparse() | _bundles()


def _networks() -> dict[str, Bomb]:
    return {
        f"width of {name}": Bomb(
            ending=".safetensors",
            make=partial(test_limits.huge, model=name, config=config),
            reader=(module, f"{function}(path)"),
        )
        for name, (module, function, config) in test_limits.MODELS.items()
    }


def _checkpoints() -> dict[str, Bomb]:
    odd = {
        "sparse": lambda: torch.zeros(4, 4).to_sparse(),
        "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        "quantized": lambda: torch.quantize_per_tensor(torch.zeros(4), 1.0, 0, torch.qint8),
        "meta": lambda: torch.empty(4, device="meta"),
    }

    def save(path: Path, make: Callable[[], torch.Tensor]) -> None:
        torch.save({"a": make()}, path)

    made = {
        f"checkpoint: {name}": partial(test_limits.archive, value=value, storage=storage, how=how)
        for name, (value, storage, how, _) in test_limits.bombs().items()
    }
    kinds = {f"a {name} tensor": partial(save, make=make) for name, make in odd.items()}
    return {
        name: Bomb(ending=".pth", make=make, reader=CHECKPOINT)
        for name, make in (made | kinds).items()
    }


def _images() -> dict[str, Bomb]:
    def gray(path: Path) -> None:
        cv2.imwrite(str(path), np.zeros((9400, 9400), np.uint16))

    def of(content: bytes) -> Callable[[Path], object]:
        return lambda path: path.write_bytes(content)

    def empty(path: Path) -> None:
        path.write_bytes(
            test_image_limits.png(*[test_image_limits.chunk(b"tEXt", b"")] * 2_000_000)
        )

    found = {
        name: Bomb(ending=".png", make=of(content), reader=PICTURE)
        for name, content in test_image_limits.bombs().items()
    }
    for side, count in ((4000, 1500), (9000, 95)):
        found[f"JPEG of {count:,} scans, {side}x{side}, of one color"] = Bomb(
            ending=".jpg", make=partial(_scanned, side=side, count=count), reader=PICTURE
        )
    for kind in ("webp", "gif", "png"):
        found[f"{kind} of 3,000 frames"] = Bomb(ending=f".{kind}", make=_frames, reader=PICTURE)
    for name, reader in (("header", HEADER), ("whole", PICTURE)):
        found[f"PNG with two million empty texts, {name}"] = Bomb(
            ending=".png", make=empty, reader=reader
        )
    found["16 bits of gray, 9400x9400"] = Bomb(ending=".png", make=gray, reader=PICTURE)
    return found


def _scanned(path: Path, side: int, count: int) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (90, 120, 60)).save(stream, "JPEG", progressive=True)
    path.write_bytes(test_image_limits.with_scans(stream.getvalue(), count))


def _frames(path: Path) -> None:
    frames = [Image.new("RGB", (64, 64), (n % 256, n // 256, 0)) for n in range(3000)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def _sparse() -> dict[str, Bomb]:
    def long(path: Path, content: bytes = b"") -> None:
        path.write_bytes(content)
        os.truncate(path, 12 * 10**9)

    def packed(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            content = test_arrays.header((90_000_000,), "|u1") + bytes(90_000_000)
            file.writestr("map.npy", content)

    def parts(path: Path) -> None:
        path.write_text("a" + ".a" * 50_000 + " = 1\n")

    array = test_arrays.header((50_000, 60_000))
    scores = ("detectors.external.heatmap_files", "read_scores(path)")
    return {
        "image of 12 GB": Bomb(
            ending=".png", make=partial(long, content=test_image_limits.png()), reader=PICTURE
        ),
        ".npy of 12 GB": Bomb(
            ending=".npy",
            make=partial(long, content=array),
            reader=("benchmark.core.arrays", "read_array(path)"),
        ),
        "scores.csv of 12 GB": Bomb(
            ending=".csv", make=partial(long, content=b"name,score\n"), reader=scores
        ),
        ".npz with a packed member of 90 MB": Bomb(
            ending=".npz", make=packed, reader=("benchmark.core.arrays", "read_arrays(path)")
        ),
        "program that prints half a gigabyte": Bomb(
            ending=".log", make=Path.touch, reader=("benchmark.core.external.program", LOGGED)
        ),
        "plan with a key of 50,000 parts": Bomb(
            ending=".toml", make=parts, reader=("benchmark.runner.plan", "Plan.load(path)")
        ),
    }


def _bundles() -> dict[str, Bomb]:
    def members(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for number in range(210_000):
                file.writestr(f"outputs/{number % 256:02x}/{number:032x}.png", b"")

    def spoiled(path: Path, content: bytes, suffix: str = ".npy") -> None:
        """A whole bundle, each of whose files with an ending has another content."""
        with tempfile.TemporaryDirectory() as folder:
            bundle = Bundle(make_bundle(Path(folder), images=2))
        for name in bundle.members:
            if name.endswith(suffix):
                bundle.members[name] = content
        bundle.save_as_it_is(path)

    side, pixels = 9000, np.zeros((9000, 9000), np.uint8)
    zeros = test_arrays.header((side, side), "<f2") + bytes(2 * side * side)
    image = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    deep = b"[" * 1_000_000 + b"]" * 1_000_000
    made = {
        "bundle of 210,000 members": members,
        "bundle with heatmaps of 9000x9000 zeros": partial(spoiled, content=zeros),
        "bundle with images of 9000x9000": partial(spoiled, content=image, suffix=".png"),
        "bundle with a record nested a million times": partial(
            spoiled, content=deep, suffix="record.json"
        ),
    }
    reader = ("benchmark.bundle", "prove(path, count=0)")
    return {name: Bomb(ending=".zip", make=make, reader=reader) for name, make in made.items()}


def main() -> None:
    """Create and read all files; print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="only those with this text in their name")
    only, failed = parser.parse_args().only, 0
    for name, bomb in bombs().items():
        if only in name:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"a{bomb.ending}")
                bomb.make(path)
                size, said = path.stat().st_size, _measured(path, bomb.reader)
            failed += "s | " not in said
            print(f"| {name} | {size:,} | {said} |", flush=True)
    sys.exit(bool(failed))


def _measured(path: Path, reader: tuple[str, str]) -> str:
    module, call = reader
    function = call.partition("(")[0].partition(".")[0]
    code = READ.format(module=module, function=function, call=call)
    words = [sys.executable, "-c", code, str(path)]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return f"did not end in {LIMIT:g} s"
    return done.stdout.strip() or f"ended with {done.returncode}: {done.stderr.strip()[-300:]}"


if __name__ == "__main__":
    main()
