"""Coder behind an API with a local tester: accuracies of each way, their differences, dollars, local seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cure_tui.runs.evaluations.costs import cost_sheets, roles_sheet, ways_sheet
from cure_tui.runs.evaluations.sheet import Sheet
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, RoleCost
from tests.cure_tui.runs.evaluations.reports import mixed_report, report


def cells(sheet: Sheet, row: str) -> dict[str, str]:
    [found] = [each for each in sheet.rows if each[0] == row]
    return dict(zip([column.title for column in sheet.columns], found, strict=True))


def test_sixteen_cheap_answers_cost_about_one_dear_one() -> None:
    """Check the claim "lower cost": 16 answers of 500 + 700 tokens at 0.15/0.60 against one at 2.50/10."""
    mixed = mixed_report()
    tasks = len(mixed.rows)
    cheap = tasks * 16 * (500 * 0.15 + 700 * 0.60) / 1e6
    dear = tasks * (500 * 2.50 + 700 * 10) / 1e6
    roles = [replace(role, dollars={CODER: cheap, ONE_SHOT: dear}.get(role.role, role.dollars)) for role in mixed.roles]
    sheet = ways_sheet(replace(mixed, roles=tuple(roles)))
    assert cells(sheet, "BoN(16, 16), tester")["$ a problem"] == "0.00792"
    assert cells(sheet, "one-shot openai:gpt-4o")["$ a problem"] == "0.00825"


def test_a_solved_problem_costs_what_all_cost_by_those_solved() -> None:
    mixed = mixed_report()
    best = mixed.totals.bon["16x16"].mean
    assert best is not None
    found = cells(ways_sheet(mixed), "BoN(16, 16), tester")
    assert found["$ a problem"] == f"{0.3168 / 40:.5f}"
    assert found["$ a solved one"] == f"{0.3168 / 40 / best:.5f}"
    assert found["local s a problem"] == f"{412 / 40:.2f}"


def test_smaller_sizes_pay_their_share_and_own_tests_are_paid_for() -> None:
    sheet = ways_sheet(mixed_report())
    assert cells(sheet, "single program")["$ a problem"] == f"{0.3168 / 40 / 16:.5f}"
    assert cells(sheet, "BoN(4, 4), tester")["$ a problem"] == f"{0.3168 / 40 / 4:.5f}"
    assert cells(sheet, "BoN(4, 4), own tests")["$ a problem"] == f"{(0.3168 + 0.1755) / 40 / 4:.5f}"
    assert cells(sheet, "BoN(4, 4), own tests")["local s a problem"] == "-"


def test_differences_are_paired_by_task() -> None:
    mixed = mixed_report()
    baseline = next(arm for arm in mixed.arms if arm.name == BASELINE)
    delta = np.array(
        [
            (mine.bon["16x16"] or 0) - (own.bon["16x16"] or 0)
            for mine, own in zip(mixed.rows, baseline.rows, strict=True)
        ]
    )
    error = delta.std(ddof=1) / np.sqrt(len(delta))
    found = cells(ways_sheet(mixed), "BoN(16, 16), tester")
    assert found["vs. baseline"] == f"{delta.mean() * 100:+.1f} ± {error * 100:.1f}"
    assert cells(ways_sheet(mixed), "single program")["vs. single"] == "-"


def test_a_price_that_is_not_known_is_said_in_words_and_a_local_model_is_not_free() -> None:
    sheet = roles_sheet(mixed_report())
    assert cells(sheet, "one-shot")["dollars"] == "no price known"
    assert cells(sheet, "tester")["dollars"] == "-"
    assert cells(sheet, "tester")["local s"] == "412"
    assert any("seconds of this machine instead of dollars" in note for note in sheet.notes)
    assert cells(ways_sheet(mixed_report()), "one-shot openai:gpt-4o")["$ a solved one"] == "-"


def test_prices_served_names_seeds_settings_and_left_out_tasks_are_told() -> None:
    text = "\n".join((*roles_sheet(mixed_report()).notes, *ways_sheet(mixed_report()).notes))
    for said in (
        "coder: 0.15 and 0.60 dollars a million tokens, endpoints.toml line 4",
        "the server names its model gpt-4o-mini-2024-07-18",
        "the server does not honour seeds",
        "2 tasks left out: interactive task",
        "temperature 0.8, at most 1024 and 512 tokens, seed 0",
    ):
        assert said in text


def test_a_role_that_is_missing_leaves_the_cost_unknown_instead_of_too_low() -> None:
    mixed = mixed_report()
    sheet = ways_sheet(replace(mixed, roles=tuple(role for role in mixed.roles if role.role != BASELINE)))
    assert cells(sheet, "BoN(4, 4), own tests")["$ a problem"] == "no price known"


def test_evaluations_that_know_no_roles_have_no_sheets_of_costs() -> None:
    assert list(cost_sheets([report("mine", 0.0)])) == []


@pytest.mark.parametrize("solved", [0, 40])
def test_a_way_that_solves_nothing_has_no_price_of_a_solved_problem(solved: int) -> None:
    mine = report("mine", 9.0 if solved else -30.0)
    mine = replace(mine, roles=(RoleCost(CODER, "openai:x", dollars=1.0), RoleCost("tester", "openai:x", dollars=1.0)))
    assert (cells(ways_sheet(mine), "BoN(16, 16), tester")["$ a solved one"] == "-") is (solved == 0)
