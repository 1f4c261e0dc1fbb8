"""Ray actors on a real cluster of two nodes: output equal to that of one process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.errors import BadInput, DataError, ExecutorError, WorkerWarning
from benchmark.executors.ray import Ray
from benchmark.runner.inputs import InputLoader
from benchmark.runner.stages import Progress
from tests.unit.executors.conftest import FILES, Go
from tests.unit.executors.specs import HOLD, InstantSpec, chunks

DETECTORS = ("tests.unit.executors.specs:Blocking", "chance")
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a blocked worker writes its node; nodes inherit the environment."""
    monkeypatch.setenv(HOLD, str(tmp_path / "held"))
    return tmp_path / "held"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, note: Path) -> Iterator[Any]:
    """A cluster whose head has no room for workers, and two nodes with room for one each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0})
    made.nodes = [made.add_node(**NODE), made.add_node(**NODE)]
    yield made
    made.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_the_same_bytes_as_in_one_process_though_a_node_is_killed(
    go: Go, cluster: Any, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = {node.node_id: node for node in cluster.nodes}

    def kill(step: Progress) -> None:
        """Kill the blocked node after the other worker has finished a chunk."""
        if step.stage == "judge" and step.done and len(alive) == 2:
            while not note.exists():
                time.sleep(0.01)
            cluster.remove_node(alive.pop(note.read_text()), allow_graceful=False)

    taken = note.with_suffix(".taken")
    taken.touch()  # no worker blocks in this run
    serial = go("serial", detectors=DETECTORS)
    taken.unlink()
    with pytest.warns(WorkerWarning, match="died .*; its chunks are retried once"):
        record = go(
            "ray",
            executor=Ray(2, device="cpu", address=cluster.address),
            notify=kill,
            detectors=DETECTORS,
        )
    assert len(alive) == 1
    assert record.document["failures"] == serial.document["failures"] != []
    assert record.document["jobs_run"] == serial.document["jobs_run"]
    assert {name: (record.folder / name).read_bytes() for name in FILES} == {
        name: (serial.folder / name).read_bytes() for name in FILES
    }
    assert not list((record.folder.parent / "ray-store").glob(".seen-*"))

    cluster.add_node(**NODE)
    loaded = []
    load = InputLoader.load
    monkeypatch.setattr(InputLoader, "load", lambda *words: loaded.append(words) or load(*words))
    monkeypatch.setattr("benchmark.executors.ray._marker_file", unseen)
    blind = go(
        "blind",
        executor=Ray(None, device="cpu", address=cluster.address),
        detectors=DETECTORS,
    )
    assert loaded  # in this process, for workers without access to the files
    assert (blind.folder / "samples.csv").read_bytes() == (
        serial.folder / "samples.csv"
    ).read_bytes()

    executor = Ray(1, device="cpu", address=cluster.address)
    spec = InstantSpec(serial.folder)
    with executor.start(spec) as work, pytest.raises(DataError, match="cannot be used"):
        list(work(chunks("mistake")))
    with pytest.raises(ExecutorError, match="no GPU for a worker"):
        go("gpu", executor=Ray(None, device="cuda", address=cluster.address))


@contextmanager
def unseen(store: Path) -> Iterator[Path]:
    """Simulate workers on machines without access to the store."""
    yield store / "nowhere"


@pytest.mark.slow
@pytest.mark.parametrize("address", ["auto", "127.0.0.1:1"])
def test_a_missing_cluster_is_reported_in_one_line(go: Go, address: str) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    with pytest.raises(ExecutorError, match=r"no Ray cluster there .*'ray start --head'") as caught:
        go("ray", executor=Ray(1, device="cpu", address=address))
    assert "\n" not in str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match="pip install 'ray>="):
        Ray(1, device="cpu")


def test_a_numbered_gpu_is_refused() -> None:
    with pytest.raises(BadInput, match="cuda:0: expected cpu or cuda with --executor ray"):
        Ray(1, device="cuda:0")
