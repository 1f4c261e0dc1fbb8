"""Optional packages: what is said of a missing one, and of one in another version."""

from __future__ import annotations

import pytest

from benchmark.core.external.optional import lacking


@pytest.mark.parametrize(
    "requirement", ["numpy", "numpy>=1", "numpy[extra] >= 1 ; python_version > '3'"]
)
def test_an_installed_package_lacks_nothing(requirement: str) -> None:
    assert lacking(requirement) == ""


def test_a_missing_package_and_another_version_are_named() -> None:
    missing = "not-a-package-of-anybody[extra]>=2"
    assert lacking(missing).startswith("not-a-package-of-anybody is not installed; get it with pip")
    assert "is installed, but <1 is expected; get it with pip" in lacking("numpy<1")
