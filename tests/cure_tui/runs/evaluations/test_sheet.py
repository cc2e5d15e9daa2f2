"""Sheets as text and Markdown: nothing is wider than the terminal, nothing is left out unsaid."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from cure_tui.runs.evaluations.sheet import Column, Sheet, as_markdown, as_text

SHEET = Sheet(
    "Accuracies",
    (Column("evaluation"), Column("code"), Column("UT", 1), Column("BoN(16, 16)"), Column("tasks", 2)),
    (("a", "53.0 ± 3.8", "61.4 ± 2.5", "75.0 ± 6.9", "40"), ("b", "-", "-", "80.0 ± 5.0", "221")),
    ("a note of some length that goes on and on until it must be continued on another line of the terminal",),
)


def rows(text: str) -> list[str]:
    return text.splitlines()


def test_a_sheet_that_fits_has_every_column_aligned_at_its_right() -> None:
    assert rows(as_text([SHEET], 120))[:5] == [
        "Accuracies",
        "evaluation        code          UT  BoN(16, 16)  tasks",
        "------------------------------------------------------",
        "a           53.0 ± 3.8  61.4 ± 2.5   75.0 ± 6.9     40",
        "b                    -           -   80.0 ± 5.0    221",
    ]


def test_a_narrow_terminal_loses_columns_of_the_highest_rank_first_and_is_told_which() -> None:
    narrow = as_text([SHEET], 50)
    assert "UT" in rows(narrow)[1]
    assert "tasks" not in rows(narrow)[1]
    assert "left out here for want of columns: tasks;" in " ".join(narrow.split())
    assert "columns: UT, tasks;" in " ".join(as_text([SHEET], 40).split())


def test_columns_that_may_not_be_lost_go_on_below() -> None:
    sheet = Sheet("Figures", tuple(map(Column, ("figure", "one", "other"))), (("code", "1" * 20, "2" * 20),))
    assert rows(as_text([sheet], 30)) == [
        "Figures",
        "figure                   one",
        "----------------------------",
        f"code    {'1' * 20}",
        "figure                 other",
        "----------------------------",
        f"code    {'2' * 20}",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(cell_len(line) for line in rows(as_text([SHEET], width))) <= width


def test_a_long_name_keeps_both_its_ends() -> None:
    name = "qwen2.5-coder-7b-instruct-livecodebench-20261129-1412-a3f"
    line = rows(as_text([Sheet("t", (Column("evaluation"), Column("code")), ((name, "1"),))], 80))[3]
    assert line.split() == ["qwen2.5-coder-…1129-1412-a3f", "1"]


def test_control_characters_of_a_name_reach_neither_terminal_nor_markdown() -> None:
    sheet = Sheet("t\x1b[2J", (Column("evaluation"), Column("code")), (("a\x1b]0;x\x07", "1\n2"),), ("n\x1b[m",))
    for text in (as_text([sheet], 80), as_markdown([sheet], "t\x1b")):
        assert "\x1b" not in text
        assert "\x07" not in text


def test_markdown_has_every_column_and_takes_names_literally() -> None:
    sheet = Sheet("t", (Column("evaluation"), Column("code", 3)), (("a|b_c*<i>", "1"),), ("n [x](y)",))
    assert as_markdown([sheet], "T") == (
        "# T\n\n## t\n\n| evaluation | code |\n| --- | ---: |\n| a\\|b\\_c\\*\\<i\\> | 1 |\n\n- n \\[x\\](y)\n"
    )


def test_a_row_of_other_length_is_refused() -> None:
    with pytest.raises(ValueError, match="another number of cells"):
        Sheet("t", (Column("a"),), (("1", "2"),))
