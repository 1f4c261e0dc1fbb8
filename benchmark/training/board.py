"""Losses, rates and sample pictures for TensorBoard, where its package is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from benchmark.core.errors import OutputError, TrainingError
from benchmark.core.external.optional import install_line


class Board:
    """Event files for `tensorboard --logdir`.

    Args:
        folder: where they go; a resumed run adds a file there.
        step: steps already done; what an earlier run wrote of later ones is not shown.

    Raises:
        TrainingError: if the package is not installed.
        OutputError: if the folder cannot be written.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainingError(
                f"--tensorboard takes its package: {install_line('train')}"
            ) from None
        self._folder = folder
        try:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        except OSError as error:
            raise _unwritable(folder, error) from None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a step; a name's part before the slash is their group.

        Raises:
            OutputError: if the disk is full.
        """
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        except OSError as error:
            raise _unwritable(self._folder, error) from None

    def picture(self, step: int, sheet: Tensor) -> None:
        """A sample sheet, (3, H, W) in [0, 1].

        Raises:
            OutputError: if the disk is full.
        """
        try:
            self._writer.add_image("samples", sheet, step)
            self._writer.flush()
        except OSError as error:
            raise _unwritable(self._folder, error) from None

    def close(self) -> None:
        """Write what waits."""
        try:
            self._writer.close()
        except OSError as error:
            raise _unwritable(self._folder, error) from None


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"{folder}: cannot be written ({error.strerror or error})")
