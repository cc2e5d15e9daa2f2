"""Two reports paired by task: differences, flipped tasks, several sets, and reports that are not comparable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import ConfigError
from engine.evaluation.comparison import adjusted, compare, values_of
from engine.evaluation.paired import difference, holm
from engine.evaluation.report import Report, Settings, TaskRow
from engine.evaluation.totals import totals
from tests.cure_tui.runs.evaluations.reports import report


def with_rows(whole: Report, *rows: TaskRow) -> Report:
    return replace(whole, rows=rows, totals=totals(rows))


def test_each_common_figure_is_compared_task_by_task() -> None:
    a, b = report("a", 0.0, seed=1), report("b", 0.8, seed=2)
    found = compare(a, b)
    assert list(found.figures) == ["code", "ut", "bon 4x4", "bon 16x16", "pass@16"]
    for name, figure in found.figures.items():
        assert figure == difference(values_of(a.rows, name), values_of(b.rows, name))
    assert (found.tasks, found.left_out, found.notes) == (40, 0, ())


def test_the_order_of_the_rows_does_not_matter() -> None:
    a, b = report("a", 0.0, seed=1), report("b", 0.8, seed=2)
    assert compare(a, with_rows(b, *reversed(b.rows))).figures == compare(a, b).figures


def test_flipped_tasks_are_named_the_best_and_the_worst_first() -> None:
    a = report("a", 0.0, tasks=4)
    figures = [(0.0, 0.75, 0.0, 1.0), (0.25, 0.5, 0.0, 1.0), (1.0, 0.25, 1.0, 0.0), (0.5, 0.5, 1.0, 1.0)]
    rows_a, rows_b = [], []
    for row, (code_a, code_b, bon_a, bon_b) in zip(a.rows, figures, strict=True):
        rows_a.append(replace(row, figures={"code": code_a}, bon={"16x16": bon_a}))
        rows_b.append(replace(row, figures={"code": code_b}, bon={"16x16": bon_b}))
    found = compare(with_rows(a, *rows_a), with_rows(a, *rows_b))
    assert found.solved_by == "bon 16x16"
    assert [change.task for change in found.gained] == ["nano/000", "nano/001"]
    assert [change.task for change in found.lost] == ["nano/002"]
    assert [change.code for change in found.changes] == [0.75, 0.25, 0.0, -0.75]
    record = found.to_json()
    assert (record["gained"], record["lost"]) == (["nano/000", "nano/001"], ["nano/002"])


def test_other_tasks_are_refused_unless_ids_are_to_be_paired() -> None:
    a, b = report("a", 0.0, seed=1), report("b", 0.8, seed=2, tasks=30)
    with pytest.raises(ConfigError, match=r"a \(40 tasks of nano\) and b \(30 of nano\) are not over the same tasks"):
        compare(a, b)
    found = compare(a, b, by_id=True)
    assert (found.tasks, found.left_out) == (30, 10)
    assert any("paired by id alone" in note for note in found.notes)
    with pytest.raises(ConfigError, match="no task in common"):
        compare(a, report("c", 0.0, data="mbpp"), by_id=True)


def test_an_unfinished_evaluation_is_compared_over_what_it_has() -> None:
    a, b = report("a", 0.0, seed=1), report("b", 0.8, seed=2)
    found = compare(a, replace(with_rows(b, *b.rows[:25]), complete=False))
    assert (found.tasks, found.left_out) == (25, 15)
    assert "b is unfinished: 25 of 40 tasks" in found.notes


def test_figures_that_depend_on_n_are_compared_at_the_size_that_both_have() -> None:
    a, b = report("a", 0.0, seed=1), report("b", 0.8, seed=2)
    settings: Settings = replace(b.settings, n=8, bon=("4x4", "8x8"))
    rows = [replace(row, programs=8, judged=8, correct=row.correct // 2) for row in b.rows]
    found = compare(a, replace(with_rows(b, *rows), settings=settings))
    assert list(found.figures) == ["code", "ut", "bon 4x4", "pass@8"]
    assert found.settings["n"] == ("16", "8")


def test_different_judges_of_unit_tests_are_told() -> None:
    a, b = report("a", -3.0, seed=1), report("b", 3.0, seed=2)
    differ = sum(one.ut_basis is not other.ut_basis for one, other in zip(a.rows, b.rows, strict=True))
    assert differ
    assert any(f"UT is not comparable: {differ}" in note for note in compare(a, b).notes)


def test_several_sets_are_adjusted_figure_by_figure() -> None:
    sets = ("nano", "mbpp", "livebench")
    single = [compare(report("a", 0.0, data=name, seed=1), report("b", 0.3, data=name, seed=9)) for name in sets]
    without_ut = replace(single[2], figures={name: each for name, each in single[2].figures.items() if name != "ut"})
    found = adjusted([*single[:2], without_ut])
    assert [each.holm["code"] for each in found] == holm([each.figures["code"].p for each in single])
    assert [each.holm["ut"] for each in found[:2]] == holm([each.figures["ut"].p for each in single[:2]])
    assert "ut" not in found[2].holm
