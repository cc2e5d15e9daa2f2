"""Parts of the vLLM sampler that need no vLLM: supported versions, start, end with the trainer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from engine.errors import EnvironmentError_
from engine.presets import load_preset
from engine.sampling import Request, SamplingParams
from engine.sampling.endpoint import start_command
from engine.sampling.vllm import VllmSampler, VllmSettings
from engine.sampling.vllm.compat import installed_version, require_vllm
from engine.sampling.vllm.process import VllmGone, environment
from engine.sampling.vllm.under_way import UnderWay
from tests.engine.train.test_training_run import make_run, run_to_end

ROOT = Path(__file__).parents[4]
NUMBERS: dict[str, Any] = {
    "model": Path("m"), "dtype": "bf16", "stop_ids": (1,), "max_model_len": 900, "lora_rank": 32,
}  # fmt: skip


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    def version(name: str) -> str:
        found = versions.get(name.replace("-", "_"))
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize("version", ["0.32.0", "0.32.0+cpu", "0.32.3"])
def test_known_versions_are_taken(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    installed(monkeypatch, vllm=version)
    assert require_vllm("dtype") == version


@pytest.mark.parametrize(
    ("versions", "precision", "words"),
    [
        ({}, "dtype", r"vLLM is not installed \(pip install -e '.\[gpu\]' in /"),
        ({"vllm": "0.31.0"}, "dtype", "vLLM 0.31.0 is not 0.32, the supported version"),
        ({"vllm": "0.33.0"}, "dtype", "vLLM 0.33.0 is not 0.32, the supported version"),
        ({"vllm": "0.32.0"}, "nf4", "only with vllm-bnb-plugin"),
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
    assert errors == f"error: vLLM is not installed (pip install -e '.[gpu]' in {ROOT})\n"


def test_the_workers_environment_is_the_users_with_what_vllm_needs() -> None:
    inherited = {"PYTORCH_ALLOC_CONF": "max_split_size_mb:64", "HF_HOME": "/models", "PYTHONPATH": "/mine"}
    made = environment(inherited, VllmSettings(**NUMBERS, device="cpu", threads=1))
    assert (made["PYTORCH_ALLOC_CONF"], made["HF_HOME"]) == ("max_split_size_mb:64", "/models")
    assert made["PYTHONPATH"].endswith(os.pathsep + "/mine")
    assert made["OMP_NUM_THREADS"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in made
    assert "OMP_NUM_THREADS" not in environment(inherited, VllmSettings(**NUMBERS, device="cpu", threads=None))
    assert "OMP_NUM_THREADS" not in environment(inherited, VllmSettings(**NUMBERS, device="cuda", threads=1))


def test_sleep_and_graphs_are_asked_for_on_a_gpu_only() -> None:
    gpu = VllmSettings(**NUMBERS, device="cuda", max_batch=400, precision="nf4").engine_arguments()
    cpu = VllmSettings(**NUMBERS, device="cpu").engine_arguments()
    assert (gpu["enable_sleep_mode"], gpu["max_cudagraph_capture_size"], gpu["quantization"]) == (
        True,
        256,
        "bitsandbytes",
    )
    assert not cpu["enable_sleep_mode"]
    assert "max_cudagraph_capture_size" not in cpu
    assert gpu["logprobs_mode"] == cpu["logprobs_mode"] == "processed_logprobs"
    elsewhere = VllmSettings(**NUMBERS, device="cuda", shares_card=False).engine_arguments()
    assert not elsewhere["enable_sleep_mode"]


def test_logits_are_computed_in_fp32_like_the_trainers_and_the_cache_in_the_format_that_is_set() -> None:
    half = VllmSettings(**NUMBERS, kv_cache_dtype="fp8", precision="fp8").engine_arguments()
    assert half["hf_overrides"] == {"head_dtype": "float32"}
    assert (half["kv_cache_dtype"], half["quantization"]) == ("fp8", "fp8")
    whole = VllmSettings(**NUMBERS | {"dtype": "fp32"}).engine_arguments()
    assert "hf_overrides" not in whole
    assert whole["kv_cache_dtype"] == "auto"
    assert """--hf-overrides '{"head_dtype": "float32"}'""" in start_command(32)


class _Started:
    """Process that starts; `asked` are the orders that it was given."""

    pid = 1

    def __init__(self) -> None:
        self.asked: list[object] = []

    def ask(self, order: object) -> str:
        self.asked.append(order)
        return ""

    def close(self, *, at_once: bool = False) -> None:
        pass


@dataclass
class _Starts:
    """Starts of vLLM, each with the bytes of its KV cache: the first ones fail as scripted, the next succeeds."""

    faults: list[VllmGone]
    caches: list[int | None] = field(default_factory=list)

    def __call__(self, settings: VllmSettings, log: Path) -> _Started:
        self.caches.append(settings.kv_cache_bytes)
        if self.faults:
            raise self.faults.pop(0)
        return _Started()


OUT_OF_MEMORY = VllmGone("OutOfMemoryError: CUDA out of memory. Tried to allocate 1.2 GiB", "OutOfMemoryError")
IN_CPP = VllmGone("RuntimeError: CUDA Error: out of memory at cumem_allocator.cpp:62", "RuntimeError")
GIB = 1 << 30


def sampler_that_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starts: _Starts, canary: Any = None, **settings: Any
) -> tuple[VllmSampler, list[str]]:
    """Return a sampler whose vLLM starts as scripted, and its notices."""
    monkeypatch.setattr("engine.sampling.vllm.sampler.VllmProcess", starts)
    monkeypatch.setattr("engine.sampling.vllm.sampler.require_vllm", lambda precision: "0.32.0")
    notices: list[str] = []
    numbers = NUMBERS | {"device": "cuda", "kv_cache_bytes": 5 * GIB, "cache_is_planned": True} | settings
    source = None if canary is None else _NoAdapter()
    sampler = VllmSampler(
        VllmSettings(**numbers), source, None, scratch=tmp_path, log=tmp_path / "log", canary=canary,
        on_notice=notices.append,
    )  # fmt: skip
    return sampler, notices


class _NoAdapter:
    weights_version = 0

    def export_adapter(self, path: Path) -> None:
        path.mkdir(parents=True)


@pytest.mark.parametrize("fault", [OUT_OF_MEMORY, IN_CPP])
def test_a_vllm_without_room_starts_once_more_with_a_gib_less_and_says_so(
    fault: VllmGone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starts = _Starts([fault])
    sampler, notices = sampler_that_starts(monkeypatch, tmp_path, starts)
    sampler.sample([], SamplingParams())
    assert starts.caches == [5 * GIB, 4 * GIB]
    assert notices == [
        "vLLM ran out of GPU memory at its start; it starts again with a KV cache of 4.0 GiB, 1 GiB less"
    ]
    assert sampler.restarts == 0


@pytest.mark.parametrize(
    ("settings", "faults", "caches"),
    [
        ({}, [OUT_OF_MEMORY, OUT_OF_MEMORY], [5 * GIB, 4 * GIB]),
        ({"cache_is_planned": False}, [OUT_OF_MEMORY], [5 * GIB]),  # the user's own number is left alone
        ({"kv_cache_bytes": None}, [OUT_OF_MEMORY], [None]),
        ({"kv_cache_bytes": GIB + 1000}, [OUT_OF_MEMORY], [GIB + 1000]),
        ({}, [VllmGone("ValueError: unknown architecture", "ValueError")], [5 * GIB]),
    ],
)
def test_a_vllm_that_does_not_start_ends_the_run_in_one_line(
    settings: dict[str, Any], faults: list[VllmGone], caches: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starts = _Starts(list(faults))
    sampler, _ = sampler_that_starts(monkeypatch, tmp_path, starts, **settings)
    with pytest.raises(EnvironmentError_, match="vLLM does not start: ") as caught:
        sampler.sample([], SamplingParams())
    assert starts.caches == caches
    assert ("lower vllm.kv_cache_gb" in caught.value.remedy) == ("out of memory" in faults[-1].reason)


class _Canary:
    """Canary whose trainer runs out of memory in the first passes."""

    def __init__(self, failures: int) -> None:
        self.failures, self.checks = failures, 0

    def check_start(self, sampler: object, exports: object, adapter: Path) -> None:
        self.checks += 1
        if self.checks <= self.failures:
            raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_canary_without_room_gets_a_smaller_cache_once_and_then_a_message_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starts, canary = _Starts([]), _Canary(failures=1)
    sampler, notices = sampler_that_starts(monkeypatch, tmp_path, starts, canary)
    sampler.sample([], SamplingParams())
    assert (starts.caches, canary.checks) == ([5 * GIB, 4 * GIB], 2)
    assert notices[0].startswith("the trainer's check of vLLM's log-probs ran out of GPU memory; it starts again with")
    starts, canary = _Starts([]), _Canary(failures=2)
    sampler, _ = sampler_that_starts(monkeypatch, tmp_path, starts, canary)
    with pytest.raises(EnvironmentError_, match="check of vLLM's log-probs ran out of GPU memory") as caught:
        sampler.sample([], SamplingParams())
    assert caught.value.remedy.startswith("set vllm.kv_cache_gb = 3.0, or end other programs")


@pytest.mark.parametrize(("context", "planned"), [(None, 900), (4096, 900), (512, 512)])
def test_vllm_takes_a_runs_numbers_and_plans_for_the_longest_answer_within_the_models_context(
    context: int | None, planned: int
) -> None:
    config = load_preset("qwen2.5-7b", ["vllm.hang_seconds=77", "rollout.max_batch=99", "vllm.sleep_level=0"])
    settings = VllmSettings.of(
        config, Path("m"), context, longest=900, stop_ids={9, 2}, device="cuda", threads=3, kv_cache_bytes=5
    )
    assert (settings.max_model_len, settings.stop_ids, settings.kv_cache_bytes) == (planned, (2, 9), 5)
    assert (settings.dtype, settings.lora_rank) == (config.model.dtype, config.policy.lora_rank)
    assert (settings.hang_seconds, settings.max_batch, settings.sleep_level) == (77, 99, 0)
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
    process.communicate(timeout=120)  # ends when the worker, which inherited the pipe, closes it for the last time
    end = time.monotonic() + 100
    while not _has_ended(worker):
        assert time.monotonic() < end
        time.sleep(0.01)
