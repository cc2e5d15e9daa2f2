"""Run folder written by an earlier version: nano on two tasks per step, killed during step 3 of 4."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.cure_tui.command_line import ROOT, Cli

RECORDED = ROOT / "tests" / "recorded_run.tar.xz"
NAME = "recorded-before-the-moves"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    cli = Cli.below(tmp_path)
    runs = Path(cli.environment["CURE_TUI_HOME"]) / "runs"
    runs.mkdir(parents=True)
    with tarfile.open(RECORDED) as archive:
        archive.extractall(runs, filter="data")
    return cli


def test_it_is_listed_as_crashed_with_its_last_step(cli: Cli) -> None:
    (line,) = [line for line in cli("runs").stdout.splitlines() if NAME in line]
    assert "crashed" in line
    assert "2/4" in line


def test_its_policy_is_exported(cli: Cli, tmp_path: Path) -> None:
    done = cli("export", NAME, "--adapter", str(tmp_path / "adapter"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["r"] == 1


@pytest.mark.slow
def test_it_is_resumed_to_its_end(cli: Cli) -> None:
    done = cli("resume", NAME, "--no-ui")
    assert done.returncode == 0, done.stderr
    assert "step 3/4" in done.stderr
    assert "finished after step 4" in done.stderr
    assert "code accuracy" in done.stdout
