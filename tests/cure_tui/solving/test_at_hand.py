"""Hint after a failure of nano that nobody chose: it names what is at hand, and what it names works when pasted."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cure_tui.solving import at_hand
from cure_tui.solving.at_hand import hint, models_at_hand
from engine.machine import local_servers
from engine.machine.cards import Gpu
from engine.machine.probe import Machine
from engine.solve.writers.spec import parse_spec
from tests.cure_tui.command_line import Cli
from tests.engine.machine.test_model_folders import put
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import FakeServer, Reply, completion, serving

PROBLEM = "# Quarter\n\nPrint a quarter of the smallest prime above the given number.\n\nInput: `7`\n\nOutput: `2.75`\n"
ANSWER = "n = int(input()) + 1\nwhile any(n % d == 0 for d in range(2, n)):\n    n += 1\nprint(n / 4)"
WITH_PORTS = """\
import sys
from engine.machine import local_servers
local_servers.USUAL_PORTS = [("Ollama", int(port)) for port in sys.argv.pop(1).split(",") if port]
local_servers.local_servers.__defaults__ = (None, 3.0)
from cure_tui.cli import main
main()
"""


def good(number: int, request: dict[str, Any]) -> Reply:
    is_tester = "unit test" in request["messages"][0]["content"]
    return completion(unit_test("7", "2.75") if is_tester else program(ANSWER))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(good, ["nomic-embed-text", "llama3.2:1b", "qwen3-coder:30b@q4"]) as running:
        yield running


def port_of(server: FakeServer) -> int:
    found = re.search(r":(\d+)/", server.url)
    assert found
    return int(found[1])


def solved(cli: Cli, ports: Sequence[int], *arguments: str) -> subprocess.CompletedProcess[str]:
    (cli.folder / "quarter.md").write_text(PROBLEM)
    command = [sys.executable, "-P", "-c", WITH_PORTS, ",".join(map(str, ports)), "solve", "quarter.md", *arguments]
    environment = {**cli.environment, "HF_HUB_CACHE": str(cli.folder / "hub")}
    return subprocess.run(command, cwd=cli.folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_the_option_in_the_hint_solves_what_nano_could_not(cli: Cli, server: FakeServer) -> None:
    done = solved(cli, [port_of(server)], "-n", "4", "-m", "4")
    assert done.returncode in (3, 4)
    *_, line = done.stderr.splitlines()
    found = re.fullmatch(r"nano solves only tasks like its own; at hand: (--coder .*) \(Ollama\); .*", line)
    assert found
    options = shlex.split(found[1])
    assert options[1] == options[3] == f"openai:qwen3-coder:30b@q4@http://127.0.0.1:{port_of(server)}/v1"
    again = solved(cli, [port_of(server)], "-n", "4", "-m", "4", *options)
    assert (again.returncode, again.stdout) == (0, ANSWER + "\n")
    assert again.stderr.count("\n") == 1


@pytest.mark.slow
def test_without_anything_at_hand_the_hint_says_how_to_get_it(cli: Cli) -> None:
    *_, line = solved(cli, [], "-n", "2", "-m", "2").stderr.splitlines()
    assert line.startswith("nano solves only tasks like its own, and no other model is at hand: start a server")


@pytest.mark.slow
def test_a_nano_that_was_asked_for_gets_no_hint(cli: Cli, server: FakeServer) -> None:
    done = solved(cli, [port_of(server)], "--preset", "nano", "-n", "2", "-m", "2")
    assert done.returncode in (3, 4)
    assert "at hand" not in done.stderr


def machine(**values: Any) -> Machine:
    given = {"memory_gb": 64.0, "free_memory_gb": 60.0, "gpus": (), "libraries": ()} | values
    return Machine(python="3.11", system="Linux", cores=8, disk_free_gb=100.0, **given)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(local_servers, "USUAL_PORTS", ())
    return tmp_path / "hub"


def test_cached_models_that_fit_the_memory_are_named_largest_first(cache: Path) -> None:
    for name, size in (("a/small", 10), ("a/mid", 1000), ("a/large", 2000), ("a/vast", 1 << 40)):
        weights = put(cache, name) / "model.safetensors"
        with weights.open("wb") as file:
            file.truncate(size)
    assert [each.options for each in models_at_hand(machine())] == ["--model a/large", "--model a/mid"]
    assert parse_spec("model:a/large").name == "a/large"


LIBRARIES = (
    ("torch", "2.13.0"), ("transformers", "5.19.0"), ("peft", "0.21.2"),
    ("bitsandbytes", "0.50.2"), ("vllm", "0.32.0"), ("vllm-bnb-plugin", "0.0.3"),
)  # fmt: skip
CARD = Gpu("NVIDIA L4", 22.5, 22.0)


def test_a_gpu_brings_the_presets_that_fit_it_a_cached_one_first(cache: Path) -> None:
    put(cache, "Qwen/Qwen3-4B", "chat_template.jinja")
    found = models_at_hand(machine(gpus=(CARD,), libraries=LIBRARIES, torch_cuda="13.0"))
    assert [str(each) for each in found] == [
        "--preset qwen3-4b (fits NVIDIA L4)",
        "--preset qwen2.5-7b (fits NVIDIA L4, downloads 15 GB)",
    ]


def test_a_gpu_without_the_libraries_brings_none(cache: Path) -> None:
    assert models_at_hand(machine(gpus=(CARD,), libraries=LIBRARIES[:2])) == []


def test_the_hint_is_one_line_whatever_is_at_hand(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache, "a/b")
    with serving(good, ["it's$(odd)"]) as server:
        monkeypatch.setattr(local_servers, "USUAL_PORTS", (("vLLM", port_of(server)),))
        monkeypatch.setattr(at_hand, "local_servers", lambda: local_servers.local_servers(None, 3.0))
        found = models_at_hand(machine())
    line = hint(found)
    assert "\n" not in line
    assert f"openai:it's$(odd)@{server.url}" in shlex.split(found[1].options)


def test_doctor_lists_what_is_at_hand(cli: Cli, server: FakeServer) -> None:
    command = [sys.executable, "-P", "-c", WITH_PORTS, str(port_of(server)), "doctor", "--json"]
    done = subprocess.run(command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=False)
    places = {each["place"]: each["options"] for each in json.loads(done.stdout)["solve"]["at_hand"]}
    assert places["Ollama"].startswith("--coder openai:qwen3-coder:30b@q4@http://127.0.0.1:")
