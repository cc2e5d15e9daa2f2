"""Real `vllm serve`: EndpointSampler answers as the policy does, alone and in a run; problems are solved."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EnvironmentError_, RunError
from engine.machine.resources import source_path
from engine.runs.events import EventKind
from engine.runs.journal import read_journal
from engine.sampling.endpoint import EndpointSampler
from engine.train.samplers import Surroundings, choose_sampler
from tests.cure_tui.command_line import ROOT, Cli
from tests.engine.train.test_training_run import make_run, run_to_end
from tests.real_server import wait_for_server
from tests.vllm.nano_policy import PARAMS, NanoPolicy, assert_same_answers, load_nano

CLOSE = 1e-3
START_SECONDS = 200.0
NANO = str(source_path("asset:nano"))


@dataclass(frozen=True)
class Serving:
    url: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    log = tmp_path_factory.mktemp("serve") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What `vllm serve` runs. The command itself asks for its version under a name that the CPU wheel does not have.
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", NANO,
        "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--max-model-len", "512", "--enforce-eager",
        "--enable-lora", "--max-lora-rank", "32", "--logprobs-mode", "processed_logprobs",
    ]  # fmt: skip
    environment = os.environ | {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/health", process, log, START_SECONDS)
        yield Serving(f"http://127.0.0.1:{port}", process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def sampler_of(nano: NanoPolicy, folder: Path, notices: list[str]) -> EndpointSampler:
    surroundings = Surroundings(folder, folder / "engine.log", notices.append)
    sampler = choose_sampler(nano.config, nano.policy, nano.tokenizer, nano.prompts, surroundings)
    assert isinstance(sampler, EndpointSampler)
    return sampler


def load_nano_with(serving: Serving, *overrides: str) -> NanoPolicy:
    return load_nano('rollout.sampler="endpoint"', f'rollout.endpoints=["{serving.url}"]', *overrides)


def test_answers_are_the_policys_before_and_after_an_update(serving: Serving, tmp_path: Path) -> None:
    nano = load_nano_with(serving)
    sampler = sampler_of(nano, tmp_path, [])
    before = list(sampler.sample(nano.requests(), PARAMS))
    assert nano.gap(before) < CLOSE
    assert {completion.token_ids[-1] for completion in before if completion.finished} == {
        nano.policy.tokenizer.eos_token_id
    }
    assert_same_answers(before, list(sampler.sample(nano.requests(), PARAMS)))
    sampler.rest()
    nano.learn(before)
    assert nano.gap(before) > 10 * CLOSE
    assert nano.gap(list(sampler.sample(nano.requests(), PARAMS))) < CLOSE
    sampler.close()


def test_a_server_of_another_model_is_found_out(serving: Serving, tmp_path: Path) -> None:
    import torch

    nano = load_nano_with(serving)
    with torch.no_grad():
        nano.policy.model.base_model.model.model.norm.weight.mul_(1.2)
    sampler = sampler_of(nano, tmp_path, [])
    with pytest.raises(EnvironmentError_, match="do not hold the same model"):
        sampler.sample(nano.requests(), PARAMS)
    sampler.close()


def test_a_run_of_the_engine_samples_from_the_server(serving: Serving, tmp_path: Path) -> None:
    folder = make_run(
        tmp_path / "run",
        'rollout.sampler="endpoint"',
        f'rollout.endpoints=["{serving.url}"]',
        "run.steps=2",
        "evaluation.every_steps=0",
    )
    assert run_to_end(folder) == (0, "")
    metrics = [e.data["metrics"] for e in read_journal(folder.journal) if e.kind == EventKind.STEP_FINISHED]
    assert len(metrics) == 2
    for step in metrics:
        assert step["seconds_swap"] > 0.0
        assert abs(step["ratio_mean"] - 1.0) < 1e-3


def test_a_problem_is_solved_with_the_server(serving: Serving, tmp_path: Path) -> None:
    before = tokens_counted_by(serving)
    evidence = solve_with(serving, tmp_path, coder=NANO, tester=NANO)
    assert [len(evidence["candidates"]), len(evidence["tests"]) + evidence["malformed_tests"]] == [4, 4]
    assert any(candidate["source"] for candidate in evidence["candidates"])
    spent = evidence["spent"]
    after = tokens_counted_by(serving)
    assert (spent["prompt_tokens"], spent["tokens"]) == (after[0] - before[0], after[1] - before[1])


def test_an_adapter_solves_under_its_name(serving: Serving, tmp_path: Path) -> None:
    nano = load_nano_with(serving)
    nano.policy.export_adapter(tmp_path / "adapter")
    body = json.dumps({"lora_name": "trained", "lora_path": str(tmp_path / "adapter")}).encode()
    request = urllib.request.Request(
        f"{serving.url}/v1/load_lora_adapter", body, {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=60).close()
    evidence = solve_with(serving, tmp_path, coder="trained", tester=NANO)
    assert len(evidence["candidates"]) == 4


def test_a_server_that_is_killed_in_the_middle_ends_the_run_in_one_line(serving: Serving, tmp_path: Path) -> None:
    nano, notices = load_nano_with(serving), list[str]()
    sampler = sampler_of(nano, tmp_path, notices)
    answers = sampler.sample(nano.requests(groups=6, n=8), PARAMS)
    next(answers)
    os.killpg(serving.process.pid, signal.SIGKILL)
    with pytest.raises(RunError, match=r"no server of rollout\.endpoints is left.*resume the run"):
        list(answers)
    assert len(notices) == 1
    sampler.close()


def solve_with(serving: Serving, folder: Path, coder: str, tester: str) -> dict[str, Any]:
    """Return the result of `cure-tui solve --json`. The server's context is shorter than the default answer limit."""
    cli, url = Cli.below(folder), f"{serving.url}/v1"
    cli.configure_endpoint(url, 'prompts = "short"')
    done = cli(
        "solve", str(ROOT / "assets/problems/multiples-of-three.md"), "--json", "-n", "4", "-m", "4",
        "--coder", f"openai:{coder}@{url}", "--tester", f"openai:{tester}@{url}", "--strategy", "codet",
    )  # fmt: skip
    assert done.returncode in (0, 3, 4), done.stderr
    evidence: dict[str, Any] = json.loads(done.stdout)
    return evidence


def tokens_counted_by(serving: Serving) -> tuple[int, int]:
    """Return the prompt tokens and sampled tokens since the server's start."""
    with urllib.request.urlopen(f"{serving.url}/metrics", timeout=5) as response:
        lines = response.read().decode().splitlines()
    prompt, sampled = (
        sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(f"vllm:{kind}_tokens_total{{"))
        for kind in ("prompt", "generation")
    )
    return prompt, sampled
