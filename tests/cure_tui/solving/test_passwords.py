"""Passwords in addresses of servers reach the server, and no output, event, file or command line of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cure_tui.command_line import Cli
from tests.cure_tui.solving.test_strategies import PROBLEM
from tests.engine.solve.strategies.family import RIGHT, Family
from tests.engine.solve.writers.fake_server import FakeServer, serving

pytestmark = pytest.mark.slow
SECRET = "sesame-4711"
ENCODED = "c2VzYW1lLTQ3MTE"  # without the user's name in front
LOGIN = f"user:{SECRET}@"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(Family("right").handle, models=["m"]) as running:
        yield running


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "double.md"
    path.write_text(PROBLEM)
    return str(path)


def who(server: FakeServer) -> list[str]:
    address = server.url.replace("://", f"://{LOGIN}")
    return ["--coder", f"openai:m@{address}", "--tester", f"openai:m@{address}", "-n", "2", "-m", "2"]


def kept_files(cli: Cli) -> dict[str, bytes]:
    """Return every file beneath the folders of settings, runs and work."""
    folders = [Path(cli.environment[name]) for name in ("CURE_TUI_HOME", "CURE_TUI_CONFIG")] + [cli.folder]
    return {
        str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def test_a_password_reaches_the_server_and_no_output_and_no_file(cli: Cli, server: FakeServer, problem: str) -> None:
    for options in (["--json"], ["-o", "solution.py"], ["--strategy", "sstar", "--json"]):
        done = cli("solve", problem, *who(server), *options)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
    assert server.keys
    assert all(key.startswith("Basic ") for key in server.keys)
    assert not [path for path, held in kept_files(cli).items() if SECRET.encode() in held or ENCODED.encode() in held]


def test_a_kept_solve_holds_the_password_in_its_memory_alone(cli: Cli, server: FakeServer, problem: str) -> None:
    try:
        for _ in range(2):
            done = cli("solve", problem, *who(server), "--keep", "60s")
            assert (done.returncode, done.stdout) == (0, f"{RIGHT}\n"), done.stderr
            assert SECRET not in done.stderr
        told = cli("doctor", "--json").stdout
        assert SECRET not in told
        for kept in json.loads(told)["solve"]["kept"]:
            assert SECRET not in " ".join(psutil.Process(kept["pid"]).cmdline())
            assert SECRET not in json.dumps(kept)
        found = [path for path, held in kept_files(cli).items() if SECRET.encode() in held]
        assert not found
    finally:
        ended = cli("solve", "--keep", "0")
    assert SECRET not in ended.stderr


def test_a_server_that_does_not_answer_is_named_without_the_password(cli: Cli, problem: str) -> None:
    address = f"openai:m@http://{LOGIN}127.0.0.1:9/v1"
    done = cli("solve", problem, "--coder", address, "--tester", address)
    assert done.returncode != 0
    assert "http://127.0.0.1:9/v1" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("option", "form"),
    [("--coder", "openai:http://{}host/v1"), ("--tester", "http://{}host/v1"), ("--judge", "{}host")],
)
def test_a_mistyped_address_is_refused_without_the_password(cli: Cli, problem: str, option: str, form: str) -> None:
    done = cli("solve", problem, "--strategy", "sstar", option, form.format(LOGIN))
    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
