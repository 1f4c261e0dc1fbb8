"""Executors from options, and options that exclude each other."""

from __future__ import annotations

import pytest

from benchmark.core.errors import BadInput, UnknownName
from benchmark.executors.choice import (
    AUTO_START,
    batch_of,
    default_executor,
    make_executor,
)


def test_several_devices_get_a_process_each() -> None:
    assert default_executor("cpu").name == "serial"
    two = default_executor("cuda:0, cuda:1")
    assert (two.name, two.devices) == ("processes:2", ("cuda:0", "cuda:1"))
    four = make_executor("processes", device="cuda:0,cuda:1", workers=4)
    assert (four.name, four.devices) == ("processes:4", ("cuda:0", "cuda:1"))


def test_workers_default_to_one_per_device_or_core() -> None:
    assert make_executor("processes", device="cuda:0").name == "processes:1"
    assert int(make_executor("processes").name.partition(":")[2]) >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": None, "workers": 2}, "--workers goes with"),
        ({"name": "serial", "workers": 2}, "--workers goes with"),
        ({"name": "serial", "device": "cuda:0,cuda:1"}, "serial uses one device"),
        ({"name": "processes", "address": "auto"}, "go with --executor ray"),
        ({"name": None, "gpu_share": 0.5}, "go with --executor ray"),
    ],
)
def test_options_that_do_not_go_together(words: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make_executor(**words)


def test_an_unknown_name_suggests_a_similar_one() -> None:
    with pytest.raises(UnknownName, match=r"no executor named 'process'\. Did you mean"):
        make_executor("process")


def test_batch_sizes() -> None:
    assert batch_of("8", "cpu") == (8, False)
    assert batch_of("auto", "cuda:0,cuda:1") == (AUTO_START, True)
    assert batch_of("auto", "cpu") == (1, True)
    assert batch_of("auto:128", "cpu") == (128, True)
