"""Parts of the page that need no browser."""

from __future__ import annotations

from reports.page.builder import _json


def test_json_cannot_end_its_script() -> None:
    text = str(_json({"name": "</script><!-- & é"}))
    assert not set("<>&é") & set(text)
