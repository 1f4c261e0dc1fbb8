"""docs/notebook.ipynb runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


def test_it_runs_and_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install '.[test]'")
    nbclient = pytest.importorskip("nbclient", reason="no nbclient: pip install '.[test]'")
    pytest.importorskip("ipykernel", reason="no ipykernel: pip install '.[test]'")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    here = os.pathsep.join([str(NOTEBOOK.parents[1]), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", here.rstrip(os.pathsep))
    book = nbformat.read(NOTEBOOK, as_version=4)
    (run,) = (cell for cell in book.cells if cell.id == "run")
    assert "    limit=4,\n" in run.source
    run.source = run.source.replace("limit=4", "limit=1")  # each image costs seconds
    cells = {cell.id: cell for cell in book.cells}
    assert all(not cell.outputs for cell in book.cells if cell.cell_type == "code")

    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=300, resources=resources).execute()

    shown = cells["run"].outputs[-1]["data"]["text/html"]
    assert "<table" in shown
    assert "safepaint" in shown
    assert "telea" in cells["results"].outputs[-1]["data"]["text/html"]
    assert "auc" in cells["worst"].outputs[-1]["data"]["text/html"]
    assert (tmp_path / "notebook-run" / "index.html").is_file()
