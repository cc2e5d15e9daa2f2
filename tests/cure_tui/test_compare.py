"""Two runs side by side, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from cure_tui.comparison import config_differences
from engine.config import load_preset
from tests.cure_tui.command_line import Cli

Runnable = Callable[..., Path]


def test_only_settings_that_differ_are_named() -> None:
    a, b = load_preset("nano"), load_preset("nano", ["policy.kl_beta=0.5", "run.seed=4"])
    assert config_differences(a, b) == [("policy.kl_beta", "0.02", "0.5"), ("run.seed", "0", "4")]
    assert config_differences(a, a) == []


def test_settings_accuracies_and_curves_are_printed(cli: Cli, runnable: Runnable, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "2")):
        cli.scripted("--preset", str(runnable()), "--no-ui", "--run-dir", str(tmp_path / name), "--seed", seed)
    done = cli("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert done.returncode == 0, done.stderr
    assert "run.seed" in done.stdout
    assert "code, end" in done.stdout
    assert "75.0%" in done.stdout
    assert "code accuracy of the rollouts" in done.stdout
    report = json.loads(cli("compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json").stdout)
    assert report["different_settings"] == {"run.seed": ["1", "2"]}
    assert report["heldout"][1]["end"]["code"] == 0.75


def test_a_run_that_is_not_there_is_one_line(cli: Cli) -> None:
    done = cli("compare", "x", "y")
    assert done.returncode == 6
    assert done.stderr.startswith("error: there is no run 'x'")
    assert done.stderr.count("\n") == 1
