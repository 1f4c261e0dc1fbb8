"""An engine that is torch itself: a network is traced, and the trace is what is run."""

from __future__ import annotations

import io

import pytest
import torch

from benchmark.core.engines import backend, files, installed, network


def _convert(flat, planes):
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(flat, planes, check_trace=False), file)
    return {"model.pt": file.getvalue()}


def _load(parts, threads):
    traced = torch.jit.load(io.BytesIO(parts["model.pt"]))
    return lambda planes: [one.clone() for one in traced(*planes)]


def install(monkeypatch: pytest.MonkeyPatch, version: str = "9.9") -> None:
    """Let "openvino" be that engine, of a version."""
    monkeypatch.setitem(backend._CONVERT, "openvino", _convert)
    monkeypatch.setitem(backend._LOAD, "openvino", _load)
    monkeypatch.setattr(network, "lacking_engine", lambda engine: "")
    for module in (files, installed):
        monkeypatch.setattr(module, "engine_version", lambda engine: version)
