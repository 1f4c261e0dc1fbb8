"""External models, called from Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmark.core.errors import BadInput, BadOutput
from benchmark.testing.inpainters import draw
from detectors import create_detector
from inpainters import create_inpainter

INVERT = """
import sys
from pathlib import Path
from PIL import Image, ImageOps

for path in Path(sys.argv[1]).iterdir():
    ImageOps.invert(Image.open(path)).save(Path(sys.argv[2]) / path.name)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "invert.py"
    path.write_text(INVERT)
    return path


def test_a_program_paints_a_batch(script: Path) -> None:
    command = f"mine=cmd:masks={{name}}_m.bmp {sys.executable} {script} {{images}} {{out}}"
    inpainter = create_inpainter(command)
    assert inpainter.card.name == "mine"
    images, masks = draw(40, 48, count=2)
    filled = inpainter.inpaint(images, masks)
    assert torch.allclose(filled, torch.where(masks.bool(), 1 - images, images), atol=1e-6)


def test_a_program_looks_at_a_batch(script: Path) -> None:
    images = draw(40, 48, count=2)[0][:, :1].expand(2, 3, 40, 48).contiguous()
    detection = create_detector(f"cmd:{sys.executable} {script} {{images}} {{out}}").detect(images)
    assert torch.allclose(detection.heatmap, 1 - images[:, 0], atol=1e-6)
    assert torch.equal(detection.score, (detection.heatmap > 0.5).float().mean(dim=(1, 2)))


def test_a_program_that_fails_is_an_answer_that_is_none(script: Path) -> None:
    script.write_text("raise SystemExit('no GPU')\n")
    inpainter = create_inpainter(f"cmd:{sys.executable} {script} {{images}} {{masks}} {{out}}")
    with pytest.raises(BadOutput, match="exit status 1: no GPU"):
        inpainter.inpaint(*draw(40, 48))


def test_finished_answers_are_found_by_names_alone(tmp_path: Path) -> None:
    Image.new("RGB", (48, 40)).save(tmp_path / "a.png")
    images, masks = draw(40, 48)
    with pytest.raises(BadInput, match="found by sample name"):
        create_inpainter(f"outputs:{tmp_path}").inpaint(images, masks)
    with pytest.raises(BadInput, match="found by sample name"):
        create_detector(f"heatmaps:{tmp_path}").detect(images)
