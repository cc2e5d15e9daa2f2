"""Supported versions of vLLM, those that the `gpu` extra allows, and what of vLLM's inside this package relies on.

Called of its public face: EngineArgs, LLMEngine.from_engine_args, tokens_input, add_request, step, abort_request,
add_lora with load_inplace, sleep(level), release_kv_cache_memory, wake_up(tags), reset_prefix_cache,
collective_rpc("reload_weights"), SamplingParams with flat_logprobs. A new path of an adapter is a new key of the prefix
cache, and wake_up() may resume although parts still sleep: all parts are woken before anything is sampled.

tests/vllm/test_contract.py finds all of these names in the sources of the GPU wheel too, which no CPU test runs.
"""

from __future__ import annotations

from typing import Any

from engine.errors import EnvironmentError_
from engine.machine.extras import install_extra
from engine.machine.libraries import PLUGIN, VLLM_VERSIONS, nf4_needs_plugin, vllm_is_supported
from engine.machine.probe import library_version

MAX_TEMPERATURE = 2.0
"""Highest temperature that vLLM accepts."""

MODEL_RUNNER_VARIABLE = "VLLM_USE_V2_MODEL_RUNNER"
"""Variable that vLLM reads: 1 for its model runner V2, 0 for V1; unset, it takes V2 where Triton is."""


def require_vllm(precision: str) -> str:
    """Return the installed version. Raises EnvironmentError_: none, an unsupported one, or NF4 cannot be read."""
    version = installed_version()
    if version is None:
        raise EnvironmentError_("vLLM is not installed", install_extra("gpu"))
    if not vllm_is_supported(version):
        raise EnvironmentError_(f"vLLM {version} is not {VLLM_VERSIONS}, the supported version", install_extra("gpu"))
    if precision == "nf4" and library_version(PLUGIN) is None:
        missing = nf4_needs_plugin(version)
        raise EnvironmentError_(missing.what, missing.remedy)
    return version


def installed_version() -> str | None:
    return library_version("vllm")


def has_work(engine: Any) -> bool:
    """Return whether vLLM's engine still has requests to run or to flush from its workers, or batches in its queue.

    The engine runs in this process (VLLM_ENABLE_V1_MULTIPROCESSING=0), so its core is within reach.
    """
    core = engine.engine_core.engine_core
    return bool(core.scheduler.has_requests() or core.batch_queue)
