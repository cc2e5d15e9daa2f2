"""`cure-tui solve --test`: the user's own program against the examples and the tester's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cure_tui.drawing.spans import plain
from cure_tui.solving.own_program import failing_rows, read_program
from engine.errors import ConfigError, DataError
from tests.cure_tui.command_line import ROOT, Cli
from tests.engine.solve.strategies.scripted import unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, serving
from tests.left_on_screen import After, left_on_screen

PROBLEM = "# Double\n\nRead a number and print twice its value.\n\nInput: `4`\n\nOutput: `8`\n"
TESTS = [unit_test("3", "6"), unit_test("7", "14"), unit_test("5", "11"), "no test"]
RIGHT, WRONG = "print(int(input()) * 2)\n", "n = int(input())\nprint(n + 4)\n"


def handle(number: int, request: dict[str, Any]) -> Reply:
    assert "unit test" in request["messages"][0]["content"]  # no program is asked for
    return completion(TESTS[request["seed"] % len(TESTS)])


@pytest.fixture
def files(cli: Cli) -> Path:
    (cli.folder / "double.md").write_text(PROBLEM)
    (cli.folder / "right.py").write_text(RIGHT)
    (cli.folder / "wrong.py").write_text(WRONG)
    return cli.folder


def judged(cli: Cli, *arguments: str) -> subprocess.CompletedProcess[str]:
    with serving(handle) as server:
        return cli("solve", "double.md", "--tester", f"openai:m@{server.url}", "-m", "8", *arguments)


def test_a_right_program_is_supported_and_only_the_disputed_test_is_shown(cli: Cli, files: Path) -> None:
    done = judged(cli, "--test", "right.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("supported: passes 1 of 1 examples and 4 of 6 tests; ")
    assert done.stderr.count("\n") == 1
    assert (
        "of the tester fails: it prints something else\n  input\n    5\n    - expected  + got\n    - 11\n    + 10\n"
        in (done.stdout)
    )
    assert "example" not in done.stdout


def test_a_wrong_program_is_weak_and_every_failing_example_and_test_is_shown(cli: Cli, files: Path) -> None:
    (files / "double.md").write_text(PROBLEM + "\nInput: `6`\n\nOutput: `12`\n")
    done = judged(cli, "--test", "wrong.py")
    assert done.returncode == 3
    assert done.stdout.startswith(
        "example 2 fails: it prints something else\n  input\n    6\n    - expected  + got\n    - 12\n    + 10\n"
    )
    assert done.stderr.startswith("weak: passes 1 of 2 examples and 0 of 6 tests; ")


@pytest.mark.parametrize(
    ("source", "said"),
    [("raise ValueError('no')\n", "(ValueError: no)"), ("while True: pass\n", "it runs out of time"), ("1/0", "(Zero")],
)
def test_a_program_that_never_ends_well_has_status_4_and_its_error_is_shown(
    cli: Cli, files: Path, source: str, said: str
) -> None:
    (files / "broken.py").write_text(source)
    done = judged(cli, "--test", "broken.py", "--time-limit", "0.3")
    assert done.returncode == 4
    assert done.stderr.startswith("does not run: passes 0 of 1 examples")
    assert said in done.stdout.partition("\n")[0]
    assert "  expected\n    8\n" in done.stdout


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (None, 2, "cannot be read: No such file"),
        (b"", 2, "is empty"),
        (b" \n\n", 2, "is empty"),
        (b"\xff\xfea", 2, "is not UTF-8"),
        (b"#" * 1_000_001, 2, "has more than 1 MB"),
        (b"print(1\n", 4, "does not run: line 1: '(' was never closed"),
        (b"return 3\n", 4, "does not run: line 1"),
        (b"print\0(1)\n", 4, "does not run"),
        (b"x = " + b"(" * 5000 + b")" * 5000, 4, "does not run"),
    ],
    ids=["missing", "empty", "blank", "latin-1", "large", "open", "outside", "null", "deep"],
)
def test_a_file_that_holds_no_program_is_one_line(
    cli: Cli, files: Path, content: bytes | None, status: int, said: str
) -> None:
    if content is not None:
        (files / "p.py").write_bytes(content)
    done = cli("solve", "double.md", "--test", "p.py")
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["double.md"], ["--coder", "nano"], ["-o", "x.py"], ["--test", "."]],
    ids=["two problems", "coder", "output", "folder"],
)
def test_what_does_not_fit_a_test_is_refused(cli: Cli, files: Path, arguments: list[str]) -> None:
    done = cli("solve", "double.md", "--test", "right.py", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_json_has_the_evidence_of_a_solve_and_what_fails(cli: Cli, files: Path) -> None:
    done = judged(cli, "--test", "wrong.py", "--json")
    evidence = json.loads(done.stdout)
    assert evidence["problem"] == "double.md"
    assert evidence["strategy"] == "test"
    assert [candidate["source"] for candidate in evidence["candidates"]] == [WRONG]
    assert evidence["candidates"][0]["public"] == [True]
    failing = evidence["failing"]
    assert {test["name"].partition(" ")[0] for test in failing} == {"test"}
    assert all(test["status"] == "ok" and test["got"] != test["output"] for test in failing)
    assert done.returncode == 3


def test_without_tests_the_examples_decide(cli: Cli, files: Path) -> None:
    done = judged(cli, "--test", "right.py", "-m", "0")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("supported: passes 1 of 1 examples and 0 of 0 tests; 0 tokens")


def test_in_a_terminal_the_row_fills_and_the_failing_tests_stay(cli: Cli, files: Path) -> None:
    with serving(handle) as server:
        command = [sys.executable, "-m", "cure_tui", "solve", "double.md", "--test", "wrong.py"]
        command += ["--tester", f"openai:m@{server.url}", "-m", "4"]
        left = left_on_screen(command, environment=cli.environment, folder=cli.folder, size=(100, 40))
    assert left.status == 3
    assert "■" in left.raw.decode()
    assert left.below[0].startswith("test 1 of the tester fails: it prints something else")
    assert any(line.startswith("weak: passes 1 of 1 examples") for line in left.below)
    assert not [line for line in left.below if "■" in line]


def test_the_full_view_shows_the_row_and_the_failing_tests_are_printed_after_it(cli: Cli, files: Path) -> None:
    with serving(handle) as server:
        command = [sys.executable, "-m", "cure_tui", "solve", "double.md", "--test", "wrong.py", "--ui", "full"]
        command += ["--tester", f"openai:m@{server.url}", "-m", "4"]
        left = left_on_screen(
            command, environment=cli.environment, folder=cli.folder, size=(100, 30),
            script=[After("weak", keys="q", seconds=4)],
        )  # fmt: skip
    assert left.status == 3
    assert left.below[0].startswith("test 1 of the tester fails: it prints something else")


def test_a_difference_is_bounded_and_holds_no_control_characters() -> None:
    long = "".join(f"{number}\n" for number in range(500))
    failing = [
        {
            "name": f"test {number}",
            "input": long,
            "output": "a\x1b[2J" + "x" * 900,
            "status": "ok",
            "got": long,
            "error": "",
        }
        for number in range(20)
    ]
    text = plain(failing_rows(failing, "whitespace"))
    assert "\x1b" not in text
    assert text.count("\n") < 250
    assert max(map(len, text.split("\n"))) < 200
    assert "and 12 more, which --json lists" in text


def test_a_late_difference_is_among_the_lines_that_are_shown() -> None:
    lines = [str(number) for number in range(100)]
    output, got = "\n".join(lines), "\n".join([*lines[:90], "x", *lines[91:]])
    test = {"name": "test 1", "input": "", "output": output, "status": "ok", "got": got, "error": ""}
    text = plain(failing_rows([test], "whitespace"))
    assert "    ... (88 equal lines)\n      88\n      89\n    - 90\n    + x\n      91\n" in text


def test_a_difference_of_blanks_is_visible() -> None:
    test = {"name": "example 1", "input": "", "output": "a  b\n", "status": "ok", "got": "a b\n", "error": ""}
    assert "- 'a  b'\n    + 'a b'" in plain(failing_rows([test], "exact-lines"))


@pytest.mark.slow
def test_nano_tests_a_program_for_a_shipped_problem(cli: Cli) -> None:
    (cli.folder / "mine.py").write_text("print(sum(int(word) for word in input().split() if int(word) % 3 == 0))\n")
    path = ROOT / "assets/problems/multiples-of-three.md"
    done = cli("solve", str(path), "--test", "mine.py", "-m", "4", "--json", timeout=200)
    assert done.returncode in (0, 3, 4), done.stderr
    evidence = json.loads(done.stdout)
    assert len(evidence["candidates"]) == 1
    assert evidence["malformed_tests"] + len(evidence["tests"]) == 4


def test_a_name_of_fifty_thousand_parts_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import a" + ".a" * 400_000)
    with pytest.raises(DataError, match="Python cannot compile it"):
        read_program(tmp_path / "own.py")


@pytest.mark.timeout(180)
def test_a_fifo_is_no_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.py")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_program(tmp_path / "own.py")
