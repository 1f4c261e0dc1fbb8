"""Write tables of the mini weights into pages: `python -m tools.mini PHOTOS --forged FORGED`.

PHOTOS are the images that findings rest on; FORGED are images of published inpainters. A table of
a page is between `<!-- NAME: python -m tools.mini -->` and `<!-- end -->`, and is made by one
function of `TABLES`. Runs and outputs are kept in the folder of `--work`, so an interrupted call
resumes; `--only` writes some of the tables. With `--trainings`, a folder with the facts of each
training (NAME/NAME.json), the cards of the weights are written too; their limitations are kept.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

from tools.mini import cards, composites, controls, goals, grain, plans
from tools.mini.measured import ROOT, Measured

MINI, COMPOSITE, CONTROLS = "docs/mini.md", "docs/howto/composite.md", "docs/howto/controls.md"
TABLES: dict[str, tuple[str, Callable[[Measured], str]]] = {
    "controls": (MINI, controls.table_of_controls),
    "tests": (MINI, controls.table_of_tests),
    "kinds": (MINI, attrgetter("kinds_text")),
    "quality": (MINI, attrgetter("quality_text")),
    "samples": (MINI, attrgetter("samples_text")),
    "goals": (MINI, goals.table_of_goals),
    "paper": (MINI, plans.paper_tables),
    "composites": (COMPOSITE, composites.table_of_composites),
    "known-pixels": (COMPOSITE, composites.table_of_known_pixels),
    "composite-photos": (COMPOSITE, composites.table_of_photos),
    "grain": (CONTROLS, grain.table_of_grain),
}


def main() -> None:
    """Measure what is not measured yet, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "photos", type=Path, help="folder of test images of BSDS500, which the cards name"
    )
    parser.add_argument("--forged", type=Path, help="folder of images of published inpainters")
    parser.add_argument("--limit", type=int, default=100, help="use only the first N images")
    parser.add_argument("--work", type=Path, default=Path("runs/mini"), help="folder of the runs")
    parser.add_argument("--only", help="comma-separated names of tables")
    parser.add_argument("--trainings", type=Path, help="folder of the trainings: write the cards")
    options = parser.parse_args()
    found = Measured(
        photos=options.photos.absolute(),
        forged=options.forged.absolute() if options.forged else None,
        limit=options.limit,
        work=options.work.absolute(),
    )
    found.refuse_other_inputs()
    for name in TABLES if options.only is None else filter(None, options.only.split(",")):
        page, made = TABLES[name]
        _write(ROOT / page, name, made(found))
        sys.stdout.write(f"{page}: {name}\n")
    if options.trainings:
        for card in cards.write_cards(found, options.trainings):
            sys.stdout.write(f"{card}\n")


def _write(file: Path, name: str, text: str) -> None:
    begin, end = f"<!-- {name}: python -m tools.mini -->", "<!-- end -->"
    page = file.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    page, count = pattern.subn(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", page)
    if count != 1:
        raise SystemExit(f"{file}: {count} times {begin}")
    file.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
