"""Convert a network for an engine, and run what was converted, on the CPU in float32.

Both engines report their use to their makers by default. Here neither does: the reporting part of
OpenVINO is not imported, and that of ONNX Runtime is disabled by its environment variable.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.core.engines.structure import tensors_of
from benchmark.core.external.optional import importing

Run = Callable[[Sequence[Tensor]], list[Tensor]]  # inputs to outputs, each contiguous float32
Parts = Mapping[str, bytes]  # files of a converted network by name

_OPSET = 18  # of ONNX: the first with antialiased resizing


class _Flat(nn.Module):
    """A network whose output is a flat tuple of tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *planes: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensors_of(self.network(*planes)))


def convert(engine: str, network: nn.Module, planes: Sequence[Tensor]) -> Parts:
    """Trace a network on inputs of fixed shapes and convert it.

    Args:
        engine: a name of `ENGINES`.
        network: in evaluation mode on the CPU.
        planes: its inputs; what it returns for others must not depend on their values except
            through the operations that are traced.

    Returns:
        The files of the converted network.

    Raises:
        Exception: of torch or the engine, if it cannot be traced or converted.
    """
    flat = _Flat(network).eval()
    with torch.inference_mode(mode=False), torch.no_grad(), _silenced():
        inputs = tuple(plane.clone() for plane in planes)
        return _CONVERT[engine](flat, inputs)


def load(engine: str, parts: Parts, threads: int) -> Run:
    """Return a function that runs a converted network.

    Args:
        engine: a name of `ENGINES`.
        parts: the files of the converted network.
        threads: number of threads that it uses.

    Raises:
        Exception: of the engine, if the files are damaged.
    """
    with _silenced():
        return _LOAD[engine](parts, threads)


def _to_openvino(network: nn.Module, planes: tuple[Tensor, ...]) -> Parts:
    openvino = _openvino()
    traced = torch.jit.trace(network, planes, check_trace=False)  # type: ignore[no-untyped-call]
    shapes = [list(plane.shape) for plane in planes]
    model = openvino.convert_model(traced, example_input=planes, input=shapes)
    with TemporaryDirectory() as folder:
        openvino.save_model(model, Path(folder, "model.xml"), compress_to_fp16=False)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def _load_openvino(parts: Parts, threads: int) -> Run:
    openvino = _openvino()
    core, weights = openvino.Core(), bytearray(parts["model.bin"])
    tensor = openvino.Tensor(_as_array(weights))
    options = {
        "INFERENCE_PRECISION_HINT": "f32",  # bf16 by default where the processor has it
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # the processes of --workers would be pinned to the same cores
    }
    compiled = core.compile_model(core.read_model(parts["model.xml"], tensor), "CPU", options)
    request = compiled.create_infer_request()

    def run(planes: Sequence[Tensor]) -> list[Tensor]:
        found = request.infer([plane.numpy() for plane in planes], share_inputs=True)
        return [torch.from_numpy(found[output].copy()) for output in compiled.outputs]

    return run


def _as_array(content: bytearray) -> Any:  # noqa: ANN401 (a numpy array)
    import numpy as np

    return np.frombuffer(content, dtype=np.uint8)


def _openvino() -> Any:  # noqa: ANN401 (an untyped module)
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # not importable
    with importing("openvino", how="pip install openvino"):
        import openvino
    return openvino


def _to_onnx(network: nn.Module, planes: tuple[Tensor, ...]) -> Parts:
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        torch.onnx.export(network, planes, str(path), dynamo=False, opset_version=_OPSET)
        return {path.name: path.read_bytes()}


def _load_onnx(parts: Parts, threads: int) -> Run:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with importing("onnxruntime", how="pip install onnxruntime onnx"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(
        parts["model.onnx"], options, providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_inputs()]

    def run(planes: Sequence[Tensor]) -> list[Tensor]:
        given = {name: plane.numpy() for name, plane in zip(names, planes, strict=True)}
        return [torch.from_numpy(array) for array in session.run(None, given)]

    return run


@contextmanager
def _silenced() -> Iterator[None]:
    """Ignore warnings on tracing: what is converted is compared with the network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_CONVERT = {"openvino": _to_openvino, "onnxruntime": _to_onnx}
_LOAD = {"openvino": _load_openvino, "onnxruntime": _load_onnx}
