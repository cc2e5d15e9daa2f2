"""Consensus by hand, against a second implementation on 500 boards, and over the blocks of an evaluation."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from engine.evaluation.metrics import best_of_n_accuracy, consensus_accuracy, summarise
from engine.evaluation.results import TaskResult
from engine.evaluation.summary import EvalSummary, UtBasis
from engine.evaluation.table import format_table
from engine.reward.consensus import consensus_of_n, consensus_scores, first_columns
from engine.reward.pass_matrix import PassMatrix
from engine.solve.selectors import BoardArrays, find_selector
from tests.engine.evaluation.test_summary import GOOD, small
from tests.engine.solve.selectors.boards import random_board

K1 = ("1xyz", *["1pq4"] * 5)  # outputs of six programs on four inputs; tests expect 1, x, y, 4


def numbered(rows: Sequence[str]) -> np.ndarray:
    return np.array([[0 if text == "?" else -1 if text == "!" else ord(text) for text in row] for row in rows])


def matrix_of(
    rows: Sequence[str], expected: str, correct: Sequence[int] = (), rejected: Sequence[int] = ()
) -> PassMatrix:
    n = len(rows)
    return PassMatrix(
        np.array([[row in correct] for row in range(n)]),
        np.array([[got == right for got, right in zip(row, expected, strict=True)] for row in rows]).reshape(n, -1),
        rejected_n=np.array([row in rejected for row in range(n)]),
    )


def test_a_crowd_that_agrees_outweighs_a_vote() -> None:
    matrix, outputs = matrix_of(K1, "1xy4"), numbered(K1)
    assert consensus_scores(matrix.votes_n, outputs, 1.0).tolist() == [4.5, *[5.5] * 5]
    assert consensus_of_n(matrix, outputs, 1.0) == 1
    assert consensus_of_n(matrix, outputs, 0.0) == matrix.best_of_n() == 0


def test_errors_and_lost_outputs_agree_with_nothing() -> None:
    rows = ("!", "!", "!", "?", "7")
    assert consensus_scores(np.zeros(5, dtype=np.int64), numbered(rows), 1.0).tolist() == [0, 0, 0, 0, 0.2]


def test_a_rejected_answer_neither_agrees_nor_wins_unless_all_are_rejected() -> None:
    rows = ("77", "88", "88", "88")
    assert consensus_of_n(matrix_of(rows, "99", rejected=(1, 2)), numbered(rows), 1.0) == 0
    assert consensus_of_n(matrix_of(rows, "99", rejected=(0, 1, 2, 3)), numbered(rows), 1.0) == 0
    with pytest.raises(ValueError, match="no programs"):
        consensus_of_n(PassMatrix(np.zeros((0, 1), bool), np.zeros((0, 2), bool)), np.zeros((0, 2), int))


def test_an_input_counts_once_however_many_tests_have_it() -> None:
    assert first_columns(["5", "6", "5", None, "6", "7"]) == [0, 1, 5]
    assert first_columns([]) == first_columns([None]) == []


def second(votes: Sequence[int], outputs: Sequence[Sequence[int]], rejected: Sequence[bool], weight: int) -> int:
    """Choose from the definition, in exact fractions."""
    rows = [row for row in range(len(votes)) if not rejected[row]]

    def score(row: int) -> Fraction:
        same = sum(
            outputs[row][x] > 0 and outputs[other][x] == outputs[row][x]
            for x in range(len(outputs[row]))
            for other in rows
        )
        return votes[row] + Fraction(weight * same, len(rows))

    return max(rows, key=lambda row: (score(row), -row), default=0)


@pytest.mark.parametrize("weight", [0, 1, 3])
def test_random_boards_are_chosen_as_by_a_second_implementation(weight: int) -> None:
    for seed in range(500):
        given = random_board(seed)
        outputs = given.outputs_nx[:, given.tested_x]
        expected = second(given.matrix.votes_n.tolist(), outputs.tolist(), given.matrix.rejected_n.tolist(), weight)
        assert consensus_of_n(given.matrix, outputs, weight) == expected, seed


def result(
    rows: Sequence[str], expected: str, correct: Sequence[int], inputs: Sequence[str], *, kept: bool = True
) -> TaskResult:
    n, m = len(rows), len(expected)
    return TaskResult(
        "t", matrix_of(rows, expected, correct), np.zeros(m, bool), np.zeros(m, bool), None, UtBasis.REFERENCE,
        ("print()",) * n, tuple(inputs), tuple(expected), np.zeros(n, int), np.zeros(m, int),
        outputs_nm=numbered(rows) if kept else None,
    )  # fmt: skip


def test_an_evaluation_counts_it_over_the_blocks_of_best_of_n() -> None:
    one = result([row[:4] for row in K1], "1xy4", (1, 2, 3, 4, 5), "abcd")
    assert best_of_n_accuracy(one, 6, 4) == 0.0
    assert consensus_accuracy(one, 6, 4) == 1.0
    assert consensus_accuracy(one, 2, 2) == best_of_n_accuracy(one, 2, 2)  # two blocks: two agree in no more than one
    repeated = result(["pp", "qq", "qq"], "pp", (1, 2), "aa")  # one input: two votes against a third of agreement
    assert consensus_accuracy(repeated, 3, 2) == 0.0
    assert math.isnan(consensus_accuracy(result(K1, "1xy4", (), "abcd", kept=False), 6, 4))
    with pytest.raises(ValueError, match="undefined"):
        consensus_accuracy(one, 7, 4)
    with pytest.raises(ValueError, match="outputs_nm must have shape"):
        TaskResult(**{name: getattr(one, name) for name in one.__dataclass_fields__} | {"outputs_nm": np.zeros((1, 1))})


def test_the_evaluations_figure_is_the_selectors_choice_without_examples() -> None:
    rng = random.Random(5)
    for _ in range(100):
        rows = ["".join(rng.choice("12!") for _ in range(4)) for _ in range(6)]
        matrix, outputs = matrix_of(rows, "1212"), numbered(rows)
        whole = PassMatrix(np.zeros((6, 0), bool), matrix.generated_nm)
        board = BoardArrays(whole, outputs, np.ones(4, bool), np.zeros(6, bool), np.arange(6))
        scores = find_selector("consensus").scores(board)
        assert consensus_of_n(matrix, outputs) == int(np.flatnonzero(scores >= scores.max() - 1e-9)[0])


def test_summaries_of_earlier_versions_have_no_consensus_and_open() -> None:
    record = small([GOOD, GOOD]).to_json()
    assert EvalSummary.from_json(record).largest_consensus.mean is None  # outputs were not kept
    del record["consensus"]
    earlier = EvalSummary.from_json(record)
    assert earlier.consensus == {}
    assert list(earlier.accuracies) == ["code", "ut", "bon 1x1"]
    assert EvalSummary.from_json(record, strict=False).headline()["consensus"] == {}


def test_consensus_stands_beside_best_of_n_in_a_summary() -> None:
    one = result([row[:4] for row in K1], "1xy4", (1, 2, 3, 4, 5), "abcd")
    summary = summarise([one, one], ((6, 4),))
    again = EvalSummary.from_json(summary.to_json())
    assert again.largest_consensus.mean == 1.0
    assert list(again.accuracies) == ["code", "ut", "bon 6x4", "consensus 6x4"]
    assert "consensus(6, 4)           100.0" in format_table(summary, summary)
    assert summary.headline()["consensus"] == {"6x4": 1.0}
