"""Render the model card of a training as Markdown, and its loss curves as an image.

As a program: python -m benchmark.training.model_card FACTS.json [--results FILE] [--weak FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import BenchError, TrainingError
from benchmark.core.paths import atomic
from benchmark.training.facts import Facts, evenly_spaced, read_facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ROWS = 12  # of a table
TITLES = {"psnr": "PSNR in dB", "auc": "AUC of pixels"}
NOT_OURS = (
    "These are not the authors' weights. Numbers with them do not describe the published model."
)


def render_card(facts: Facts, *, title: str = "", results: str = "", weak: str = "") -> str:
    """The card of a model, in Markdown.

    Args:
        facts: of its training.
        title: the model's name in headings; its name on the command line by default.
        results: Markdown of the results section; without it the section is "Not measured yet.".
        weak: Markdown list of the limitations; an item is always appended that these are not the
            authors' weights.

    Returns:
        The card, ending with a line break.
    """
    sections = [
        f"# Model card: {title or facts.model}, {facts.recipe} edition",
        _file(facts),
        _table(["", ""], _rows(facts)),
        "## Training",
        _curve(facts),
        _held_out(facts),
        "## Results",
        results.strip() or "Not measured yet.",
        "## Limitations",
        "\n".join(part for part in (weak.strip(), f"- {NOT_OURS}") if part),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def draw_curves(facts: Facts, path: Path) -> None:
    """Plot the losses and the validation metric over steps.

    Args:
        facts: of the training.
        path: a .png or .svg file, replaced atomically.

    Raises:
        OutputError: if it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    FigureCanvasAgg(figure)
    count = 2 if facts.held_out_curve else 1
    losses, *rest = figure.subplots(1, count, squeeze=False)[0]
    _draw_losses(losses, facts)
    for axes in rest:
        steps = [row.step for row in facts.held_out_curve]
        axes.plot(steps, [row.value for row in facts.held_out_curve], marker=".")
        axes.set(xlabel="step", title=f"held out: {TITLES[facts.measured]}")
    with atomic(path) as draft:
        figure.savefig(draft, format=path.suffix[1:], dpi=100)


def _draw_losses(axes: Axes, facts: Facts) -> None:
    for name in _terms(facts):
        rows = [row for row in facts.curve if row.get(name, 0) > 0]  # the axis is logarithmic
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], label=name)
    axes.set(xlabel="step", yscale="log", title=f"{facts.model}: losses as they are weighted")
    axes.legend(fontsize="x-small")


def _file(facts: Facts) -> str:
    return (
        f"`{facts.file}`, {facts.bytes / 1e6:.1f} MB, half precision, {facts.parameters:,} "
        f"parameters. SHA-256 {facts.sha256}."
    )


def _rows(facts: Facts) -> list[list[str]]:
    sizes = ", ".join(f"{name} {_plain(value)}" for name, value in facts.config.items())
    data = f"{facts.photographs} images, {facts.held_out} of them held out"
    extra = {"left out as unreadable or too small": facts.left_out}
    extra["of the rest are test images"] = facts.test_photographs
    data += "".join(f"; {count} {what}" for what, count in extra.items() if count)
    stages = "one stage" if facts.stages == 1 else f"{facts.stages} stages"
    spent = f"{facts.seconds:,.0f} s in steps, {facts.wall:,.0f} s in all; {facts.machine}"
    least = f"least {facts.best['total']:.4g} at step {facts.best['step']:,.0f}"
    recipe = f"{facts.recipe}, SHA-256 {facts.recipe_sha256[:12]} without its description"
    return [
        ["network", f"{facts.model} at {sizes}; same code"],
        ["recipe", recipe],
        *_start(facts),
        *(
            [
                ["data", f"{data}; SHA-256 over their content hashes {facts.data_sha256[:12]}"],
                ["masks", facts.masks],
            ]
            if facts.photographs
            else []
        ),
        *_forgers(facts),
        *_forgeries(facts),
        ["steps, seed", f"{facts.steps:,} in {stages}; {facts.seed}"],
        ["time, machine", spent],
        ["losses", f"{facts.last['total']:.4g} at the end, {least}"],
    ]


def _forgers(facts: Facts) -> list[list[str]]:
    """The sources of a detector's forgeries; no row for an inpainter."""
    total = sum(facts.forgers.values())
    sources = ", ".join(f"{name} {share / total:.0%}" for name, share in facts.forgers.items())
    other = "" if facts.forgeries else "; no other inpainter"
    return [["forgers of the last stage", f"{sources}{other}"]] if sources else []


def _start(facts: Facts) -> list[list[str]]:
    """The weights that the training started from, if any."""
    start = facts.start
    return [["starts from", f"{start['edition']}, SHA-256 {start['sha256'][:12]}"]] if start else []


def _forgeries(facts: Facts) -> list[list[str]]:
    """The set of existing forgeries, if any."""
    if not (found := facts.forgeries):
        return []
    methods = found["methods"] if isinstance(found["methods"], list) else []
    by = ", ".join(str(one) or "not stated" for one in methods)
    share = float(str(found["share"]))
    text = (
        f"{share:.0%} of the training images: {found['forged']} forged (by {by}) and "
        f"{found['authentic']} authentic images of {found['originals']} originals, "
        f"{found['held_out']} of them held out; layout {found['layout']}; SHA-256 over images and "
        f"truths {str(found['sha256'])[:12]}"
    )
    return [["existing forgeries", text]]


def _curve(facts: Facts) -> str:
    head = ["step", "rate", *_terms(facts), "total"]
    rows = evenly_spaced(facts.curve, MAX_ROWS)
    return _table(head, [[_number(row.get(name)) for name in head] for row in rows])


def _held_out(facts: Facts) -> str:
    found = facts.held_out_curve
    if not found:
        return ""
    kept = evenly_spaced(found, MAX_ROWS)
    rows = [[_number(row.step), str(row.side), f"{row.value:.4g}"] for row in kept]
    return _table(["step", "side", f"held out: {TITLES[facts.measured]}"], rows)


def _terms(facts: Facts) -> list[str]:
    """The loss terms of all rows, in order of first appearance."""
    names = dict.fromkeys(name for row in facts.curve for name in row)
    return [name for name in names if name not in ("step", "rate", "total")]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|" for line in lines
    )


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def main(words: Sequence[str] | None = None) -> int:
    """Print a card; exit status 2 if a file is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.training.model_card", description=__doc__
    )
    parser.add_argument("facts", type=Path, help="NAME.json of a training")
    parser.add_argument("--title", default="", help="the model's name in headings")
    parser.add_argument("--results", type=Path, help="Markdown of the results section")
    parser.add_argument("--weak", type=Path, help="Markdown list of limitations")
    given = parser.parse_args(words)
    try:
        texts = {name: _text(getattr(given, name)) for name in ("results", "weak")}
        card = render_card(read_facts(given.facts), title=given.title, **texts)
    except BenchError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    sys.stdout.write(card)
    return 0


def _text(path: Path | None) -> str:
    try:
        return path.read_text(encoding="utf-8") if path is not None else ""
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror})") from None


if __name__ == "__main__":
    sys.exit(main())
