"""What tests read from a page in the browser, and choose on it."""

from __future__ import annotations

from typing import Any


def texts(page: Any, selector: str) -> list[str]:
    """Return the texts of all elements of a CSS selector, in the page's order."""
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())"
    return page.execute_script(script, selector)


def choose(page: Any, name: str, value: str) -> None:
    """Choose a value in a filter and dispatch its event."""
    page.execute_script(
        "const box = document.querySelector(`#filters [name=${arguments[0]}]`);"
        "box.value = arguments[1]; box.dispatchEvent(new Event('change', {bubbles: true}))",
        name,
        value,
    )
