"""Result of a task: refused values, and the verdict on a generated test."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation.results import TaskResult, judge_tests_by_own_correct, judge_tests_by_reference
from engine.evaluation.summary import UtBasis
from engine.reward.pass_matrix import PassMatrix, pass_matrix_from_verdicts


def result(matrix: PassMatrix, **fields: object) -> TaskResult:
    n, m = matrix.n_programs, matrix.n_generated
    given: dict[str, object] = {
        "task_id": "sum",
        "matrix": matrix,
        "test_right_m": np.zeros(m, dtype=bool),
        "test_judged_m": np.ones(m, dtype=bool),
        "test_valid_m": None,
        "ut_basis": UtBasis.REFERENCE,
        "programs": ("print(1)",) * n,
        "test_inputs": ("1 2",) * m,
        "test_outputs": ("3",) * m,
        "coder_lengths_n": np.full(n, 10),
        "tester_lengths_m": np.full(m, 20),
    }
    return TaskResult(**(given | fields))  # type: ignore[arg-type]


TWO_BY_TWO = pass_matrix_from_verdicts([[True], [False]], [[True, False], [True, True]], malformed=[False, True])


def test_a_malformed_test_is_neither_right_nor_valid() -> None:
    one = result(TWO_BY_TWO, test_right_m=[True, True], test_valid_m=[True, True])
    assert one.test_right_m.tolist() == [True, False]
    assert one.test_valid_m is not None
    assert one.test_valid_m.tolist() == [True, False]


def test_a_right_test_counts_only_if_it_is_valid_where_validity_is_known() -> None:
    matrix = pass_matrix_from_verdicts([[True]], [[True, True]])
    assert result(matrix, test_right_m=[True, True]).counted_right_m.tolist() == [True, True]
    one = result(matrix, test_right_m=[True, True], test_valid_m=[False, True])
    assert one.counted_right_m.tolist() == [False, True]


def test_no_test_can_be_right_where_nobody_could_judge() -> None:
    with pytest.raises(ValueError, match="marked right but not judged"):
        result(TWO_BY_TWO, test_right_m=[True, False], ut_basis=UtBasis.NONE)
    with pytest.raises(ValueError, match="marked right but not judged"):
        result(TWO_BY_TWO, test_right_m=[True, False], test_judged_m=[False, False])


def test_a_malformed_test_is_judged_whoever_judges() -> None:
    assert result(TWO_BY_TWO, test_judged_m=[False, False]).test_judged_m.tolist() == [False, True]
    assert result(TWO_BY_TWO, ut_basis=UtBasis.NONE).test_judged_m.tolist() == [False, True]


@pytest.mark.parametrize(
    "field",
    [
        "test_right_m",
        "test_judged_m",
        "test_valid_m",
        "programs",
        "test_inputs",
        "test_outputs",
        "coder_lengths_n",
        "tester_lengths_m",
    ],
)
def test_fields_of_the_wrong_size_are_refused_by_name(field: str) -> None:
    value = ("x",) * 3 if field.startswith(("programs", "test_in", "test_out")) else np.ones(3, dtype=bool)
    with pytest.raises(ValueError, match=f"task sum: {field} must have 2 entries, not 3"):
        result(TWO_BY_TWO, **{field: value})


def test_programs_without_source_must_be_the_rejected_rows_of_the_matrix() -> None:
    with pytest.raises(ValueError, match="programs are missing elsewhere"):
        result(TWO_BY_TWO, programs=(None, "print(1)"))


def test_arrays_of_a_result_are_read_only_copies() -> None:
    lengths = np.array([1, 2])
    one = result(TWO_BY_TWO, coder_lengths_n=lengths)
    lengths[0] = 99
    assert one.coder_lengths_n.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        one.test_right_m[0] = True


def test_a_test_is_right_when_every_reference_passes_it() -> None:
    passes = np.array([[True, True, False, True], [True, False, False, True]])
    right, judged = judge_tests_by_reference(passes, malformed_m=[False, False, False, True])
    assert right.tolist() == [True, False, False, False]
    assert judged.all()


def test_a_reference_without_a_verdict_does_not_judge() -> None:
    passes = np.array([[True, False], [False, False]])
    known = np.array([[True, False], [False, False]])
    right, judged = judge_tests_by_reference(passes, known_rm=known)
    assert right.tolist() == judged.tolist() == [True, False]


def test_judging_by_no_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="no reference program"):
        judge_tests_by_reference(np.zeros((0, 2), dtype=bool))


def test_own_correct_programs_judge_where_there_are_any() -> None:
    matrix = pass_matrix_from_verdicts(
        [[True], [True], [False]], [[True, True, None], [True, False, True], [False, True, True]]
    )
    right, judged, basis = judge_tests_by_own_correct(matrix)
    assert right.tolist() == [True, False, True]
    assert judged.all()
    assert basis is UtBasis.OWN_CORRECT


def test_without_a_correct_program_no_test_is_right_and_the_basis_says_so() -> None:
    right, judged, basis = judge_tests_by_own_correct(pass_matrix_from_verdicts([[False]], [[True, True]]))
    assert right.tolist() == judged.tolist() == [False, False]
    assert basis is UtBasis.NONE
