"""Picture of a pass matrix of any shape: cells where `cell_at` finds them, totals those of the matrix."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cure_tui.dashboard.matrix.picture import NOTHING, matrix_rows, side_of
from cure_tui.dashboard.matrix.reading import CELL_STATUSES, CellStatus, Standing, read_matrix
from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import plain, width
from engine.runs.records import MatrixRecord
from tests.cpu_time import plain_loop, quickest
from tests.cure_tui.dashboard.wall_and_matrix import every_verdict, every_verdict_task, grid, matrix

GOLDEN = Path(__file__).with_name("golden")
shapes = st.tuples(st.integers(0, 20), st.integers(0, 9), st.integers(0, 40))


@pytest.mark.parametrize(("columns", "rows"), [(40, 12), (80, 24), (120, 40)])
def test_the_matrix_looks_as_it_did(columns: int, rows: int) -> None:
    drawn = matrix_rows(every_verdict(), columns, rows, cursor=(3, 4))
    assert plain(drawn.rows) + "\n" == (GOLDEN / f"matrix-{columns}x{rows}.txt").read_text()


def test_the_matrix_without_unicode_looks_as_it_did() -> None:
    drawn = to_ascii(plain(matrix_rows(every_verdict(), 80, 24, cursor=(3, 4)).rows))
    assert drawn + "\n" == (GOLDEN / "matrix-ascii-80x24.txt").read_text()


def test_a_matrix_larger_than_its_space_keeps_labels_and_totals() -> None:
    drawn = matrix_rows(matrix(64, 8, 200), 80, 24, cursor=(40, 150))
    assert plain(drawn.rows) + "\n" == (GOLDEN / "matrix-64x208-at-80x24.txt").read_text()


@settings(deadline=None, max_examples=60)  # a busy machine is no fault of the picture
@given(shapes, st.integers(0, 120), st.integers(0, 50), st.integers(0, 5), st.booleans(), st.data())
def test_any_matrix_fills_its_space_and_the_cursor_is_where_its_cell_is(
    shape: tuple[int, int, int], columns: int, rows: int, seed: int, kept: bool, data: st.DataObject
) -> None:
    n, t, m = shape
    cursor = None
    if n and t + m:
        cursor = data.draw(st.none() | st.tuples(st.integers(0, n - 1), st.integers(0, t + m - 1)))
    scroll = data.draw(st.tuples(st.integers(0, 80), st.integers(0, 80)))
    malformed = data.draw(st.none() | st.lists(st.booleans(), min_size=m, max_size=m))
    record = matrix(n, t, m, seed=seed, kept=kept)
    drawn = matrix_rows(record, columns, rows, cursor=cursor, scroll=scroll, malformed=malformed)
    assert len(drawn.rows) == rows
    assert {width(row) for row in drawn.rows} <= {columns}
    assert {span.style for row in drawn.rows for span in row} <= styles_of("cure-dark").keys()
    at_cursor = {
        (x, y)
        for y, row in enumerate(drawn.rows)
        for x, style in enumerate(style for span in row for style in [span.style] * len(span.text))
        if style == "cursor"
    }
    if cursor:
        assert at_cursor == {(x, y) for x in range(columns) for y in range(rows) if drawn.cell_at(x, y) == cursor}
        assert at_cursor or columns < 40 or rows < 1


@settings(deadline=None, max_examples=60)  # a busy machine is no fault of the picture
@given(shapes, st.integers(30, 120), st.integers(8, 50), st.integers(0, 60), st.integers(0, 60))
def test_each_visible_cell_shows_its_verdict(
    shape: tuple[int, int, int], columns: int, rows: int, first: int, column: int
) -> None:
    record = matrix(*shape, seed=1)
    drawn = matrix_rows(record, columns, rows, scroll=(first, column))
    reading = read_matrix(record)
    lines = ["".join(span.text for span in row) for row in drawn.rows]
    cells = {}
    for y in range(rows):
        for x in reversed(range(columns)):
            if cell := drawn.cell_at(x, y):
                cells[cell] = lines[y][x]  # the leftmost place of a cell holds its glyph
    assert len(cells) == drawn.page[0] * drawn.page[1]
    for (program, at), glyph in cells.items():
        assert glyph == reading.cell_status(program, *side_of(at, reading.t)).glyph


def test_without_programs_the_picture_says_so() -> None:
    for record in (None, matrix(0, 3, 3)):
        assert plain(matrix_rows(record, 60, 7).rows).strip() == NOTHING


def test_cell_statuses_and_standings_have_glyphs_of_their_own() -> None:
    for signs in (list(CellStatus), list(Standing)):
        for glyphs in ({sign.glyph for sign in signs}, {to_ascii(sign.glyph) for sign in signs}):
            assert len(glyphs) == len(signs)


def test_statuses_of_executions_become_statuses_of_cells() -> None:
    reading = read_matrix(every_verdict())
    names = [[CELL_STATUSES[code].name for code in row] for row in reading.generated_nm]
    assert names[0] == ["PASSED", "PASSED", "MALFORMED", "WRONG_ANSWER", "PASSED", "PASSED"]
    assert names[3] == ["OUTPUT_LIMIT", "CRASH", "MALFORMED", "COMPILE_ERROR", "RUNTIME_ERROR", "TIME_LIMIT"]
    assert names[4][5] == "UNKNOWN"
    assert set(names[5]) == {"NOT_RUN", "MALFORMED"}


def test_programs_are_judged_by_ground_truth_and_tests_by_the_correct_programs() -> None:
    correct, wrong, undecided, empty = Standing
    reading = read_matrix(every_verdict())
    assert reading.programs == (correct, correct, wrong, wrong, undecided, empty)
    assert reading.tests == (correct, correct, empty, wrong, correct, correct)
    assert reading.votes_n.tolist() == [4, 3, 2, 0, 3, 0]
    assert reading.passing_m.tolist() == [4, 2, 0, 2, 3, 1]
    assert reading.best == 0


def test_without_a_correct_program_no_test_is_right_or_wrong() -> None:
    record = matrix(4, 0, 3, kept=False)
    assert set(read_matrix(record).tests) == {Standing.UNDECIDED}


def test_malformed_tests_are_those_without_an_expected_output() -> None:
    assert every_verdict_task().malformed_tests == (False, False, True, False, False, False)


def test_where_nothing_was_run_nothing_is_called_malformed() -> None:
    reading = read_matrix(MatrixRecord(grid(["--", "--"]), grid(["-", "-"])))
    assert Standing.EMPTY not in (*reading.programs, *reading.tests)


def test_a_large_matrix_is_drawn_in_the_time_of_70_plain_loops_over_its_cells() -> None:
    record = matrix(64, 8, 200)  # measured: 7 ms, 17 loops
    assert quickest(lambda: matrix_rows(record, 120, 40, cursor=(9, 9))) < 70 * plain_loop(120, 40)
