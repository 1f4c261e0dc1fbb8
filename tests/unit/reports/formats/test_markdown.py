"""Names and sentences in Markdown."""

from __future__ import annotations

import pytest

from reports.formats.markdown import LONGEST, code, sentence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("telea+grain:1.5", "`telea+grain:1.5`"),
        ("", ""),
        ("a|b", "<code>a&#124;b</code>"),
        ("`", "<code>&#96;</code>"),
        (" a", "<code> a</code>"),
        ("a\nb", "<code>a&#92;nb</code>"),
        ("<script>", "`<script>`"),
        ("x" * 200, f"`{'x' * LONGEST}...`"),
    ],
)
def test_a_name_is_a_code_span(name: str, text: str) -> None:
    assert code(name) == text


def test_a_sentence_mentions_nobody_and_has_no_markup() -> None:
    assert sentence("x of @team, #1: <b>*") == (
        "x of &#64;<!-- -->team, &#35;<!-- -->1: &#60;b&#62;&#42;"
    )
