"""The report of benchmarks/gpu.py: lines of gpu.md, failed checks, steps without time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Report:
    """Results, written to OUT after every line.

    Attributes:
        out: the folder.
        until: when to stop, by `time.monotonic`.
        lines: lines of gpu.md.
        failed: failed checks.
        left_out: steps that exceeded the time limit.
    """

    out: Path
    until: float
    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.lines.append(line)
        (self.out / "gpu.md").write_text("\n".join(self.lines) + "\n", encoding="utf-8")

    def check(self, what: str, *, holds: bool) -> str:
        """Record whether a check holds; return the word for it."""
        if not holds:
            self.failed.append(what)
        return "holds" if holds else "FAILS"

    def late(self, what: str) -> bool:
        """Return whether the time is over, and record the step as left out."""
        over = time.monotonic() > self.until
        if over:
            self.left_out.append(what)
        return over
