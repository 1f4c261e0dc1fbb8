"""The `bench` command line. Commands import what they need when called: `--help` stays fast."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from benchmark.cli.board import board
from benchmark.cli.bundle import prove, submit
from benchmark.cli.compare import compare
from benchmark.cli.detect import detect
from benchmark.cli.export import export
from benchmark.cli.inpaint import inpaint
from benchmark.cli.merge import merge
from benchmark.cli.models import doctor, list_, show, verify
from benchmark.cli.new import new
from benchmark.cli.reports import report, table
from benchmark.cli.run import run
from benchmark.cli.store import check, clean
from benchmark.cli.training import train
from benchmark.cli.try_ import try_
from benchmark.cli.weights import weights_app
from benchmark.core.paths import expand_home

_HOME = re.compile(r"(--[\w-]+=)?(~(?:/.*)?)", re.DOTALL)


class _Commands(TyperGroup):
    """The commands, with "~" expanded at the start of an argument and after "--option="."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (typer's own)
        return super().parse_args(ctx, [_expand_home(word) for word in args])


def _expand_home(word: str) -> str:
    """Expand "~" where the shell does not, as in `--out=~/results`."""
    found = _HOME.fullmatch(word)
    return f"{found[1] or ''}{expand_home(Path(found[2]))}" if found else word


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark image inpainting models against forgery detectors.",
    epilog="First run: bench run --inpainter safepaint --detector trufor",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"safepaint-bench {version('safepaint-bench')}")
        raise typer.Exit


for command in (run, inpaint, detect):
    app.command()(command)
app.command("try")(try_)
for other in (
    *(merge, table, report, board, submit, prove, show, doctor, verify, train, new, check, clean),
):
    app.command()(other)
app.command()(compare)
app.command()(export)


@app.callback()
def bench(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Benchmark image inpainting models against forgery detectors."""


app.command("list")(list_)
app.add_typer(weights_app, name="weights")


def main() -> None:
    """Run the `bench` command; exit with status 130 on Ctrl-C, even before a command starts."""
    try:
        sys.exit(app())
    except KeyboardInterrupt:
        sys.exit(130)
