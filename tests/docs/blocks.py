"""The documentation pages and their code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tests.unit.test_layers import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
FENCE = re.compile(r"^ *(```|~~~)", re.MULTILINE)
_BLOCK = re.compile(
    r'^```(?P<language>\w*)(?: title="(?P<title>[\w.]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_CONTINUED = re.compile(r"\\\n\s*")
_COMMENT = re.compile(r"(^|\s+)#.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block.

    Attributes:
        place: page and line, as "docs/scale.md:44".
        language: what stands behind the fence.
        title: the file that it is to be saved as, or "".
        text: what is in it.
        shown: the block without language and title that follows: what it prints, or "".
    """

    place: str
    language: str
    title: str
    text: str
    shown: str = ""

    @property
    def commands(self) -> list[str]:
        """The lines of a shell's block without comments, continued ones joined."""
        lines = _CONTINUED.sub(" ", self.text).splitlines()
        return [command for line in lines if (command := _COMMENT.sub("", line))]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, each with what it prints; what nothing prints stays a block."""
    text = PAGES[page]
    kept: list[Block] = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        block = Block(
            place=f"{page}:{line}",
            language=match["language"],
            title=match["title"] or "",
            text=match["text"],
        )
        if block.language == "text" and kept and _prints(kept[-1]):
            kept[-1] = replace(kept[-1], shown=block.text)
        else:
            kept.append(block)
    return kept


def _prints(block: Block) -> bool:
    return block.language in ("bash", "python") and not block.title and not block.shown
