"""`cure-tui solve` with models whose answers are unusable: what became of them is counted and said, with a remedy."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.cure_tui.command_line import Cli
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, serving

DOUBLE = program("print(int(input()) * 2)")
TEST = unit_test("3", "6")
PROBLEM = "# Double\n\nRead a number and print twice its value.\n\nInput: `4`\n\nOutput: `8`\n"


def reply(text: str | None, finish: str = "stop", **message: Any) -> Reply:
    """Return a completion whose message has more fields than the content."""
    body = json.loads(completion(text, finish).body)
    body["choices"][0]["message"] |= message
    return Reply(json.dumps(body).encode())


def solved(cli: Cli, coder: Reply, tester: Reply, *options: str) -> subprocess.CompletedProcess[str]:
    (cli.folder / "double.md").write_text(PROBLEM)

    def handle(number: int, request: dict[str, Any]) -> Reply:
        return tester if "unit test" in request["messages"][0]["content"] else coder

    with serving(handle) as server:
        cli.configure_endpoint(server.url, "retries = 0")
        who = f"openai:m@{server.url}"
        return cli("solve", "double.md", "--coder", who, "--tester", who, "-n", "4", "-m", "4", *options)


THINKING = {"reasoning_content": f"I would write {DOUBLE}"}


@pytest.mark.parametrize(
    ("coder", "told", "remedy"),
    [
        (reply("", "length", **THINKING), "4 cut off at the token limit while thinking", "raise --max-tokens"),
        (reply(None, "length", reasoning="hm"), "4 cut off at the token limit while thinking", "raise --max-tokens"),
        (reply("<think>hm", "length"), "4 cut off at the token limit while thinking", "raise --max-tokens"),
        (reply("```python\nprint(", "length"), "4 cut off at the token limit", "raise --max-tokens"),
        (reply("", "length"), "4 cut off at the token limit", "raise --max-tokens"),
        (reply("", **THINKING), "4 with a thought and no answer", "turn the model's thinking off"),
        (reply(""), "4 empty", "check the model's chat template"),
        (reply(None), "4 without any text", "look at the server's log"),
        (reply(None, refusal="I cannot."), "4 refused by the model", "use another model (--coder)"),
        (reply(None, "content_filter"), "4 withheld by the server's filter", "reword the problem"),
        (reply("I do not know."), "4 without a block of Python", "use another model (--coder)"),
        (reply(program("print((")), "4 with a syntax error", "use another model (--coder)"),
    ],
)
def test_no_program_says_what_became_of_the_answers_and_what_to_do(
    cli: Cli, coder: Reply, told: str, remedy: str
) -> None:
    done = solved(cli, coder, reply(TEST))
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("no program runs: 4 answers; ")
    assert f"coder: {told}; " in done.stderr
    assert remedy in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("tester", "told"),
    [
        (reply("none"), "tester: 4 without a test input"),
        (reply("**Test Input:**\n```\n1\n```\n"), "tester: 4 without a test output"),
        (reply("", "length", **THINKING), "tester: 4 cut off at the token limit while thinking"),
        (reply(unit_test("3", "")), "tester: 4 with an empty test output"),
    ],
)
def test_a_program_without_understood_tests_is_weak_and_says_why(cli: Cli, tester: Reply, told: str) -> None:
    done = solved(cli, reply(DOUBLE), tester)
    assert done.returncode == 3
    assert done.stderr.startswith("weak: passes 1 of 1 examples and 0 of 0 tests")
    assert "support takes at least one test beside the examples" in done.stderr
    assert told in done.stderr


def test_answers_in_other_forms_are_understood_and_counted(cli: Cli) -> None:
    tester = reply("**Test Input**:\n```\n3\n```\n**Test Output**:\n```\n6\n```\n")
    done = solved(cli, reply("```\nprint(int(input()) * 2)\n```"), tester, "--json")
    evidence = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert evidence["answers"] == {"coder": {"recovered": 4}, "tester": {"recovered": 4}}
    assert "coder: 4 recovered from another form; tester: 4 recovered from another form" in done.stderr


def test_a_program_with_the_example_written_into_it_is_weak(cli: Cli) -> None:
    done = solved(cli, reply(program("print(8)")), reply("none"))
    assert done.returncode == 3
    assert "it does not read its input" in done.stderr


def test_outputs_are_compared_as_the_option_says(cli: Cli) -> None:
    halves = reply(program("print(int(input()) * 2.0)"))
    done = solved(cli, halves, reply(TEST))
    assert done.returncode == 3
    assert "it would pass with --comparison tokens" in done.stderr
    done = solved(cli, halves, reply(TEST), "--comparison", "numbers", "--json")
    assert (done.returncode, json.loads(done.stdout)["comparison"]) == (0, "numbers")
    done = solved(cli, halves, reply(TEST), "--comparison", "roughly")
    assert done.returncode == 2
    assert "exact-lines" in done.stderr
