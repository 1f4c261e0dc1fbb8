"""Check untrusted checkpoints before they are read: refuse what would exhaust the memory.

torch's weights-only reader runs no code, but it decompresses entries to any size and allocates what
the pickle requests: a byte array of any length, strings encoded repeatedly, tensors without data of
their own. Plain checkpoints need none of that.
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
MOST_TEXT = 2**30  # bytes: a pickle's number of calls times its longest string
LONGEST_PICKLE = 8 * 2**20  # bytes of instructions; real ones have a few hundred KiB
_LEGACY_PICKLES = 5  # pickles in a legacy torch.save file, before zip archives
_TOO_LONG = "too long"  # sentinel in place of an opcode's name
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
    """Build a numpy scalar, as training programs save them beside tensors.

    Raises:
        ValueError: for structured or string types, which may have any length.
    """
    if dtype.kind not in "biufc":
        raise ValueError(f"a number of type {str(dtype)[:60]}")
    return np._core.multiarray.scalar(dtype, raw)  # type: ignore[attr-defined]


def refuse_long_header(path: Path) -> None:
    """Refuse a .safetensors file whose header is longer than `LONGEST_HEADER`.

    Raises:
        WeightsError: with both lengths.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEADER:
        raise WeightsError(
            f"{path}: damaged or no checkpoint: a header of {length:,} bytes, at most "
            f"{LONGEST_HEADER:,} are accepted"
        )


def refuse_packed(path: Path) -> None:
    """Refuse a torch.save file that would be larger in memory than on disk.

    Raises:
        WeightsError: with what is wrong with it.
        Exception: any of `pickle_vm.BROKEN`, if it is damaged.
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
                "does; decompress it and save it again"
            )
        overlap = sum(one.file_size for one in entries) > path.stat().st_size
        if overlap or archive.comment or len({one.filename for one in entries}) < len(entries):
            raise WeightsError(f"{path}: refused: its entries overlap or are duplicated")
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
                raise WeightsError(f"{path}: refused: it uses the codec {argument!r}")
    if encodes and longest * calls > MOST_TEXT:
        raise WeightsError(f"{path}: refused: it would expand to over {MOST_TEXT:,} bytes of text")


def _instructions(file: IO[bytes], count: int) -> Iterator[tuple[str, Any]]:
    """Yield the opcodes of the first pickles of a file; the reader reports damaged ones."""
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
    """Refuse globals by which torch allocates much from few bytes; its reader refuses others."""
    if what := _REFUSED.get(word):
        raise WeightsError(f"{path}: refused: it holds {what}; expected plain tensors")
    known = word.startswith(("torch.", "builtins.", "collections."))
    if known and word not in _PLAIN and not _KINDS.fullmatch(word):
        raise WeightsError(
            f"{path}: refused: more than plain tensors; nothing in it was run (it uses {word[:80]})"
        )


def _converts(text: str) -> bool:
    """Whether a string names a codec from bytes to bytes, which can be applied repeatedly."""
    if len(text) > 40:
        return False
    try:
        return not codecs.lookup(text)._is_text_encoding
    except (LookupError, ValueError):
        return False


def refuse_repeated(path: Path, content: object) -> None:
    """Refuse tensors that share storage, or that store fewer elements than their shape has.

    Args:
        path: the file, for the message.
        content: what was read from it: tensors in dictionaries, lists and tuples.

    Raises:
        WeightsError: with the shape.
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
                    f"{path}: refused: a tensor of shape {tuple(one.shape)} with fewer elements in "
                    "the file"
                )
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list | tuple):
            left += one


def _whole(tensor: Tensor) -> bool:
    """Whether every element has its own place in memory."""
    if tensor.layout != torch.strided or tensor.is_nested or tensor.device.type == "meta":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
