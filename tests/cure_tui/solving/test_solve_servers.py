"""`cure-tui solve` with a real server, `transformers serve`, and the embedded model in it.

For `vllm serve` see tests/vllm/test_vllm_serve.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.machine.resources import source_path
from tests.cure_tui.command_line import ROOT, Cli
from tests.real_server import wait_for_server

pytestmark = pytest.mark.slow
PROBLEM = str(ROOT / "assets/problems/multiples-of-three.md")
NANO = str(source_path("asset:nano"))
START_SECONDS = 100.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server and return its base URL. It has no network and ends with the tests, however they end."""
    log = tmp_path_factory.mktemp("serve") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "transformers.cli.transformers", "serve", NANO,
        "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
    ]  # fmt: skip
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/health", process, log, START_SECONDS)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def short_prompts(cli: Cli, server: str) -> None:
    """Use nano's own prompts: it knows no others."""
    cli.configure_endpoint(server, 'prompts = "short"')


@pytest.mark.usefixtures("short_prompts")
def test_programs_from_a_server_are_judged_by_the_local_tester(cli: Cli, server: str) -> None:
    who = ["--coder", f"openai:{NANO}@{server}", "--tester", "nano"]
    done = cli("solve", PROBLEM, *who, "-n", "4", "-m", "4", "--temperature", "1.5", "--strategy", "codet", "--json")
    assert done.returncode in (0, 3), done.stderr
    evidence = json.loads(done.stdout)
    programs = [candidate["source"] for candidate in evidence["candidates"] if candidate["source"]]
    assert len(evidence["candidates"]) == 4
    assert evidence["malformed_tests"] + len(evidence["tests"]) == 4
    assert len(set(programs)) > 1  # the server samples
    assert evidence["program"] in programs
    assert evidence["spent"]["answers"] == 8
    assert 8 * 10 < evidence["spent"]["tokens"] < 8 * 512  # it counts what it writes


def test_a_model_that_the_server_does_not_hold_is_told_in_one_line(cli: Cli, server: str) -> None:
    who = f"openai:gpt-oss:20b@{server}"
    done = cli("solve", PROBLEM, "--coder", who, "--tester", who)
    assert (done.returncode, done.stdout) == (2, "")
    assert "requested 'gpt-oss:20b'" in done.stderr
    assert done.stderr.count("\n") == 1
