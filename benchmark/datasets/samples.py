"""Sample images that installed packages contain; nothing is downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar

from benchmark.core.errors import DataError
from benchmark.datasets.base import Dataset

_PHOTOGRAPHS = {  # name: (package, file within it)
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
}
_FREE = frozenset(_PHOTOGRAPHS) - {"motorcycle"}  # Middlebury stereo (2014) states no terms


class Samples(Dataset):
    """Center squares of eight color images, four of them JPEG files."""

    terms: ClassVar[str] = (
        "public domain, CC0, or CC BY 2.0 (china: danielbuechele, flower: vultilion), all but "
        "motorcycle"
    )

    @classmethod
    def may_redistribute(cls, name: str) -> bool:
        """Return whether the terms of an image allow that it is passed on."""
        return name in _FREE

    def _find(self, images: Path | None) -> dict[str, Path]:
        files = {name: _installed(*place) for name, place in _PHOTOGRAPHS.items()}
        missing = [name for name, path in files.items() if not path.is_file()]
        if missing:
            raise DataError(
                f"samples: {', '.join(missing)} not where scikit-image, scikit-learn and "
                "matplotlib install them; reinstall these packages"
            )
        return files


def _installed(package: str, file: str) -> Path:
    spec = importlib.util.find_spec(package)  # finds the package without importing it
    if spec is None or spec.origin is None:
        raise DataError(f"samples: the package {package} is not installed")
    return Path(spec.origin).parent / file
