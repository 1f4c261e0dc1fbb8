"""What reads files from outside, and whole files of each kind to begin with.

A new reader of files from outside adds a line to `targets`.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from benchmark.bundle import prove, submit
from benchmark.bundle.numbers import read_numbers
from benchmark.core.checkpoints.legacy_formats import is_bare_pickle, read_archive, read_network
from benchmark.core.checkpoints.load import read_checkpoint, read_sizes
from benchmark.core.errors import BadOutput, DataError
from benchmark.core.images import image_shape, named_images, read_image
from benchmark.masks.files import read_white
from benchmark.runner.plan import Plan
from benchmark.runner.prompts import read_prompts
from benchmark.store.encoding import decode_heatmap, decode_image
from benchmark.training.recipe import read_recipe, recipes_of
from benchmark.verify.stored import SHIPPED, read_answers
from benchmark.verify.stylegan import save_as_authors
from detectors.external.heatmap_files import read_heatmap, read_scores
from inpainters.lama import LaMaConfig
from reports.document import table_document
from tests.unit.reports.runs import Made

MOST = 250_000  # pixels, so that a header cannot make a test slow


@dataclass(frozen=True, kw_only=True)
class Target:
    """A reader.

    Attributes:
        name: its name.
        file: the name of the file that it reads.
        seeds: contents that are whole.
        read: reads the file; nothing but a BenchError may come out.
    """

    name: str
    file: str
    seeds: list[bytes] = field(repr=False)
    read: Callable[[Path], object]


class Bomb:
    """Runs a command if it is unpickled: the command makes a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch crater",)


def targets(folder: Path) -> list[Target]:
    """All of them; `folder` is an empty one for what they need."""
    return [
        Target(name="picture", file="a.png", seeds=_pictures(), read=_read_picture),
        Target(name="mask", file="a.png", seeds=_pictures(), read=lambda p: read_white(p, MOST)),
        Target(name="checkpoint", file="a.pth", seeds=_checkpoints(), read=read_checkpoint),
        Target(name="safetensors", file="a.safetensors", seeds=_tensors(), read=_read_tensors),
        Target(name="archive", file="a.ckpt", seeds=_archives(), read=_read_archive),
        Target(name="bare pickle", file="a.pkl", seeds=_networks(folder), read=_read_network),
        Target(name="plan", file="plan.toml", seeds=_plans(), read=Plan.load),
        Target(name="recipe", file="a.toml", seeds=_recipes(), read=_read_recipe),
        Target(name="answers", file="a.json", seeds=[_answers()], read=read_answers),
        Target(name="stored image", file="a", seeds=_pictures()[:1],
               read=_decode(decode_image)),
        Target(name="stored heatmap", file="a", seeds=[_heatmap()], read=_decode(decode_heatmap)),
        Target(name="image of a heatmap", file="a.png", seeds=_pictures(), read=_read_heatmap),
        Target(name="archive of a heatmap", file="a.npz", seeds=_npz(), read=_read_heatmap),
        Target(name="array of a heatmap", file="a.npy", seeds=_arrays(), read=_read_heatmap),
        Target(name="scores.csv", file="scores.csv", seeds=_scores(), read=read_scores),
        Target(name="prompts", file="p.csv", seeds=[b'image,prompt\na.png,"a, b"\nb,c\n'],
               read=read_prompts),
        *_run_files(folder),
    ]  # fmt: skip


def _read_picture(path: Path) -> None:
    image_shape(path, MOST)
    read_image(path, MOST)
    named_images(path.parent)


def _read_heatmap(path: Path) -> None:
    try:
        read_heatmap(path, (12, 17))
    except BadOutput as error:  # which a run counts, and goes on
        raise DataError(str(error)) from None


def _arrays() -> list[bytes]:
    """Heatmaps of 12x17 in every type that is read."""
    fine = np.random.default_rng(0).random((12, 17))
    found = []
    for array in (fine, fine.astype(np.float16), (fine * 255).astype(np.uint8), fine[None]):
        file = io.BytesIO()
        np.save(file, array)
        found.append(file.getvalue())
    return found


def _scores() -> list[bytes]:
    return [b"name,score\na,0.5\nb/c.png,1\n", b'score,name,note\r\n1e-3,"d ""e""",x\r\n']


def _read_tensors(path: Path) -> None:
    read_checkpoint(path)
    read_sizes(path, "lama", LaMaConfig)


def _read_archive(path: Path) -> None:
    read_archive(path, ("generator.",))


def _read_network(path: Path) -> None:
    is_bare_pickle(path)
    read_network(path, "G_ema")


def _read_recipe(path: Path) -> None:
    read_recipe("lama", path)


def _decode(decode: Callable[[bytes], object]) -> Callable[[Path], object]:
    return lambda path: decode(path.read_bytes())


def _pictures() -> list[bytes]:
    fine = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
    rgb = Image.fromarray(fine)
    deep = Image.fromarray(fine[..., 0].astype(np.uint16) * 257)
    see_through = rgb.convert("RGBA")
    # fmt: off
    made = [(rgb, "PNG"), (rgb, "JPEG"), (rgb, "WEBP"), (rgb, "TIFF"), (rgb, "BMP"),
            (rgb.convert("L"), "PNG"), (rgb.convert("P"), "PNG"), (see_through, "PNG"),
            (deep, "PNG"), (deep, "TIFF"), (rgb.convert("1"), "TIFF"), (see_through, "WEBP"),
            (rgb.convert("F"), "TIFF"), (rgb.convert("1"), "BMP"), (rgb.convert("CMYK"), "JPEG")]
    # fmt: on
    found = []
    exif = Image.Exif()
    exif[274] = 6
    for picture, kind in made:
        file = io.BytesIO()
        picture.save(file, format=kind, exif=exif.tobytes() if kind in ("JPEG", "WEBP") else b"")
        found.append(file.getvalue())
    file = io.BytesIO()
    rgb.save(file, format="TIFF", compression="tiff_lzw")
    return [*found, file.getvalue()]


def _state() -> dict[str, torch.Tensor]:
    return {"generator.a": torch.arange(6.0).reshape(2, 3), "generator.b": torch.ones(2).half()}


def _checkpoints() -> list[bytes]:
    found = []
    for content in (_state(), {"generator": _state(), "step": np.float64(3)}, {"x": Bomb()}):
        for new in (True, False):
            file = io.BytesIO()
            torch.save(content, file, _use_new_zipfile_serialization=new)
            found.append(file.getvalue())
    return [*found, *_pickles()]


def _tensors() -> list[bytes]:
    noted = {"model": "lama", "config": {"width": 4, "blocks": 2}}
    metadata = {"bench": json.dumps(noted)}
    return [save(_state(), metadata=metadata), save(_state())]


def _archives() -> list[bytes]:
    found = []
    for content in ({"state_dict": _state()}, {"state_dict": {"generator.a": Bomb()}}, Bomb()):
        file = io.BytesIO()
        torch.save(content, file)
        found.append(file.getvalue())
    for data in _pickles():
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("best/data.pkl", data)
            archive.writestr("best/data/0", bytes(16))
        found.append(file.getvalue())
    return found


def _pickles() -> list[bytes]:
    plain = {"G_ema": {"a": [1, 2.5, None, "text", b"bytes", (1, 2), {3}]}, "state_dict": {}}
    deep: list[object] = []
    for _ in range(50):
        deep = [deep]
    contents = (plain, Bomb(), {"G_ema": Bomb()}, {"state_dict": {"generator.a": Bomb()}}, deep)
    return [pickle.dumps(content, protocol) for content in contents for protocol in (2, 3, 4)]


def _networks(folder: Path) -> list[bytes]:
    path = folder / "network.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for protocol in (3, 4):
        save_as_authors(path, _state(), protocol=protocol)
        found.append(path.read_bytes())
    return [*found, *_pickles()]


def _npz() -> list[bytes]:
    """What TruFor's own program writes, plain and packed."""
    found = []
    for write in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        write(file, map=np.zeros((12, 17), np.float32), score=np.float32(0.5))
        found.append(file.getvalue())
    return found


def _plans() -> list[bytes]:
    short = 'inpainters = ["telea"]\ndetectors = ["chance"]\nmetrics = ["psnr"]\nlimit = 3\n'
    own = 'datasets = ["folder"]\nimages = "x"\n[weights]\nsafepaint = "a.pth"\n'
    return [Plan().dump().encode(), short.encode(), own.encode()]


def _recipes() -> list[bytes]:
    return [path.read_bytes() for path in recipes_of("lama").values()]


def _answers() -> bytes:
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return json.dumps({**shipped, "answers": shipped["answers"][:1]}).encode()


def _heatmap() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((3, 4), np.float16))
    return file.getvalue()


def _run_files(folder: Path) -> list[Target]:
    """The files of a run's folder, each damaged beside the others that are whole."""
    made = Made(inpainters=("safepaint", "original"), detectors=("trufor",), samples=2)
    whole = made.write(folder / "run")
    contents = {path.name: path.read_bytes() for path in whole.iterdir()}
    bundle = submit(whole, folder / "bundle.zip").path.read_bytes()

    def read(path: Path) -> None:
        for name, content in contents.items():
            if name != path.name:
                (path.parent / name).write_bytes(content)
        for table in ("3", "stats"):
            table_document(table, run=path.parent).text("csv")

    return [
        Target(name="bundle", file="a.zip", seeds=[bundle], read=lambda path: prove(path, count=1)),
        Target(
            name="numbers.csv",
            file="a.csv",
            seeds=[b"score,auc,acc.score,acc\n0.5,nan,0.5,1.0\n,0.25,,\n"],
            read=lambda path: list(read_numbers(path)),
        ),
        *(
            Target(name=f"run's {name}", file=name, seeds=[content], read=read)
            for name, content in sorted(contents.items())
        ),
    ]
