"""Read checkpoints without executing anything in them, and load them strictly."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from benchmark.core.checkpoints.limits import (
    numpy_scalar,
    refuse_long_header,
    refuse_packed,
    refuse_repeated,
)
from benchmark.core.checkpoints.pickle_vm import BROKEN
from benchmark.core.checkpoints.resolve import refuse_other
from benchmark.core.errors import BadInput, WeightsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Sizes = TypeVar("Sizes", bound="DataclassInstance")  # a network's frozen config dataclass

# numpy scalars, which training programs save beside tensors; numpy 1 had another module name.
_NUMBERS: list[Any] = [
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    (numpy_scalar, "numpy.core.multiarray.scalar"),
    (numpy_scalar, "numpy._core.multiarray.scalar"),
]


_NONE = "damaged, truncated or no checkpoint (neither safetensors nor what torch.save writes)"
_LONGEST_NOTE = 2**22  # characters of a .safetensors file's "bench" entry
_ONLY_NUMBERS = ("normalize", "normal_", "uniform_", "div_")  # torch functions that keep shapes
_SPARE = 1000  # parameters, and elements of them, that a network may create and discard
_NO_NETWORK = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError,
    TypeError, ValueError, BadInput,
)  # fmt: skip  # exceptions from building a network of impossible sizes


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a .safetensors or torch.save file onto the CPU.

    Args:
        path: the file.

    Returns:
        The file's top-level dictionary.

    Raises:
        WeightsError: if it is missing, truncated, not a dictionary, would run code, or would be
            larger in memory than on disk.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such checkpoint file")
    refuse_other(path)
    try:
        if path.suffix == ".safetensors":
            refuse_long_header(path)
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        refuse_packed(path)
        with torch.serialization.safe_globals(_NUMBERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's guesses about damaged files
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        used = re.search(r"GLOBAL ([\w.]+)", str(error))
        if used or _was_saved(path):
            what = f" (it uses {used[1]})" if used else ""
            raise WeightsError(
                f"{path}: refused: more than plain tensors; nothing in it was run{what}"
            ) from None
        raise WeightsError(f"{path}: {_NONE}") from None
    except (*BROKEN, SafetensorError) as error:
        if path.suffix != ".safetensors" and not _was_saved(path):
            raise WeightsError(f"{path}: {_NONE}") from None
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path}: damaged, truncated or no checkpoint ({reason[:120]})"
        ) from None
    if not isinstance(content, dict):
        raise WeightsError(
            f"{path}: expected a dictionary of tensors, got {type(content).__name__}"
        )
    refuse_repeated(path, content)
    return content


def _was_saved(path: Path) -> bool:
    """Whether a file starts like one of torch.save or pickle."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_metadata(path: Path) -> dict[str, Any]:
    """Read the metadata entry "bench" (JSON) of a .safetensors file of this project.

    Returns:
        At least `model` (name) and `config` (the network's sizes).

    Raises:
        WeightsError: if the file is damaged or was not written by this project.
    """
    try:
        refuse_long_header(path)
        with safe_open(path, framework="pt") as file:
            noted = (file.metadata() or {}).get("bench")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: damaged, truncated or no checkpoint ({error})") from None
    if noted is None:
        raise WeightsError(
            f"{path}: no network config in its metadata; not written by 'bench train'"
        )
    try:
        metadata = json.loads(noted) if len(noted) <= _LONGEST_NOTE else None
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("config", {}), dict):
        raise WeightsError(f"{path}: damaged metadata")
    return metadata


def read_sizes(path: Path, model: str, sizes: type[Sizes], **fixed: object) -> Sizes:
    """Read the network's config from a .safetensors file of this project.

    Args:
        path: the file.
        model: expected name of the model.
        sizes: the model's frozen config dataclass; it refuses invalid sizes.
        fixed: required values of fields that define the model variant.

    Raises:
        WeightsError: if the file is damaged, of another model, or has invalid sizes.
    """
    noted = read_metadata(path)
    if noted.get("model") != model:
        raise WeightsError(f"{path}: weights of {noted.get('model')!r}, expected {model!r}")
    stated = dict(noted.get("config") or {})
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in stated.items()}
    known = {field.name: getattr(sizes(), field.name) for field in fields(sizes)}
    if {name: type(v) for name, v in given.items()} != {name: type(v) for name, v in known.items()}:
        wanted, got = ", ".join(known), ", ".join(given) or "none"
        raise WeightsError(f"{path}: expected the sizes {wanted}, got {got} or of another type")
    for name, value in fixed.items():
        if given[name] != value:
            raise WeightsError(f"{path}: {model} has {name} {value}, got {given[name]}")
    try:
        return sizes(**given)
    except BadInput as error:
        raise WeightsError(f"{path}: sizes that make no network: {error}") from None


def part_of(content: Mapping[str, Any], key: str, path: Path) -> dict[str, Tensor]:
    """Return the state dict under `key`, without the "module." prefix of data-parallel modules.

    Raises:
        WeightsError: if the file has no such key, or its value is not a dictionary.
    """
    state = content.get(key)
    if not isinstance(state, Mapping):
        found = ", ".join(sorted(map(str, content))[:5])
        raise WeightsError(f"{path}: expected an entry {key!r}, found {found or 'nothing'}")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def flat_state(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Return the whole file as a state dict, without the "module." prefix.

    Raises:
        WeightsError: if the file is empty or has values that are not tensors.
    """
    if not content or not all(isinstance(value, Tensor) for value in content.values()):
        found = ", ".join(sorted(map(str, content))[:5])
        raise WeightsError(
            f"{path}: expected a flat dictionary of tensors, found {found or 'none'}"
        )
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def refuse_unfit(build: Callable[[], nn.Module], state: Mapping[str, Any], path: Path) -> None:
    """Refuse a file whose stated config does not match its tensors, before memory is allocated.

    Args:
        build: builds the network; it is called on the meta device.
        state: the file's state dict.
        path: the file, for messages.

    Raises:
        WeightsError: if keys or shapes do not match, or the sizes are invalid.
    """
    room = 2 * sum(one.numel() for one in state.values() if isinstance(one, Tensor)) + _SPARE
    left = [2 * len(state) + _SPARE, room]

    def count(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None and parameter.is_meta:
            left[0] -= 1
            left[1] -= parameter.numel()
            if min(left) < 0:
                raise _TooLargeError

    hook = register_module_parameter_registration_hook(count)
    try:
        with torch.device("meta"), _NoNumbers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about tensors without elements
            network = build()
    except _TooLargeError:
        raise WeightsError(
            f"{path}: its network config needs more than its {len(state)} tensors"
        ) from None
    except _NO_NETWORK as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: sizes that make no network: {reason}") from None
    finally:
        hook.remove()
    _refuse_other_shapes(network, state, path)


class _NoNumbers(TorchFunctionMode):
    """Skip functions that only change values; on the meta device they import the compiler (5 s)."""

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 (torch's own signature)
        types: object,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if args and func.__name__ in _ONLY_NUMBERS:
            return args[0]
        if func is torch.randn:
            func = torch.empty
        return func(*args, **(kwargs or {}))


class _TooLargeError(Exception):
    """The network has more parameters than the file."""


def load_strict(network: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """Load a state dict strictly, and switch the network to evaluation mode without gradients.

    Half precision is converted to the network's own type.

    Raises:
        WeightsError: with missing keys, unexpected keys and shape mismatches.
    """
    own = _refuse_other_shapes(network, state, path)
    network.load_state_dict({name: state[name].to(own[name].dtype) for name in own})
    network.eval().requires_grad_(requires_grad=False)


def _refuse_other_shapes(
    network: nn.Module, state: Mapping[str, Any], path: Path
) -> dict[str, Tensor]:
    own: dict[str, Tensor] = network.state_dict()
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    shapes = [name for name in own if name in state and not _fits(own[name], state[name])]
    if missing or unexpected or shapes:
        one = next(iter(shapes), "")
        hint = f"; {one}: expected {_said(own[one])}, found {_said(state[one])}" if one else ""
        beside = min(path.parent.glob("*.safetensors"), default=path) if shapes else path
        hint += f"; {beside} beside it may be the one to use" if beside != path else ""
        raise WeightsError(
            f"{path} does not match {type(network).__name__}: "
            f"{_some('missing', missing)}, {_some('unexpected', unexpected)}, "
            f"{_some('shape mismatch', shapes)}{hint}"
        )
    return own


def _fits(own: Tensor, given: object) -> bool:
    kind = own.shape, own.is_floating_point()
    return isinstance(given, Tensor) and (given.shape, given.is_floating_point()) == kind


def _said(value: object) -> str:
    if not isinstance(value, Tensor):
        return f"no tensor ({type(value).__name__})"
    return f"{'x'.join(map(str, value.shape)) or 'a number'} of {value.dtype}"


def _some(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} {what}" + (f" ({shown})" if names else "")
