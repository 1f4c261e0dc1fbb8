"""Filling this package's templates: everything escaped, no script but ours."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def fill_template(name: str, **context: Any) -> str:  # noqa: ANN401 (whatever a template needs)
    """One of this package's templates, with the style and script it carries inside.

    Names of files are users' text: everything is escaped, and no script but ours may run.
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
