"""Encoded outputs: what a damaged file claims is not believed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.store.encoding import decode_image, image_output

KEY = "ab" * 16


def test_an_image_with_a_too_large_header_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytearray(image_output(KEY, np.zeros((8, 8, 3), np.uint8)).content)
    assert decode_image(bytes(content)) is not None
    content[16:24] = (20_000).to_bytes(4, "big") * 2  # 1.2 GB of pixels

    def decode(*_: object) -> None:
        raise AssertionError("memory was allocated")

    monkeypatch.setattr("cv2.imdecode", decode)
    assert decode_image(bytes(content)) is None
