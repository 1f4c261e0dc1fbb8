"""Run calls in processes of their own: peak memory and output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

LINUX = sys.platform == "linux"
# Not getrusage: a process begins with its parent's peak there. The peak of a fork begins with the
# memory that it has at that time, so imports are made once for all calls.
_AROUND = """
import json, os, sys
{setup}
from benchmark.core.errors import BenchError
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
def grown(word):
    before = most()
    try:
        {call}
        said = "read"
    except BenchError as error:
        said = str(error)
    return most() - before, said
for word in sys.argv[1:]:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        print(json.dumps(grown(word)), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"a process for {{word}} died")
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


def peaks_of(setup: str, call: str, words: Mapping[str, object]) -> dict[str, Peak]:
    """Run `call` after `setup` for each value, named `word`, in a fork of one new Python.

    Args:
        setup: statements, such as imports.
        call: an expression of `word`, a text.
        words: the values by any name.

    Returns:
        A peak for each name.
    """
    code = _AROUND.format(setup=setup, call=call)
    command = [sys.executable, "-c", code, *map(str, words.values())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    lines = map(json.loads, done.stdout.splitlines())
    found = [Peak(mebibytes=grown, said=said.strip()) for grown, said in lines]
    return dict(zip(words, found, strict=True))


def peak_of(setup: str, call: str, word: object) -> Peak:
    """Run `call` after `setup` in a new Python, as `peaks_of` does for several values."""
    return peaks_of(setup, call, {"": word})[""]
