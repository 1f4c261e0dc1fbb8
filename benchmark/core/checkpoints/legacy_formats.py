"""Read checkpoints that torch's weights-only reader refuses, without executing anything in them.

Three layouts are supported: a zip archive of `torch.save` or TorchScript whose pickle names classes
of other programs; the bare pickle of StyleGAN programs, whose networks contain their source code;
and the bare pickle of nested dictionaries of numpy arrays, as JAX programs write it.
`benchmark.core.checkpoints.pickle_vm` interprets the pickles; this module finds the tensors in the
result.
"""

from __future__ import annotations

import io
import mmap
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.checkpoints.pickle_vm import (
    BROKEN,
    LONGEST,
    PickleMachine,
    Storage,
    StoredTensor,
    UnbuiltObject,
    storage_of,
)
from benchmark.core.errors import WeightsError

_PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
_ARRAY = "numpy.core.multiarray._reconstruct"
_OF_ARRAYS = frozenset({_ARRAY, "numpy.ndarray", "numpy.dtype", "_codecs.encode"})
_MOST = 100_000  # attributes of all modules together; real files have a few thousand


def read_archive(path: Path, prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    """Read tensors from a zip archive of `torch.save` or TorchScript.

    Args:
        path: the archive: a dictionary with a "state_dict", as Lightning writes it, or a
            TorchScript module, whose parameters are named as in its state dict.
        prefixes: only keys with one of these prefixes are read; it is removed.

    Returns:
        The tensors by key, on the CPU, in the file's order.

    Raises:
        WeightsError: if the file is missing, damaged, compressed, or has no such key.
    """
    with _refusing(path), zipfile.ZipFile(path) as archive:
        content = _archive_content(archive, path.stat().st_size)
        entries = (
            _entries(content, _attributes)
            if isinstance(content, UnbuiltObject)
            else _state(content)
        )
        wanted = {
            name.removeprefix(prefix): stored.tensor()
            for name, stored in entries.items()
            for prefix in prefixes
            if name.startswith(prefix)
        }
    if not wanted:
        raise _refusal(path, f"no tensors named {prefixes[0]}*, found {_some(entries)}")
    return wanted


def _archive_content(archive: zipfile.ZipFile, size: int) -> object:
    plain = [one for one in archive.infolist() if one.compress_type == zipfile.ZIP_STORED]
    if sum(entry.file_size for entry in plain) > size:
        raise ValueError("its entries overlap")
    entries = {entry.filename: entry for entry in plain}
    root = next(name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl"))
    folder = root.removesuffix("data.pkl")
    storages: dict[str, Storage] = {}

    def read(key: str, _length: int) -> bytes:
        return archive.read(entries[f"{folder}data/{key}"])

    def persistent(identity: Any) -> Storage:  # noqa: ANN401 (any value of a pickle)
        storage = storage_of(identity, read)
        kept = storages.setdefault(identity[2], storage)  # tensors may share one; read it once
        if (kept.dtype, kept.count) != (storage.dtype, storage.count):
            raise ValueError("a storage of two types")
        return kept

    return PickleMachine(persistent).run(io.BytesIO(archive.read(entries[root])))


def _state(content: object) -> dict[str, StoredTensor]:
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise ValueError(f"expected an entry 'state_dict', found {_some(content)}")
    return {str(name): value for name, value in state.items() if isinstance(value, StoredTensor)}


def is_bare_pickle(path: Path) -> bool:
    """Whether a file starts as a pickle of protocol 3 or 4, unlike files of `torch.save`.

    Raises:
        WeightsError: if it cannot be read.
    """
    with _refusing(path), path.open("rb") as file:
        return file.read(2) in {b"\x80\x03", b"\x80\x04"}


def read_network(path: Path, key: str) -> dict[str, Tensor]:
    """Read the state dict of a network from a StyleGAN program's pickle.

    Args:
        path: the file: a dictionary of networks, written by plain `pickle`.
        key: key of the network, such as "G_ema".

    Returns:
        Parameters and buffers by name, on the CPU, in the order of the state dict.

    Raises:
        WeightsError: if the file is missing, damaged, or has no such network.
    """
    with (
        _refusing(path),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view,
    ):
        content = PickleMachine().run(view)
        network = content.get(key) if isinstance(content, dict) else None
        if not isinstance(network, UnbuiltObject):
            raise ValueError(f"expected a network {key!r}, found {_some(content)}")
        entries = _entries(network, _network_parts)
        return {name: stored.tensor() for name, stored in entries.items()}


def read_pickled_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Read float32 arrays from a pickle of nested dictionaries.

    Args:
        path: the file; it may use no global but those that plain arrays need.
        names: the arrays to read, each as a path of keys such as "net/Conv_0/bias".

    Returns:
        The arrays by name, in the order of `names`.

    Raises:
        WeightsError: if the file is missing or damaged, lacks one of them, or uses another global.
    """
    with (
        _refusing(path),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view,
    ):
        content = PickleMachine(allowed=_OF_ARRAYS).run(view)
        return {name: _array(_inside(content, name)) for name in names}


def _inside(content: object, name: str) -> object:
    for key in name.split("/"):
        if not isinstance(content, dict) or key not in content:
            raise ValueError(f"no array {name!r}")
        content = content[key]
    return content


def _array(value: object) -> NDArray[np.float32]:
    """Rebuild an array from the unpickled call of numpy's constructor."""
    if (
        not isinstance(value, UnbuiltObject)
        or value.name != _ARRAY
        or not isinstance(value.state, tuple)
    ):
        raise TypeError("expected an array")
    _, shape, kind, columns_first, raw = value.state
    if not isinstance(kind, UnbuiltObject) or kind.args[0] != "f4" or _byte_order(kind) != "<":
        raise TypeError("expected a float32 array")
    if isinstance(raw, UnbuiltObject):  # protocol 2 writes bytes as a string to encode
        raw = str(raw.args[0]).encode("latin-1")
    numbers: NDArray[np.float32] = np.frombuffer(raw, "<f4")
    return numbers.reshape(shape, order="F" if columns_first else "C")


def _byte_order(kind: UnbuiltObject) -> object:
    return kind.state[1] if isinstance(kind.state, tuple) else None


def _entries(
    root: UnbuiltObject, parts: Callable[[UnbuiltObject], Mapping[object, object]]
) -> dict[str, StoredTensor]:
    """Collect the tensors of a module and its submodules by name; `parts` lists its attributes."""
    found: dict[str, StoredTensor] = {}
    seen: set[int] = set()
    steps = 0

    def enter(module: UnbuiltObject, prefix: str) -> None:
        nonlocal steps
        if id(module) in seen:
            raise ValueError("a module that contains itself or occurs twice")
        seen.add(id(module))
        for name, value in parts(module).items():
            steps += 1
            if steps > _MOST or not isinstance(name, str) or len(prefix) + len(name) > LONGEST:
                raise ValueError("too many attributes, or one with too long a name")
            if isinstance(value, StoredTensor):
                found[prefix + name] = value
            elif isinstance(value, UnbuiltObject):
                enter(value, f"{prefix}{name}.")

    enter(root, "")
    return found


def _attributes(module: UnbuiltObject) -> Mapping[Any, Any]:
    """Return the attributes of an unbuilt module; empty for other objects."""
    state = module.state
    if module.name == _PERSISTENT and isinstance(module.args[0], dict):
        state = module.args[0]["state"]
    return state if isinstance(state, dict) else {}


def _network_parts(network: UnbuiltObject) -> dict[object, object]:
    """Return parameters, buffers, then submodules, as torch orders a state dict."""
    attributes = _attributes(network)
    if "_modules" not in attributes:
        raise TypeError(f"{network.name} is not a network")
    groups = (attributes[name] for name in ("_parameters", "_buffers", "_modules"))
    return {name: value for group in groups for name, value in group.items()}


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Raise `WeightsError` in one line for everything that can be wrong with a file."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such checkpoint file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes in strings
            yield
    except StopIteration:
        raise _refusal(path, "no data.pkl in the archive") from None
    except BROKEN as error:
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        raise _refusal(path, reason) from None


def _refusal(path: Path, reason: str) -> WeightsError:
    return WeightsError(f"{path}: refused or damaged; nothing in it was run ({reason})")


def _some(content: object) -> str:
    if not isinstance(content, dict):
        return content.name if isinstance(content, UnbuiltObject) else type(content).__name__
    return ", ".join(sorted(map(str, content))[:5])[:100] or "nothing"
