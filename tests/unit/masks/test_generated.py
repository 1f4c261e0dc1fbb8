"""Generated masks depend on seed, image name and bucket alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.errors import DataError
from benchmark.masks.bucket import DEFAULT_BUCKETS, Bucket
from benchmark.masks.generated import GeneratedMasks


def test_every_image_has_a_hole_in_every_bucket():
    masks = GeneratedMasks(DEFAULT_BUCKETS, seed=3)
    assert list(masks.holes("a")) == ["10-20", "30-40", "50-60"]
    for bucket in DEFAULT_BUCKETS:
        assert bucket.holds(masks.mask_for("a", bucket.label, (64, 80)))


def test_a_mask_does_not_depend_on_the_other_buckets():
    alone = GeneratedMasks([Bucket(30, 40)], seed=3)
    together = GeneratedMasks(DEFAULT_BUCKETS, seed=3)
    assert alone.holes("a")["30-40"] == together.holes("a")["30-40"]
    assert np.array_equal(
        alone.mask_for("a", "30-40", (64, 64)), together.mask_for("a", "30-40", (64, 64))
    )


def test_seed_name_bucket_and_margin_enter_the_digest():
    digests = [
        GeneratedMasks(DEFAULT_BUCKETS, seed=seed, margin=margin).holes(name)[bucket.label].digest
        for seed in (0, 1)
        for margin in (0, 25)
        for name in ("a", "b")
        for bucket in DEFAULT_BUCKETS
    ]
    assert len(set(digests)) == len(digests)


def test_an_image_too_small_for_the_bucket_is_an_error_of_the_data():
    with pytest.raises(DataError, match="no hole of 10-20 % fits"):
        GeneratedMasks(DEFAULT_BUCKETS, seed=0).mask_for("a", "10-20", (2, 2))
