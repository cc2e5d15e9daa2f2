"""One rule for correct programs and right generated tests: every room that applies it agrees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given

from cure_tui.dashboard.matrix.reading import Standing, read_matrix
from engine.evaluation.results import judge_tests_by_own_correct, judge_tests_by_reference
from engine.evaluation.summary import UtBasis
from engine.problems import IOExample
from engine.reward import rewards
from engine.reward.pass_matrix import BoolArray, PassMatrix, pass_matrix_from_verdicts
from engine.reward.trust import Trust, trust
from engine.rollouts.observer import judge_program, judge_tests
from engine.runs.records import CellGrid, MatrixRecord
from engine.sandbox import AS_A_PROCESS, Outcome, Status
from tests.engine.reward.matrices import matrices

# The correct program has no verdict on the second test, and nobody but a wrong one on the fourth; the fifth is none.
UNKNOWN_CELLS = pass_matrix_from_verdicts(
    truth=[[True, True], [True, True], [True, False], [True, None]],
    generated=[
        [True, None, False, None, None],
        [None, True, None, None, None],
        [True, True, True, False, None],
        [False, False, True, True, None],
    ],
    malformed=[False, False, False, False, True],
)
NO_CORRECT_PROGRAM = pass_matrix_from_verdicts(
    [[False], [None]], [[True, False], [True, True]], malformed=[False, True]
)
NO_TRUTH = pass_matrix_from_verdicts([[], []], [[True], [False]])
LOST = pass_matrix_from_verdicts([[True], [False]], [[None, None], [True, False]])


def finding(matrix: PassMatrix, test: int) -> str:
    """Apply the rule in plain words, as in the class's docstring."""
    if matrix.malformed_m[test]:
        return "malformed"
    judges = [row for row in np.flatnonzero(matrix.correct_n) if matrix.known_nm[row, test]]
    if not judges:
        return "undecided"
    return "right" if all(matrix.generated_nm[row, test] for row in judges) else "wrong"


def findings(matrix: PassMatrix) -> list[str]:
    return [finding(matrix, test) for test in range(matrix.n_generated)]


def of_arrays(right_m: BoolArray, judged_m: BoolArray, malformed_m: BoolArray) -> list[str]:
    words = np.where(judged_m, np.where(right_m, "right", "wrong"), "undecided")
    assert judged_m[malformed_m].all()
    return np.where(malformed_m, "malformed", words).tolist()


def recorded(matrix: PassMatrix) -> MatrixRecord:
    """Record a matrix as the archive does: rejected answers never ran; the sandbox failed on unknown cells."""

    def grid(passed: BoolArray, known: BoolArray, malformed_c: BoolArray) -> CellGrid:
        skipped = np.broadcast_to(matrix.rejected_n[:, None] | malformed_c, passed.shape)
        outcomes = [
            [None if gone else outcome(*cell) for gone, *cell in zip(*rows, strict=True)]
            for rows in zip(skipped, passed, known, strict=True)
        ]
        return CellGrid.of_outcomes(passed, outcomes)

    nothing_t = np.zeros(matrix.n_truth, dtype=np.bool_)
    return MatrixRecord(
        truth=grid(matrix.truth_nt, matrix.known_nt, nothing_t),
        generated=grid(matrix.generated_nm, matrix.known_nm, matrix.malformed_m),
    )


def outcome(passed: bool, known: bool) -> Outcome:
    return Outcome(Status.OK if known else Status.INFRASTRUCTURE, "4" if passed else "5")


def test_a_test_on_which_no_correct_program_has_a_verdict_is_undecided() -> None:
    assert findings(UNKNOWN_CELLS) == ["right", "right", "wrong", "undecided", "malformed"]
    assert UNKNOWN_CELLS.right_m.tolist() == [True, True, False, False, False]
    assert UNKNOWN_CELLS.wrong_m.tolist() == [False, False, True, False, True]
    assert UNKNOWN_CELLS.judged_m.tolist() == [True, True, True, False, True]
    assert findings(NO_CORRECT_PROGRAM) == ["undecided", "malformed"]
    assert findings(LOST) == ["undecided", "undecided"]


@given(matrices())
@example(UNKNOWN_CELLS)
@example(NO_CORRECT_PROGRAM)
@example(LOST)
def test_everybody_calls_the_same_tests_right_wrong_and_undecided(matrix: PassMatrix) -> None:
    said = findings(matrix)
    assert of_arrays(matrix.right_m, matrix.judged_m, matrix.malformed_m) == said
    right_m, judged_m, basis = judge_tests_by_own_correct(matrix)
    assert of_arrays(right_m, judged_m, matrix.malformed_m) == said
    if basis is UtBasis.OWN_CORRECT:
        by_reference = judge_tests_by_reference(
            matrix.generated_nm[matrix.correct_n], matrix.malformed_m, matrix.known_nm[matrix.correct_n]
        )
        assert of_arrays(*by_reference, matrix.malformed_m) == said
    assert [verdict.finding for verdict in judge_tests(matrix)] == said
    drawn = read_matrix(recorded(matrix), matrix.malformed_m.tolist()).tests
    words = {Standing.CORRECT: "right", Standing.EMPTY: "malformed"}
    assert [words.get(standing, standing.label) for standing in drawn] == said


@given(matrices())
@example(UNKNOWN_CELLS)
@example(LOST)
def test_rewards_and_trust_go_by_the_same_tests(matrix: PassMatrix) -> None:
    said, n_correct = findings(matrix), matrix.correct_n.sum()
    judged = [word for word in said if word != "undecided"]
    measured = trust(matrix)
    # without a wrong program `cure-code` pays the finding itself: +1 right, -1 wrong, the mean where it is undecided
    paid = rewards.tester_rewards(matrix.block(np.flatnonzero(~matrix.wrong_n), slice(None)), "cure-code")
    if not n_correct or not judged:
        assert paid is None
        assert measured == Trust()
        return
    assert (measured.n_tests, measured.n_right) == (len(judged), judged.count("right"))
    assert paid is not None
    mean = (2 * judged.count("right") - len(judged)) / len(judged)
    assert paid.tolist() == pytest.approx([{"right": 1.0, "undecided": mean}.get(word, -1.0) for word in said])


@given(matrices())
@example(UNKNOWN_CELLS)
@example(NO_TRUTH)
def test_everybody_calls_the_same_programs_correct_wrong_and_undecided(matrix: PassMatrix) -> None:
    drawn = read_matrix(recorded(matrix), matrix.malformed_m.tolist()).programs
    tests = [IOExample("", "4")] * matrix.n_truth
    for row in np.flatnonzero(~matrix.rejected_n):
        said = ("correct" if matrix.correct_n[row] else "wrong") if matrix.judged_n[row] else "undecided"
        outcomes_t = [outcome(*cell) for cell in zip(matrix.truth_nt[row], matrix.known_nt[row], strict=True)]
        assert judge_program(outcomes_t, tests, AS_A_PROCESS).finding == said
        if matrix.n_truth:  # else the archive cannot tell a program from a rejected answer
            assert drawn[row].label == said


@given(matrices())
def test_the_archive_gives_back_the_matrix_that_was_recorded(matrix: PassMatrix) -> None:
    read = recorded(matrix).pass_matrix(matrix.malformed_m.tolist())
    names = ["truth_nt", "generated_nm", "malformed_m", "correct_n", "votes_n", "clusters_n", "right_m", "judged_m"]
    if matrix.n_truth and not matrix.rejected_n.all():  # where nothing ran, the record cannot tell why
        names += ["rejected_n", "known_nt", "known_nm", "wrong_n", "ranking_n"]
    for name in names:
        assert getattr(read, name).tolist() == getattr(matrix, name).tolist(), name
