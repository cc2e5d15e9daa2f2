"""`cure-tui solve` with servers and models that fail, through the whole command: one line, a status, no secret.

Other answers of servers: tests/engine/solve/writers/test_openai_chat.py.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from engine.problems import IOExample, Problem
from engine.solve.request import SolveRequest, Task
from tests.cure_tui.command_line import Cli
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import FakeServer, Reply, completion, error, serving

DOUBLE = program("print(int(input()) * 2)")
TEST = unit_test("3", "6")
PROBLEM = "# Double\n\nRead a number and print twice its value.\n\nInput: `4`\n\nOutput: `8`\n"
KEY = "sk-very-secret-0123456789"
AT_ONCE = ("retries = 0",)
LOGGING = """\
import logging, runpy
logging.basicConfig(level=logging.NOTSET)
runpy.run_module("engine.solve", run_name="__main__")
"""
Handle = Callable[[int, dict[str, Any]], Reply]


@pytest.fixture
def problem(cli: Cli) -> str:
    (cli.folder / "double.md").write_text(PROBLEM)
    return "double.md"


def is_tester(request: dict[str, Any]) -> bool:
    return "unit test" in request["messages"][0]["content"]


def answer(request: dict[str, Any]) -> Reply:
    return completion(TEST if is_tester(request) else DOUBLE)


def roles(url: str) -> list[str]:
    return ["--coder", f"openai:m@{url}", "--tester", f"openai:m@{url}", "-n", "4", "-m", "4"]


def asked(
    cli: Cli, problem: str, handle: Handle, *options: str, settings: Sequence[str] = AT_ONCE
) -> subprocess.CompletedProcess[str]:
    with serving(handle) as server:
        cli.configure_endpoint(server.url, *settings)
        return cli("solve", problem, *roles(server.url), *options)


@pytest.fixture
def never() -> Iterator[Handle]:
    """Return a server's handle that answers no request before the test is over."""
    over = threading.Event()

    def handle(number: int, request: dict[str, Any]) -> Reply:
        over.wait(100)
        return answer(request)

    yield handle
    over.set()


FAULTS: dict[str, tuple[Handle, int, str]] = {
    "404": (lambda number, request: Reply(b"404 page not found", 404), 2, "most end in /v1"),
    "429": (lambda number, request: error(429, "later", retry_after_ms="20"), 6, "is rate-limiting requests (429)"),
    "500": (lambda number, request: error(500, "boom", retry_after_ms="20"), 6, "has an internal error: boom"),
    "half of a JSON": (lambda number, request: Reply(b'{"choices": [{"mess'), 6, "OpenAI-compatible"),
    "cut": (lambda number, request: Reply(completion(DOUBLE).body, cut=40), 5, "does not answer"),
}


@pytest.mark.parametrize(("handle", "status", "what"), FAULTS.values(), ids=FAULTS)
def test_a_server_with_a_fault_is_told_in_one_line(
    cli: Cli, problem: str, handle: Handle, status: int, what: str
) -> None:
    done = asked(cli, problem, handle)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
    assert "(" in done.stderr  # the remedy


def test_a_server_that_is_too_slow_is_told_in_one_line(cli: Cli, problem: str, never: Handle) -> None:
    done = asked(cli, problem, never, settings=[*AT_ONCE, "timeout_seconds = 0.5"])
    assert (done.returncode, done.stdout) == (6, "")
    assert "took longer than 0.5 s (raise its timeout_seconds)" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_is_not_there_is_told_in_one_line(cli: Cli, problem: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        done = cli("solve", problem, *roles(url))
    assert (done.returncode, done.stdout) == (5, "")
    assert f"{url} does not answer" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_busy_server_is_asked_again_and_nobody_notices(cli: Cli, problem: str) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return error(429, "later", retry_after_ms="20") if number % 2 == 0 else answer(request)

    done = asked(cli, problem, handle, settings=["retries = 20"])
    assert (done.returncode, done.stdout) == (0, "print(int(input()) * 2)\n"), done.stderr


def test_a_tester_that_fails_leaves_the_programs_that_there_are(cli: Cli, problem: str) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return error(401, "withdrawn") if is_tester(request) else completion(DOUBLE)

    done = asked(cli, problem, handle)
    assert done.stdout == "print(int(input()) * 2)\n", done.stderr
    assert done.returncode == 3  # the example holds, but no test speaks for the program
    assert done.stderr.startswith("weak: passes 1 of 1 examples and 0 of 0 tests")
    assert "refuses the API key" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model_that_never_gives_code_finds_nothing(cli: Cli, problem: str) -> None:
    no_code = ("I would rather not.", None, "```python\n```", "```python\nprint((\n```")

    def handle(number: int, request: dict[str, Any]) -> Reply:
        return completion(TEST if is_tester(request) else no_code[request["seed"] % 4])

    done = asked(cli, problem, handle)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert done.stderr.startswith("no program runs: 4 answers")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("example", ["\nInput: `4`\n\nOutput: `8`\n", ""], ids=["example", "none"])
def test_tests_that_are_all_malformed_support_no_program(cli: Cli, example: str) -> None:
    (cli.folder / "p.md").write_text(f"# Double\n\nRead a number and print twice its value.\n{example}")
    done = asked(cli, "p.md", lambda number, request: completion("none" if is_tester(request) else DOUBLE), "--json")
    evidence = json.loads(done.stdout)
    assert done.returncode == 3
    assert "tester: 4 without a test input" in done.stderr
    assert (evidence["malformed_tests"], evidence["tests"]) == (4, [])
    assert evidence["program"] == "print(int(input()) * 2)"


@pytest.mark.parametrize("handle", [lambda number, request: error(400, f"I was given {KEY}"), None], ids=["400", "ok"])
def test_a_key_is_in_no_event_no_log_and_no_file(cli: Cli, handle: Handle | None) -> None:
    with serving(handle or (lambda number, request: answer(request))) as server:
        cli.configure_endpoint(server.url, f'api_key = "{KEY}"', "retries = 0")
        told, log = _told_by_the_engine(cli, server)
        assert set(server.keys) == {f"Bearer {KEY}"}
    assert {json.loads(line)["event"] for line in told.splitlines()} >= {"loading", "ready"}
    assert "Request" in log  # the client did log
    assert KEY not in told + log
    written = [path for path in cli.folder.parent.rglob("*") if path.is_file() and path.name != "endpoints.toml"]
    assert not any(KEY.encode() in path.read_bytes() for path in written)


def test_a_limit_of_dollars_without_a_price_is_refused_before_anything_is_asked(cli: Cli, problem: str) -> None:
    with serving(lambda number, request: answer(request)) as server:
        done = cli("solve", problem, *roles(server.url), "--budget", "$0.10")
    assert (done.returncode, done.stdout, server.requests) == (2, "", [])
    assert "--budget limits dollars, and m has no price (add [price." in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_limit_of_dollars_on_local_models_is_refused(cli: Cli, problem: str) -> None:
    done = cli("solve", problem, "--budget", "$0.10")
    assert (done.returncode, done.stdout) == (2, "")
    assert "local models cost none (limit seconds or tokens)" in done.stderr


def test_a_limit_of_tokens_on_a_server_without_usage_is_refused_with_the_remedy(cli: Cli, problem: str) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return completion(TEST if is_tester(request) else DOUBLE, usage=False)

    done = asked(cli, problem, handle, "--budget", "20k")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert (
        'reports no token usage, so that no limit of tokens or dollars can hold (write usage = "estimate"'
        in done.stderr
    )
    done = asked(cli, problem, handle)
    assert "(and those of 8 answers, which the server does not report)" in done.stderr
    done = asked(cli, problem, handle, "--budget", "20k", settings=[*AT_ONCE, 'usage = "estimate"'])
    assert done.returncode == 0, done.stderr


def test_a_limit_of_time_ends_the_whole_command_in_time_however_a_server_hangs(
    cli: Cli, problem: str, never: Handle
) -> None:
    started = time.monotonic()
    done = asked(cli, problem, never, "--budget", "0.5s", "--json", settings=[*AT_ONCE, "silence_seconds = 600"])
    assert time.monotonic() - started < 100
    assert json.loads(done.stdout)["spent"]["given_up"]["answers"] >= 4


def test_a_password_in_an_address_is_shown_nowhere(cli: Cli, problem: str) -> None:
    with serving(lambda number, request: error(400, "I was given hunter2")) as server:
        url = server.url.replace("//", "//me:hunter2@")
        cli.configure_endpoint(server.url, *AT_ONCE)
        done = cli("solve", problem, *roles(url))
        told, log = _told_by_the_engine(cli, FakeServer(url))
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr + told + log
    assert server.keys[0].startswith("Basic ")


def test_ctrl_c_before_there_is_anything_says_so(cli: Cli, problem: str, never: Handle) -> None:
    with serving(never) as server:
        running = subprocess.Popen(
            [sys.executable, "-m", "cure_tui", "solve", problem, *roles(server.url)],
            cwd=cli.folder, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not server.requests:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=120)
    assert (running.returncode, stdout) == (130, "")
    assert "interrupted" in stderr
    assert stderr.count("\n") == 1


def _told_by_the_engine(cli: Cli, server: FakeServer) -> tuple[str, str]:
    """Return every event of the engine's process and everything its libraries can be made to log there."""
    who = f"openai:m@{server.url}"
    task = Task(Problem("double", "Print twice a number.", (IOExample("4\n", "8\n"),), ()), "Print twice a number.")
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOGGING],
        cwd=cli.folder, env=cli.environment, capture_output=True, text=True, timeout=60,
        input=SolveRequest((task,), who, who, 2, 2, 0, "bon").to_json(),
    )  # fmt: skip
    return done.stdout, done.stderr
