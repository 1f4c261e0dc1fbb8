"""What every inpainter, detector, metric and data set must do, for a plugin's own tests.

    from benchmark.testing import check_inpainter

    def test_it_keeps_the_contract():
        check_inpainter(MyInpainter)

The same checks run over this project's own registries.
"""

from benchmark.testing.datasets import check_dataset
from benchmark.testing.detectors import check_detector
from benchmark.testing.inpainters import check_inpainter
from benchmark.testing.metrics import check_metric

__all__ = ["check_dataset", "check_detector", "check_inpainter", "check_metric"]
