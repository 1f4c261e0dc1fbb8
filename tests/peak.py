"""Run a call in a new process: peak memory and output."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

LINUX = sys.platform == "linux"
# Not getrusage: a process begins with its parent's peak there.
_AROUND = """
import sys
{setup}
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
before = most()
from benchmark.core.errors import BenchError
try:
    {call}
    said = "read"
except BenchError as error:
    said = str(error)
print(most() - before)
print(said)
"""


@dataclass(frozen=True)
class Peak:
    """Of one call.

    Attributes:
        mebibytes: how far the process's peak memory rose in it.
        said: the error's text, or "read".
    """

    mebibytes: int
    said: str


def peak_of(setup: str, call: str, *words: object) -> Peak:
    """Run `call` after `setup` in a new Python, where the words are `sys.argv[1:]`."""
    code = _AROUND.format(setup=setup, call=call)
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    grown, _, said = done.stdout.partition("\n")
    return Peak(mebibytes=int(grown), said=said.strip())
