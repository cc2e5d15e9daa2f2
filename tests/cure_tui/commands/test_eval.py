"""Tests of `cure-tui eval` as its own process, with the embedded model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cure_tui.command_line import Cli
from tests.engine.solve.writers.fake_server import Reply, completion, error, serving
from tests.left_on_screen import After, left_on_screen

SMALL = ("--preset", "nano", "--data", "nano", "--limit", "20", "-n", "2", "-m", "2")


def report_of(text: str) -> dict[str, Any]:
    """Return a report without its seconds and surroundings, which no two evaluations share."""
    report: dict[str, Any] = json.loads(text)
    for row in report["rows"]:
        row["spent"] = {name: value for name, value in row["spent"].items() if not name.endswith("seconds")}
    return {name: report[name] for name in ("rows", "totals", "data", "settings", "who")}


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_by_the_same_command_to_the_same_table(cli: Cli) -> None:
    unbroken = cli("eval", *SMALL, "--json", "--name", "unbroken")
    assert unbroken.returncode == 0, unbroken.stderr
    assert "20 tasks, 80 answers: about" in unbroken.stderr.splitlines()[0]
    home = Path(cli.environment["CURE_TUI_HOME"]) / "evaluations"
    process = subprocess.Popen(
        [sys.executable, "-m", "cure_tui", "eval", *SMALL, "--name", "killed"],
        cwd=cli.folder, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    answers = home / "killed" / "answers.jsonl"
    until = time.monotonic() + 100
    while not answers.exists() or answers.read_bytes().count(b"\n") < 10:
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(int((home / "killed" / "lock").read_text().split()[0]), signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 6
    assert "cure-tui eval --resume killed" in said
    kept = answers.read_bytes()
    kept = kept[: kept.rfind(b"\n") + 1]
    resumed = cli("eval", *SMALL, "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert "going on with evaluation killed" in resumed.stderr
    assert answers.read_bytes().startswith(kept)
    assert answers.read_bytes().count(b"\n") == 80
    assert report_of(resumed.stdout) == report_of(unbroken.stdout)
    regraded = cli("eval", "--resume", "killed", "--regrade", "--json")
    assert report_of(regraded.stdout) == report_of(unbroken.stdout)
    table = cli("eval", "--resume", "killed", "--fail-under", "code=101")
    assert table.returncode == 3
    assert "code accuracy" in table.stdout
    listed = cli("eval", "--list")
    assert len(listed.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--preset", "nano", "--data", "livebench"], 7, "run `cure-tui data fetch livebench`"),
        (["--preset", "nano", "--data", "nothing.jsonl"], 4, "nothing.jsonl does not exist"),
        (["--preset", "nano"], 2, "no tasks to evaluate on"),
        (["--data", "nano"], 2, "no model to evaluate"),
        (["--run", "nothing", "--data", "nano"], 6, "there is no run 'nothing'"),
        (["--preset", "nano", "--run", "x", "--data", "nano"], 2, "each name a model for both roles"),
        (["--preset", "nano", "--data", "nano", "--bon", "32x1"], 2, "best of 32x1 needs more than -n 16"),
        (["--preset", "nano", "--data", "nano", "--protocol", "other"], 2, "there is no protocol 'other'"),
        (["--preset", "nano", "--data", "nano", "--fail-under", "code"], 2, "is no bound"),
        (["--preset", "nano", "--data", "nano", "--regrade"], 2, "leave out --regrade"),
        (["--resume", "nothing"], 6, "there is no evaluation 'nothing'"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line_with_its_remedy(
    cli: Cli, arguments: list[str], status: int, said: str
) -> None:
    result = cli("eval", *arguments)
    assert result.returncode == status
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout
    assert not (Path(cli.environment["CURE_TUI_HOME"]) / "evaluations").exists()


@pytest.mark.slow
def test_answers_too_long_for_the_models_context_are_refused_with_the_remedy(cli: Cli) -> None:
    result = cli("eval", *SMALL, "--max-tokens", "5000")
    assert result.returncode == 2
    assert "exceed the context of 1024" in result.stderr


@pytest.mark.slow
def test_in_a_terminal_the_progress_leaves_nothing_behind(cli: Cli) -> None:
    left = left_on_screen(
        [sys.executable, "-m", "cure_tui", "eval", *SMALL], environment=cli.environment, folder=cli.folder, own_lines=3,
        size=(100, 40),
    )  # fmt: skip
    assert (left.status, left.lost, left.untidy) == (0, (), ())
    assert left.below[0].startswith("20 tasks, 80 answers: about")
    assert any("code accuracy" in line for line in left.below)
    assert b"answers (" in left.raw
    assert not any("answers (" in line for line in left.below)


@pytest.mark.slow
def test_an_interrupted_evaluation_prints_what_is_there_and_how_to_go_on(cli: Cli) -> None:
    command = [sys.executable, "-m", "cure_tui", "eval", *SMALL[:4], "-n", "2", "-m", "2", "--name", "ended"]
    left = left_on_screen(
        command, environment=cli.environment, folder=cli.folder, script=[After("answers (2", "\x03")], size=(100, 40)
    )
    assert left.status == 130
    assert left.below[-1] == "go on with `cure-tui eval --resume ended`"


@pytest.mark.slow
def test_a_coder_at_a_server_with_a_local_tester_is_paid_once_even_if_the_server_fails_in_the_middle(cli: Cli) -> None:
    fails = [True]

    def handle(number: int, request: dict[str, Any]) -> Reply:
        if number >= 25 and fails[0]:
            return error(400, "out of order")
        return completion("```python\nprint(input())\n```")

    with serving(handle) as server:
        cli.configure_endpoint(server.url, "[price.m]", "input = 1.0", "output = 2.0")
        command = (
            "eval", "--coder", f"openai:m@{server.url}", "--tester", "nano", "--data", "nano", "--limit", "20",
            "-n", "2", "-m", "2", "--json",
        )  # fmt: skip
        broken = cli(*command)
        assert broken.returncode == 2, broken.stderr
        assert "out of order" in broken.stderr.splitlines()[-1]
        fails[0] = False
        resumed = cli(*command)
        assert resumed.returncode == 0, resumed.stderr
        good = sum(reply is not None for reply in server.requests)
    report = json.loads(resumed.stdout)
    paid = sum(row["spent"]["dollars"] for row in report["rows"])
    assert report["complete"]
    assert paid == pytest.approx(40 * (100 * 1.0 + 20 * 2.0) / 1e6)
    assert good <= 40 + 16  # those that failed together


def test_a_password_in_an_address_is_not_written_into_an_evaluation(cli: Cli) -> None:
    result = cli("eval", "--coder", "openai:m@http://me:secret@127.0.0.1:9/v1", "--tester", "nano", "--data", "nano")
    assert result.returncode == 2
    assert "secret" not in result.stderr
    assert "cannot be kept" in result.stderr
