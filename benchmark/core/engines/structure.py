"""The tensors in a network's output, and the output with other tensors in their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor


def tensors_of(output: Any) -> list[Tensor]:  # noqa: ANN401 (a network's output type)
    """Return the tensors in a network's output, also inside tuples and dataclasses, in order."""
    if isinstance(output, Tensor):
        return [output]
    return [tensor for part in _parts(output) for tensor in tensors_of(part)]


def with_tensors(output: Any, tensors: Iterator[Tensor]) -> Any:  # noqa: ANN401 (likewise)
    """Return a network's output with other tensors, in the order of `tensors_of`."""
    if isinstance(output, Tensor):
        return next(tensors)
    if isinstance(output, (tuple, list)):
        return type(output)([with_tensors(part, tensors) for part in output])
    if is_dataclass(output) and not isinstance(output, type):
        names = [field.name for field in fields(output)]
        given = {name: with_tensors(getattr(output, name), tensors) for name in names}
        return replace(output, **given)
    return output


def _parts(output: Any) -> list[Any]:  # noqa: ANN401 (likewise)
    if isinstance(output, (tuple, list)):
        return list(output)
    if is_dataclass(output) and not isinstance(output, type):
        return [getattr(output, field.name) for field in fields(output)]
    return []
