"""Generate documentation pages: `python -m tools.docs`, or `make docs-pages`.

Each module has a function `pages()` that returns {path from the repository's root: text}; files are
written after all of them have returned. `tests/docs/test_generated.py` compares the result with the
files, so a command, option, key, metric or model that was added without running this program fails
a test.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("docs/cards", "docs/metrics")  # folders in which every page is generated


def generated() -> dict[str, str]:
    """Return all generated pages and files, by path from the repository's root."""
    from tools.docs import cli, keys, metrics, models, navigation

    parts = (cli.pages(), keys.pages(), models.pages(), metrics.pages(), navigation.pages())
    return {path: text for part in parts for path, text in part.items()}


def stale() -> list[Path]:
    """Return pages in generated folders whose model or metric no longer exists."""
    known = {ROOT / path for path in generated()}
    found = (path for folder in GENERATED for path in sorted((ROOT / folder).glob("*.md")))
    return [path for path in found if path not in known]
