"""Totals from the rows of an evaluation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from engine.evaluation.report import Report
from engine.evaluation.totals import pass_at, totals
from tests.cure_tui.runs.evaluations.reports import mixed_report, report


def test_pass_at_k_is_a_mean_over_tasks_and_pass_at_1_is_the_code_accuracy() -> None:
    found = report("a", 0.0).totals
    assert list(found.pass_at) == ["1", "2", "4", "8", "16"]
    assert found.pass_at["1"].mean == pytest.approx(found.figures["code"].mean)
    means = [each.mean for each in found.pass_at.values()]
    assert means == sorted(means, key=lambda mean: mean or 0.0)


def test_a_program_that_was_not_judged_leaves_only_the_k_that_needs_it() -> None:
    row = replace(report("a", 0.0).rows[0], judged=15, correct=3)
    assert pass_at(row)["16"] is None
    assert pass_at(row)["8"] is not None


def test_figures_that_a_task_lacks_are_means_over_the_others() -> None:
    rows = [
        replace(each, figures={"code": 0.5} if at % 2 else {"code": None})
        for at, each in enumerate(report("a", 0).rows)
    ]
    assert totals(rows).figures["code"].n_tasks == 20


def test_tasks_of_one_contest_share_their_errors() -> None:
    rows = report("a", 0.0, tasks=60).rows
    values = np.repeat(np.linspace(0, 1, 12), 5)
    rows = tuple(
        replace(row, figures={"code": value}, cluster=f"contest {at // 5}")
        for at, (row, value) in enumerate(zip(rows, values.tolist(), strict=True))
    )
    assert totals(rows).figures["code"].standard_error == pytest.approx(stats.sem(values[::5]))


def test_a_choice_a_task_has_wilsons_interval_and_a_length_has_none() -> None:
    rows = [replace(row, bon={"16x16": 1.0}, figures={"coder_length": 1.0}) for row in report("a", 0.0, tasks=20).rows]
    found = totals(rows)
    low, high = found.bon["16x16"].low, found.bon["16x16"].high
    assert (low, high) == pytest.approx((stats.binomtest(20, 20).proportion_ci(method="wilson").low, 1.0))
    assert (found.figures["coder_length"].low, found.figures["coder_length"].high) == (1.0, 1.0)


def test_no_rows_have_no_totals() -> None:
    with pytest.raises(ValueError, match="no tasks"):
        totals([])


def test_a_report_with_arms_and_roles_reads_back_as_it_was_written() -> None:
    mixed = mixed_report()
    assert Report.from_json(mixed.to_json()) == mixed


def test_a_report_of_before_arms_reads_without_them() -> None:
    text = report("a", 0.0, tasks=3).to_json()
    text = text.replace('"arms": [], "roles": [], "excluded": {}, ', "")
    assert '"arms"' not in text
    assert Report.from_json(text).arms == ()
