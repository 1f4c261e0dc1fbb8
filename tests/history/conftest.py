"""The `bench` of the command line's tests."""

from tests.cli.conftest import bench

__all__ = ["bench"]
