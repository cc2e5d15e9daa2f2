"""Dashboard in a real terminal: started by the command line in tmux, watched, left, attached again, stopped."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, read_info
from engine.runs.lock import lock_holder
from tests.cure_tui.command_line import SCRIPTED, Cli
from tests.cure_tui.solving.test_left_by_solve import held
from tests.cure_tui.solving.test_solve import PROBLEM
from tests.engine.solve.writers.fake_server import serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")]


class Terminal:
    """Tmux session of 100 x 30 on a server of its own."""

    def __init__(self, cli: Cli) -> None:
        self._cli, self._server = cli, f"cure-{uuid.uuid4().hex[:8]}"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "bash --norc")

    def run(self, *arguments: str) -> None:
        """Type the command line with the scripted engine instead of the real one."""
        command = shlex.join([sys.executable, "-P", "-c", SCRIPTED, *arguments])
        self.type(f"clear; {command}; echo status=$?.", "Enter")

    def type(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-J", "-t", "t").stdout

    def history(self) -> str:
        """Return the lines that have scrolled out at the top, too."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "t").stdout

    def wait_for_exit(self, status: int) -> str:
        """Return the screen once the command has ended. The shell echoes the input, so only its answer has a number."""
        screen = self.wait_for_match(r"^status=\d+\.")
        assert f"status={status}." in screen, screen
        return screen

    def wait_for(self, text: str) -> str:
        return self.wait_for_match(re.escape(text))

    def wait_for_match(self, pattern: str, seconds: float = 100.0) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = self.screen()
            if re.search(pattern, screen, re.MULTILINE):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{pattern!r} never came:\n{self.screen()}")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def kill_foreground(self) -> None:
        """Send SIGKILL to the dashboard, as the kernel might."""
        shell = int(self._tmux("display-message", "-p", "-t", "t", "#{pane_pid}").stdout)
        for child in Path(f"/proc/{shell}/task/{shell}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**self._cli.environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment.pop("TMUX", None)
        command = ["tmux", "-L", self._server, "-u", *arguments]
        return subprocess.run(
            command, cwd=self._cli.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def terminal(cli: Cli) -> Iterator[Terminal]:
    session = Terminal(cli)
    yield session
    session.close()


@pytest.fixture
def engine_of(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Yield the process id of the engine on the run `tmp_path/run`; it ends with the test."""

    def find() -> int:
        pid = lock_holder(RunFolder.open(tmp_path / "run").lock_file).pid
        assert pid is not None
        return pid

    yield find
    holder = lock_holder(RunFolder.open(tmp_path / "run").lock_file)
    if holder.held and holder.pid is not None:
        os.kill(holder.pid, signal.SIGKILL)


def test_a_run_is_started_watched_left_and_come_back_to(
    terminal: Terminal, runnable: Callable[..., Path], tmp_path: Path, engine_of: Callable[[], int]
) -> None:
    run = str(tmp_path / "run")
    terminal.run("--preset", str(runnable("wait")), "--run-dir", run)
    terminal.wait_for("● live")
    terminal.wait_for("step 1/2")
    terminal.type("6")
    terminal.wait_for("waiting")
    terminal.type("q")
    screen = terminal.wait_for_exit(0)
    assert "keeps running; to return: cure-tui attach" in screen
    assert read_info(tmp_path / "run").state is RunCondition.LIVE
    terminal.run("attach", run)
    terminal.wait_for("● live")
    os.kill(engine_of(), signal.SIGTERM)
    terminal.wait_for("■ stopped")


def test_the_engine_outlives_a_killed_dashboard(
    terminal: Terminal, runnable: Callable[..., Path], tmp_path: Path, engine_of: Callable[[], int]
) -> None:
    terminal.run("--preset", str(runnable("wait")), "--run-dir", str(tmp_path / "run"))
    terminal.wait_for("● live")
    terminal.kill_foreground()
    terminal.wait_for_exit(137)
    assert read_info(tmp_path / "run").state is RunCondition.LIVE
    os.kill(engine_of(), 0)


def test_an_engine_killed_while_watched_is_told_apart_from_one_that_ended(
    terminal: Terminal, runnable: Callable[..., Path], tmp_path: Path, engine_of: Callable[[], int]
) -> None:
    terminal.run("--preset", str(runnable("wait")), "--run-dir", str(tmp_path / "run"))
    terminal.wait_for("● live")
    os.kill(engine_of(), signal.SIGKILL)
    terminal.wait_for("crashed")
    terminal.type("r")
    terminal.wait_for("Resume the training")
    terminal.type("y")  # the scripted engine finishes a run that it resumes
    terminal.wait_for("✔ finished")


def test_the_terminal_may_change_its_size_at_any_moment(
    terminal: Terminal, runnable: Callable[..., Path], tmp_path: Path
) -> None:
    terminal.type("export COLUMNS=100 LINES=30", "Enter")  # as some shells do by themselves
    terminal.run("--preset", str(runnable()), "--run-dir", str(tmp_path / "run"))
    terminal.wait_for("✔ finished")
    for columns, rows in ((20, 5), (200, 60), (80, 24)):
        terminal.resize(columns, rows)
        for key in "1234561":
            terminal.type(key)
    assert "Traceback" not in terminal.wait_for("✔ finished")
    terminal.type("q")
    assert "code accuracy" in terminal.wait_for_exit(0)


def test_a_mistake_is_one_line_and_leaves_the_terminal_clean(terminal: Terminal) -> None:
    terminal.run("attach", "no-such-run")
    screen = terminal.wait_for_exit(6)
    assert "error: there is no run 'no-such-run'" in screen
    assert "Traceback" not in screen


def solving(terminal: Terminal, cli: Cli, url: str) -> None:
    """Start a solve that waits for its tests, beneath lines of the user's own."""
    (cli.folder / "double.md").write_text(PROBLEM)
    who = f"openai:m@{url}"
    command = [sys.executable, "-m", "cure_tui", "solve", "double.md", "--coder", who, "--tester", who, "-n", "12"]
    terminal.type(f"clear; seq -f 'mine %g' 12; {shlex.join(command)}; echo status=$?.", "Enter")
    terminal.wait_for("12 programs")
    terminal.wait_for("■")


def assert_left(terminal: Terminal) -> None:
    """Assert that the user's lines, the program and the verdict are what is left, and nothing else."""
    text = terminal.history()
    text = text[text.index("mine 1\n") :]
    lines = text.splitlines()
    assert lines[:13] == [*(f"mine {number}" for number in range(1, 13)), "print(int(input()) * 2)"], text
    assert "■" not in text
    assert " programs  " not in text
    assert text.count("agrees with") == 1


def test_solve_in_a_terminal_that_wraps_lines_anew_leaves_nothing_of_its_picture(terminal: Terminal, cli: Cli) -> None:
    with held() as handle, serving(handle) as server:
        solving(terminal, cli, server.url)
        for columns, rows in ((60, 30), (40, 20), (90, 12), (45, 30), (120, 40), (80, 24)):
            terminal.resize(columns, rows)
            time.sleep(0.3)  # some frames at this size
        terminal.type("C-c")
        terminal.wait_for_exit(130)
    assert_left(terminal)


def test_solve_stopped_and_continued_draws_its_picture_anew(terminal: Terminal, cli: Cli) -> None:
    with held() as handle, serving(handle) as server:
        solving(terminal, cli, server.url)
        terminal.type("C-z")
        terminal.wait_for("Stopped")
        assert "■" not in terminal.screen()
        terminal.type("fg", "Enter")
        terminal.wait_for("■")
        terminal.type("C-c")
        terminal.wait_for("interrupted")
        terminal.type("stty | grep -c -- -echo", "Enter")
        terminal.wait_for_match(r"^0$")
    assert "■" not in terminal.history()
