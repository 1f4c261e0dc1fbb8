"""How every command speaks: a mistake in one line, a stop that says how to go on, JSON or text."""

from __future__ import annotations

import json
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

from benchmark.core.errors import BadInput, BenchError, BenchWarning
from benchmark.core.filenames import on_terminal, printable
from benchmark.core.secrets import redact_secrets

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]


class Terminated(KeyboardInterrupt):
    """SIGTERM: stop as for Ctrl-C, with the exit status that belongs to it."""


@contextmanager
def speaking() -> Iterator[None]:
    """A user's mistake is one line and status 2; a stop says how to go on; a bug has its trace."""

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warner()
            warnings.simplefilter("always", BenchWarning)
            yield
    except BenchError as error:
        fail(error)
    except MemoryError:
        fail(
            BenchError(
                "out of memory; what is done is kept: the same command goes on from here, with "
                "more memory or a smaller --batch-size"
            )
        )
    except KeyboardInterrupt as stop:
        typer.echo("Stopped. What is done is kept: the same command goes on from here.", err=True)
        raise typer.Exit(143 if isinstance(stop, Terminated) else 130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _warner() -> Callable[..., None]:
    """Says each warning once, without the place in our code that gave it."""
    said: set[str] = set()

    def warn(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in said:
            said.add(str(message))
            typer.echo(f"Warning: {printable(redact_secrets(str(message)))}", err=True)

    return warn


def fail(error: BenchError) -> NoReturn:
    """Say what the user can mend, in a line, and end with exit status 2."""
    lines = redact_secrets(str(error)).split(
        "\n"
    )  # some errors are a line for each thing that is missing
    typer.echo("Error: " + "\n".join(printable(line) for line in lines), err=True)
    raise typer.Exit(2) from None


def say_out(line: str) -> None:
    """A line on standard output; names in it may be a stranger's."""
    typer.echo(printable(line))


def show_text(what: object) -> None:
    """Print a text, anything else as JSON; names in it may be a stranger's."""
    typer.echo(on_terminal(what) if isinstance(what, str) else json.dumps(what, indent=2))


def pair_of(text: str) -> tuple[str, str]:
    """MODEL and what it gets, of `--weights MODEL=official|mini|PATH`."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        fail(BadInput(f"--weights: expected MODEL=official|mini|PATH, got {text!r}"))
    return name, value
