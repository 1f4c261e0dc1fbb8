"""The option --engine: one engine for all networks, or one by model."""

from __future__ import annotations

import pytest

from benchmark.core.engines import canonical_engines, engine_of, given_engine
from benchmark.core.errors import BadInput


@pytest.mark.parametrize(
    ("text", "canonical", "trufor", "lama"),
    [
        ("", "", "", ""),
        ("openvino", "openvino", "openvino", "openvino"),
        ("trufor=onnxruntime", "trufor=onnxruntime", "onnxruntime", ""),
        (
            " trufor = openvino , psccnet=onnxruntime ",
            "psccnet=onnxruntime,trufor=openvino",
            "openvino",
            "",
        ),
    ],
)
def test_an_engine_for_all_or_by_model(text, canonical, trufor, lama):
    assert canonical_engines(text) == canonical
    assert canonical_engines(canonical) == canonical
    assert (engine_of(text, "trufor"), engine_of(text, "lama")) == (trufor, lama)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("openvin", "'openvin' is not known: openvino, onnxruntime. Did you mean 'openvino'?"),
        ("trufor=tensorrt", "'tensorrt' is not known"),
        ("openvino,onnxruntime", "expected openvino or onnxruntime, or MODEL=ENGINE"),
        ("=openvino", "expected openvino or onnxruntime, or MODEL=ENGINE"),
        ("trufor=openvino,trufor=onnxruntime", "trufor is named twice"),
    ],
)
def test_other_values_are_refused_with_what_is_expected(text, message):
    with pytest.raises(BadInput, match=f"^engine .*{message.replace('?', '[?]')}"):
        canonical_engines(text)


def test_an_empty_option_is_not_torch():
    assert given_engine(None) == ""
    assert given_engine("openvino") == "openvino"
    with pytest.raises(BadInput, match="--engine is empty"):
        given_engine(" ")
