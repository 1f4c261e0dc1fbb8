"""Layouts hold the paper's 369 numbers once each; its bold cells are the best."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from benchmark.core.errors import BadInput
from inpainters import INPAINTERS
from reports.paper.layouts import layout_of, paper_numbers, place
from reports.paper.tables import paper_table
from tests.parity.goldens import SHARED

NUMBERS = range(1, 7)
PAPER = SHARED / "paper" / "safepaint.txt"


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_has_its_place(number: int) -> None:
    layout = layout_of(number)
    places = [
        place(group, model, column)
        for group in layout.groups
        for model in layout.models
        for column in layout.columns
    ]
    assert len(places) == len(set(places))
    assert set(paper_numbers(number)) <= set(places)
    empty = set(places) - set(paper_numbers(number))
    assert {(one.dataset, one.inpainter) for one in empty} == (
        {("paris-street-view", name) for name in ("AOT-GAN", "Lama", "FcF")}
        if number == 1
        else set()
    )


def test_together_they_are_369() -> None:
    assert sum(len(paper_numbers(number)) for number in NUMBERS) == 369


@pytest.mark.skipif(not PAPER.is_file(), reason="needs the shared paper folder")
@pytest.mark.parametrize("number", NUMBERS)
def test_rows_and_bold_cells_are_the_papers(number: int) -> None:
    """Row by row as the text of the paper has it: every number and whether it is bold."""
    text = PAPER.read_text(encoding="utf-8").split(f"**Table {number}: ")[1]
    printed = []
    for line in text.split("\n\n")[1].splitlines():
        fields = [field for field in line.split("\t") if re.search(r"^(<b>)?[\d.]+(</b>)?$", field)]
        if fields:
            printed.append([(float(re.sub("<.*?>", "", one)), "<b>" in one) for one in fields])
    found = [
        [(entry.paper, entry.paper_best) for entry in line.entries if entry.paper is not None]
        for line in paper_table(number).lines
    ]
    assert found == printed


@pytest.mark.parametrize("number", NUMBERS[:5])
def test_the_best_of_every_column_is_marked(number: int) -> None:
    table = paper_table(number)
    for group in {line.group for line in table.lines}:
        lines = [line for line in table.lines if line.group == group]
        for column in range(len(table.columns)):
            assert sum(line.entries[column].paper_best for line in lines) in (1, 2)  # a tie is two


def test_every_model_of_tables_1_to_6_is_one_of_ours() -> None:
    named = set(chain.from_iterable(layout_of(number).models for number in NUMBERS))
    ours = {INPAINTERS.card(name).reported for name in INPAINTERS}
    assert named - ours == {"Backbone+DDL+RWSA"}  # Table 5's name of SafePaint


@pytest.mark.parametrize("number", [0, 7, -1])
def test_another_number_is_refused(number: int) -> None:
    with pytest.raises(BadInput, match=f"table {number}: the paper has Tables 1 to 6"):
        layout_of(number)
