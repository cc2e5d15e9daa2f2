"""Standard streams that are closed, full, without a reader or of another encoding: one line and its status."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from cure_tui.exit_codes import RunError
from tests.cure_tui.command_line import Cli
from tests.cure_tui.solving.test_solve import GOOD, PROBLEM, server_of
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import serving

PRINTING = ["--help", "presets show nano", "runs --json", "solve --check p.md", ""]
FAILING = ["attach nothing", "compare a b", "solve gone.md"]
ACCENTED = 'print(int(input()) * 2)  # "é", "中", "😀"'


def shell(cli: Cli, arguments: str, redirected: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in bash with `redirected` behind it: its streams, or a pipe. The status is the command's."""
    (cli.folder / "p.md").write_text(PROBLEM)
    command = f"{shlex.join([sys.executable, '-m', 'cure_tui'])} {arguments} {redirected}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=cli.folder, env=cli.environment | environment, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize("arguments", PRINTING)
@pytest.mark.parametrize("where", [">&-", "> /dev/full", "2>&1 >&-"])
def test_an_output_that_takes_nothing_is_an_error_of_one_line(cli: Cli, arguments: str, where: str) -> None:
    done = shell(cli, arguments, where)
    assert done.returncode == RunError.exit_status
    lines = (done.stderr or done.stdout).decode().splitlines()
    assert [line for line in lines if not line.startswith("# from ")] == lines[-1:]
    assert lines[-1].startswith("error: cannot write the output: ")


@pytest.mark.parametrize("arguments", PRINTING)
def test_an_output_whose_reader_has_gone_is_an_error_of_one_line(cli: Cli, arguments: str) -> None:
    done = shell(cli, arguments, "| true")
    lines = done.stderr.decode().splitlines()
    if done.returncode == 0:  # the reader ended after the command
        return
    assert done.returncode == RunError.exit_status
    assert lines[-1] == "error: cannot write the output: broken pipe (its reader has ended)"


@pytest.mark.parametrize("arguments", PRINTING)
def test_closed_streams_that_a_command_does_not_need_change_nothing(cli: Cli, arguments: str) -> None:
    done = shell(cli, arguments, "<&- 2>&-")
    assert done.returncode == 0
    assert done.stdout == shell(cli, arguments, "").stdout
    assert done.stderr == b""


@pytest.mark.parametrize("arguments", FAILING)
def test_an_error_keeps_its_status_and_its_line_whatever_is_closed(cli: Cli, arguments: str) -> None:
    usual = shell(cli, arguments, "")
    assert usual.returncode != 0
    assert usual.stderr.count(b"\n") == 1
    for closed in ("<&-", ">&-", "<&- >&-", "> /dev/full"):
        done = shell(cli, arguments, closed)
        assert (done.returncode, done.stderr) == (usual.returncode, usual.stderr), closed
    for closed in ("2>&-", "2> /dev/full"):
        assert shell(cli, arguments, closed).returncode == usual.returncode, closed


def test_a_problem_from_a_closed_standard_input_is_an_error_of_one_line(cli: Cli) -> None:
    done = shell(cli, "solve -", "<&-")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert "standard input" in line or line.startswith("error: -")


def test_solving_with_streams_that_fail_is_an_error_of_one_line_beside_the_verdict(cli: Cli) -> None:
    with serving(GOOD) as server:
        asked = f"solve p.md -n 3 -m 3 --coder openai:m@{server.url} --tester openai:m@{server.url}"
        for where in (">&-", "> /dev/full"):
            done = shell(cli, asked, where)
            assert done.returncode == RunError.exit_status
            assert done.stderr.count(b"error: cannot write the output: ") == done.stderr.count(b"\n") == 1
        done = shell(cli, f"{asked} -o out.py", "<&- >&-")
        assert done.returncode == 0
        assert (cli.folder / "out.py").read_text() == "print(int(input()) * 2)\n"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "gbk"])
def test_a_program_elsewhere_is_utf_8_whatever_the_encoding_of_stdout(cli: Cli, encoding: str) -> None:
    with serving(server_of([program(ACCENTED)], [unit_test("3", "6")])) as server:
        asked = f"solve p.md -n 3 -m 3 --coder openai:m@{server.url} --tester openai:m@{server.url}"
        done = shell(cli, asked, "", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert done.stdout.decode() == ACCENTED + "\n"


@pytest.mark.parametrize("arguments", ["presets", "solve --check p.md", "runs", "--help"])
def test_an_encoding_that_lacks_characters_escapes_them(cli: Cli, arguments: str) -> None:
    done = shell(cli, arguments, "", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
