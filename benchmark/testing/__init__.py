"""Contract checks of models, metrics, data sets and post-processing, for the tests of plugins.

    from benchmark.testing import check_inpainter

    def test_contract():
        check_inpainter(MyInpainter)

The tests of this project run the same checks over all registered models, metrics and data sets.
"""

from benchmark.testing.datasets import check_dataset
from benchmark.testing.detectors import check_detector
from benchmark.testing.inpainters import check_inpainter
from benchmark.testing.launders import check_launder
from benchmark.testing.metrics import check_metric

__all__ = [
    "check_dataset",
    "check_detector",
    "check_inpainter",
    "check_launder",
    "check_metric",
]
