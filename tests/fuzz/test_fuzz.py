"""No file from outside makes a traceback, a hang, or anything run (long: benchmarks/fuzz.py)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from tests.fuzz.guard import read, watching
from tests.fuzz.inputs import nearly
from tests.fuzz.targets import Target, targets

FOLDER = TemporaryDirectory(prefix="fuzz-")
TARGETS = targets(Path(FOLDER.name))
EACH = 30


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_is_whole_is_read_or_refused(target: Target, tmp_path: Path) -> None:
    assert "read" in {read(target, seed, tmp_path) for seed in target.seeds}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@settings(
    max_examples=EACH,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
@given(data=st.data())
def test_what_is_nearly_whole(
    target: Target, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    read(target, data.draw(nearly(target.seeds)), folder)
    assert not Path("crater").exists()


FOUND = [  # once a traceback each
    ("checkpoint", b"q"),
    ("checkpoint", b"r"),
    ("safetensors", save({}, metadata={"bench": '{"model"'})),
    ("safetensors", save({}, metadata={"bench": "[1]"})),
    ("safetensors", save({}, metadata={"bench": '{"model": "lama", "config": "x"}'})),
    ("stored heatmap", b"\x93NUMPY\x01\x00\x04\x00{'(\n"),
    ("stored heatmap", b"\x93NUMPY\x01\x00\x04\x00((a\n"),
]


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_what_was_found_before(name: str, content: bytes, tmp_path: Path) -> None:
    read(next(one for one in TARGETS if one.name == name), content, tmp_path)


def test_the_guard_sees_what_is_run(tmp_path: Path) -> None:
    import pickle

    bomb = next(seed for seed in TARGETS[5].seeds if b"touch crater" in seed)
    with watching(), pytest.raises(AssertionError, match=r"os\.system"):
        pickle.loads(bomb)  # noqa: S301 (the guard is tested)
    assert not Path("crater").exists()
