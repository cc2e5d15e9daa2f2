"""Comparison of runs: settings and accuracies as data, and the text that the command line prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cure_tui.charts import GlyphSet
from cure_tui.dashboard.compare.picture import accuracy_rows, settings_rows
from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.spans import plain
from cure_tui.runs.comparison import accuracies_reached, check_choice, config_differences
from engine.errors import ConfigError
from engine.evaluation.table import change_text, estimate_text
from engine.presets import load_preset
from engine.runs.events import Event
from engine.runs.state import RunState, replay
from tests.cure_tui.command_line import Cli

Runnable = Callable[..., Path]


def evaluated(start: float, end: float | None, standard_error: float | None = 0.02) -> RunState:
    """Return a run with held-out code accuracy at both ends; None: it has not ended yet."""
    events = [
        Event("evaluation", 3 * at, 1.0, 1.0, {"split": "heldout", "when": when, "summary": {"code": figure}})
        for at, (when, mean) in enumerate((("start", start), ("end", end)))
        if (figure := {"mean": mean, "se": standard_error}) and mean is not None
    ]
    return replay(events)


def test_only_settings_that_differ_are_named() -> None:
    a, b = load_preset("nano"), load_preset("nano", ["policy.kl_beta=0.5", "run.seed=4"])
    assert config_differences(a, b) == [("policy.kl_beta", "0.02", "0.5"), ("run.seed", "0", "4")]
    assert config_differences(a, a) == []


def test_a_setting_that_one_of_three_runs_has_otherwise_is_told_of_all() -> None:
    a, b = load_preset("nano"), load_preset("nano", ["run.seed=4"])
    assert config_differences(a, b, a) == [("run.seed", "0", "4", "0")]


def test_unreadable_settings_hide_no_difference_of_the_others() -> None:
    a, b = load_preset("nano"), load_preset("nano", ["run.seed=4"])
    assert config_differences(a, None, b) == [("run.seed", "0", "?", "4")]
    assert config_differences(None, None) == []


def test_changes_are_within_a_run_and_between_its_end_and_the_first_runs() -> None:
    first, second = accuracies_reached([evaluated(0.4, 0.7), evaluated(0.5, 0.6)])
    assert (first.run, second.run) == (0, 1)
    assert change_text(first.change) == "+30.0"
    assert first.against_first is None
    assert change_text(second.change) == "+10.0"
    assert change_text(second.against_first) == "-10.0"
    assert estimate_text(second.end) == "60.0 ± 2.0"


def test_a_run_without_end_has_no_change() -> None:
    _, live = accuracies_reached([evaluated(0.4, 0.7), evaluated(0.4, None)])
    assert (live.change, live.against_first) == (None, None)
    assert estimate_text(live.end) == change_text(live.change) == "-"


def test_runs_that_were_never_evaluated_have_no_figures() -> None:
    assert accuracies_reached([RunState(), RunState()]) == []
    assert "no run has been evaluated" in plain(accuracy_rows([]))


@pytest.mark.parametrize("summary", [{}, {"code": 3}, {"code": {"mean": "high"}, "bon": [1]}])
def test_figures_that_another_version_wrote_otherwise_are_unknown(summary: dict[str, object]) -> None:
    state = replay([Event("evaluation", 1, 0.0, 0.0, {"split": "heldout", "when": "end", "summary": summary})])  # type: ignore[dict-item]
    evaluation = state.evaluation("heldout", "end")
    assert evaluation is not None
    assert all(each.mean is None for each in (*evaluation.summary.accuracies.values(), evaluation.summary.largest_bon))
    assert accuracies_reached([state]) == []


def test_a_table_in_ascii_has_nothing_else() -> None:
    drawn = plain(accuracy_rows(accuracies_reached([evaluated(0.4, 0.7), evaluated(0.5, 0.6)]), glyphs=GlyphSet.ASCII))
    typed = to_ascii(drawn)
    assert "60.0 +-2.0" in typed
    assert "?" not in typed
    assert len(typed) == len(drawn)


def test_values_too_long_for_columns_stand_beneath_each_other_uncut() -> None:
    long = "a model with a name that fills the terminal"
    text = plain(settings_rows([("run.seed", "0", "4"), ("model.name", long, "nano")], ["", ""], 60))
    assert text.splitlines()[1].split() == ["run.seed", "0", "4"]
    assert text.splitlines()[2:] == [" model.name", f"   ● A  {long}", "   ▲ B  nano"]


@pytest.mark.parametrize(
    ("paths", "said"),
    [(["a", "a"], "with itself"), (["a"], "two runs or more"), (["a", "b", "c", "d", "e"], "5 runs are too many")],
)
def test_a_choice_that_is_no_comparison_is_refused(paths: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_choice(paths)


def test_settings_accuracies_and_curves_are_printed(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "2")):
        cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(tmp_path / name), "--seed", seed)
    done = cli("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert done.returncode == 0, done.stderr
    assert "run.seed" in done.stdout
    assert "code accuracy" in done.stdout
    assert "75.0" in done.stdout
    assert "accuracy: code" in done.stdout
    assert "±" in done.stdout
    cli.environment["PYTHONIOENCODING"] = "ascii"
    typed = cli("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert typed.returncode == 0, typed.stderr
    assert " +-" in typed.stdout
    report = json.loads(cli("compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json").stdout)
    assert report["different_settings"] == {"run.seed": ["1", "2"]}
    assert report["heldout"][1]["end"]["code"] == 0.75
    same = cli("compare", str(tmp_path / "a"), str(tmp_path / "a"))
    assert same.returncode == 2
    assert same.stderr.startswith("error: a run cannot be compared with itself")


def test_a_run_that_is_not_there_is_one_line(cli: Cli) -> None:
    done = cli("compare", "x", "y")
    assert done.returncode == 6
    assert done.stderr.startswith("error: there is no run 'x'")
    assert done.stderr.count("\n") == 1
