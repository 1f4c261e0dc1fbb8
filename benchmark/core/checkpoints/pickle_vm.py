"""A restricted pickle interpreter that imports nothing and builds only tensors and plain values.

Globals stay names. Calls of five known functions return a tensor's location or an empty dictionary;
any other call returns an `UnbuiltObject` with the function's name and arguments. No instruction
copies or hashes more data than it contains, so memory and time are proportional to the file's size.
Sets, which no checkpoint needs, are read as lists.
"""

from __future__ import annotations

import io
import math
import mmap
import pickletools
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO, Any

import torch
from torch import Tensor

_TYPES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_LEGACY = (0x1950A86A20F9469CFC6C, 1001)  # magic number and protocol of a legacy torch.save file
LONGEST = 500  # characters of a global's or an entry's name
_KEYS = (str, bytes, int, float, type(None))  # not tuples: hashing nested ones may never end
_MOST_ARGUMENTS = 8  # of a call that is made
_BLOB_STEPS = 1000  # instructions in one of a blob's small pickles; real ones have about fifty

BROKEN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError,
    NotImplementedError, OSError, RecursionError, RuntimeError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip  # exceptions from damaged pickles or archives


@dataclass(frozen=True, slots=True)
class GlobalName:
    """The name of a global, "module.attribute"; it is never imported."""

    text: str


@dataclass(eq=False, slots=True, repr=False)
class UnbuiltObject:
    """A call that was not executed, in place of its result.

    Attributes:
        name: "module.attribute" of the function or class.
        args: arguments of the call.
        state: argument of the object's `__setstate__`, or None.
    """

    name: str
    args: tuple[object, ...] = ()
    state: object = None


@dataclass(eq=False)
class Storage:
    """A tensor storage in a file: dtype, number of elements, and how to read its bytes."""

    dtype: torch.dtype
    count: int
    read: Callable[[], bytes]

    @cached_property
    def values(self) -> Tensor:
        """The elements, (count,); read once for all tensors that share the storage."""
        raw = bytearray(self.read())
        if len(raw) != self.count * self.dtype.itemsize:
            raise ValueError("a storage of a wrong length")
        return torch.frombuffer(raw, dtype=self.dtype) if raw else torch.empty(0, dtype=self.dtype)


@dataclass(frozen=True, eq=False, slots=True)
class StoredTensor:
    """A tensor's location in a storage."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        """Return the tensor; refuse one that exceeds its storage or repeats parts of it."""
        count = math.prod(self.size)
        last = self.offset + sum(
            (side - 1) * step for side, step in zip(self.size, self.stride, strict=True)
        )
        if count > self.storage.count or (count and last >= self.storage.count):
            raise ValueError("a tensor larger than its storage")
        return self.storage.values.as_strided(self.size, self.stride, self.offset)


class PickleMachine:
    """Interpreter of a pickle's instructions.

    Args:
        persistent: resolves persistent ids; without it they are refused.
        limit: maximum number of instructions, or None.
        allowed: the only globals that may occur, or None for any.
    """

    def __init__(
        self,
        persistent: Callable[[object], object] | None = None,
        limit: int | None = None,
        allowed: frozenset[str] | None = None,
    ) -> None:
        self._persistent = persistent
        self._limit = limit
        self._allowed = allowed
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._blobs: dict[int, tuple[bytes, Storage]] = {}  # by id of the bytes, which are kept
        self._calls: dict[str, Callable[..., object]] = {
            "collections.OrderedDict": _empty,
            "dnnlib.util.EasyDict": _empty,
            "torch._utils._rebuild_tensor_v2": _stored,
            "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
            "torch.storage._load_from_bytes": self._from_blob,
        }

    def run(self, stream: IO[bytes] | mmap.mmap) -> object:
        """Interpret the next pickle in the stream and return its object."""
        for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):  # type: ignore[arg-type]
            if self._limit is not None and step >= self._limit:
                raise ValueError("a storage's description is too long")
            if opcode.name == "STOP":
                return self._stack.pop()
            if opcode.name in _CONSTANTS:
                self._stack.append(_CONSTANTS[opcode.name]())
            elif opcode.name in _VALUES:
                self._stack.append(argument)
            elif opcode.name in _STEPS:
                _STEPS[opcode.name](self, argument)
            else:
                raise ValueError(f"instruction {opcode.name}, which no checkpoint needs")
        raise EOFError("no STOP instruction")

    def skip(self, _argument: object) -> None:
        """Ignore the instruction."""

    def mark(self, _argument: object) -> None:
        """Push a mark: the stack's height."""
        self._marks.append(len(self._stack))

    def _since_mark(self) -> list[Any]:
        height = self._marks.pop()
        items = self._stack[height:]
        del self._stack[height:]
        return items

    def memoize(self, argument: int | None) -> None:
        """Memoize the top under an index; in a dictionary, so that a huge index costs nothing."""
        self._memo[len(self._memo) if argument is None else argument] = self._stack[-1]

    def get(self, argument: int) -> None:
        """Push a memoized object."""
        self._stack.append(self._memo[argument])

    def gather(self, _argument: object) -> None:
        """Replace everything since the mark by a tuple."""
        self._stack.append(tuple(self._since_mark()))

    def tuple_of(self, _argument: object, *, count: int) -> None:
        """Replace the last `count` objects by a tuple."""
        items = tuple(self._stack[-count:])
        del self._stack[-count:]
        self._stack.append(items)

    def extend(self, _argument: object, *, single: bool) -> None:
        """Append to the list below; ignored for unbuilt objects."""
        items = [self._stack.pop()] if single else self._since_mark()
        if not isinstance(self._stack[-1], UnbuiltObject):
            self._stack[-1].extend(items)

    def set_items(self, _argument: object, *, single: bool) -> None:
        """Set items of the dictionary below; ignored for unbuilt objects."""
        if single:
            value, key = self._stack.pop(), self._stack.pop()
            items = [key, value]
        else:
            items = self._since_mark()
        if not all(isinstance(key, (*_KEYS, GlobalName, UnbuiltObject)) for key in items[::2]):
            raise TypeError("a dictionary key is not a plain value")
        if not isinstance(self._stack[-1], UnbuiltObject):
            self._stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def name(self, argument: str | None) -> None:
        """Push a global's name."""
        if argument is None:
            attribute, module = self._stack.pop(), self._stack.pop()
            if not isinstance(module, str) or not isinstance(attribute, str):
                raise TypeError("a global whose name is not a string")
            if len(module) + len(attribute) > LONGEST:  # before they are copied
                raise ValueError("a global with too long a name")
            argument = f"{module} {attribute}"
        name = argument.replace(" ", ".")
        if self._allowed is not None and name not in self._allowed:
            raise ValueError(f"it uses {name[:LONGEST]}")
        self._stack.append(GlobalName(name))

    def call(self, _argument: object) -> None:
        """Call a known function; for any other, push an unbuilt object."""
        args, called = self._stack.pop(), self._stack.pop()
        if not isinstance(called, GlobalName) or not isinstance(args, tuple):
            raise TypeError("a call of something that is not a global")
        known = self._calls.get(called.text)
        if known and len(args) > _MOST_ARGUMENTS:
            raise TypeError(f"{called.text} with {len(args)} arguments")
        self._stack.append(known(*args) if known else UnbuiltObject(called.text, args))

    def build(self, _argument: object) -> None:
        """Set an unbuilt object's state; ignored for containers and tensors."""
        state = self._stack.pop()
        if isinstance(self._stack[-1], UnbuiltObject):
            self._stack[-1].state = state

    def persistent(self, _argument: object) -> None:
        """Replace a persistent id by the object that it refers to."""
        if self._persistent is None:
            raise ValueError("an unexpected persistent id")
        self._stack.append(self._persistent(self._stack.pop()))

    def _from_blob(self, blob: bytes) -> Storage:
        if id(blob) not in self._blobs:
            self._blobs[id(blob)] = (blob, _blob_storage(blob))
        return self._blobs[id(blob)][1]


_CONSTANTS: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,
}
_VALUES = frozenset({
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
})  # fmt: skip
_STEPS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "PROTO": PickleMachine.skip,
    "FRAME": PickleMachine.skip,
    "MARK": PickleMachine.mark,
    "BINPUT": PickleMachine.memoize,
    "LONG_BINPUT": PickleMachine.memoize,
    "MEMOIZE": PickleMachine.memoize,
    "BINGET": PickleMachine.get,
    "LONG_BINGET": PickleMachine.get,
    "TUPLE": PickleMachine.gather,
    "FROZENSET": PickleMachine.gather,
    "TUPLE1": partial(PickleMachine.tuple_of, count=1),
    "TUPLE2": partial(PickleMachine.tuple_of, count=2),
    "TUPLE3": partial(PickleMachine.tuple_of, count=3),
    "APPEND": partial(PickleMachine.extend, single=True),
    "APPENDS": partial(PickleMachine.extend, single=False),
    "ADDITEMS": partial(PickleMachine.extend, single=False),
    "SETITEM": partial(PickleMachine.set_items, single=True),
    "SETITEMS": partial(PickleMachine.set_items, single=False),
    "GLOBAL": PickleMachine.name,
    "STACK_GLOBAL": PickleMachine.name,
    "REDUCE": PickleMachine.call,
    "NEWOBJ": PickleMachine.call,
    "BUILD": PickleMachine.build,
    "BINPERSID": PickleMachine.persistent,
}


def _empty() -> dict[object, object]:
    return {}


def _stored(
    storage: Storage, offset: int, size: Sequence[int], stride: Sequence[int], *_: object
) -> StoredTensor:
    numbers = (offset, *size, *stride) if len(size) + len(stride) < 64 else (None,)
    if not isinstance(storage, Storage) or not all(
        type(number) is int and 0 <= number < 2**63 for number in numbers
    ):
        raise TypeError("a tensor without a storage, or of an impossible shape")
    return StoredTensor(storage, offset, tuple(size), tuple(stride))


def storage_of(identity: Any, read: Callable[[str, int], bytes]) -> Storage:  # noqa: ANN401 (a pickle's)
    """Return the storage of a persistent id ("storage", type, key, location, count, ...).

    Args:
        identity: the persistent id.
        read: returns the bytes of a storage, given its key and number of bytes.
    """
    kind, name, key, _, count, *_ = identity
    if kind != "storage" or not isinstance(key, str) or type(count) is not int or count < 0:
        raise ValueError("a persistent id that is not a storage")
    dtype = _TYPES[name.text]
    return Storage(dtype, count, lambda: read(key, count * dtype.itemsize))


def _blob_storage(blob: bytes) -> Storage:
    """Return the storage of a legacy torch.save file: five pickles, an element count, the data."""
    stream = io.BytesIO(blob)

    def read(_key: str, length: int) -> bytes:
        return blob[start : start + length]

    head = [PickleMachine(limit=_BLOB_STEPS).run(stream) for _ in range(3)]
    storage = PickleMachine(lambda identity: storage_of(identity, read), _BLOB_STEPS).run(stream)
    PickleMachine(limit=_BLOB_STEPS).run(stream)  # the list of keys
    (count,) = struct.unpack("<q", stream.read(8))
    start = stream.tell()
    if tuple(head[:2]) != _LEGACY or not isinstance(storage, Storage) or count != storage.count:
        raise ValueError("a storage in an unknown layout")
    return storage
