"""Crash of a full-screen app: one line, status 1, a traceback in the file that the line names, a restored terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.command_line import Cli
from tests.cure_tui.recorded import record_run
from tests.cure_tui.solving.test_solve import GOOD, PROBLEM
from tests.engine.solve.writers.fake_server import serving
from tests.left_on_screen import left_on_screen

_RAISES = """\
def crash(*anything):
    raise ValueError("a fault\\nof two lines")
"""
_IN_A_SCREEN = "from cure_tui.dashboard.home.screen import HomeScreen\nHomeScreen.compose = crash\n"
_IN_A_THREAD = "import engine.machine.probe\nengine.machine.probe.probe_machine = crash\n"
_IN_A_WATCHER = "from cure_tui.runs.watcher import RunWatcher\nRunWatcher._run = crash\n"
_IN_SOLVE = "from cure_tui.solving.full import SolveApp\nSolveApp.compose = crash\n"
_MAIN = "from cure_tui.__main__ import main\nmain()\n"
_PAGE = "import runpy\nrunpy.run_module('cure_tui.web.dashboard', run_name='__main__')\n"


def check_line(cli: Cli, line: str) -> None:
    """Assert that the line names the exception, and a file in the user's data folder with its traceback."""
    found = re.fullmatch(
        r"error: cure-tui crashed: ValueError: a fault of two lines \(a bug: report it with (.+)\)", line
    )
    assert found, line
    file = Path(found[1])
    assert file.parent == Path(cli.environment["CURE_TUI_HOME"])
    traceback = file.read_text()
    assert traceback.startswith("Traceback")
    assert ", in crash\n" in traceback


@pytest.mark.parametrize("where", [_IN_A_SCREEN, _IN_A_THREAD], ids=["screen", "thread"])
def test_a_crash_of_the_dashboard_is_one_line_with_status_1(cli: Cli, where: str) -> None:
    command = [sys.executable, "-P", "-c", _RAISES + where + _MAIN]
    left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(240, 24))
    assert (left.lost, left.untidy, left.status) == ((), (), 1), left.text
    (line,) = left.below
    check_line(cli, line)


def test_the_traceback_in_the_file_has_no_control_characters(cli: Cli) -> None:
    raises = "def crash(*anything):\n    raise ValueError('a \\x1b]0;x\\x07\\x9b31mfault')\n"
    command = [sys.executable, "-P", "-c", raises + _IN_A_SCREEN + _MAIN]
    left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(240, 24))
    assert left.status == 1
    (file,) = Path(cli.environment["CURE_TUI_HOME"]).glob("crash-*.log")
    assert "a ·]0;x··31mfault" in file.read_text()


def test_a_crash_in_a_thread_that_reads_a_run_is_one_line_too(cli: Cli) -> None:
    home = Path(cli.environment["CURE_TUI_HOME"])
    record_run(RunFolder.create(home / "runs" / "mine", dump_toml(load_preset("nano"))), 2)
    command = [sys.executable, "-P", "-c", _RAISES + _IN_A_WATCHER + _MAIN, "attach", "mine"]
    left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(240, 24))
    assert (left.lost, left.untidy, left.status) == ((), (), 1), left.text
    (line,) = left.below
    check_line(cli, line)


def test_a_crash_of_the_full_view_of_solve_is_one_line_with_status_1(cli: Cli) -> None:
    (cli.folder / "double.md").write_text(PROBLEM)
    with serving(GOOD) as server:
        who = f"openai:m@{server.url}"
        arguments = ["solve", "double.md", "--coder", who, "--tester", who, "--ui", "full"]
        command = [sys.executable, "-P", "-c", _RAISES + _IN_SOLVE + _MAIN, *arguments]
        left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(240, 24))
    assert (left.lost, left.untidy, left.status) == ((), (), 1), left.text
    (line,) = left.below
    check_line(cli, line)


def test_a_crash_of_a_page_is_one_line_with_status_1(cli: Cli) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _RAISES + _IN_A_SCREEN + _PAGE], cwd=cli.folder, env=cli.environment,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.wait(60) == 1
        assert process.stderr is not None
        (line,) = process.stderr.read().splitlines()
    check_line(cli, line)


def test_a_traceback_that_the_data_folder_cannot_hold_is_in_a_temporary_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    environment = cli.environment | {"CURE_TUI_HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-P", "-c", _RAISES + _IN_A_SCREEN + _MAIN]
    left = left_on_screen(command, environment=environment, folder=cli.folder, size=(240, 24))
    (file,) = (tmp_path / "temporary").glob("crash-*.log")
    assert str(file) in left.text
    assert file.read_text().startswith("Traceback")
