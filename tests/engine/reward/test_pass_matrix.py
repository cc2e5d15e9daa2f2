"""Pass matrix: refused shapes, unknown and malformed cells, agreement clusters, the BoN pick."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reward.pass_matrix import BoolArray, PassMatrix, pass_matrix_from_verdicts
from tests.engine.reward.matrices import cells, matrices


def matrix(truth: BoolArray, generated: BoolArray, **masks: object) -> PassMatrix:
    return PassMatrix(truth, generated, **{name: np.array(mask, dtype=bool) for name, mask in masks.items()})


def test_a_program_is_correct_when_it_passes_every_ground_truth_test() -> None:
    pm = matrix(cells("111", "110", "000"), cells("10", "11", "00"))
    assert pm.correct_n.tolist() == [True, False, False]
    assert pm.wrong_n.tolist() == [False, True, True]
    assert pm.votes_n.tolist() == [1, 2, 0]
    assert (pm.n_programs, pm.n_generated, pm.n_truth) == (3, 2, 3)


def test_without_ground_truth_nobody_is_known_correct_or_wrong() -> None:
    pm = PassMatrix(np.zeros((2, 0), dtype=bool), cells("1", "0"))
    assert not pm.correct_n.any()
    assert not pm.wrong_n.any()


def test_an_unknown_truth_cell_takes_the_program_out_of_both_sets() -> None:
    pm = pass_matrix_from_verdicts(
        truth=[[True, True], [True, None], [False, None], [False, True]], generated=[[True]] * 4
    )
    assert pm.correct_n.tolist() == [True, False, False, False]
    assert pm.wrong_n.tolist() == [False, False, False, True]


@given(matrices())
def test_nobody_is_both_correct_and_wrong(pm: PassMatrix) -> None:
    assert not (pm.correct_n & pm.wrong_n).any()
    assert ((pm.correct_n | pm.wrong_n) == pm.judged_n).all()


@given(matrices())
def test_malformed_rejected_and_unknown_cells_are_false(pm: PassMatrix) -> None:
    assert not pm.generated_nm[:, pm.malformed_m].any()
    assert not pm.generated_nm[pm.rejected_n].any()
    assert not pm.truth_nt[pm.rejected_n].any()
    assert not (pm.generated_nm & ~pm.known_nm).any()
    assert not (pm.truth_nt & ~pm.known_nt).any()


def test_a_rejected_program_is_known_wrong_although_nothing_ran() -> None:
    pm = matrix(cells("1"), cells("1"), rejected_n=[1], known_nt=[[0]], known_nm=[[0]])
    assert pm.wrong_n.tolist() == [True]


def test_arrays_are_read_only_copies() -> None:
    truth, generated = cells("1"), cells("1")
    pm = PassMatrix(truth, generated)
    truth[0, 0] = generated[0, 0] = False
    assert pm.truth_nt[0, 0]
    assert pm.generated_nm[0, 0]
    names = ("truth_nt", "generated_nm", "malformed_m", "known_nm", "correct_n", "votes_n", "right_m", "clusters_n")
    for name in names:
        array = getattr(pm, name)
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"truth_nt": cells("1", "1")}, "truth_nt has 2 programs but generated_nm has 1"),
        ({"truth_nt": np.array([True])}, "truth_nt must have 2 dimension"),
        ({"generated_nm": np.array([[0.5, 1.0]])}, "generated_nm must hold booleans"),
        ({"malformed_m": np.array([True])}, r"malformed_m must have shape \(2,\)"),
        ({"malformed_m": np.zeros(0, dtype=bool)}, r"malformed_m must have shape \(2,\)"),
        ({"rejected_n": np.array([True, False])}, r"rejected_n must have shape \(1,\)"),
        ({"known_nt": cells("11")}, r"known_nt must have shape \(1, 1\)"),
        ({"known_nm": cells("1")}, r"known_nm must have shape \(1, 2\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(fields: dict[str, BoolArray], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        PassMatrix(**{"truth_nt": cells("1"), "generated_nm": cells("11"), **fields})


def test_programs_cluster_by_identical_rows_in_order_of_first_appearance() -> None:
    pm = matrix(cells("0", "0", "0", "0"), cells("10", "01", "10", "11"))
    assert pm.clusters_n.tolist() == [0, 1, 0, 2]


@given(matrices(min_programs=0))
def test_clusters_are_equal_exactly_where_rows_are(pm: PassMatrix) -> None:
    ids = pm.clusters_n
    rows = [
        tuple(passed if known else None for passed, known in zip(*row, strict=True))
        for row in zip(pm.generated_nm, pm.known_nm, strict=True)
    ]
    assert [[a == b for b in ids] for a in ids] == [[a == b for b in rows] for a in rows]
    assert set(ids) == set(range(len(set(rows))))


def test_a_cluster_is_as_large_as_it_has_programs_answers_without_one_left_out() -> None:
    pm = matrix(cells("0", "0", "0", "0"), cells("10", "00", "10", "00"), rejected_n=[0, 0, 0, 1])
    assert pm.clusters_n.tolist() == [0, 1, 0, 1]
    assert pm.cluster_sizes_n.tolist() == [2, 1, 2, 1]


@given(matrices(min_programs=0))
def test_the_ranking_holds_every_program_once_and_begins_with_the_best_of_n(pm: PassMatrix) -> None:
    assert sorted(pm.ranking_n) == list(range(pm.n_programs))
    assert (np.diff(pm.votes_n[pm.ranking_n]) <= 0).all()
    if pm.n_programs:
        assert pm.best_of_n() == pm.ranking_n[0]


def test_a_block_may_be_of_any_programs() -> None:
    pm = matrix(cells("0", "1", "0"), cells("10", "01", "11"), rejected_n=[0, 0, 1])
    block = pm.block(np.array([0, 2]), slice(None))
    assert block.generated_nm.tolist() == [[True, False], [False, False]]
    assert block.rejected_n.tolist() == [False, True]


def test_best_of_n_picks_most_votes() -> None:
    assert matrix(cells("0", "0", "0"), cells("100", "110", "010")).best_of_n() == 1


def test_best_of_n_breaks_ties_by_agreement_then_by_order() -> None:
    pm = matrix(cells("0", "0", "0", "0"), cells("100", "011", "110", "110"))
    assert pm.best_of_n() == 2  # three programs with two votes; two of them agree
    assert matrix(cells("0", "0"), cells("10", "01")).best_of_n() == 0


def test_best_of_n_looks_only_at_the_first_n_programs_and_m_tests() -> None:
    pm = matrix(cells("0", "0", "0"), cells("0111", "1000", "1111"))
    assert pm.best_of_n(2, 4) == 0
    assert pm.best_of_n(2, 1) == 1
    assert pm.best_of_n(3, 0) == 0


def test_without_votes_a_parsed_program_is_picked_before_a_rejected_one() -> None:
    assert matrix(cells("0", "0"), cells("0", "0"), rejected_n=[1, 0]).best_of_n() == 1


@pytest.mark.parametrize(("n", "m"), [(0, 1), (3, 1), (1, 3), (1, -1)])
def test_best_of_more_than_there_is_is_refused(n: int, m: int) -> None:
    with pytest.raises(ValueError, match="2 programs and 2 tests"):
        matrix(cells("0", "0"), cells("00", "00")).best_of_n(n, m)


def test_best_of_no_program_is_refused() -> None:
    with pytest.raises(ValueError, match="0 programs"):
        PassMatrix(np.zeros((0, 1), dtype=bool), np.zeros((0, 2), dtype=bool)).best_of_n()


@given(matrices())
def test_the_pick_has_as_many_votes_as_anybody(pm: PassMatrix) -> None:
    assert pm.votes_n[pm.best_of_n()] == pm.votes_n.max()


@given(matrices(), st.randoms(use_true_random=False))
def test_the_order_of_tests_does_not_change_the_pick(pm: PassMatrix, random: object) -> None:
    order = np.array(random.sample(range(pm.n_generated), pm.n_generated), dtype=int)  # type: ignore[attr-defined]
    shuffled = PassMatrix(
        pm.truth_nt,
        pm.generated_nm[:, order],
        pm.malformed_m[order],
        pm.rejected_n,
        pm.known_nt,
        pm.known_nm[:, order],
    )
    assert shuffled.best_of_n() == pm.best_of_n()


def test_a_block_keeps_every_mask() -> None:
    pm = matrix(
        cells("10", "11"),
        cells("101", "011"),
        malformed_m=[0, 0, 1],
        rejected_n=[1, 0],
        known_nt=[[1, 0], [1, 1]],
        known_nm=[[1, 1, 1], [0, 1, 1]],
    )
    block = pm.block(slice(1, 2), slice(1, 3))
    assert block.generated_nm.tolist() == [[True, False]]
    assert block.malformed_m.tolist() == [False, True]
    assert block.rejected_n.tolist() == [False]
    assert block.truth_nt.tolist() == [[True, True]]
    assert pm.block(slice(1, 2), slice(0, 1)).known_nm.tolist() == [[False]]


def test_verdicts_of_rows_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rows of generated differ in length: \[1, 2\]"):
        pass_matrix_from_verdicts([[True], [True]], [[True], [True, False]])


def test_verdicts_without_tests_or_programs_give_an_empty_matrix() -> None:
    assert pass_matrix_from_verdicts([[], []], [[], []]).generated_nm.shape == (2, 0)
    assert pass_matrix_from_verdicts([], []).generated_nm.shape == (0, 0)
