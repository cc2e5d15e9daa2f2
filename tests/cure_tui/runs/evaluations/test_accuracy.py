"""Sheets of accuracies: own rows, rows of the published script's protocol, published rows, dates, curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cure_tui.runs.evaluations.accuracy import accuracy_sheet, curve_sheets, figures_sheet
from cure_tui.runs.evaluations.sheet import Sheet
from engine.evaluation.report import Report
from engine.evaluation.totals import totals
from tests.cure_tui.runs.evaluations.reports import mixed_report, report


def cell(sheet: Sheet, row: str, column: str) -> str:
    titles = [each.title for each in sheet.columns]
    [found] = [cells for cells in sheet.rows if cells[0].strip() == row and cells[1] != "cure"]
    return found[titles.index(column)]


def notes(sheet: Sheet) -> str:
    return "\n".join(sheet.notes)


def test_own_figures_stand_beside_the_published_rows_of_their_set_with_both_protocols_named() -> None:
    sheet = accuracy_sheet([report("mine", 1.0, data="mbpp", as_published=True)], published=True)
    assert cell(sheet, "ReasonFlux-Coder-7B", "code") == "70.2"
    assert cell(sheet, "ReasonFlux-Coder-7B", "UT") == "79.4"
    assert cell(sheet, "ReasonFlux-Coder-7B", "BoN(16, 16)") == "84.6"
    assert cell(sheet, "ReasonFlux-Coder-7B", "BoN(4, 4)") == "-"
    assert [row[1] for row in sheet.rows] == ["honest", "cure", *["published"] * 6]
    assert "honest: " in notes(sheet)
    assert "cure: the published script" in notes(sheet)
    assert "arXiv 2506.03136, Table 1, protocol cure" in notes(sheet)
    assert "pretraining data" in notes(sheet)


def test_a_row_shows_means_over_tasks_with_their_errors() -> None:
    mine = report("mine", 1.0)
    sheet = accuracy_sheet([mine])
    values = np.array([row.figures["code"] for row in mine.rows])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert cell(sheet, "mine", "code") == f"{values.mean() * 100:.1f} ± {error * 100:.1f}"
    assert cell(sheet, "mine", "tasks") == "40"


def test_the_gap_is_closed_from_the_mean_program_to_pass_at_n() -> None:
    mine = report("mine", 0.0)
    code, best = mine.totals.figures["code"].mean, mine.totals.bon["16x16"].mean
    ceiling = np.mean([row.correct > 0 for row in mine.rows])
    assert code is not None
    assert best is not None
    assert cell(accuracy_sheet([mine]), "mine", "gap closed") == f"{(best - code) / (ceiling - code):.0%}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("mbpp-original", "not the cut of MBPP that CURE evaluates on"),
        ("nano", "has no row for nano; it has LiveBench, MBPP"),
    ],
)
def test_sets_that_the_paper_does_not_have_are_said_to_be_others(data: str, said: str) -> None:
    assert said in notes(accuracy_sheet([report("mine", 1.0, data=data)], published=True))


def test_a_choice_of_tasks_is_not_taken_for_the_published_set() -> None:
    mine = report("mine", 1.0, data="mbpp")
    limited = replace(mine, data=replace(mine.data, limit=40))
    assert "of the whole set" in notes(accuracy_sheet([limited], published=True))
    assert "of the whole set" not in notes(accuracy_sheet([mine], published=True))


def test_evaluations_over_other_tasks_are_not_shown_as_if_they_were_comparable() -> None:
    same = accuracy_sheet([report("a", 1.0), report("b", 1.0, seed=1)])
    other = accuracy_sheet([report("a", 1.0), report("b", 1.0, tasks=30)])
    assert "not over the same tasks" not in notes(same)
    assert "not over the same tasks" in notes(other)


def test_tasks_before_and_after_a_models_last_data_stand_apart() -> None:
    mine = report("mine", 0.0)
    undated = replace(mine.rows[0], released="")
    mine = replace(mine, rows=(undated, *mine.rows[1:]))
    sheet = accuracy_sheet([mine], cutoff="2024-03-15")
    after = [row for row in mine.rows if row.released > "2024-03-15"]
    before = [row for row in mine.rows if row.released and row.released <= "2024-03-15"]
    mean = totals(after).figures["code"].mean
    assert mean is not None
    assert cell(sheet, "after 2024-03-15", "code").startswith(f"{mean * 100:.1f} ±")
    assert cell(sheet, "after 2024-03-15", "tasks") == str(len(after))
    assert cell(sheet, "until 2024-03-15", "tasks") == str(len(before))
    assert "1 tasks without a date" in notes(sheet)


def test_an_unfinished_evaluation_and_its_warnings_are_told() -> None:
    mine = replace(report("mine", 0.0), complete=False, warnings=("6 % of answers have no program",))
    mine = replace(mine, data=replace(mine.data, tasks=50))
    assert "mine is unfinished: 40 of 50 tasks" in notes(accuracy_sheet([mine]))
    assert "mine: 6 % of answers have no program" in notes(accuracy_sheet([mine]))


def test_other_ways_over_the_same_tasks_stand_below_their_evaluation() -> None:
    sheet = accuracy_sheet([mixed_report()])
    assert cell(sheet, "baseline tester", "code") == cell(sheet, "mini-and-mine", "code")
    assert cell(sheet, "one-shot", "BoN(16, 16)") == "-"


def test_every_figure_has_its_interval_and_pass_at_k_is_among_them() -> None:
    mine = report("mine", 0.0)
    sheet = figures_sheet([mine])
    estimate = mine.totals.pass_at["4"]
    assert estimate.mean is not None
    assert estimate.low is not None
    assert estimate.high is not None
    expected = f"{estimate.mean * 100:.1f} [{estimate.low * 100:.1f}, {estimate.high * 100:.1f}]"
    assert dict(sheet.rows)["pass@4"] == expected  # type: ignore[arg-type]
    assert dict(sheet.rows)["coder's length, tokens"] == "212"  # type: ignore[arg-type]
    assert "valid tests" not in "".join(row[0] for row in sheet.rows)


def test_curves_have_a_row_for_each_n_and_a_column_for_each_m() -> None:
    mine = report("mine", 0.0)
    [sheet] = curve_sheets([mine, Report(**{**_fields(mine), "totals": replace(mine.totals, bon={})})])
    assert [row[0] for row in sheet.rows] == ["n = 2", "n = 4", "n = 8", "n = 16"]
    assert [column.title for column in sheet.columns[1:]] == ["m = 1", "m = 2", "m = 4", "m = 8", "m = 16"]
    best = mine.totals.bon["16x16"].mean
    assert best is not None
    assert sheet.rows[-1][-1] == f"{best * 100:.1f}"


def _fields(mine: Report) -> dict[str, object]:
    return {name: getattr(mine, name) for name in mine.__slots__}
