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
    _, said = process.communicate(timeout=120)
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
        (["--preset", "nano", "--data", "nano", "--name", "../other"], 2, "--name '../other' is no name"),
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


def test_a_name_that_is_taken_and_an_evaluation_in_place_of_a_run_are_told_with_the_remedy(cli: Cli) -> None:
    made = cli("eval", "--preset", "nano", "--data", "nano", "--limit", "1", "-n", "1", "-m", "1", "--name", "taken")
    assert made.returncode == 0, made.stderr
    again = cli("eval", "--preset", "nano", "--data", "nano", "--limit", "2", "-n", "1", "-m", "1", "--name", "taken")
    assert again.returncode == 2
    assert "go on with `cure-tui eval --resume taken`, or name another" in again.stderr
    folder = Path(cli.environment["CURE_TUI_HOME"]) / "evaluations" / "taken"
    as_run = cli("eval", "--run", str(folder), "--data", "nano")
    assert as_run.returncode == 6
    assert "taken is an evaluation, no run" in as_run.stderr
    assert as_run.stderr.count("\n") == 1


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


PRICES = ("[price.m]", "input = 1.0", "output = 2.0", "[price.big]", "input = 10.0", "output = 40.0")


def answer(number: int, request: dict[str, Any]) -> Reply:
    """Answer a coder with a program and a tester with a test."""
    asked = json.dumps(request["messages"])
    return completion("**Test Input:**\n```\n1\n```\n\n**Test Output:**\n```\n1\n```" if "Test Input" in asked else
                      "```python\nprint(input())\n```")  # fmt: skip


def with_arms(url: str, *more: str) -> tuple[str, ...]:
    """Return an evaluation of 6 tasks: 12 programs, 12 local tests, 12 of the baseline, 6 one-shot programs."""
    return (
        "eval", "--coder", f"openai:m@{url}", "--tester", "nano", "--baseline-tester", "coder", "--one-shot",
        f"openai:big@{url}", "--data", "nano", "--limit", "6", "-n", "2", "-m", "2", *more,
    )  # fmt: skip


@pytest.mark.slow
def test_what_a_coder_a_baseline_and_a_one_shot_model_cost_is_what_their_server_was_asked(cli: Cli) -> None:
    with serving(answer) as server:
        cli.configure_endpoint(server.url, *PRICES)
        estimated = cli(*with_arms(server.url, "--dry-run"))
        assert estimated.returncode == 0, estimated.stderr
        assert "6 tasks, 42 answers" in estimated.stderr
        assert "at most $" in estimated.stderr
        assert not server.requests
        result = cli(*with_arms(server.url, "--json", "--name", "arms"))
        assert result.returncode == 0, result.stderr
        models = [request["model"] for request in server.requests]
    assert (models.count("m"), models.count("big")) == (24, 6)
    report = json.loads(result.stdout)
    dollars = {role["role"]: role["dollars"] for role in report["roles"]}
    assert dollars == {
        "coder": pytest.approx(12 * (100 * 1.0 + 20 * 2.0) / 1e6),
        "tester": 0.0,
        "baseline tester": pytest.approx(12 * (100 * 1.0 + 20 * 2.0) / 1e6),
        "one-shot": pytest.approx(6 * (100 * 10.0 + 20 * 40.0) / 1e6),
    }
    assert report["spent"]["dollars"] == pytest.approx(sum(dollars.values()))
    table = cli("eval", "table", "arms")
    assert "BoN(2, 2), own tests" in table.stdout
    assert "one-shot" in table.stdout
    assert "$ a solved one" in table.stdout
    regraded = cli("eval", "--resume", "arms", "--regrade", "--json")
    assert report_of(regraded.stdout) == report_of(result.stdout)
    assert json.loads(regraded.stdout)["roles"] == report["roles"]


@pytest.mark.slow
def test_an_evaluation_with_arms_that_is_killed_loses_only_answers_under_way(cli: Cli) -> None:
    def slow(number: int, request: dict[str, Any]) -> Reply:
        time.sleep(0.1)
        return answer(number, request)

    home = Path(cli.environment["CURE_TUI_HOME"]) / "evaluations"
    with serving(slow) as server:
        cli.configure_endpoint(server.url, "concurrency = 2", *PRICES)
        process = subprocess.Popen(
            [sys.executable, "-m", "cure_tui", *with_arms(server.url, "--name", "killed")],
            cwd=cli.folder, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        answers = home / "killed" / "answers.jsonl"
        until = time.monotonic() + 100
        while not answers.exists() or answers.read_bytes().count(b'"coder"') < 6:
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(int((home / "killed" / "lock").read_text().split()[0]), signal.SIGKILL)
        process.communicate(timeout=120)
        assert process.returncode == 6
        resumed = cli(*with_arms(server.url, "--json"))
        assert resumed.returncode == 0, resumed.stderr
        assert "going on with evaluation killed" in resumed.stderr
        assert 30 <= len(server.requests) <= 30 + 2 * 2  # two requests of each of two models, m and big
    report = json.loads(resumed.stdout)
    assert [role["answers"] for role in report["roles"]] == [12, 12, 12, 6]
    assert [len(arm["rows"]) for arm in report["arms"]] == [6, 6]


@pytest.mark.slow
def test_a_budget_ends_an_evaluation_between_two_tasks_and_a_larger_one_finishes_it(cli: Cli) -> None:
    with serving(answer) as server:
        cli.configure_endpoint(server.url, "concurrency = 2", *PRICES)
        partial = cli(*with_arms(server.url, "--budget", "$0.01", "--name", "partial", "--json"))
        assert partial.returncode == 0, partial.stderr
        told = partial.stderr.splitlines()[-1]
        assert told.startswith("the budget of $0.01 is spent; go on with `cure-tui eval --resume partial`")
        report = json.loads(partial.stdout)
        assert not report["complete"]
        assert 0 < len(report["rows"]) < 6
        paid = sum((100 + 40) / 1e6 if request["model"] == "m" else 1800 / 1e6 for request in server.requests)
        assert paid <= 0.01
        table = cli("eval", "table", "partial")
        assert f"partial is unfinished: {len(report['rows'])} of 6 tasks" in table.stdout
        assert "ended by the budget of $0.01" in " ".join(table.stdout.split())
        whole = cli("eval", "--resume", "partial", "--budget", "$1", "--json")
        assert whole.returncode == 0, whole.stderr
        assert len(server.requests) == 30
    assert json.loads(whole.stdout)["complete"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline-tester", "nano"], "--baseline-tester names the tester itself, preset:nano"),
        (["--baseline-tester", "coder"], "--baseline-tester names the tester itself, preset:nano"),
        (["--one-shot", "nano"], "--one-shot names the coder itself, preset:nano"),
        (["--budget", "$1"], "--budget limits dollars, and local models cost none"),
        (["--budget", "2 dollars"], "--budget '2 dollars' is not a budget"),
    ],
)
def test_arms_and_budgets_that_make_no_sense_are_one_line(cli: Cli, arguments: list[str], said: str) -> None:
    result = cli("eval", "--preset", "nano", "--data", "nano", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {said}")
    assert result.stderr.count("\n") == 1


def test_a_password_in_an_address_is_not_written_into_an_evaluation(cli: Cli) -> None:
    result = cli("eval", "--coder", "openai:m@http://me:secret@127.0.0.1:9/v1", "--tester", "nano", "--data", "nano")
    assert result.returncode == 2
    assert "secret" not in result.stderr
    assert "cannot be kept" in result.stderr
