"""Whether an engine is installed here, and in which version; nothing is imported."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from benchmark.core.external.optional import lacking

# The packages of each extra in pyproject.toml, the engine first.
REQUIRES = {
    "openvino": ("openvino>=2025.4",),
    "onnxruntime": ("onnxruntime>=1.20", "onnx>=1.17"),
}


def lacking_engine(engine: str) -> str:
    """Return why an engine cannot be used here, with the pip command, or "" if it can."""
    how = "pip install " + " ".join(f"'{one}'" for one in REQUIRES[engine])
    reasons = (lacking(one).partition("; get it with")[0] for one in REQUIRES[engine])
    found = ", ".join(filter(None, reasons))
    return f"{found}; get it with {how}" if found else ""


def engine_version(engine: str) -> str:
    """Return an engine's version, or "" if it is not installed."""
    try:
        return version(engine)
    except PackageNotFoundError:
        return ""


def engine_label(engine: str) -> str:
    """Return an engine with its version, such as "openvino 2026.4.1"."""
    return f"{engine} {engine_version(engine)}".strip()
