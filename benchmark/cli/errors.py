"""Error handling and output of all commands: one-line errors, interruption, text or JSON."""

from __future__ import annotations

import json
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

from benchmark.core.errors import BadInput, BenchError, BenchWarning, EngineNotice
from benchmark.core.filenames import on_terminal, printable
from benchmark.core.secrets import redact_secrets

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


_SAVED = " Finished work is saved; rerun the same command to resume."
_OUT_OF_MEMORY = (
    "out of memory; finished work is saved: rerun the same command to resume, with more memory or "
    "a smaller --batch-size"
)


class Terminated(KeyboardInterrupt):
    """SIGTERM: stop as on Ctrl-C, but with exit status 143."""


@contextmanager
def handle_errors(*, resumes: bool = False) -> Iterator[None]:
    """Print a user error as one line and exit with status 2; exit with 130 or 143 on a signal.

    Any other exception is a bug and keeps its traceback.

    Args:
        resumes: whether the same command continues from what an interrupted one has done.
    """

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warning_printer()
            warnings.simplefilter("always", BenchWarning)
            yield
    except BenchError as error:
        exit_with_error(error)
    except MemoryError:
        exit_with_error(BenchError(_OUT_OF_MEMORY if resumes else "out of memory"))
    except KeyboardInterrupt as stop:
        typer.echo(f"Interrupted.{_SAVED if resumes else ''}", err=True)
        raise typer.Exit(143 if isinstance(stop, Terminated) else 130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _warning_printer() -> Callable[..., None]:
    """Return a `showwarning` that prints each message once, without file name and line number."""
    printed: set[str] = set()

    def warn(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in printed:
            printed.add(str(message))
            kind = "" if isinstance(message, EngineNotice) else "Warning: "
            typer.echo(f"{kind}{printable(redact_secrets(str(message)))}", err=True)

    return warn


def exit_with_error(error: BenchError) -> NoReturn:
    """Print a user error on standard error and exit with status 2."""
    lines = redact_secrets(str(error)).split(
        "\n"
    )  # some errors have one line for each missing thing
    typer.echo("Error: " + "\n".join(printable(line) for line in lines), err=True)
    raise typer.Exit(2) from None


def print_line(line: str) -> None:
    """Print one line on standard output; names in it may come from untrusted files."""
    typer.echo(printable(line))


def print_result(result: object) -> None:
    """Print text as it is and anything else as JSON; names may come from untrusted files."""
    text = on_terminal(result) if isinstance(result, str) else json.dumps(result, indent=2)
    typer.echo(text)


def parse_weights(option: str) -> tuple[str, str]:
    """Return the model and the value of one `--weights MODEL=official|mini|PATH`."""
    name, equals, value = option.partition("=")
    if not equals or not name or not value:
        exit_with_error(BadInput(f"--weights: expected MODEL=official|mini|PATH, got {option!r}"))
    return name, value
