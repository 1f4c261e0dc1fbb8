"""Render the site's templates, on the base of the report's; every value is escaped."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

STYLE, SCRIPT = "style.css", "script.js"
_STYLES = (("reports.page", "style.css"), ("reports.board", "board.css"))
_SCRIPTS = (
    ("reports.page", "script.js"),
    ("reports.board", "table.js"),
    ("reports.board", "labels.js"),
    ("reports.board", "pareto.js"),
    ("reports.board", "browser.js"),
    ("reports.board", "moved.js"),
)


def fill(name: str, **context: Any) -> str:  # noqa: ANN401 (template variables)
    """Render one of this package's templates.

    Args:
        name: file name of the template.
        context: its variables.
    """
    return _environment().get_template(name).render(**context)


@cache
def _environment() -> Environment:
    return Environment(
        loader=ChoiceLoader(
            [PackageLoader("reports.board", ""), PackageLoader("reports.page", "")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> str:
    """Return the style sheet of the site: the report's, and the board's own."""
    return _joined(_STYLES)


def script() -> str:
    """Return the script of the site: the report's, and the board's own."""
    return _joined(_SCRIPTS)


def json_text(value: object) -> str:
    """Return JSON that cannot end a script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _joined(files: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(
        resources.files(package).joinpath(name).read_text(encoding="utf-8")
        for package, name in files
    )
