"""Write the generated pages of the documentation: `python -m tools.docs`, or `make docs-pages`.

Each module has a function `pages()` that returns {path from the repository's root: text}; nothing
is written before all of them have returned. `tests/docs/test_generated.py` compares the result
with the files, so a command, option, key, metric or model that is added without running this
program fails a test.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("docs/cards", "docs/metrics")  # folders in which every page is generated


def generated() -> dict[str, str]:
    """All generated pages and files, by their path from the repository's root."""
    from tools.docs import cli, keys, metrics, models, navigation

    parts = (cli.pages(), keys.pages(), models.pages(), metrics.pages(), navigation.pages())
    return {path: text for part in parts for path, text in part.items()}


def stale() -> list[Path]:
    """Pages in generated folders that belong to no model and no metric any more."""
    known = {ROOT / path for path in generated()}
    found = (path for folder in GENERATED for path in sorted((ROOT / folder).glob("*.md")))
    return [path for path in found if path not in known]
