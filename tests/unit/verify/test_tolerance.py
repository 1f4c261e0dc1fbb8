"""How far a point is off, and what is noted while a network runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.verify.tolerance import Tolerance, deviation, forward_hooks, network_of, summary


def test_a_tolerance_is_the_sum_of_its_allowances() -> None:
    expected = np.array([0.5, -4.0])
    allowed = Tolerance(absolute=1, relative=0.1, largest=0.01).allowed(expected)
    np.testing.assert_allclose(allowed, [1 + 0.05 + 0.04, 1 + 0.4 + 0.04])
    np.testing.assert_allclose(Tolerance(relative=0.1, floor=1).allowed(expected), [0.1, 0.4])


def test_infinite_values_allow_nothing_more() -> None:
    allowed = Tolerance(largest=0.1).allowed(np.array([-np.inf, 2.0]))
    np.testing.assert_allclose(allowed, [0.2, 0.2])


def test_the_worst_value_is_the_one_nearest_to_its_allowance() -> None:
    tolerance = Tolerance(relative=0.1)
    found = deviation("tap", [100.5, 1.2], [100.0, 1.0], tolerance)
    assert (found.point, found.moved) == ("tap", True)
    assert found.error == pytest.approx(0.2)
    assert found.share == pytest.approx(2)
    assert not deviation("tap", [100.5, 1.05], [100.0, 1.0], tolerance).moved


@pytest.mark.parametrize(
    ("actual", "expected", "moved"),
    [
        ([1.0, 2.0], [1.0], True),
        ([], [1.0], True),
        ([np.nan], [1.0], True),
        ([np.inf], [1.0], True),
        ([-np.inf], [np.inf], True),
        ([np.inf, np.nan], [np.inf, np.nan], False),
        (0.5, [0.5], False),
        ([0.0], [0.0], False),
    ],
    ids=["longer", "empty", "nan", "infinite", "other sign", "both", "number", "zero"],
)
def test_shapes_and_values_that_are_no_numbers(
    actual: object, expected: object, moved: bool
) -> None:
    assert deviation("tap", actual, expected, Tolerance(absolute=1, relative=1)).moved is moved


def test_a_summary_is_mean_spread_range_and_first_values() -> None:
    values = torch.arange(10.0).reshape(2, 5)
    assert summary(values).tolist() == pytest.approx(
        [4.5, float(np.std(range(10))), 0, 9, *range(8)]
    )


def test_a_summary_does_not_depend_on_the_memory_layout() -> None:
    values = torch.rand(1, 3, 4, 5)
    assert np.array_equal(summary(values.to(memory_format=torch.channels_last)), summary(values))


def test_listening_hears_while_it_lasts() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 1))
    heard = []
    with forward_hooks(network, [("1", lambda *seen: heard.append(seen))]):
        network(torch.ones(1, 2))
    network(torch.ones(1, 2))
    assert len(heard) == 1
    module, inputs, output = heard[0]
    assert module is network[1]
    assert inputs[0].shape == (1, 2)
    assert output.shape == (1, 1)


def test_a_model_s_networks_are_found_among_its_attributes() -> None:
    class One:
        def __init__(self) -> None:
            self.name, self.network = "one", nn.ReLU()

    class Two:
        def __init__(self) -> None:
            self.edges, self.paint = nn.ReLU(), nn.Tanh()

    assert isinstance(network_of(One()), nn.ReLU)
    assert [name for name, _ in network_of(Two()).named_children()] == ["edges", "paint"]
