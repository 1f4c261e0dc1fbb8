"""Generated irregular masks: one per image and bucket, seeded by the image's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket
from benchmark.masks.generator import REVISION, irregular_mask
from benchmark.masks.source import MaskId, Pairing


class GeneratedMasks:
    """Irregular masks; every image has one in each bucket.

    Args:
        buckets: the buckets.
        seed: the plan's seed.
        margin: border without holes, in pixels at a short side of 256.
    """

    def __init__(self, buckets: Sequence[Bucket], *, seed: int, margin: int = 0) -> None:
        self.buckets = tuple(buckets)
        self._buckets = {bucket.label: bucket for bucket in buckets}
        self._seed = seed
        self._margin = margin
        self.unused: tuple[tuple[str, str], ...] = ()
        self.left_out: tuple[str, ...] = ()
        self.read_as: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.pairing = Pairing(rule="generated", said=f"generated for each image with seed {seed}")

    def holes(self, sample: str) -> Mapping[str, MaskId]:
        """Return a mask for every bucket."""
        return {label: self._hole(sample, label) for label in self._buckets}

    def mask_for(self, sample: str, bucket: str, shape: tuple[int, int]) -> Mask:
        """Generate the mask, (H, W) bool.

        Raises:
            DataError: if no mask of this bucket fits an image of this size.
        """
        return irregular_mask(
            height=shape[0],
            width=shape[1],
            bucket=self._buckets[bucket],
            seed=self._seed_for(sample, bucket),
            margin=self._margin,
        )

    def _seed_for(self, sample: str, bucket: str) -> int:
        return seed_of("mask", self._seed, sample, bucket)

    def _hole(self, sample: str, bucket: str) -> MaskId:
        name = f"drawn with seed {self._seed_for(sample, bucket)}"
        return MaskId(name=name, digest=f"generator {REVISION} {name} {bucket} {self._margin}")
