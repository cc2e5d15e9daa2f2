"""Second training on a machine: a question in a terminal, a warning in a script; both name the live run."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cure_tui.launch.question import live_warning, origin_warning, resume_question, start_question
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from tests.cure_tui.command_line import SCRIPTED, Cli
from tests.cure_tui.recorded import record_run

Runnable = Callable[..., Path]
LIVE = "nano-20261125-1200-abc"
WARNING = f"warning: A run is live on this machine: {LIVE} (live, step 2/9)"
QUESTION = "start another training anyway? [y/N]"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "runs"


@pytest.fixture
def live(home: Path) -> Iterator[RunFolder]:
    """Return a live run whose engine is this process."""
    folder = RunFolder.create(home / LIVE, dump_toml(load_preset("nano")))
    record_run(folder, 2, planned=9, finish=False)
    with folder.lock():
        yield folder


def in_terminal(cli: Cli, command: str, *, answers: str = "", seconds: float = 120.0) -> str:
    """Return the output of a shell in its own terminal; the answers are typed once the question is shown."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(cli.folder)
        os.execvpe("bash", ["bash", "--norc", "-c", command], {**cli.environment, "TERM": "xterm"})
    shown, end = "", time.monotonic() + seconds
    with contextlib.suppress(OSError):  # Linux says EIO at the end
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            chunk = os.read(terminal, 65536)
            if not chunk:
                break
            shown += chunk.decode(errors="replace")
            if answers and QUESTION in shown:
                os.write(terminal, answers.encode())
                answers = ""
    os.close(terminal)
    os.waitpid(pid, 0)
    return shown


def headless(*arguments: str) -> str:
    """Return the command line with the scripted engine, for a shell."""
    return shlex.join([sys.executable, "-P", "-c", SCRIPTED, *arguments])


def test_a_script_is_warned_in_one_line_and_not_asked(cli: Cli, runnable: Runnable, live: RunFolder) -> None:
    done = cli.scripted("--preset", str(runnable()), "--no-ui")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if LIVE in line] == [
        f"{WARNING}. Two trainings share GPU, memory and cores."
    ]
    assert "y/N" not in done.stderr
    assert LIVE not in done.stdout


def test_without_a_live_run_nothing_is_said(cli: Cli, runnable: Runnable, live: RunFolder) -> None:
    with JournalWriter(live.journal) as journal:
        journal.run_stopped(2, "asked to")
    live.lock_file.unlink()
    assert "warning" not in cli.scripted("--preset", str(runnable()), "--no-ui").stderr


@pytest.mark.parametrize(("typed", "starts"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False)])
def test_a_user_is_asked_and_only_a_yes_starts(
    cli: Cli, runnable: Runnable, live: RunFolder, typed: str, starts: bool
) -> None:
    command = f"{headless('--preset', str(runnable()), '--no-ui')} > table; echo status=$?."
    shown = in_terminal(cli, command, answers=typed)
    assert WARNING in shown
    assert QUESTION in shown
    assert f"status={0 if starts else 3}." in shown
    assert ("nothing was started" in shown) is not starts
    assert len(list(live.path.parent.iterdir())) == (2 if starts else 1)
    table = (cli.folder / "table").read_text()
    assert ("code accuracy" in table) is starts


def test_the_end_of_input_is_a_no(cli: Cli, runnable: Runnable, live: RunFolder) -> None:
    shown = in_terminal(cli, f"{headless('--preset', str(runnable()), '--no-ui')}; echo status=$?.", answers="\x04")
    assert "status=3." in shown


@pytest.mark.parametrize("how", ["{} < /dev/null", "{} 2> log; cat log", "set -m; {} & wait"])
def test_what_nobody_can_answer_is_not_asked_in_a_terminal_either(
    cli: Cli, runnable: Runnable, live: RunFolder, how: str
) -> None:
    """The kernel stops a background job that reads from its terminal."""
    shown = in_terminal(cli, how.format(headless("--preset", str(runnable()), "--no-ui")))
    assert WARNING in shown
    assert QUESTION not in shown
    assert "step 2/2" in shown


def test_the_dashboard_is_not_opened_after_a_no(cli: Cli, runnable: Runnable, live: RunFolder) -> None:
    shown = in_terminal(cli, f"{headless('--preset', str(runnable()))}; echo status=$?.", answers="n\n")
    assert "status=3." in shown
    assert "\x1b[?1049h" not in shown  # the alternate screen


def test_a_run_that_is_resumed_beside_another_is_asked_about_too(
    cli: Cli, runnable: Runnable, home: Path, tmp_path: Path, live: RunFolder
) -> None:
    run = str(tmp_path / "run")
    cli.scripted("--preset", str(runnable("stop")), "--no-ui", "--run-dir", run)
    shown = in_terminal(cli, f"{headless('resume', run, '--no-ui')}; echo status=$?.", answers="n\n")
    assert WARNING in shown
    assert "status=3." in shown
    assert WARNING in cli.scripted("resume", run, "--no-ui").stderr
    finished = cli.scripted("resume", run, "--no-ui")  # it only reports
    assert "warning" not in finished.stderr


def test_a_paused_run_counts_as_it_holds_its_memory(live: RunFolder) -> None:
    with JournalWriter(live.journal) as journal:
        journal.paused(2)
    assert f"{LIVE} (paused, step 2/9)" in live_warning()


def test_a_run_on_another_host_shares_nothing(home: Path) -> None:
    folder = RunFolder.create(home / LIVE, dump_toml(load_preset("nano")))
    record_run(folder, 2, finish=False)
    folder.lock_file.write_text("4711\nanother-host\n")
    folder.heartbeat.touch()
    assert live_warning() == ""


def test_of_many_live_runs_three_are_named_and_a_name_commands_no_terminal(home: Path) -> None:
    with contextlib.ExitStack() as locks:
        for number in range(5):
            folder = RunFolder.create(home / f"run-{number}\x1b[2J", dump_toml(load_preset("nano")))
            record_run(folder, 1, finish=False)
            locks.enter_context(folder.lock())
        warning = live_warning()
    assert warning.startswith("5 runs are live on this machine: run-")
    assert ", 2 more. " in warning
    assert warning.isprintable()


def test_enter_alone_neither_resumes_nor_starts_from_a_run_of_others(home: Path) -> None:
    config = load_preset("nano")
    folder = RunFolder.create(home / "theirs", dump_toml(config))
    assert not resume_question(config, folder).beside
    (folder.path / "imported").touch()
    for question in (resume_question(config, folder), start_question(config, (), origin_warning([folder.path]))):
        assert question.beside
        assert "was imported and has not been opened yet: its settings and files are somebody else's" in question.text
