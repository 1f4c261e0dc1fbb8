"""`bench weights fetch` as a process of its own, in front of a hub on this machine."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.paths import home
from inpainters import INPAINTERS
from tests.cli.conftest import Bench
from tests.unit.fetch.conftest import Reply, Standin, stand_in_for_the_hub, standing_in

CONTENT = bytes(range(250)) * 16
DIGEST = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0123456789" * 4
ADDRESS = f"hf://org/repo@{COMMIT}/a.pth"
COMMAND = [
    sys.executable, "-c", "from benchmark.cli import main; main()", "weights", "fetch", ADDRESS,
    "--yes",
]  # fmt: skip


def reply(hub: Standin, *, pause: float) -> None:
    headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{DIGEST}"'}
    hub.replies[f"/org/repo/resolve/{COMMIT}/a.pth"] = Reply(CONTENT, headers=headers, pause=pause)
    hub.replies[f"/api/models/org/repo/revision/{COMMIT}"] = Reply(b'{"id": "org/repo"}')


def wait_for_a_part() -> None:
    downloads, end = home() / "weights" / ".downloads", time.monotonic() + 120
    while not any(one.stat().st_size > 20 for one in downloads.rglob("*.part")):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_ctrl_c_two_at_once_and_the_file_as_weights(
    bench: Bench, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (extra fetch)")
    cache = str(tmp_path / "hub")
    with standing_in() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_CACHE", cache)
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
        reply(hub, pause=0.01)
        with subprocess.Popen(COMMAND, stderr=subprocess.PIPE, text=True) as process:
            wait_for_a_part()
            second = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
        assert (process.returncode, second.returncode) == (130, 2)
        assert "rerun the same command to resume" in said
        assert "another process is downloading it" in second.stderr
        assert not Path(cache).exists()  # nothing is half-written there
        reply(hub, pause=0)
        stand_in_for_the_hub(hub, tmp_path, monkeypatch)
        third = bench("weights", "fetch", ADDRESS, "--yes")
    assert third.exit_code == 0, third.output
    assert "license of org/repo: none stated on its card" in third.stdout
    assert "a.pth: continuing after " in third.stdout
    assert DIGEST in third.stdout
    found = find_weights(INPAINTERS.card("lama"), ADDRESS)
    assert (found.sha256, found.edition) == (DIGEST, f"sha256:{DIGEST[:12]}")
    run = bench("run", "--inpainter", "lama", "--detector", "flatness", "--images", photos,
                "--weights", f"lama={ADDRESS}x")  # fmt: skip
    assert run.exit_code == 2
    assert "nothing is downloaded here; get it with 'bench weights fetch hf://" in run.stderr
