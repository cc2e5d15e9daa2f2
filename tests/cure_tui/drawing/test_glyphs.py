"""Letters of the glyphs: each glyph that the interface draws has one, and signs of one picture keep apart."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import cure_tui
from cure_tui.dashboard.condition import condition_span
from cure_tui.dashboard.matrix.picture import matrix_rows
from cure_tui.dashboard.wall.picture import wall_rows
from cure_tui.drawing.glyphs import LETTERS, to_ascii
from cure_tui.drawing.spans import Row, plain
from cure_tui.solving.picture import solve_rows
from engine.runs.listing import RunCondition
from engine.solve.events import SolveState, Tests
from tests.cure_tui.dashboard.wall_and_matrix import every_verdict, matrix, slots

ROOT = Path(cure_tui.__file__).parent
# Charts have a glyph set of their own for ASCII, and the table itself names what Textual may draw.
SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent.name != "charts" and path.name != "glyphs.py"]


def literals(path: Path) -> Iterable[str]:
    """Yield the texts of a file that may be drawn: all strings but those that stand alone, which are docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_every_glyph_in_the_source_has_a_letter() -> None:
    drawn = {glyph: path for path in SOURCES for text in literals(path) for glyph in text if not glyph.isascii()}
    assert len(drawn) > 20, "the glyphs are looked for in the right place"
    assert {glyph: path for glyph, path in drawn.items() if glyph not in LETTERS} == {}


def solving() -> SolveState:
    state = SolveState(coder="nano", examples=Tests([("1", "2")]))
    for row, (source, rejected) in enumerate((("a", ""), ("b", ""), ("", "no_code"))):
        state.take({"event": "program", "row": row, "source": source, "rejected": rejected, "answer": ""})
    for column, (stdin, output) in enumerate((("1", "2"), ("3", "4"))):
        state.take({"event": "test", "column": column, "input": stdin, "output": output})
    for row, public, column, passed in (
        (0, True, 0, True), (1, True, 0, False), (0, False, 0, True), (1, False, 0, False), (0, False, 1, True),
    ):  # fmt: skip
        verdict = {"row": row, "public": public, "column": column, "passed": passed, "status": "ok", "got": "2"}
        state.take({"event": "verdict", **verdict})
    return state


PICTURES: dict[str, list[Row]] = {
    "matrix": list(matrix_rows(every_verdict(), 80, 24, cursor=(3, 4)).rows),
    "scrolled matrix": list(matrix_rows(matrix(64, 8, 200), 80, 24, cursor=(40, 150)).rows),
    "wall": wall_rows(slots(16, 16), 120, 40),
    "problem being solved": solve_rows(solving(), 1.0, 60),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_in_letters_is_as_wide_and_hides_nothing(name: str) -> None:
    drawn = plain(PICTURES[name])
    typed = to_ascii(drawn)
    assert not drawn.isascii()
    assert typed.isascii()
    assert list(map(len, typed.splitlines())) == list(map(len, drawn.splitlines()))
    assert typed.count("?") == drawn.count("?")


def test_conditions_of_runs_have_letters_of_their_own() -> None:
    spans = [*(condition_span(each) for each in RunCondition), condition_span(RunCondition.LIVE, paused=True)]
    assert len({to_ascii(span.text)[0] for span in spans}) == len(spans)


def test_letters_are_single_characters_that_need_no_unicode() -> None:
    assert all(len(letter) == 1 and letter.isascii() for letter in LETTERS.values())
    assert all(cell_len(glyph) == 1 for glyph in LETTERS)


@given(st.text(max_size=20))
def test_any_text_in_ascii_is_as_wide_as_before(text: str) -> None:
    typed = to_ascii(text)
    assert typed.isascii()
    assert cell_len(typed) == cell_len(text)


def test_characters_without_a_letter_are_question_marks() -> None:
    assert to_ascii("naïve 日本") == "na?ve ????"
