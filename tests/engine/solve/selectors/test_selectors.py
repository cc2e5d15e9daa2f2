"""Selectors: the cases worked out by hand, 500 random boards against a second implementation, order of arrival."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from engine.errors import ConfigError
from engine.solve.selectors import SELECTORS, BoardArrays, choose, find_selector, scores_n
from engine.solve.selectors.arrays import Texts
from engine.solve.selectors.similarity import bleu
from tests.engine.solve.selectors import second
from tests.engine.solve.selectors.boards import board, random_board, shuffled

BOARDS = 500
SECOND: dict[str, Callable[[second.Table], Sequence[float | Fraction]]] = {
    "bon": second.bon,
    "codet": second.codet,
    "consensus": second.consensus,
    "consensus:weight=4": partial(second.consensus, weight=Fraction(4)),
    "b4": second.b4,
    "b4:a=1000,b0=100000": partial(second.b4, a=1e3, b0=1e5),
    "majority": second.majority,
    "mpsc": second.mpsc,
    "mpsc:start=lexical": partial(second.mpsc, lexical=True),
}


def scores(given: BoardArrays, selector: str) -> list[float]:
    return scores_n(given, find_selector(selector)).round(4).tolist()


def chosen(given: BoardArrays, selector: str) -> int | None:
    return choose(given, find_selector(selector))


TWO_CAMPS = board([[1, 1, 1, 0, 0]] * 3 + [[1, 1, 1, 1, 0]] + [[0, 0, 0, 0, 1]] * 2)


@pytest.mark.parametrize(
    ("selector", "row", "of_the_groups"),
    [
        ("bon", 3, None),
        ("codet", 0, (5.1962, 4.0, 1.4142)),
        ("b4:a=1000,b0=100000", 0, (-96.8928, -99.4262, -202.9959)),
        ("b4", 0, (-31.7381, -38.422, -39.9401)),
    ],
)
def test_two_camps_and_a_program_that_passes_one_test_more(
    selector: str, row: int, of_the_groups: tuple[float, ...] | None
) -> None:
    assert chosen(TWO_CAMPS, selector) == row
    if of_the_groups is not None:
        assert tuple(scores(TWO_CAMPS, selector)[row] for row in (0, 3, 4)) == of_the_groups


def test_consensus_follows_a_crowd_that_agrees_against_a_vote_more() -> None:
    given = board(outputs=["1xyz", *["1pq4"] * 5], expected="1xy4")
    assert scores(given, "consensus")[:2] == [4.5, 5.5]
    assert [chosen(given, name) for name in ("consensus", "bon", "codet")] == [1, 0, 1]
    assert scores(given, "codet")[:2] == [3.0, 4.4721]
    assert chosen(given, "consensus:weight=0") == 0


def test_consensus_counts_an_input_once_however_many_tests_have_it() -> None:
    given = board(outputs=["1", "1", "2"], expected="2")
    matrix = np.repeat(given.matrix.generated_nm, 3, axis=1)
    tripled = board(matrix.tolist())
    thrice = BoardArrays(tripled.matrix, given.outputs_nx, given.tested_x, given.blind_n, given.sample_n)
    assert scores(thrice, "consensus") == [0.6667, 0.6667, 3.3333]


M1 = board(
    [[1, 1, 0], [1, 1, 0], [0, 1, 1]],
    program_spec=[[1, 0.5], [1, 0.5], [0.5, 1]],
    spec_test=[[1, 1, 0], [0, 1, 1]],
)


def test_equal_degrees_are_decided_by_the_first_confidence() -> None:
    assert scores(M1, "mpsc") == [0.3831, 0.3831, 0.3687]
    assert chosen(M1, "mpsc") == 0
    assert scores(M1, "mpsc:start=uniform") == [0.3672, 0.3672, 0.3697]
    assert chosen(M1, "mpsc:start=uniform") == 2


def test_a_specification_decides_where_the_tests_tie() -> None:
    given = board([[1, 0], [0, 1]], program_spec=[[1], [0.5]], spec_test=[[1, 0]])
    assert scores(given, "mpsc") == pytest.approx([0.6655, 0.5491], abs=1e-4)
    assert chosen(given, "mpsc") == 0


def test_a_program_that_agrees_with_nothing_in_a_sparse_graph_has_no_confidence() -> None:
    passed = [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    given = board(passed, program_spec=[[0.5, 0], [0, 0], [0, 0], [0, 0]], spec_test=[[1, 0, 0, 0, 0], [0] * 5])
    assert scores(given, "mpsc") == pytest.approx([0.4311, 0.2872, 0.2854, 0.0], abs=1e-4)
    assert chosen(given, "mpsc") == 0


def test_without_specifications_the_graph_has_two_perspectives() -> None:
    given = board([[1, 1, 0], [1, 1, 0], [0, 1, 1]])
    assert scores(given, "mpsc") == pytest.approx(second.mpsc(second.Table(given)), abs=1e-4)
    assert scores(board([[0, 0], [0, 0]]), "mpsc") == [0.0, 0.0]


def test_a_program_that_is_written_like_the_others_begins_with_more_confidence() -> None:
    """Degrees are equal: a = 0.95 leaves the order of s0, (1/2, 1/2, 0) for the programs and 1/3 for each test."""
    texts = Texts(("a = b", "a = b", "x"), (("1", "1"), ("2", "2"), ("3", "3")))
    given = board(np.eye(3).tolist(), texts=texts)
    alike = scores(given, "mpsc:start=lexical")
    assert alike[0] == alike[1] > alike[2]
    assert scores(board(np.eye(3).tolist()), "mpsc:start=lexical") == scores(given, "mpsc:start=uniform")


@pytest.mark.parametrize(
    ("text", "reference", "similarity"),
    [
        ("a b c d e", "a b c d e", 1.0),
        ("a b", "a b c d", math.exp(-1)),  # both runs are there; a text of 2 words against 4
        ("a b c d", "a b x d", 0.0),  # no run of three
        ("a a", "a b", 0.0),
        ("a", "a a a", math.exp(-2)),
        ("x", "y", 0.0),
        ("", "", 1.0),
        ("", "a", 0.0),
        ("a b c x", "a b c d", 0.0),
        ("a b c d x", "a b c d y", (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
    ],
)
def test_similarity_is_bleu(text: str, reference: str, similarity: float) -> None:
    assert bleu(text, reference) == pytest.approx(similarity)


@pytest.mark.parametrize("selector", SECOND)
def test_random_boards_are_chosen_as_by_a_second_implementation(selector: str) -> None:
    for seed in range(BOARDS):
        given = random_board(seed)
        table = second.Table(given)
        expected = SECOND[selector](table)
        assert np.flatnonzero(~np.isnan(scores_n(given, find_selector(selector)))).tolist() == sorted(table.rows)
        got = scores_n(given, find_selector(selector))[table.rows]
        np.testing.assert_allclose(got, [float(score) for score in expected], rtol=1e-9, atol=3e-5)
        if not selector.startswith("mpsc"):  # an iteration that stops at 1e-6 may order by what it has left
            assert chosen(given, selector) == table.choice(expected), seed
        elif table.rows:
            assert got[table.rows.index(chosen(given, selector))] >= max(expected) - 3e-5  # type: ignore[arg-type]


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_order_of_arrival_never_decides(selector: str) -> None:
    for seed in range(BOARDS // 5):
        given = random_board(seed)
        row = chosen(given, selector)
        for other in range(3):
            moved = shuffled(given, other)
            again = chosen(moved, selector)
            if row is None or again is None:
                assert row is again
            else:
                assert given.sample_n[row] == moved.sample_n[again]


@pytest.mark.parametrize("selector", SELECTORS)
def test_ties_go_to_the_lowest_sample_index(selector: str) -> None:
    same = board(outputs=["12", "12", "12"], expected="12", samples=[2, 0, 1])
    assert chosen(same, selector) == 1
    assert chosen(board([[], [], []], samples=[1, 2, 0]), selector) == 2  # no test at all


@pytest.mark.parametrize("selector", SELECTORS)
def test_examples_come_before_every_score_and_programs_that_never_read_come_last(selector: str) -> None:
    outputs, expected = ["11", "11", "22", "33"], "11"
    given = board(outputs=outputs, expected=expected, public=[[0], [0], [1], [1]])
    assert chosen(given, selector) == 2
    assert chosen(board(outputs=outputs, expected=expected, blind=[True, True, False, True]), selector) == 2
    assert chosen(board(outputs=outputs, expected=expected, blind=[True] * 4), selector) == 0
    assert chosen(board(outputs=outputs, expected=expected, rejected=[True] * 4), selector) is None
    assert chosen(board([]), selector) is None


def test_programs_that_only_crash_are_no_majority() -> None:
    assert chosen(board(outputs=[["", ""], ["", ""], ["", ""], "1 ", "1 "], expected="??"), "majority") == 3


def test_a_lost_cell_puts_a_program_into_a_group_of_its_own() -> None:
    whole = board([[1, 0], [1, 0], [1, 0], [1, 1]])
    matrix = whole.matrix
    lost = BoardArrays(
        type(matrix)(matrix.truth_nt, matrix.generated_nm, known_nm=np.array([[1, 1], [1, 1], [1, 0], [1, 1]])),
        whole.outputs_nx, whole.tested_x, whole.blind_n, whole.sample_n,
    )  # fmt: skip
    assert scores(whole, "codet") == [1.7321, 1.7321, 1.7321, 2.0]
    assert scores(lost, "codet") == [1.4142, 1.4142, 1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("magic", "no selector 'magic'", "bon, codet"),
        ("bon:a=1", "bon has no option 'a'", "takes none"),
        ("b4:c=1", "b4 has no option 'c'", "a, b0"),
        ("b4:a", "sets no option", "KEY=VALUE"),
        ("b4:a=1,a=2", "twice", "once"),
        ("b4:a=many", "no number", "from 0.001"),
        ("b4:a=nan", "out of bounds", "from 0.001"),
        ("consensus:weight=-1", "out of bounds", "from 0 to"),
        ("mpsc:start=random", "cannot be 'random'", "semantic or lexical or uniform"),
    ],
)
def test_a_selector_or_option_that_does_not_exist_is_refused(text: str, message: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        find_selector(text)
    assert remedy in caught.value.remedy
