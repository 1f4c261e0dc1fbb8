"""tools/board: the page's tables are of what their headings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.board.standing import Standing
from reports.board.values import SectionView
from tests.unit.reports.board.made import make, views
from tools import board


@pytest.mark.parametrize("launders", [("jpeg:75", "resize:0.5"), ()])
def test_tables_are_of_images_after_post_processing(
    launders: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (view,) = views(make(tmp_path / "run", {"telea": 0.7}))
    monkeypatch.setattr(type(view.section), "launders", ("", *launders))
    asked: list[str] = []

    def standings(self: SectionView, column: object, launder: str = "") -> list[Standing]:
        asked.append(launder)
        return found

    def quality(self: SectionView, place: int, scope: tuple[str, str, str]) -> list[float | None]:
        asked.append(scope[0])
        return [None] * len(self.qualities)

    found = view.standings(view.columns[0])
    monkeypatch.setattr(SectionView, "standings", standings)
    monkeypatch.setattr(SectionView, "quality", quality)
    text = "\n".join(board._table(view))
    assert set(asked) == {launders[0] if launders else ""}
    assert ("After jpeg:75." in text) == bool(launders)
