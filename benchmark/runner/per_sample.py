"""Calls of models with one result per sample: a sample that fails does not affect the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from benchmark.core.errors import BadInput, BadOutput, BenchError
from benchmark.core.external.imports import last_line
from benchmark.core.paths import make_below, refuse_link
from benchmark.core.secrets import redact_secrets
from benchmark.runner.batching import is_out_of_memory

R = TypeVar("R")
Item = TypeVar("Item")


def call_per_sample(
    call: Callable[[Sequence[Item]], Sequence[R]],
    items: Sequence[Item],
    *,
    model: str,
    logs: Path | None = None,
) -> list[R | BadOutput]:
    """Call a model on all samples at once and, if that fails, on each sample alone.

    Args:
        call: returns one result per item.
        items: the samples.
        model: the model's name.
        logs: folder for tracebacks, or None.

    Returns:
        For each item the result, or the error: what the model raised, in one line.

    Raises:
        BenchError: for an error that concerns all samples, such as a full disk.
    """
    try:
        found: list[R | BadOutput] = list(call(items))
    except BadOutput as error:
        failed = error
    except BadInput as error:  # such as an image below the model's smallest side
        failed = BadOutput(str(error))
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # a model that exits must not end the run silently
        if is_out_of_memory(error):
            raise
        _log(error, model, logs)
        failed = BadOutput(f"raised {last_line(error)}")
    else:
        if len(found) == len(items):
            return found
        failed = BadOutput(f"{model}: expected {len(items)} results, got {len(found)}")
    if len(items) == 1:
        return [failed]
    return list(_singly(call, items, model, logs))


def _singly(
    call: Callable[[Sequence[Item]], Sequence[R]],
    items: Sequence[Item],
    model: str,
    logs: Path | None,
) -> Iterator[R | BadOutput]:
    for item in items:
        yield from call_per_sample(call, [item], model=model, logs=logs)


def _log(error: BaseException, model: str, logs: Path | None) -> None:
    if logs is None:
        return
    path = refuse_link(make_below(logs.parent, logs.name) / f"{model}.log")
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(redact_secrets(line) for line in traceback.format_exception(error))
