"""The folder of downloads: one process at a time, and kept only if it can be continued."""

from __future__ import annotations

import pytest

from benchmark.core.errors import Unreachable, WeightsError
from benchmark.core.paths import home
from benchmark.fetch.parts import FOLDER, download_folder


def test_two_at_once() -> None:
    with (
        download_folder("lama"),
        download_folder("madf"),
        pytest.raises(WeightsError, match="lama: another process is downloading it"),
        download_folder("lama"),
    ):
        pass
    with download_folder("lama"):
        pass


def test_what_is_kept() -> None:
    place = home() / "weights" / FOLDER / "lama"

    def stop(error: BaseException) -> None:
        with download_folder("lama") as folder:
            (folder / "a.part").write_bytes(b"a")
            raise error

    for error in (Unreachable("broke off"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            stop(error)
        assert (place / "a.part").is_file()
    with pytest.raises(WeightsError):
        stop(WeightsError("another file"))
    assert not any(place.iterdir())
    with download_folder("lama") as folder:
        (folder / "a").write_bytes(b"a")
    assert not any(place.iterdir())
