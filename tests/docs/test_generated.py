"""Generated pages are current: commands, options, plan and recipe keys, models, metrics."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import typer
from pydantic import BaseModel, Field

from benchmark.cli import app
from benchmark.metrics import METRICS
from benchmark.plans import PLANS
from benchmark.runner.plan import Plan
from benchmark.training.recipe import Recipe
from inpainters import INPAINTERS
from tests.docs.blocks import PAGES, blocks
from tests.unit.test_layers import ROOT
from tools.docs import cli, generated, keys, metrics, models, navigation, stale
from tools.docs.docstrings import attributes

MAKE = "run 'make docs-pages'"
PAGES_OF_METRICS = [f"docs/metrics/{name}.md" for name in METRICS.built_in]


def test_every_generated_page_is_current() -> None:
    old = [
        path
        for path, text in generated().items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    assert not old, f"not current: {old}; {MAKE}"


def test_no_page_is_of_something_that_is_gone() -> None:
    assert not stale(), MAKE


def test_a_new_command_and_a_new_option_change_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def polish(level: int = 3) -> None:
        """Polish a run.

        Example:

          bench polish --level 4
        """

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command()(polish)
    page = cli.pages()[cli.PAGE]
    assert "| [`bench polish`](#bench-polish) | Polish a run. |" in page
    assert "| `--level` N | `3` |  |" in page
    assert "```bash\nbench polish --level 4\n```" in page
    assert isinstance(app, typer.Typer)


def test_every_command_has_an_example() -> None:
    for section in re.split(r"^## ", PAGES[cli.PAGE], flags=re.MULTILINE)[1:]:
        name = section.partition("\n")[0]
        assert "```bash\n" in section or name == "bench weights", name


@pytest.mark.parametrize("kind", [Plan, Recipe, *keys._nested(Recipe), *keys._losses()], ids=str)
def test_every_key_has_a_meaning(kind: type[BaseModel]) -> None:
    assert [key for key in kind.model_fields if key not in attributes(kind)] == []


def test_every_plan_that_ships_has_a_row() -> None:
    text = PAGES["docs/reference/plan.md"].partition("## Plans that ship")[2]
    rows = [row.split("`")[1] for row in text.splitlines() if row.startswith("| `")]
    assert tuple(rows) == PLANS


def test_types_and_limits_of_keys_are_said() -> None:
    class Keys(BaseModel):
        share: float = Field(default=0.5, gt=0, le=1)
        names: tuple[str, ...] = ()
        limit: int | None = Field(default=None, ge=1)

    said = {key: keys.kind_of(field) for key, field in Keys.model_fields.items()}
    assert said == {
        "share": "number, > 0, ≤ 1",
        "names": "list of text",
        "limit": "integer, ≥ 1",
    }


def test_a_new_model_changes_table_pages_and_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    card = replace(INPAINTERS.card("lama"), title="LaMa at twice the width")
    monkeypatch.setitem(INPAINTERS._cards, INPAINTERS.entry("lama"), card)
    assert "LaMa at twice the width" in models.pages()["docs/models.md"]
    assert "- LaMa at twice the width: cards/lama.md\n" in navigation.pages()["mkdocs.yml"]
    monkeypatch.setitem(INPAINTERS._cards, INPAINTERS.entry("lama"), replace(card, mini=""))
    assert "cards/lama.md" not in navigation.pages()["mkdocs.yml"]
    assert "docs/cards/lama.md" not in models.pages()


def test_a_new_metric_begins_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS._table, "auc2", METRICS.entry("auc"))
    page = metrics.pages()["docs/metrics/auc2.md"]
    assert page.startswith("# AUC (`auc2`)\n")
    assert "- auc2: metrics/auc2.md\n" in navigation.pages()["mkdocs.yml"]


@pytest.mark.parametrize("page", PAGES_OF_METRICS)
def test_a_metrics_page_says_everything(page: str) -> None:
    parts = re.split(r"^## (.+)$", PAGES[page], flags=re.MULTILINE)
    assert tuple(parts[1::2]) == metrics.SECTIONS
    assert all(len(text.strip()) > 5 for text in parts[2::2]), page
    (example,) = blocks(page)
    assert example.shown, f"{page}: the example prints nothing"
