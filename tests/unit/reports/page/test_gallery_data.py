"""The gallery as JSON."""

from __future__ import annotations

from reports.page.gallery_data import to_json


def test_json_cannot_end_its_script() -> None:
    text = str(to_json({"name": "</script><!-- & é"}))
    assert not set("<>&é") & set(text)
