"""Detail of a cell: its verdict, and a diff that compares as the judge does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cure_tui.dashboard.matrix.cell_picture import EQUAL, MAX_DIFF_LINES, cell_detail, diff_rows
from cure_tui.dashboard.matrix.reading import CellStatus
from cure_tui.drawing.spans import plain
from engine.runs.records import TaskRecord
from tests.cure_tui.dashboard.wall_and_matrix import every_verdict_task, matrix


def test_a_passed_cell_says_that_only_white_space_differs() -> None:
    detail = cell_detail(every_verdict_task(), 0, 1, True)
    assert (detail.cell_status, detail.source, detail.input) == (CellStatus.PASSED, "print(0)", "1\n")
    assert (detail.expected, detail.got, detail.status, detail.milliseconds) == ("4 \n", "4\n", "ok", 7)
    assert EQUAL in detail.explanation


def test_a_failure_of_a_correct_program_speaks_against_the_test() -> None:
    detail = cell_detail(every_verdict_task(), 0, 3, False)
    assert detail.cell_status is CellStatus.WRONG_ANSWER
    assert detail.context.endswith("The test is wrong: 2 of 2 correct programs fail it.")
    assert detail.answer == "test 3"


def test_an_answer_without_a_program_is_shown_with_its_reason() -> None:
    detail = cell_detail(every_verdict_task(), 5, 0, True)
    assert not detail.has_program
    assert detail.source.startswith("```python")
    assert "unclosed_block" in detail.explanation
    assert detail.got is None


def test_a_malformed_test_is_explained_by_the_answer_it_came_from() -> None:
    detail = cell_detail(every_verdict_task(), 0, 2, False)
    assert detail.cell_status is CellStatus.MALFORMED
    assert "no_output" in detail.explanation
    assert detail.answer == "no test at all"


def test_every_cell_of_a_bare_record_can_be_shown() -> None:
    task = TaskRecord("bare", "", (), matrix=matrix(3, 2, 4))
    for program in range(3):
        for test, is_truth in ((0, True), (1, True), (0, False), (3, False)):
            assert cell_detail(task, program, test, is_truth).explanation.endswith(".")


def test_every_verdict_is_explained_in_one_sentence() -> None:
    task = every_verdict_task()
    seen = {}
    for program in range(6):
        for is_truth, tests in ((True, 3), (False, 6)):
            for test in range(tests):
                detail = cell_detail(task, program, test, is_truth)
                seen[detail.cell_status] = detail.explanation
    assert seen.keys() == set(CellStatus) - {CellStatus.FAILED}  # which statuses that were not kept stand for
    assert all(text.endswith(".") and ". " not in text for text in seen.values())


@pytest.mark.parametrize("cell", [(6, 0, True), (0, 3, True), (0, 6, False), (-1, 0, True)])
def test_a_cell_that_is_not_there_is_refused(cell: tuple[int, int, bool]) -> None:
    with pytest.raises(ValueError, match="no cell"):
        cell_detail(every_verdict_task(), *cell)


def test_a_task_without_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="no pass matrix"):
        cell_detail(TaskRecord("t", "", ()), 0, 0, True)


def test_a_diff_marks_the_words_that_differ() -> None:
    rows = diff_rows("1 2 3\nsame\nmore", "1 5 3\nsame ")
    assert plain(rows).splitlines() == ["- expected  + got", "- 1 2 3", "+ 1 5 3", "  same", "- more"]
    assert [span.text for row in rows for span in row if span.style == "match"] == ["2", "5"]


def test_outputs_that_the_judge_takes_for_equal_have_no_diff() -> None:
    assert plain(diff_rows("1 2\n", "1\n2")) == EQUAL
    assert plain(diff_rows("1", "1")) == "identical"


def test_a_diff_compares_as_the_judge_does() -> None:
    assert plain(diff_rows("2.50\n", "2.5", "numbers")) == "equal by the comparison 'numbers'"
    assert plain(diff_rows("2.50\n1", "2.5\n2", "numbers")).splitlines() == ["- expected  + got", "  2.5", "- 1", "+ 2"]
    assert plain(diff_rows("a  b\nc", "a b\nc", "exact-lines")).splitlines() == [
        "- expected  + got", "- a  b", "+ a b", "  c",
    ]  # fmt: skip


def test_a_cell_names_the_comparison_by_which_it_passed() -> None:
    task = replace(every_verdict_task(), comparison="tokens")
    assert "equal by the comparison 'tokens'" in cell_detail(task, 0, 1, True).explanation


def test_a_long_diff_is_cut() -> None:
    rows = diff_rows("\n".join(map(str, range(1000))), "0")
    assert len(rows) == MAX_DIFF_LINES + 2
    assert plain(rows).endswith(f"… {1000 - MAX_DIFF_LINES} more lines")


@settings(deadline=None, max_examples=60)  # a busy machine is no fault of the picture
@given(st.text("ab \n\t", max_size=30), st.text("ab \n\t", max_size=30))
def test_a_diff_holds_every_word_of_both_sides(expected: str, got: str) -> None:
    rows = plain(diff_rows(expected, got)).splitlines()
    if expected.split() != got.split():
        lines = rows[1:]
        new = [word for line in lines if not line.startswith("- ") for word in line.removeprefix("+ ").split()]
        kept_new = [word for word in new if word not in "+-"]
        assert kept_new == got.split()
