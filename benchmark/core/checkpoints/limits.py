"""Look at a checkpoint before its reader does: what would fill the memory is refused unread.

torch's weights-only reader runs no code, but it unpacks compressed parts to any size, and makes
what it is told to: a byte array of any length, text encoded again and again, tensors without
numbers of their own. Plain checkpoints need none of that.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from benchmark.core.errors import WeightsError

LONGEST_HEADER = 16 * 2**20  # bytes of a .safetensors header; real ones have a few hundred KiB
MOST_TEXT = 2**30  # bytes that all calls of a pickle together may make of its longest text
LONGEST_PICKLE = 8 * 2**20  # bytes of instructions; real ones have a few hundred KiB
_LEGACY_PICKLES = 5  # of a file of torch.save before its zip archives
_TOO_LONG = "too long"  # no name of an instruction
_TEXT_CALL = "_codecs.encode"
_PLAIN = frozenset({
    "collections.OrderedDict", "torch.Size", "torch.device", "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state", "torch.nn.parameter.Parameter",
})  # fmt: skip
_REFUSED = {
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
    "torch._utils._rebuild_meta_tensor_no_storage": "tensors without numbers (meta)",
    "torch._utils._rebuild_qtensor": "quantized tensors",
    "builtins.bytearray": "byte arrays",
}
_KINDS = re.compile(r"torch\.(\w+Storage|u?int\d+|float\d\w*|bfloat16|bool|complex\d+)")
_PYTHON_2 = {"__builtin__": "builtins"}


def numpy_scalar(dtype: np.dtype[Any], raw: bytes = b"") -> Any:  # noqa: ANN401 (numpy's)
    """A numpy number, as training programs leave them beside tensors.

    Raises:
        ValueError: if it is none: a record, or text, of any length.
    """
    if dtype.kind not in "biufc":
        raise ValueError(f"a number of type {str(dtype)[:60]}")
    return np._core.multiarray.scalar(dtype, raw)  # type: ignore[attr-defined]


def refuse_long_header(path: Path) -> None:
    """Refuse a .safetensors file whose header is longer than networks need.

    Raises:
        WeightsError: saying both lengths.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEADER:
        raise WeightsError(
            f"{path}: damaged or no checkpoint: a header of {length:,} bytes, at most "
            f"{LONGEST_HEADER:,} are read"
        )


def refuse_packed(path: Path) -> None:
    """Refuse a file of torch.save that would become larger in memory than it is on disk.

    Raises:
        WeightsError: saying what is in it.
        Exception: any of `inert.BROKEN`, if it is damaged.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            _refuse_pickles(path, file, _LEGACY_PICKLES)
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        packed = next((one for one in entries if one.compress_type != zipfile.ZIP_STORED), None)
        if packed is not None:
            raise WeightsError(
                f"{path}: refused: {packed.filename[:80]} is compressed, which torch.save never "
                "does; unpack it and save it again"
            )
        overlap = sum(one.file_size for one in entries) > path.stat().st_size
        if overlap or archive.comment or len({one.filename for one in entries}) < len(entries):
            raise WeightsError(f"{path}: refused: its entries overlap or are there twice")
        for one in entries:
            if one.filename.rpartition("/")[2] == "data.pkl":
                _refuse_pickles(path, io.BytesIO(archive.read(one)), 1)


def _refuse_pickles(path: Path, file: IO[bytes], count: int) -> None:
    longest = calls = 0
    encodes = False
    for name, argument in _instructions(file, count):
        if name == _TOO_LONG:
            raise WeightsError(
                f"{path}: refused: instructions of more than {LONGEST_PICKLE:,} bytes"
            )
        if name == "GLOBAL":
            word = _renamed(str(argument))
            _refuse_global(path, word)
            encodes = encodes or word == _TEXT_CALL
        elif name in ("REDUCE", "NEWOBJ"):
            calls += 1
        elif isinstance(argument, str | bytes):
            longest = max(longest, len(argument))
            if encodes and isinstance(argument, str) and _converts(argument):
                raise WeightsError(f"{path}: refused: it asks for the conversion {argument!r}")
    if encodes and longest * calls > MOST_TEXT:
        raise WeightsError(f"{path}: refused: it would make over {MOST_TEXT:,} bytes of its text")


def _instructions(file: IO[bytes], count: int) -> Iterator[tuple[str, Any]]:
    """The instructions of the first pickles of a file; what is damaged is for the reader to say."""
    start = file.tell()
    with suppress(ValueError, EOFError, IndexError):
        for _ in range(count):
            for opcode, argument, place in pickletools.genops(file):
                if (place or 0) - start > LONGEST_PICKLE:
                    yield _TOO_LONG, None
                yield opcode.name, argument


def _renamed(argument: str) -> str:
    module, _, name = argument.partition(" ")
    return f"{_PYTHON_2.get(module, module)}.{name}"


def _refuse_global(path: Path, word: str) -> None:
    """Refuse what torch would make of a few bytes; of any other name its reader says why."""
    if what := _REFUSED.get(word):
        raise WeightsError(f"{path}: refused: it holds {what}; expected plain tensors")
    known = word.startswith(("torch.", "builtins.", "collections."))
    if known and word not in _PLAIN and not _KINDS.fullmatch(word):
        raise WeightsError(
            f"{path}: refused: more than plain tensors; nothing in it was run (it asks for "
            f"{word[:80]})"
        )


def _converts(text: str) -> bool:
    """Whether a text names a codec that turns bytes into other bytes, and so can be repeated."""
    if len(text) > 40:
        return False
    try:
        return not codecs.lookup(text)._is_text_encoding
    except (LookupError, ValueError):
        return False


def refuse_repeated(path: Path, content: object) -> None:
    """Refuse tensors that have no numbers of their own, or fewer than their shape.

    Args:
        path: the file, for the message.
        content: what was read of it: tensors, in dictionaries, lists and tuples.

    Raises:
        WeightsError: naming the shape.
    """
    seen: set[int] = set()
    left = [content]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            if not _whole(one):
                raise WeightsError(
                    f"{path}: refused: a tensor of shape {tuple(one.shape)} that has fewer numbers "
                    "in the file"
                )
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list | tuple):
            left += one


def _whole(tensor: Tensor) -> bool:
    """Whether each element has its place in memory."""
    if tensor.layout != torch.strided or tensor.is_nested or tensor.device.type == "meta":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
