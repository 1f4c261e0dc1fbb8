"""The folders of runs that a comparison reads, whatever their paths name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmark.core.errors import BenchError, DataError
from benchmark.results.files import RERUN
from benchmark.results.run_folder import RunFolder, read_run


@contextmanager
def opened_folder(path: str | Path) -> Iterator[Path]:
    """Yield the folder of a run; that of a bundle is removed afterwards.

    Args:
        path: folder of a run, or a bundle of `bench submit`.

    Raises:
        DataError: if the bundle is damaged or cannot be read.
    """
    if not Path(path).is_file():
        yield Path(path)
        return
    from benchmark.bundle import open_run  # loads torch

    with open_run(path) as folder:
        try:
            yield folder
        except DataError as error:
            raise in_bundle(error, folder, path) from None


def in_bundle(error: BenchError, folder: Path, bundle: str | Path) -> DataError:
    """Return an error about the files of a bundle, which names it in place of its folder.

    Args:
        error: the error.
        folder: where the bundle was unpacked.
        bundle: its path.
    """
    said = str(error).replace(str(folder), str(bundle))
    return DataError(said.replace(RERUN, f"'bench prove {bundle}' says what was changed"))


@contextmanager
def opened_runs(
    *paths: str | Path, store: str | Path | None = None
) -> Iterator[tuple[RunFolder, ...]]:
    """Yield runs, whose files and stores are read within the block.

    Args:
        paths: paths of the runs.
        store: store with the outputs of unfinished runs.

    Raises:
        DataError: if a path is no run, or a file of a run is damaged.
    """
    with ExitStack() as stack:
        yield tuple(
            read_run(stack.enter_context(opened_folder(path)), store=store) for path in paths
        )
