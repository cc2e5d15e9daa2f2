"""Commands that draw in place, in a real terminal: the user's own lines stay, the result appears beneath them."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cure_tui.command_line import SCRIPTED, Cli
from tests.cure_tui.solving.test_solve import DOUBLE, GOOD, PROBLEM, is_tester
from tests.engine.solve.writers.fake_server import Reply, completion, serving
from tests.left_on_screen import After, Left, left_on_screen

SIZES = [(80, 24), (120, 40)]
REAL = ("-m", "cure_tui")
WITH_SCRIPTED_ENGINE = ("-P", "-c", SCRIPTED)
Runnable = Callable[..., Path]


def left_by(cli: Cli, *arguments: str, how: tuple[str, ...] = REAL, **options: Any) -> Left:
    command = [sys.executable, *how, *arguments]
    return left_on_screen(command, environment=cli.environment, folder=cli.folder, **options)


def assert_tidy(left: Left) -> None:
    """Assert that the user's lines are whole, the settings restored, the cursor on the first free line."""
    assert (left.lost, left.untidy) == ((), ()), left.text
    assert left.row == len(left.lines), left.text
    assert "Traceback" not in left.text


@pytest.mark.parametrize("size", SIZES)
def test_doctor_leaves_its_findings(cli: Cli, size: tuple[int, int]) -> None:
    left = left_by(cli, "doctor", size=size)
    assert_tidy(left)
    assert left.status == 0
    assert "Sandbox" in left.below


@pytest.mark.parametrize("size", SIZES)
def test_presets_leaves_its_list(cli: Cli, size: tuple[int, int]) -> None:
    left = left_by(cli, "presets", size=size)
    assert_tidy(left)
    assert any(line.lstrip().startswith("nano") for line in left.below)


@pytest.mark.parametrize("size", SIZES)
def test_a_run_without_a_dashboard_leaves_its_steps_and_its_table_and_no_bar(
    cli: Cli, runnable: Runnable, size: tuple[int, int]
) -> None:
    left = left_by(cli, "--preset", str(runnable()), "--no-ui", how=WITH_SCRIPTED_ENGINE, size=size)
    assert_tidy(left)
    assert left.status == 0
    assert "━" in left.raw.decode()
    assert "━" not in left.text
    told = [line for line in left.below if line.startswith("step ")]
    assert [line.split("  ")[0] for line in told] == ["step 1/2", "step 2/2"]
    assert "code accuracy" in left.text
    listed = left_by(cli, "runs", size=size)
    assert_tidy(listed)
    assert re.search(r"^small-\S+ +finished", "\n".join(listed.below), re.MULTILINE)


def test_a_run_stopped_with_ctrl_c_leaves_no_bar(cli: Cli, runnable: Runnable) -> None:
    left = left_by(
        cli, "--preset", str(runnable("wait")), "--no-ui",
        how=WITH_SCRIPTED_ENGINE, script=[After("waiting", "\x03")],
    )  # fmt: skip
    assert_tidy(left)
    assert "━" not in left.text
    assert "stopped" in left.text


@pytest.mark.parametrize("size", SIZES)
def test_solve_leaves_program_and_verdict_beneath_the_users_own_lines(cli: Cli, size: tuple[int, int]) -> None:
    (cli.folder / "double.md").write_text(PROBLEM)
    with serving(GOOD) as server:
        who = f"openai:m@{server.url}"
        left = left_by(cli, "solve", "double.md", "--coder", who, "--tester", who, size=size)
    assert_tidy(left)
    assert left.status == 0
    assert b"\xe2\x96\xa0" in left.raw  # ■: the matrix was there
    assert left.lines[-len(left.below) :] == left.below, "none of it has scrolled out"
    assert left.below[0] == "print(int(input()) * 2)"
    assert left.below[1].startswith("supported: passes 1 of 1 examples")


def test_a_problem_that_is_solved_is_not_drawn_again_beneath_its_verdict(cli: Cli) -> None:
    (cli.folder / "double.md").write_text(PROBLEM)
    with serving(GOOD) as server:
        who = f"openai:m@{server.url}"
        left = left_by(cli, "solve", "double.md", "--coder", who, "--tester", who)
    assert "■" not in left.raw.decode().partition("supported: passes")[2]


def test_solve_leaves_every_program_of_several_problems(cli: Cli) -> None:
    for name in ("one.md", "two.md", "three.md"):
        (cli.folder / name).write_text(PROBLEM)
    with serving(GOOD) as server:
        who = f"openai:m@{server.url}"
        left = left_by(cli, "solve", "one.md", "two.md", "three.md", "--coder", who, "--tester", who)
    assert_tidy(left)
    heads = [line for line in left.below if line.startswith("# ")]
    assert heads == ["# one.md", "# two.md", "# three.md"]
    assert left.below.count("print(int(input()) * 2)") == 3
    assert left.text.count("supported: passes") == 3


def test_solve_interrupted_leaves_the_best_so_far(cli: Cli) -> None:
    (cli.folder / "double.md").write_text(PROBLEM)

    def handle(number: int, request: dict[str, Any]) -> Reply:
        if is_tester(request):
            released.wait(100)
        return completion(DOUBLE)

    released = threading.Event()
    with serving(handle) as server:
        who = f"openai:m@{server.url}"
        left = left_by(
            cli, "solve", "double.md", "--coder", who, "--tester", who, "-n", "2", script=[After("■", "\x03")]
        )
        released.set()
    assert_tidy(left)
    assert left.status == 130
    assert left.below[0] == "print(int(input()) * 2)"
    assert left.text.endswith("interrupted")


def test_in_the_locale_c_solve_draws_ascii(cli: Cli) -> None:
    (cli.folder / "double.md").write_text(PROBLEM)
    cli.environment["LC_CTYPE"] = "C"
    with serving(GOOD) as server:
        who = f"openai:m@{server.url}"
        left = left_by(cli, "solve", "double.md", "--coder", who, "--tester", who)
    assert_tidy(left)
    assert b"#" in left.raw
    assert left.raw.isascii()


def test_in_the_locale_c_a_run_without_a_dashboard_draws_ascii_bars(cli: Cli, runnable: Runnable) -> None:
    cli.environment["LC_CTYPE"] = "C"
    left = left_by(cli, "--preset", str(runnable()), "--no-ui", how=WITH_SCRIPTED_ENGINE)
    assert_tidy(left)
    assert b"-" * 24 in left.raw
    assert "━" not in left.raw.decode()


def test_in_the_locale_c_the_dashboard_draws_ascii(cli: Cli) -> None:
    cli.environment["LC_CTYPE"] = "C"
    left = left_by(cli, script=[After("nano", "q")])
    assert left.status == 0
    assert left.raw.isascii()
