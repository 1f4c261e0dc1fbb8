"""Area under the ROC curve and best F1 against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import precision_recall_curve, roc_auc_score

from benchmark.core.errors import BadInput
from benchmark.metrics.ranking import auc, best_f1, count_values

DTYPES = (np.float16, np.float32, np.float64)


def ranked(dtype: type, low: float = -30) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    width = np.dtype(dtype).itemsize * 8
    few = st.sampled_from([value for value in (-1.5, -0.0, 0.0, 0.25, 2.0) if value >= low])
    any_value = st.floats(low, 30, width=width)
    return st.integers(2, 60).flatmap(
        lambda n: st.tuples(
            arrays.arrays(dtype, n, elements=st.one_of(few, any_value)),
            arrays.arrays(np.bool_, n),
        )
    )


def expected_auc(values: np.ndarray, labels: np.ndarray) -> float:
    return roc_auc_score(labels, values.astype(np.float64))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(DTYPES), st.sampled_from([-30.0, 0.0]))
def test_auc_equals_scikit_learn(data: st.DataObject, dtype: type, low: float) -> None:
    values, labels = data.draw(ranked(dtype, low))
    if labels.all() or not labels.any():
        assert np.isnan(auc(values, labels))
    else:
        assert auc(values, labels) == pytest.approx(expected_auc(values, labels), abs=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [1, 2, 5, 256, 10**6])
def test_auc_equals_scikit_learn_with_ties(dtype: type, levels: int) -> None:
    generator = np.random.default_rng(levels)
    values = (generator.integers(0, levels, (64, 64)) / levels).astype(dtype)
    labels = generator.random((64, 64)) < 0.3
    assert auc(values, labels) == pytest.approx(
        expected_auc(values.ravel(), labels.ravel()), abs=1e-12
    )


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(DTYPES))
def test_best_f1_is_the_maximum_of_scikit_learn_s_curve(data: st.DataObject, dtype: type) -> None:
    values, labels = data.draw(ranked(dtype))
    if not labels.any():
        assert np.isnan(best_f1(count_values(values, labels)))
        return
    precision, recall, _ = precision_recall_curve(labels, values.astype(np.float64))
    total = precision + recall
    curve = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    assert best_f1(count_values(values, labels)) == pytest.approx(curve.max(), abs=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_auc_of_pairs_counted_by_hand(dtype: type) -> None:
    values = np.array([1, 2, 2, 3], dtype=dtype)
    labels = np.array([False, True, False, True])  # wins: 2>1, 3>1, 3>2; tie: 2=2
    assert auc(values, labels) == 3.5 / 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_two_zeros_tie(dtype: type) -> None:
    values = np.array([0.0, -0.0, -0.0, 0.0], dtype=dtype)
    assert auc(values, np.array([True, False, True, False])) == 0.5


def test_negative_logits_are_ordered_below_positive_ones() -> None:
    values = np.array([-30, -1, -6e-8, 0, 6e-8, 30], dtype=np.float16)
    assert (np.diff(values) > 0).all()
    for cut in range(1, len(values)):
        assert auc(values, np.arange(len(values)) >= cut) == 1
        assert auc(-values, np.arange(len(values)) >= cut) == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinities_are_ordinary_values(dtype: type) -> None:
    values = np.array([-np.inf, 0, np.inf, np.inf], dtype=dtype)
    assert auc(values, np.array([False, False, True, True])) == 1
    assert auc(np.abs(values), np.array([True, False, True, True])) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sign", [1, -1])
def test_nan_raises(dtype: type, sign: int) -> None:
    values = np.copysign(np.array([0.5, np.nan, 0.25], dtype=dtype), sign).astype(dtype)
    with pytest.raises(BadInput, match="NaN"):
        auc(values, np.array([True, False, True]))


@pytest.mark.parametrize("sign", [0, 0x8000])
def test_the_first_and_the_last_nan_pattern_are_refused_and_infinity_is_not(sign: int) -> None:
    labels = np.array([True, False])
    for pattern in (0x7C01, 0x7E00, 0x7FFF):
        values = np.array([0, sign | pattern], dtype=np.uint16).view(np.float16)
        with pytest.raises(BadInput, match="NaN"):
            auc(values, labels)
    infinite = np.array([0, sign | 0x7C00], dtype=np.uint16).view(np.float16)
    assert auc(infinite, labels) == (1 if sign else 0)
    largest = np.array([0, sign | 0x7BFF], dtype=np.uint16).view(np.float16)
    assert auc(largest, labels) == (1 if sign else 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_are_not_changed(dtype: type) -> None:
    values = np.array([0.5, 0.25, 1.0], dtype=dtype)
    labels = np.array([True, False, True])
    before = values.copy(), labels.copy()
    auc(values, labels)
    best_f1(count_values(values, labels))
    np.testing.assert_array_equal(values, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_maps_that_do_not_lie_together_in_memory_count_alike() -> None:
    generator = np.random.default_rng(3)
    for dtype in DTYPES:
        values = generator.random((16, 32)).astype(dtype)
        labels = generator.random((16, 32)) < 0.5
        assert auc(values[:, ::2], labels[:, ::2]) == auc(
            values[:, ::2].copy(), labels[:, ::2].copy()
        )


def test_no_overflow_on_a_large_map() -> None:
    half = 1 << 20
    values = np.repeat(np.array([0, 1], dtype=np.float16), half)
    labels = np.tile([False, True], half)
    assert auc(values, labels) == 0.5
    assert auc(values, values > 0) == 1
