"""Width of rows of spans after cutting, padding and merging, for any text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cure_tui.drawing.palette import THEMES, styles_of, to_strip
from cure_tui.drawing.spans import Span, fit, merge, one_column, plain, printable, width

rows = st.lists(st.builds(Span, st.text("ab█⣿ ", max_size=6), st.sampled_from(["", "good", "bad"]))).map(tuple)


@given(rows, st.integers(0, 30))
def test_a_row_is_cut_or_padded_to_the_column(row: tuple[Span, ...], columns: int) -> None:
    fitted = fit(row, columns)
    assert width(fitted) == columns
    assert plain([fitted]) == plain([row])[:columns].rstrip()


@given(st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from(["", "good"]))))
def test_merged_cells_keep_text_and_change_style_between_spans(cells: list[tuple[str, str]]) -> None:
    merged = merge(cells)
    assert [(letter, span.style) for span in merged for letter in span.text] == cells
    assert all(a.style != b.style for a, b in pairwise(merged))


@given(st.text(max_size=20))
def test_any_text_can_be_made_to_take_a_column_a_character(text: str) -> None:
    assert cell_len(one_column(text)) == len(text)


@given(st.text(max_size=20))
def test_any_text_can_be_printed_character_by_character(text: str) -> None:
    printed = printable(text)
    assert printed.isprintable()
    assert len(printed) == len(text)
    assert printable(text, lines=True).split("\n") == [printable(line) for line in text.split("\n")]


@pytest.mark.parametrize(
    ("text", "printed", "in_columns"),
    [
        ("a\x07\x1b[31m\tb", "a··[31m·b", "a··[31m·b"),
        ("a\u202eb\nc", "a·b·c", "a·b·c"),
        ("語e\u0301", "語e\u0301", "·e·"),
    ],
)
def test_wide_and_combining_characters_are_harmless_but_do_not_fit_a_column(
    text: str, printed: str, in_columns: str
) -> None:
    assert printable(text) == printed
    assert one_column(text) == in_columns


@pytest.mark.parametrize("theme", [*THEMES, "textual-dark", "textual-light", "nord"])
def test_every_theme_knows_every_style(theme: str) -> None:
    assert styles_of(theme).keys() == styles_of("cure-dark").keys()
    assert to_strip((Span("ab", "good"), Span("c", "no such style")), 5, theme).text == "abc  "
