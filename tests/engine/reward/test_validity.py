"""Supervision by reference programs: the matrix worked out by hand, and its difference to the correct samples."""

from __future__ import annotations

import numpy as np
import pytest

from engine.reward import rewards
from engine.reward.pass_matrix import PassMatrix
from engine.reward.trust import trust
from engine.reward.validity import Validity, suite_score, validity
from tests.engine.reward.matrices import cells

# Five programs, of which hidden tests call 0 and 1 right; tests: 11011, 11001, 10101, malformed.
TESTS = np.array([[int(column[row]) for column in ("11011", "11001", "10101", "00000")] for row in range(5)])
MALFORMED = [False, False, False, True]
VALIDITY = validity([[True, False, True, False]], MALFORMED)


def board(*right: str) -> PassMatrix:
    return PassMatrix(cells(*right), TESTS, malformed_m=np.array(MALFORMED))


def test_the_matrix_worked_out_by_hand() -> None:
    matrix = board("1", "1", "0", "0", "0")
    none, reference = rewards.tester_rewards(matrix, "cure"), rewards.tester_rewards(matrix, "cure", validity=VALIDITY)
    assert none is not None
    assert reference is not None
    assert none.tolist() == [1, 2, -2, -3]
    assert reference.tolist() == [1, -1, 1, -3]


def test_references_give_a_signal_where_no_sample_is_right() -> None:
    matrix = board("0", "0", "0", "0", "0")
    assert rewards.tester_rewards(matrix, "cure") is None
    paid = rewards.tester_rewards(matrix, "cure", validity=VALIDITY)
    assert paid is not None
    assert paid.tolist() == [1, -3, 2, -5]


def test_without_a_wrong_program_only_the_divided_variants_tell_tests_apart() -> None:
    matrix = board("1", "1", "1", "1", "1")
    paid = {name: rewards.tester_rewards(matrix, name, validity=VALIDITY) for name in ("cure", "cure-code", "validity")}
    assert {name: None if each is None else each.tolist() for name, each in paid.items()} == {
        "cure": [0, 0, 0, 0],
        "cure-code": [1, -1, 1, -1],
        "validity": [1, 0, 1, 0],
    }


def test_a_reference_that_crashes_or_disagrees_makes_a_wrong_test_and_a_lost_one_an_undecided_one() -> None:
    agrees = [[True, False, True, None, None, False], [True, True, False, True, None, None]]
    judged = validity(agrees, [False] * 6)
    assert judged.valid_m.tolist() == [True, False, False, False, False, False]
    assert judged.judged_m.tolist() == [True, True, True, False, False, True]


def test_an_undecided_test_gets_the_mean_of_the_others() -> None:
    judged = validity([[True, None, True, False]], MALFORMED)
    paid = rewards.tester_rewards(board("1", "1", "0", "0", "0"), "cure", validity=judged)
    assert paid is not None
    assert paid[1] == pytest.approx(np.mean([1, 1, -3]))


def test_trust_is_counted_in_both_senses() -> None:
    matrix = board("1", "1", "0", "0", "0")
    assert trust(matrix).p_u == 0.5
    assert trust(matrix, VALIDITY).p_u == 0.5
    assert (trust(matrix).p_01, trust(matrix, VALIDITY).p_01) == (3 / 6, 4 / 6)
    nobody_right = board("0", "0", "0", "0", "0")
    assert trust(nobody_right).p_u is None
    assert trust(nobody_right, VALIDITY).p_u == 0.5


def test_the_suite_of_the_published_score() -> None:
    assert suite_score(valid=3, unique=5, detected=4 / 6, form=1.0) == pytest.approx(0.6792, abs=5e-5)
    assert suite_score(valid=2, unique=2, detected=0.0, form=1.0) < suite_score(12, 12, 0.0, 1.0)  # copied examples


def test_arrays_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="a valid test is a judged one"):
        Validity(np.array([True]), np.array([False]))
    with pytest.raises(ValueError, match="at least one reference"):
        validity([], [False])
