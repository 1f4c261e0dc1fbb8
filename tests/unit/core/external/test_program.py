"""External programs: all their processes end with them, and their output is bounded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.core.external import program as module
from benchmark.core.external.program import ProgramFailed, run_program

LINUX = sys.platform == "linux"
adopts = pytest.mark.skipif(not LINUX, reason="only Linux hands orphans to another process")
# Leaves a process behind in a session of its own, which no process group holds, as a daemon does.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
"""


def _gone(pid: int) -> bool:
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if LINUX and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def _python(code: str, *words: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, words)]


def test_a_program_that_ends_well_says_nothing(tmp_path: Path) -> None:
    run_program(_python("print('hello')"), limit=60, log=tmp_path / "log")
    assert (tmp_path / "log").read_text().splitlines()[-1] == "hello"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; print('no GPU'); sys.exit(3)", "exit status 3: no GPU"),
        ("import os; os.kill(os.getpid(), 9)", "exit status -9, and it printed nothing"),
        ("import os; os.kill(os.getpid(), 11)", "exit status -11, and it printed nothing"),
        ("import sys; sys.exit(1)", "exit status 1, and it printed nothing"),
    ],
)
def test_how_it_ended_is_told(code: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed) as failed:
        run_program(_python(code), limit=60, log=tmp_path / "log")
    assert str(failed.value) == said


def test_one_that_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match=r"cannot be started \(No such file or directory\)"):
        run_program([str(tmp_path / "none")], limit=60, log=tmp_path / "log")


@pytest.mark.parametrize("end", ["", "sys.exit(2)"])
def test_a_child_in_the_background_ends_with_it(end: str, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open(sys.argv[1], 'w').write(str(child.pid))\n{end}"
    )
    try:
        run_program(_python(code, tmp_path / "pid"), limit=60, log=tmp_path / "log")
    except ProgramFailed:
        assert end
    assert _gone(int((tmp_path / "pid").read_text()))


@adopts
def test_a_daemon_that_it_left_ends_too(tmp_path: Path) -> None:
    run_program(_python(DAEMON, tmp_path / "pid"), limit=60, log=tmp_path / "log")
    assert _gone(int((tmp_path / "pid").read_text()))


@adopts
def test_a_daemon_ends_at_the_time_limit(tmp_path: Path) -> None:
    code = f"{DAEMON}\ntime.sleep(600)"
    with pytest.raises(ProgramFailed, match="stopped at the time limit of 4 s"):
        run_program(_python(code, tmp_path / "pid"), limit=4, log=tmp_path / "log")
    assert _gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("code", ["import time; time.sleep(600)", DAEMON + "\ntime.sleep(600)"])
def test_it_ends_when_the_bench_is_killed(code: str, tmp_path: Path) -> None:
    """After SIGKILL the bench cannot clean up itself."""
    if not LINUX and "setsid" in code:
        pytest.skip("only Linux hands orphans to another process")
    inner = f"import os, sys\nopen(sys.argv[2], 'w').write(str(os.getpid()))\n{code}"
    outer = (
        "import sys; from pathlib import Path\n"
        "from benchmark.core.external.program import run_program\n"
        "run_program(sys.argv[2:], limit=600, log=Path(sys.argv[1]))"
    )
    program = _python(inner, tmp_path / "daemon", tmp_path / "pid")
    bench = subprocess.Popen(_python(outer, tmp_path / "log", *program))
    files = ["pid", "daemon"] if "setsid" in code else ["pid"]
    pids = [_told(tmp_path / one) for one in files]
    bench.send_signal(signal.SIGKILL)
    bench.wait()
    assert all(map(_gone, pids))


def _told(path: Path) -> int:
    for _ in range(1500):
        if path.is_file() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(path)


def test_what_it_prints_is_cut_and_its_last_line_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PRINTED", 10_000)
    code = "import sys\nfor n in range(9999): print('line', n, file=sys.stderr)\nsys.exit(1)"
    with pytest.raises(ProgramFailed, match="exit status 1: line 9998"):
        run_program(_python(code), limit=60, log=tmp_path / "log")
    text = (tmp_path / "log").read_text()
    assert len(text) < 10_100
    assert text.endswith("\n[cut: the program printed more]\n")


def test_a_long_log_grows_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LOGGED", 300)
    for _ in range(20):
        run_program(_python("print('x' * 99)"), limit=60, log=tmp_path / "log")
        if (tmp_path / "log").stat().st_size >= 300:
            break
    size = (tmp_path / "log").stat().st_size
    run_program(_python("print('x' * 99)"), limit=60, log=tmp_path / "log")
    assert (tmp_path / "log").stat().st_size <= size + 100
    assert 300 <= size <= 400


def test_endless_output_is_not_held_in_memory(tmp_path: Path) -> None:
    """A quarter of a gigabyte on one line; the process that reads it may grow by a tenth of it."""
    inner = "import sys\nfor _ in range(256): sys.stdout.write('x' * 2**20)\nsys.exit(1)"
    outer = (
        "import sys; from pathlib import Path\n"
        "from benchmark.core.external.program import ProgramFailed, run_program\n"
        "def most(): return int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        "before = most()\n"
        "try: run_program(sys.argv[2:], limit=600, log=Path(sys.argv[1]))\n"
        "except ProgramFailed as failed: assert str(failed).startswith('exit status 1: xxx')\n"
        "print(most() - before)"
    )
    if not LINUX:
        pytest.skip("peak memory is read from /proc")
    words = _python(outer, tmp_path / "log", *_python(inner))
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 25_000  # KiB
    assert (tmp_path / "log").stat().st_size < 2 * module.MOST_PRINTED


def test_one_that_closes_its_output_and_goes_on_is_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nos.close(1); os.close(2)\ntime.sleep(0.5)\n"
        "open(sys.argv[1], 'w').write('done')"
    )
    run_program(_python(code, tmp_path / "done"), limit=60, log=tmp_path / "log")
    assert (tmp_path / "done").read_text() == "done"
    with pytest.raises(ProgramFailed, match="time limit"):
        run_program(
            _python("import os, time\nos.close(1); os.close(2)\ntime.sleep(600)"),
            limit=1,
            log=tmp_path / "log",
        )
