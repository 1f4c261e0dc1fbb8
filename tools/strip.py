"""Write docs/strip.png, the figure of the README: `python -m tools.strip`.

One sample: the original, masked, inpainted by SafePaint (mini weights), and the heatmap of TruFor
(mini weights). The image is one of the data set `samples`, which scikit-image installs.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmark import Plan, run

TARGET = Path(__file__).resolve().parents[1] / "docs" / "strip.png"
SAMPLE, BUCKET = "coffee", "30-40"
SIDE, GAP, CAPTION = 216, 8, 22  # pixels
HOLE = (255, 0, 200)


def main() -> None:
    """Run one sample and write the strip."""
    with TemporaryDirectory() as folder:
        plan = Plan(
            inpainters=("safepaint",), detectors=("trufor",), buckets=(BUCKET,), metrics=("auc",)
        )
        run(plan, out=Path(folder, "run"), store=Path(folder, "store"), save_images=True)
        tiles = _tiles(Path(folder, "run", "images", BUCKET, SAMPLE))
    _strip(tiles).quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(TARGET, optimize=True)


def _tiles(folder: Path) -> dict[str, Image.Image]:
    """Return the four images by caption."""
    original = Image.open(folder / "original.png").convert("RGB")
    mask = Image.open(folder / "mask.png").convert("L")
    masked = original.copy()
    masked.paste(HOLE, mask=mask)
    heatmap = np.asarray(Image.open(folder / "safepaint.trufor.png").convert("L"))
    colors = mpl.colormaps["inferno"](heatmap, bytes=True)[..., :3]
    return {
        "original": original,
        "masked": masked,
        "inpainted (SafePaint, mini)": Image.open(folder / "safepaint.png").convert("RGB"),
        "heatmap (TruFor, mini)": Image.fromarray(colors),
    }


def _strip(tiles: dict[str, Image.Image]) -> Image.Image:
    width = len(tiles) * (SIDE + GAP) - GAP
    whole = Image.new("RGB", (width, SIDE + CAPTION), "white")
    draw = ImageDraw.Draw(whole)
    font = ImageFont.truetype(str(mpl.get_data_path()) + "/fonts/ttf/DejaVuSans.ttf", 13)
    for place, (caption, tile) in enumerate(tiles.items()):
        left = place * (SIDE + GAP)
        whole.paste(tile.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (left, 0))
        draw.text((left + SIDE // 2, SIDE + 4), caption, fill="black", font=font, anchor="ma")
    return whole


if __name__ == "__main__":
    main()
