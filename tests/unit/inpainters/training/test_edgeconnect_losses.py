"""EdgeConnect's losses, against values computed by hand."""

from __future__ import annotations

import pytest
import torch

from inpainters.training import edgeconnect


def test_feature_matching_adds_the_layers_means():
    fake = [torch.tensor([1.0, 3.0]), torch.tensor([[2.0]])]
    real = [torch.tensor([0.0, 0.0]), torch.tensor([[-1.0]])]
    assert edgeconnect.feature_matching(fake, real).item() == 5  # 2 and 3


def test_feature_matching_moves_the_fake_only():
    fake, real = torch.ones(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    edgeconnect.feature_matching([fake], [real]).backward()
    torch.testing.assert_close(fake.grad, torch.full((4,), 0.25))
    assert real.grad is None


def test_feature_matching_wants_a_map_for_each():
    with pytest.raises(ValueError, match="shorter"):
        edgeconnect.feature_matching([torch.ones(1)], [])
