"""Generate the parts of mkdocs.yml that list generated pages: model cards and metrics."""

from __future__ import annotations

import json
import re

from benchmark.metrics import METRICS
from tools.docs import ROOT
from tools.docs.models import card_pages

FILE = "mkdocs.yml"


def pages() -> dict[str, str]:
    """Return the file with the text between its marks regenerated."""
    cards = [(title, path) for path, (title, _) in card_pages()]
    metrics = [(name, f"docs/metrics/{name}.md") for name in METRICS.built_in]
    text = (ROOT / FILE).read_text(encoding="utf-8")
    text = _between(text, "cards", cards)
    return {FILE: _between(text, "metrics", metrics)}


def _between(text: str, part: str, entries: list[tuple[str, str]]) -> str:
    """Replace the lines between "# generated: PART" and "# /generated"."""
    found = re.compile(rf"^( +)# generated: {part}\n.*?^ +# /generated\n", re.MULTILINE | re.DOTALL)
    match = found.search(text)
    if match is None:
        raise SystemExit(f"{FILE}: expected the marks '# generated: {part}' and '# /generated'")
    pad = match[1]
    lines = [f"# generated: {part}", *(_entry(*one) for one in entries), "# /generated"]
    return text[: match.start()] + "".join(f"{pad}{one}\n" for one in lines) + text[match.end() :]


def _entry(title: str, path: str) -> str:
    plain = re.fullmatch(r"[\w+ ().,'-]+", title) and not title[0].isdigit()
    shown = title if plain else json.dumps(title, ensure_ascii=False)
    return f"- {shown}: {path.removeprefix('docs/')}"
