"""Keys of outputs: hashes of everything that determines them, and the seeds in them.

An output stored for other weights, another mask or another revision is never used.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from benchmark.composite import REVISION as COMPOSITE_REVISION
from benchmark.composite import split_treatment
from benchmark.core.seeds import seed_of
from benchmark.core.tiles import REVISION as TILES_REVISION
from benchmark.core.tiles import Tiling
from benchmark.postprocess import REVISION
from benchmark.retouch import REVISION as RETOUCH_REVISION
from benchmark.retouch import Retouch

if TYPE_CHECKING:
    from benchmark.runner.jobs import ResolvedModel, SampleRef


def key_of(*parts: object) -> str:
    """Return a hash of `parts`: 128 bits, as 32 hexadecimal digits."""
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def names_of(sample: SampleRef, *more: str) -> str:
    """Return the part of a key for a model whose output depends on the sample's names."""
    return key_of("names", sample.dataset, sample.bucket, sample.id, *more)


def seed_key(seed: int, sample: SampleRef) -> str:
    """Return the part of a key for a model that uses the plan's seed and the sample's name."""
    return key_of(seed, sample.id)


def inpaint_key(
    inpainter: ResolvedModel,
    sample: SampleRef,
    *,
    seed: str,
    rule: str,
    blind: bool,
    fingerprint: str,
) -> str:
    """Return the key of an inpainter's output for a sample.

    Args:
        inpainter: the inpainter.
        sample: the sample.
        seed: as `seed_key`; "" for a model that uses no random numbers.
        rule: as `benchmark.runner.jobs.rule_of`.
        blind: whether the hole is filled before; only for a model that inpaints.
        fingerprint: what determines the output for this sample alone, or "".
    """
    parts = ["fill", inpainter.identity, sample.key, seed, rule, *(["blind"] if blind else [])]
    return key_of(*parts, *([fingerprint] if fingerprint else []))


def treated_key(image: str, treatment: str, seed: int) -> str:
    """Return the key of an inpainted image after its treatment.

    Args:
        image: the key of the image without it: known pixels put back, and not retouched.
        treatment: as `benchmark.composite.treatment_of` writes it.
        seed: as for `retouched_key`.
    """
    composite, retouch = split_treatment(treatment)
    if composite:
        image = key_of("composite", COMPOSITE_REVISION, composite, image)
    return retouched_key(image, retouch, seed) if retouch else image


def retouched_key(image: str, retouch: str, seed: int) -> str:
    """Return the key of an inpainted image after retouching.

    Args:
        image: the key of the image without it.
        retouch: the retouching.
        seed: seed of random grain; part of the key only if the retouching is random.
    """
    random = str(seed) if Retouch.parse(retouch).is_random else ""
    return key_of("retouch", RETOUCH_REVISION, retouch, random, image)


def grain_seed(seed: int, sample: SampleRef) -> int:
    """Return the seed of a sample's grain, from the plan's seed and the sample's name."""
    return seed_of("retouch", seed, sample.id)


def noise_seed(seed: int, sample: SampleRef) -> int:
    """Return the seed of post-processing noise, from the plan's seed and the sample's name.

    For a forgery it is the image in place of the name: a renamed file recomputes nothing.
    """
    name = sample.forgery.image if sample.forgery else sample.id
    return seed_of("launder", seed, name)


def mask_key(sample: SampleRef) -> str:
    """Return the key under which a sample's mask is stored."""
    return key_of("mask", sample.key)


def detect_key(
    detector: ResolvedModel, image: str, fingerprint: str = "", tiling: Tiling | None = None
) -> str:
    """Return the key of a detection.

    A tiling is part of the key of every image, also of those that are not larger than a tile: keys
    are made before images are decoded.

    Args:
        detector: the detector.
        image: the key of the inpainted image.
        fingerprint: what determines the output for this image alone, such as the hash of a
            finished heatmap, or "".
        tiling: how large images are divided, or None for whole images.
    """
    own = [fingerprint] if fingerprint else []
    tiles = ["tiles", TILES_REVISION, tiling.side, tiling.overlap] if tiling else []
    return key_of("judge", detector.identity, image, *own, *tiles)


def post_processed_key(detection: str, launder: str, seed: int | None) -> str:
    """Return the key of a detection after post-processing.

    Args:
        detection: the key of the detection without it.
        launder: the key of the post-processing, such as "jpeg:90" (`PostProcess.key`).
        seed: seed of a random post-processing, else None.
    """
    return key_of("launder", REVISION, launder, "" if seed is None else seed, detection)


def measure_key(metric: str, revision: str, image: str, detection: str) -> str:
    """Return the key of a measurement, from the keys of the image and the detection, or ""."""
    return key_of("measure", metric, revision, image, detection)
