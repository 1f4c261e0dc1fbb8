"""Render the HTML templates of this package: escaped values, and a single allowed script."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def fill_template(name: str, **context: Any) -> str:  # noqa: ANN401 (template variables)
    """Render one of this package's templates with its style and script inline.

    File names come from users, so every value is escaped, and the content security policy allows
    this package's script only, by its hash.

    Args:
        name: file name of the template.
        context: its variables.
    """
    environment = Environment(
        loader=PackageLoader("reports.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _resource("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(name).render(
        style=Markup(_resource("style.css")),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        script_hash=f"sha256-{digest}",
        **context,
    )


def _resource(name: str) -> str:
    return resources.files("reports.page").joinpath(name).read_text(encoding="utf-8")
