"""Parts of the vLLM sampler that need no vLLM: supported versions, start, end with the trainer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from engine.errors import EnvironmentError_
from engine.presets import load_preset
from engine.sampling import Request, SamplingParams
from engine.sampling.vllm import VllmSettings
from engine.sampling.vllm.compat import installed_version, require_vllm
from engine.sampling.vllm.process import environment
from engine.sampling.vllm.under_way import UnderWay
from tests.engine.train.test_training_run import make_run, run_to_end


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    def version(name: str) -> str:
        found = versions.get(name.replace("-", "_"))
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize("version", ["0.20.2", "0.32.0+cpu", "0.33.1"])
def test_known_versions_are_taken(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    installed(monkeypatch, vllm=version)
    assert require_vllm("dtype") == version


@pytest.mark.parametrize(
    ("versions", "precision", "words"),
    [
        ({}, "dtype", r"vLLM is not installed \(pip install 'cure-tui\[gpu\]'\)"),
        ({"vllm": "0.19.1"}, "dtype", "vLLM 0.19.1 is not one of 0.20 to 0.33"),
        ({"vllm": "0.34.0"}, "dtype", "vLLM 0.34.0 is not one of 0.20 to 0.33"),
        ({"vllm": "0.28.0"}, "nf4", "only with vllm-bnb-plugin"),
        ({"vllm": "0.27.1", "vllm_bnb_plugin": "1.0"}, "nf4", "pip uninstall vllm-bnb-plugin"),
    ],
)
def test_what_is_missing_is_said_in_one_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], precision: str, words: str
) -> None:
    installed(monkeypatch, **versions)
    with pytest.raises(EnvironmentError_, match=words) as caught:
        require_vllm(precision)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.skipif(installed_version() is not None, reason="vLLM is installed")
def test_a_run_that_asks_for_a_vllm_that_is_not_there_ends_in_one_line(tmp_path: Path) -> None:
    status, errors = run_to_end(make_run(tmp_path / "run", 'rollout.sampler="vllm"'))
    assert status == 5
    assert errors == "error: vLLM is not installed (pip install 'cure-tui[gpu]')\n"


def test_the_workers_environment_keeps_what_the_user_set_but_for_what_sleep_mode_cannot_have() -> None:
    inherited = {
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "PYTORCH_ALLOC_CONF": "max_split_size_mb:64",
        "HF_HOME": "/models",
        "PYTHONPATH": "/mine",
    }
    made = environment(inherited, threads=1)
    assert "PYTORCH_CUDA_ALLOC_CONF" not in made
    assert (made["PYTORCH_ALLOC_CONF"], made["HF_HOME"]) == ("max_split_size_mb:64", "/models")
    assert made["PYTHONPATH"].endswith(os.pathsep + "/mine")
    assert made["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in environment(inherited, threads=None)


def test_sleep_and_graphs_are_asked_for_on_a_gpu_only() -> None:
    numbers = {"model": Path("m"), "dtype": "bf16", "stop_ids": (1,), "max_model_len": 900, "lora_rank": 32}
    gpu = VllmSettings(**numbers, device="cuda", max_batch=400, precision="nf4").engine_arguments()
    cpu = VllmSettings(**numbers, device="cpu").engine_arguments()
    assert (gpu["enable_sleep_mode"], gpu["max_cudagraph_capture_size"], gpu["quantization"]) == (
        True,
        256,
        "bitsandbytes",
    )
    assert not cpu["enable_sleep_mode"]
    assert "max_cudagraph_capture_size" not in cpu
    assert gpu["logprobs_mode"] == cpu["logprobs_mode"] == "processed_logprobs"


@pytest.mark.parametrize(("context", "planned"), [(None, 900), (4096, 900), (512, 512)])
def test_vllm_takes_a_runs_numbers_and_plans_for_the_longest_answer_within_the_models_context(
    context: int | None, planned: int
) -> None:
    config = load_preset("qwen2.5-7b", ["vllm.hang_seconds=77", "rollout.max_batch=99", "vllm.sleep_level=2"])
    settings = VllmSettings.of(
        config, Path("m"), context, longest=900, stop_ids={9, 2}, device="cuda", threads=3, kv_cache_bytes=5
    )
    assert (settings.max_model_len, settings.stop_ids, settings.kv_cache_bytes) == (planned, (2, 9), 5)
    assert (settings.dtype, settings.lora_rank) == (config.model.dtype, config.policy.lora_rank)
    assert (settings.hang_seconds, settings.max_batch, settings.sleep_level) == (77, 99, 2)
    assert (settings.precision, settings.restarts) == (config.vllm.precision, config.vllm.restarts)


def test_every_sample_has_a_number_and_a_seed_of_its_own_and_keeps_the_seed_when_asked_anew() -> None:
    requests = [Request("a", (1, 2), 3, seed=5), Request("b", (3,), 2, seed=6)]
    under_way = UnderWay(requests, SamplingParams(), (9,), after=10)
    order, again = under_way.order(), under_way.order()
    assert [job.number for job in order.jobs] == [11, 12, 13, 14, 15]
    assert [job.prompt for job in order.jobs] == [0, 0, 0, 1, 1]
    assert len({job.seed for job in order.jobs}) == 5
    assert order == again


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_worker_ends_with_a_trainer_that_is_killed(tmp_path: Path) -> None:
    trainer = (
        "import os, subprocess, sys, time; from multiprocessing import Pipe\n"
        "mine, theirs = Pipe()\n"
        "command = [sys.executable, '-m', 'engine.sampling.vllm.worker', str(theirs.fileno()), str(os.getpid())]\n"
        "worker = subprocess.Popen(command,\n"
        "                          pass_fds=[theirs.fileno(), mine.fileno()], start_new_session=True)\n"
        "print(worker.pid, flush=True); time.sleep(60)"
    )  # the worker holds the other end open too: only its parent tells it, not the socket
    process = subprocess.Popen([sys.executable, "-c", trainer], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)  # ends when the worker, which inherited the pipe, closes it for the last time
    end = time.monotonic() + 10
    while not _has_ended(worker):
        assert time.monotonic() < end
        time.sleep(0.01)
