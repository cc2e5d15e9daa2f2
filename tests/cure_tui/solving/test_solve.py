"""`cure-tui solve` as a user types it: against a local server with scripted answers, and with nano itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from tests.cure_tui.command_line import ROOT, Cli
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, error, serving
from tests.left_on_screen import left_on_screen

DOUBLE = program("print(int(input()) * 2)")
SQUARE = program("print(int(input()) ** 2)")
PROBLEM = "# Double\n\nRead a number and print twice its value.\n\nInput: `4`\n\nOutput: `8`\n"
Handle = Callable[[int, dict[str, Any]], Reply]


@pytest.fixture
def problem(cli: Cli) -> Path:
    path = cli.folder / "double.md"
    path.write_text(PROBLEM)
    return path


def is_tester(request: dict[str, Any]) -> bool:
    return "unit test" in request["messages"][0]["content"]


def server_of(programs: list[str], tests: list[str]) -> Handle:
    """Serve programs and tests in turn, by the seed of the request, so that every run is the same."""
    return lambda number, request: completion(
        (tests if is_tester(request) else programs)[request["seed"] % len(tests if is_tester(request) else programs)]
    )


GOOD = server_of([DOUBLE, SQUARE, DOUBLE], [unit_test("3", "6"), unit_test("7", "14"), "no test"])


def asked(cli: Cli, handle: Handle, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    with serving(handle) as server:
        who = f"openai:m@{server.url}"
        return cli("solve", *arguments, "--coder", who, "--tester", who, "-n", "6", "-m", "6", stdin=stdin)


def test_in_a_pipe_stdout_is_the_program_and_stderr_one_line(cli: Cli, problem: Path) -> None:
    done = asked(cli, GOOD, str(problem))
    assert (done.returncode, done.stdout) == (0, "print(int(input()) * 2)\n")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("supported: passes 1 of 1 examples and ")


def test_standard_input_is_a_problem_too(cli: Cli) -> None:
    done = asked(cli, GOOD, "-", stdin=PROBLEM)
    assert (done.returncode, done.stdout) == (0, "print(int(input()) * 2)\n")


def test_the_program_goes_into_a_file(cli: Cli, problem: Path) -> None:
    done = asked(cli, GOOD, str(problem), "-o", "solution.py")
    assert (done.returncode, done.stdout) == (0, "")
    assert (cli.folder / "solution.py").read_text() == "print(int(input()) * 2)\n"


def test_several_problems_go_into_a_folder_named_after_them(cli: Cli, problem: Path) -> None:
    (cli.folder / "again.md").write_text(PROBLEM)
    done = asked(cli, GOOD, str(problem), "again.md", "-o", "out")
    assert done.returncode == 0
    assert sorted(path.name for path in (cli.folder / "out").iterdir()) == ["again.py", "double.py"]
    assert done.stderr.count("supported") == 2


def test_json_is_the_whole_evidence(cli: Cli, problem: Path) -> None:
    done = asked(cli, GOOD, str(problem), "--json", "--strategy", "codet")
    evidence = json.loads(done.stdout)
    assert evidence["support"] == "supported"
    assert evidence["strategy"] == "codet"
    assert len(evidence["candidates"]) == 6
    assert {tuple(candidate["public"]) for candidate in evidence["candidates"]} == {(True,), (False,)}
    assert evidence["malformed_tests"] + len(evidence["tests"]) == 6
    assert evidence["spent"]["tokens"] == 240


def test_exit_status_3_is_found_but_weak_and_4_none_runs(cli: Cli, problem: Path) -> None:
    weak = asked(cli, server_of([SQUARE], [unit_test("3", "6")]), str(problem))
    assert (weak.returncode, weak.stdout) == (3, "print(int(input()) ** 2)\n")
    assert weak.stderr.startswith("weak: passes 0 of 1 examples and 0 of 6 tests")
    none = asked(cli, server_of(["I cannot."], [unit_test("3", "6")]), str(problem))
    assert (none.returncode, none.stdout) == (4, "")
    assert none.stderr.startswith("no program runs: 6 answers")


def test_check_shows_what_was_understood_and_asks_nobody(cli: Cli, problem: Path) -> None:
    done = cli("solve", "--check", str(problem))
    assert done.returncode == 0
    assert "programs may import: numpy " in done.stdout
    for words in ("time limit   1 s", "examples     1", "      4", "      8", "Read a number"):
        assert words in done.stdout


def test_one_problem_of_a_cure_file(cli: Cli) -> None:
    tasks = ROOT / "assets/nano/tasks/heldout.jsonl"
    assert "letters-" in cli("solve", "--check", str(tasks), "--index", "0").stdout
    many = cli("solve", "--check", str(tasks))
    assert many.returncode == 2
    assert "--index" in many.stderr


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "holds no problem"),
        (b"# Heading\n", "no statement"),
        (b"\x00\x01\x02", "is not a text file"),
        (b"\xff\xfe\x41", "not UTF-8"),
        (b"word " * 400_000, "2.0 MB"),
    ],
    ids=["empty", "heading only", "binary", "latin-1", "too long"],
)
def test_what_is_no_problem_is_refused_in_one_line(cli: Cli, content: bytes, what: str) -> None:
    (cli.folder / "p.md").write_bytes(content)
    done = cli("solve", "p.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["gone.md"], "does not exist"),
        (["double.md", "--strategy", "magic"], "no strategy 'magic'"),
        (["double.md", "--budget", "lots"], "--budget 'lots'"),
        (["double.md", "--coder", "run:nothing"], "no run"),
        (["double.md", "--coder", "nothing"], "no preset 'nothing'"),
        (["double.md", "--preset", "nano", "--adapter", "x"], "both roles"),
        (["double.md", "--index", "3"], "--index"),
        (["double.md", "-o", "nowhere/p.py"], "no folder"),
        (["double.md", "--coder", "openai:m@nowhere"], "not an address"),
        (["double.md", "--ui", "full"], "needs a terminal"),
        (["double.md", "--coder", "openai:m@"], "names no address"),
        (["double.md", "double.md", "-o", "/dev/null"], "several problems"),
        (["double.md", "./double.md", "-o", "programs"], "two programs would be programs/double.py"),
        (["double.md", "double.md", "--test", "mine.py"], "--test takes one problem"),
        (["double.md", "--test", "mine.py", "--coder", "nano"], "--test samples no program"),
        (["double.md", "--max-tokens", "4000"], "lower max_new_tokens or --max-tokens"),
    ],
)
def test_wrong_usage_is_one_line_with_a_remedy(cli: Cli, problem: Path, arguments: list[str], what: str) -> None:
    done = cli("solve", *arguments)
    assert done.returncode in (2, 6)
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
    assert "(" in done.stderr


@pytest.mark.parametrize(
    ("handle", "status", "what"),
    [
        (lambda number, request: error(401, "no"), 5, "refuses the API key"),
        (lambda number, request: Reply(b"<html>"), 6, "OpenAI-compatible"),
    ],
)
def test_a_server_with_a_fault_is_told_in_one_line(
    cli: Cli, problem: Path, handle: Handle, status: int, what: str
) -> None:
    done = asked(cli, handle, str(problem))
    assert (done.returncode, done.stdout) == (status, "")
    assert what in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_key_is_in_no_output(cli: Cli, problem: Path) -> None:
    with serving(lambda number, request: error(400, "I was given sk-very-secret")) as server:
        config = Path(cli.environment["CURE_TUI_CONFIG"])
        config.mkdir()
        (config / "endpoints.toml").write_text(f'[endpoint."{server.url}"]\napi_key = "sk-very-secret"\n')
        who = f"openai:m@{server.url}"
        done = cli("solve", str(problem), "--coder", who, "--tester", who)
        assert server.keys[0] == "Bearer sk-very-secret"
    assert "secret" not in done.stdout + done.stderr


def test_a_run_whose_trained_checkpoints_are_corrupt_answers_nothing(cli: Cli, problem: Path, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", dump_toml(load_preset("nano")))
    store = CheckpointStore(folder.checkpoints)
    for step in (0, 1):
        store.mark_best(store.save(step, lambda path: (path / "weights").touch()).step)
    (folder.checkpoints / "step-000001" / "weights").write_text("noise")
    done = cli("solve", str(problem), "--adapter", str(folder.path))
    assert (done.returncode, done.stdout) == (6, "")
    (line,) = done.stderr.splitlines()
    assert "no trained checkpoint of run" in line
    assert "step-000001 is corrupt (train it again: cure-tui --preset" in line


def test_ctrl_c_prints_the_best_so_far(cli: Cli, problem: Path) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        if is_tester(request):
            time.sleep(30)
        return completion(DOUBLE)

    with serving(handle) as server:
        who = f"openai:m@{server.url}"
        running = subprocess.Popen(
            [sys.executable, "-m", "cure_tui", "solve", str(problem), "--coder", who, "--tester", who, "-n", "2"],
            cwd=cli.folder, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while len(server.requests) < 4:
            time.sleep(0.05)
        time.sleep(1.0)  # the programs are being executed
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 130
    assert stdout == "print(int(input()) * 2)\n"
    assert "interrupted" in stderr


def test_in_a_terminal_the_matrix_fills_and_the_program_stays(cli: Cli, problem: Path) -> None:
    with serving(GOOD) as server:
        who = f"openai:m@{server.url}"
        command = [sys.executable, "-m", "cure_tui", "solve", str(problem), "--coder", who, "--tester", who]
        left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(100, 30))
    shown = left.raw.decode()
    assert left.status == 0
    assert "programs" in shown
    assert "■" in shown
    assert "■" not in left.text
    assert left.below[0] == "print(int(input()) * 2)"
    assert left.below[1].startswith("supported: passes 1 of 1 examples")
    assert "Traceback" not in shown


@pytest.mark.slow
def test_nano_solves_a_shipped_problem_without_network(cli: Cli) -> None:
    path = ROOT / "assets/problems/multiples-of-three.md"
    done = cli("solve", str(path), "--json", timeout=200)
    assert done.returncode in (0, 3), done.stderr
    evidence = json.loads(done.stdout)
    assert evidence["candidates"][evidence["chosen"]]["public"] == [True]
    again = cli("solve", str(path), "--json", timeout=200)
    sources = [candidate["source"] for candidate in evidence["candidates"]]
    assert set(filter(None, sources)) >= {json.loads(again.stdout)["program"]}
