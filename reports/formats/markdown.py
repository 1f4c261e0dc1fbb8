"""Text of a run inside Markdown: names may be anyone's, and must show as they are.

In a code span a page shows neither Markdown nor HTML, links nothing and mentions nobody.
"""

from __future__ import annotations

from benchmark.core.filenames import printable

LONGEST = 80  # characters of a name
_PLAIN = frozenset(" -.,:;+%()/'\"")  # signs without a meaning inside a paragraph
_NOT_IN_CODE = frozenset("`|\\")
_APART = {"@": "<!-- -->", "#": "<!-- -->"}  # mentions nobody, and no issue


def code(name: str) -> str:
    """Return a name as a code span, also inside a table; "" for an empty name."""
    text = printable(name)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if not text or not (_NOT_IN_CODE & set(text) or text != text.strip()):
        return f"`{text}`" if text else ""
    return f"<code>{''.join(map(_entity, text))}</code>"


def sentence(text: str) -> str:
    """Return a sentence with every sign that has a meaning in Markdown or HTML as an entity."""
    return "".join(
        sign if sign.isalnum() or sign in _PLAIN else f"{_entity(sign)}{_APART.get(sign, '')}"
        for sign in printable(text)
    )


def _entity(sign: str) -> str:
    return sign if sign.isalnum() or sign == " " else f"&#{ord(sign)};"
