"""Prompts: the file, its errors, the keys, and a run that is run again from its record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.card import Card
from benchmark.core.errors import BadInput, PlanError
from benchmark.core.external.options import RunOptions
from benchmark.core.inspecting import inspecting
from benchmark.runner.plan import make_plan
from benchmark.runner.prompts import MAX_BYTES, named_prompts, read_prompts
from benchmark.runner.settings import Settings
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter

HEAD = "image,prompt\n"


class Told(Inpainter):
    """Fills every hole with a level that its prompt decides; stands in for `diffusers:ID`."""

    card = Card(name="diffusers", title="told", seeded=True)

    def __init__(self, argument: str, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._own = argument

    @classmethod
    def check_options(cls, argument: str, options: RunOptions) -> None:
        if options.prompts and argument == "mute":
            raise BadInput("--prompts: MutePipeline takes no prompt")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return self._fill_with_prompt(self._own, images, masks, seed=seed)

    def _fill_with_prompt(self, prompt: str, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return torch.full_like(images, len(prompt) / 255)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(INPAINTERS._schemes, "diffusers", f"{__name__}:Told")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "abc":
        pixels = np.random.default_rng(ord(name)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def go(photos: Path, tmp_path: Path, told: None) -> Callable[..., RunRecord]:
    def call(out: str = "", **changes: object) -> RunRecord:
        values: dict[str, object] = {
            "datasets": ("folder",), "images": photos, "size": 32, "buckets": ("10-20",),
            "inpainters": ("sd=diffusers:some/id", "telea"), "detectors": (), "metrics": ("psnr",),
        }  # fmt: skip
        return run(
            Plan(**{**values, **changes}), out=tmp_path / out if out else None,
            store=tmp_path / "store",
        )  # fmt: skip

    return call


def filled(record: RunRecord) -> int:
    return int(record.document["jobs_run"]["fill"])


def test_one_changed_prompt_recomputes_one_image(go: Callable[..., RunRecord]) -> None:
    prompts = {"a": "a cat", "b": "a dog", "c": "a cow"}
    assert filled(go()) == 6
    assert filled(go()) == 0
    assert filled(go(prompts=prompts)) == 3  # telea takes none
    assert filled(go(prompts={**prompts, "b": "a fox"})) == 1
    assert filled(go(prompts=prompts)) == 0
    assert filled(go()) == 0  # keys without prompts are as before


def test_each_image_gets_its_own(go: Callable[..., RunRecord]) -> None:
    one = go(prompts={"a": "x", "b": "x", "c": "x"}, inpainters=("diffusers:id",))
    same = go(prompts={"a": "x", "b": "x", "c": "y"}, inpainters=("diffusers:id",))
    other = go(prompts={"a": "x", "b": "x", "c": "y" * 200}, inpainters=("diffusers:id",))
    psnr = [record.cells[0].value for record in (one, same, other)]
    assert psnr[0] == psnr[1] != psnr[2]


def test_a_run_is_run_again_from_its_plan_without_the_file(
    go: Callable[..., RunRecord], tmp_path: Path
) -> None:
    file = tmp_path / "texts.csv"
    file.write_text(HEAD + 'a.png,"a cat, asleep"\nb,naïve\nc,z\n', encoding="utf-8-sig")
    first = go("one", prompts=file)
    file.unlink()
    plan = Plan.load(tmp_path / "one" / "plan.toml")
    assert plan.prompts == {"a": "a cat, asleep", "b": "naïve", "c": "z"}
    again = run(plan, store=tmp_path / "store")
    assert filled(again) == 0
    assert [one.value for one in again.cells] == [one.value for one in first.cells]
    assert first.document["plan"]["prompts"] == plan.prompts
    assert "texts.csv" not in (tmp_path / "one" / "record.json").read_text()
    assert "prompts" not in go("two").document["plan"]
    assert "prompts" not in (tmp_path / "two" / "plan.toml").read_text()


def test_a_plan_names_the_file_beside_it(tmp_path: Path, told: None) -> None:
    (tmp_path / "p.csv").write_text(HEAD + "a,b\n")
    (tmp_path / "plan.toml").write_text('prompts = "p.csv"\ninpainters = ["diffusers:id"]\n')
    assert Plan.load(tmp_path / "plan.toml").prompts == {"a": "b"}
    with inspecting(), pytest.raises(PlanError, match="expected a table of images and prompts"):
        Plan.load(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected the columns image,prompt, got ''"),
        (b"name,text\na,b\n", "expected the columns image,prompt, got 'name,text'"),
        (HEAD.encode(), "no prompts: expected a row for each image"),
        (b"image,prompt\na,b,c\n", "row 2: expected 2 fields, got 3; put a prompt with a comma"),
        (b"image,prompt\na\n", "row 2: expected 2 fields, got 1"),
        (b"image,prompt\na,x\na,y\n", "row 3: 'a' is there twice"),
        (b"image,prompt\na,x\nb, \n", "row 3: the prompt is empty"),
        (b"image,prompt\n,x\n", "row 2: the image is empty"),
        (b"image,prompt\na,\xff\n", r"not UTF-8 \(byte 15\)"),
        ((HEAD + "a,x").encode("utf-16"), "not UTF-8"),
        (b"image,prompt\na,x\x00y\n", "row 2: a control character in the text of 'a'"),
        (b'image,prompt\na,"x\n', "row 2: not valid CSV"),
        (b"x" * (MAX_BYTES + 1), "cannot be read as prompts .larger than"),
    ],
    ids=lambda one: one[:25] if isinstance(one, str) else None,
)
def test_a_file_that_cannot_be_used_is_refused(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(PlanError, match=message) as said:
        read_prompts(tmp_path / "p.csv")
    assert str(said.value).startswith(str(tmp_path / "p.csv"))
    assert "\n" not in str(said.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(PlanError, match="cannot be read as prompts"):
            read_prompts(path)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"a": "x"}, r"2 images \('b', 'c'\) without a prompt"),
        ({"a": "x", "b": "x", "c": "x", "d.png": "x"}, r"1 image \('d.png'\) not in the data set"),
        ({"a": "x", "a.PNG": "y", "b": "x", "c": "x"}, r"1 image \('a.PNG'\) with a second prompt"),
        (dict.fromkeys("defgh", "x"), r"5 images \('d', 'e', 'f' and 2 more\) not in"),
    ],
)
def test_every_image_has_one_prompt(prompts: dict[str, str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        named_prompts(prompts, "abc", "abc")


def test_images_beyond_the_limit_may_have_prompts(go: Callable[..., RunRecord]) -> None:
    assert filled(go(limit=1, prompts={"a": "x", "c.png": "y"})) == 2
    assert named_prompts({"x/a.jpg.png": "p"}, [], ["x/a.jpg"]) == {"x/a.jpg": "p"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inpainters": ["telea"]}, r"none of the inpainters takes a prompt \(telea\)"),
        ({"datasets": ["samples", "celeba"]}, "one data set, not with samples, celeba"),
        ({"inpainters": ["diffusers:id"], "prompts": {"a": 1}}, "prompts: "),
    ],
)
def test_a_plan_that_cannot_honor_prompts_is_refused(
    changes: dict[str, object], message: str, told: None
) -> None:
    with pytest.raises(PlanError, match=message):
        make_plan({"inpainters": ["diffusers:id"], "prompts": {"a": "x"}, **changes})


def test_forgeries_and_pipelines_without_a_prompt_are_refused(
    go: Callable[..., RunRecord], photos: Path
) -> None:
    with pytest.raises(PlanError, match="--prompts does not go with --forgeries"):
        make_plan({"forgeries": str(photos), "prompts": {"a": "x"}})
    prompts = {"a": "x", "b": "x", "c": "x"}
    with pytest.raises(PlanError, match="mute: --prompts: MutePipeline takes no prompt"):
        go(prompts=prompts, inpainters=("mute=diffusers:mute",))


def test_a_line_says_who_gets_them(photos: Path, tmp_path: Path, told: None) -> None:
    lines: list[str] = []
    plan = Plan(
        images=photos, size=32, buckets="10-20", inpainters="sd=diffusers:id,telea",
        detectors="none", metrics="psnr", prompts={"a": "x", "b": "x", "c": "x"},
    )  # fmt: skip
    run(plan, store=tmp_path / "store", settings=Settings(tell=lines.append))
    assert "Prompts: 3, one for each image, for sd; telea: no prompt is taken." in lines


def test_an_inpainter_without_prompts_says_so() -> None:
    images, masks = torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    masks[..., 4:8, 4:8] = 1
    with pytest.raises(BadInput, match="telea takes no prompt"):
        create_inpainter("telea").inpaint(images, masks, prompt="a cat")
