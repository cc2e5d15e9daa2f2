"""Consensus labels: the board worked out by hand, the filters, and what no board may break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.reward.pass_matrix import PassMatrix
from engine.reward.presumed_labels import (
    Presumed,
    consensus_tester_rewards,
    discrimination_weight,
    presume,
    presumed_matrix,
)
from engine.reward.rewards import coder_rewards
from engine.solve.selectors.b4 import Priors, posteriors_n
from tests.engine.reward.matrices import cells, matrices

BOARD = cells("11100", "11100", "11100", "11110", "00001", "00001")
UNINFORMED = Priors.of(10.0, 10.0)


def without_truth(generated: np.ndarray, **masks: object) -> PassMatrix:
    return PassMatrix(np.zeros((len(generated), 0), dtype=bool), generated, **masks)  # type: ignore[arg-type]


def presumed_by_b4(matrix: PassMatrix, outputs: list[int] | None = None) -> Presumed:
    scores_n = np.where(matrix.rejected_n, np.nan, posteriors_n(matrix, UNINFORMED))
    return presume(matrix, scores_n, np.array(outputs if outputs is not None else matrix.clusters_n))


def paid_for_tests(matrix: PassMatrix, presumed: Presumed, weight: float) -> list[float]:
    others = matrix.block(np.flatnonzero(presumed.others_n), slice(None))
    rewards_m = consensus_tester_rewards(
        matrix, presumed, others.known_nm & ~others.generated_nm, others.known_nm, weight
    )
    assert rewards_m is not None
    return rewards_m.tolist()


@pytest.mark.parametrize("weight", [0.0, 0.4, 0.8])
def test_the_board_worked_out_by_hand(weight: float) -> None:
    matrix = without_truth(BOARD)
    presumed = presumed_by_b4(matrix)
    assert presumed.doubt == ""
    assert np.flatnonzero(presumed.members_n).tolist() == [0, 1, 2]
    assert np.flatnonzero(presumed.tests_m).tolist() == [0, 1, 2]
    assert np.flatnonzero(presumed.others_n).tolist() == [4, 5]  # row 3 passes all of Y
    # The row that passes one test more is no member, and earns as much as one.
    assert coder_rewards(presumed_matrix(matrix, presumed)).tolist() == [1, 1, 1, 1, 0, 0]
    assert paid_for_tests(matrix, presumed, weight) == pytest.approx([1, 1, 1, -1, -1])


def test_a_test_that_catches_no_presumed_wrong_program_earns_less_the_later_the_run() -> None:
    # t3 holds on X and is passed by the wrong rows; t4 is malformed.
    matrix = without_truth(cells("11010", "11010", "00010", "00010"), malformed_m=[False] * 4 + [True])
    presumed = presumed_by_b4(matrix)
    assert np.flatnonzero(presumed.members_n).tolist() == [0, 1]
    assert paid_for_tests(matrix, presumed, 0.0) == [1, 1, -1, 1, -1]
    assert paid_for_tests(matrix, presumed, 0.8) == pytest.approx([1, 1, -1, 0.2, -1])


@pytest.mark.parametrize(
    ("rows", "outputs", "doubt"),
    [
        (["110", "001", "010"], None, "no two programs agree"),
        (["110", "110", "110"], None, "all programs agree"),
        (["111", "111", "110"], [0, 0, 0], "all programs print the same"),
        (["110", "110", "000", "000"], None, "the tests do not tell the programs apart"),
        (["11", "11", *["01", "10"] * 0, "01", "10", "00", "01", "10", "00", "01", "10"], None, ""),
    ],
)
def test_groups_whose_labels_are_in_doubt_teach_nothing(rows: list[str], outputs: list[int] | None, doubt: str) -> None:
    matrix = without_truth(cells(*rows))
    scores_n = np.array([1.0 if row == rows[0] else 0.0 for row in rows])
    presumed = presume(matrix, scores_n, np.array(outputs if outputs is not None else matrix.clusters_n))
    if doubt:
        assert presumed.doubt == doubt
        assert presumed_matrix(matrix, presumed).n_truth == 0
        assert consensus_tester_rewards(matrix, presumed, np.zeros((0, 3)), np.zeros((0, 3)), 0.5) is None  # type: ignore[arg-type]
    else:
        assert presumed.doubt == "too few programs agree"  # 2 of 10 are less than a quarter


def test_discrimination_comes_in_the_first_half_of_the_run() -> None:
    assert [discrimination_weight(step, 100) for step in (1, 26, 51, 100)] == pytest.approx([0.0, 0.4, 0.8, 0.8])
    assert discrimination_weight(1, 1) == 0.0


@settings(deadline=None)
@given(matrices(), st.floats(0, 0.8), st.integers(0, 2**32 - 1))
def test_no_board_pays_a_test_that_the_presumed_right_programs_fail(
    board: PassMatrix, weight: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores_n = np.where(board.rejected_n, np.nan, rng.integers(0, 2, board.n_programs))
    presumed = presume(board, scores_n, board.clusters_n)
    others = board.block(np.flatnonzero(presumed.others_n), slice(None))
    rewards_m = consensus_tester_rewards(
        board, presumed, others.known_nm & ~others.generated_nm, others.known_nm, weight
    )
    labelled = presumed_matrix(board, presumed)
    rewards_n = coder_rewards(labelled)
    assert ((rewards_n >= 0) & (rewards_n <= 1)).all()
    assert not (presumed.members_n & board.rejected_n).any()
    if presumed.doubt:
        assert rewards_m is None
        assert not labelled.correct_n.any()
        return
    assert presumed.members_n[presumed.proxy]
    assert (presumed.members_n & labelled.judged_n <= labelled.correct_n).all()
    if rewards_m is not None:
        assert ((rewards_m >= -1) & (rewards_m <= 1)).all()
        fails_m = board.known_nm[presumed.proxy] & ~board.generated_nm[presumed.proxy] & ~board.malformed_m
        assert (rewards_m[fails_m] < 0).all()
        assert (rewards_m[board.malformed_m] == -1).all()
