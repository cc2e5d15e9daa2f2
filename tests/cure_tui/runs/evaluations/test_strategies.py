"""Strategies of a report as tables and curves: budgets apart, the same markers, what was left out and why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cure_tui.headless.evaluation import report_json, report_text
from cure_tui.runs.evaluations import strategies
from cure_tui.runs.evaluations.sheet import as_text
from cure_tui.runs.evaluations.strategies import curves_svg, curves_text, strategy_sheets
from engine.errors import DataError
from engine.evaluation.report import Choice, Report
from tests.cure_tui.runs.evaluations.reports import report

SKILL = {"bon": 0.6, "single": 0.5, "consensus:weight=2": 0.7, "debug": 0.65}


def with_strategies(tasks: int = 40) -> Report:
    """Return a report of four strategies: `single` takes one answer, `debug` has room at the largest size alone."""
    whole, rng = report("compared", 0.5, tasks=tasks), np.random.default_rng(3)
    rows = []
    for row in whole.rows:
        draw = rng.random()
        ways = {
            name: {
                f"{k}x{k}": Choice(float(draw < skill), 1.0, 22.0, 10.0)
                if name == "single"
                else Choice(float(draw < skill + k / 160), 2.0 * k, 62.0 * k, 20.0)
                for k in (1, 2, 4, 8, 16)
                if name != "debug" or k == 16
            }
            for name, skill in SKILL.items()
        }
        rows.append(replace(row, ways=ways))
    reason = "preset:nano answers single questions only, and this is a conversation"
    return replace(whole, rows=tuple(rows), left_out={"sstar": reason, "agentic-tests": reason})


def test_each_budget_has_a_table_with_paired_differences() -> None:
    found = with_strategies()
    small, large = strategy_sheets(found)
    assert "4 + 4 answers" in small.title
    assert "16 + 16 answers" in large.title
    assert [row[0].split()[1] for row in large.rows] == list(SKILL)
    assert [row[0].split()[1] for row in small.rows] == ["bon", "single", "consensus:weight=2"]
    bon, single, consensus, _ = large.rows
    assert bon[2] == "-"
    right = {name: np.array([row.ways[name]["16x16"].right for row in found.rows]) for name in SKILL}
    delta = 100 * (right["consensus:weight=2"] - right["bon"])
    assert consensus[2] == f"{delta.mean():+.1f} ± {delta.std(ddof=1) / 40**0.5:.1f}"
    assert (single[3], bon[3], bon[4]) == ("1", "32", "992")
    assert "left out: sstar, agentic-tests: preset:nano answers single questions only" in " ".join(large.notes)


def test_the_table_fits_into_a_small_terminal() -> None:
    for sheet in strategy_sheets(with_strategies()):
        text = as_text([sheet], 79)
        assert max(map(len, text.splitlines())) <= 79
        assert "vs. bon" in text.splitlines()[1]
        assert len(text.splitlines()) < 20


def test_curves_are_drawn_with_the_markers_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "draws_unicode", lambda: True)
    found = with_strategies()
    *_, large = strategy_sheets(found)
    drawn = curves_text(found)
    assert max(map(len, drawn.splitlines())) <= 79
    assert all(row[0][0] in drawn for row in large.rows)
    monkeypatch.setattr(strategies, "draws_unicode", lambda: False)
    assert curves_text(found).isascii()


def test_the_svg_holds_every_strategy_and_its_name() -> None:
    drawn = curves_svg(with_strategies())
    assert drawn is not None
    assert drawn.startswith("<?xml")
    assert all(f">{name} <" in drawn for name in SKILL)
    assert curves_svg(report("plain", 0.5)) is None


def test_a_report_without_strategies_is_as_before() -> None:
    plain = report("plain", 0.5)
    assert list(strategy_sheets(plain)) == []
    assert report_json(plain) == plain.to_json()
    assert "Strategies" not in report_text(plain)


def test_the_json_has_the_points_beside_the_report() -> None:
    found = json.loads(report_json(with_strategies()))
    assert [(each["way"], each["size"]) for each in found["strategies"]][:2] == [("bon", "1x1"), ("bon", "2x2")]
    assert found["strategies"][0]["difference"] is None
    assert found["strategies"][-1]["difference"]["n_tasks"] == 40


def test_reports_with_strategies_are_read_again_and_impossible_ones_refused() -> None:
    found = with_strategies(tasks=3)
    again = Report.from_json(found.to_json())
    assert again.rows == found.rows
    assert again.left_out == found.left_out
    for value in (1.5, -0.1, "much"):
        record = json.loads(found.to_json())
        record["rows"][0]["ways"]["bon"]["4x4"]["right"] = value
        with pytest.raises(DataError):
            Report.from_json(json.dumps(record))
