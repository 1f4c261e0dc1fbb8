"""The registry of post-processing steps; those of plugins are in the group `bench.launders`."""

from __future__ import annotations

from benchmark.core.registry import Registry
from benchmark.postprocess.base import Launder

LAUNDERS: Registry[type[Launder]] = Registry(
    "post-processing step",
    {
        "jpeg": "benchmark.postprocess.codecs:Jpeg",
        "resize": "benchmark.postprocess.geometry:Resize",
        "noise": "benchmark.postprocess.filters:Noise",
        "blur": "benchmark.postprocess.filters:Blur",
        "webp": "benchmark.postprocess.codecs:WebP",
        "avif": "benchmark.postprocess.codecs:Avif",
        "jpeg2000": "benchmark.postprocess.codecs:Jpeg2000",
        "median": "benchmark.postprocess.filters:Median",
        "sharpen": "benchmark.postprocess.filters:Sharpen",
        "gamma": "benchmark.postprocess.filters:Gamma",
        "crop": "benchmark.postprocess.geometry:Crop",
        "fit": "benchmark.postprocess.geometry:Fit",
        "social": "benchmark.postprocess.social:Social",
        "spandrel": "benchmark.postprocess.super_resolution:SuperResolution",
        "vae": "benchmark.postprocess.vae:VaeRoundTrip",
    },
    base="benchmark.postprocess.base:Launder",
    group="bench.launders",
)
