"""Tests of a datum's scale: what a server adds up must be the sum over tokens that our loss is."""

from __future__ import annotations

import numpy as np
import pytest

from engine.policy.tinker.datum import ROWS, Datum, Reduction, filled_up, scales

DATA = [Datum((1, 2), (3,), (-1.0,), (2.0,)), Datum((1,), (3, 4, 5), (-1.0,) * 3, (1.0, -2.0, 0.5))]


def reduced(data: list[Datum], reduction: Reduction) -> float:
    """Reduce coefficients as a server does: Σ, or the mean over tokens and then over sequences."""
    factors = scales(data, reduction)
    per_datum = [factor * np.asarray(each.coefficients) for factor, each in zip(factors, data, strict=True)]
    if reduction is Reduction.SUM:
        return float(sum(each.sum() for each in per_datum))
    return float(np.mean([each.mean() for each in per_datum]))


@pytest.mark.parametrize("reduction", Reduction)
def test_every_reduction_gives_the_sum_over_tokens_with_padding(reduction: Reduction) -> None:
    full = filled_up(DATA, reduction)
    assert len(full) == (2 if reduction is Reduction.SUM else ROWS)
    assert full[:2] == DATA
    assert reduced(full, reduction) == pytest.approx(2.0 + 1.0 - 2.0 + 0.5)


def test_a_full_batch_is_left_as_it_is() -> None:
    assert len(filled_up(DATA * (ROWS // 2), Reduction.SEQUENCE_MEAN)) == ROWS
    assert len(filled_up(DATA, None)) == 2


@pytest.mark.parametrize("wrong", [((), (1,)), ((1,), ()), ((1,), (1, 2), (0.5,)), ((1,), (1,), (), (0.5, 0.5))])
def test_a_datum_that_does_not_fit_together_is_refused(wrong: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"datum|values"):
        Datum(*wrong)
