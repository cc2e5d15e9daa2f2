"""Checks of GPU, driver and library versions against a configuration; each problem has its remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.config.schema import RunConfig
from engine.machine.probe import Machine

INSTALL_GPU_EXTRA = "pip install 'cure-tui[gpu]'"

SMALL_MODEL_B = 0.5
"""Billions of parameters up to which a run without a GPU ends in reasonable time."""

VLLM_FROM, VLLM_BEFORE = (0, 20), (0, 34)
"""Range of versions whose API the sampler supports."""

BITSANDBYTES_FROM = (0, 46, 1)
"""Oldest version that transformers accepts for 4-bit layers."""

PLUGIN = "vllm-bnb-plugin"
VLLM_NEEDS_PLUGIN = (0, 28)
"""First version of vLLM without its own bitsandbytes loader; earlier ones break if the plugin is installed."""

OLDEST_DRIVER = {12: 525, 13: 580}
"""CUDA major version -> the first driver branch that supports all of its minor versions."""


@dataclass(frozen=True)
class Missing:
    """Requirement of a run that this machine does not meet."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def needs_gpu(config: RunConfig, machine: Machine) -> bool:
    """Return whether the configuration needs a CUDA device, given the libraries of `machine`."""
    return (
        (config.rollout.sampler == "vllm" and not machine.vllm_on_cpu)
        or config.policy.precision == "nf4"
        or config.model.parameters_b > SMALL_MODEL_B
    )


def cuda_device(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check for a GPU whose driver supports the CUDA version that torch was built for."""
    if not needs_gpu(config, machine):
        return []
    if machine.driver.fault:
        return [
            Missing(
                f"the NVIDIA driver fails: {machine.driver.fault}",
                "restart the machine after a driver update; if `nvidia-smi` fails too, install the driver again",
            )
        ]
    if not machine.gpus:
        without_vllm = config.model_copy(
            update={"rollout": config.rollout.model_copy(update={"sampler": "transformers"})}
        )
        instead = "the preset 'nano'" if needs_gpu(without_vllm, machine) else 'rollout.sampler="transformers"'
        return [Missing("no CUDA GPU", f"use a machine with an NVIDIA GPU and its driver, or {instead}")]
    return _torch_and_driver(machine)


def libraries(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check that the needed libraries are installed, in versions that work together."""
    vllm = config.rollout.sampler == "vllm"
    nf4_sampler = vllm and config.vllm.precision == "nf4"
    wanted = ["torch", "transformers", "peft"]
    if vllm:
        wanted.append("vllm")
    if config.policy.precision == "nf4" or config.policy.optimiser != "adamw" or nf4_sampler:
        wanted.append("bitsandbytes")
    missing = [
        Missing(
            f"{name} is not installed",
            INSTALL_GPU_EXTRA if name in ("vllm", "bitsandbytes") else f"pip install {name}",
        )
        for name in wanted
        if machine.version_of(name) is None
    ]
    if vllm:
        missing += _vllm_versions(machine, nf4_sampler)
    bitsandbytes = machine.version_of("bitsandbytes")
    if "bitsandbytes" in wanted and bitsandbytes and _release(bitsandbytes) < BITSANDBYTES_FROM:
        missing.append(
            Missing(f"bitsandbytes {bitsandbytes} is older than {_dotted(BITSANDBYTES_FROM)}", INSTALL_GPU_EXTRA)
        )
    return missing


def _torch_and_driver(machine: Machine) -> list[Missing]:
    wanted, served = machine.torch_cuda, machine.driver.cuda
    if wanted == "":
        return [
            Missing(
                f"torch {machine.version_of('torch')} is a build without CUDA",
                "pip uninstall torch, then install torch's CUDA build of the same version",
            )
        ]
    if not wanted or not served or _release(served)[0] >= _release(wanted)[0]:
        return []
    major = _release(wanted)[0]
    branch = f" to {OLDEST_DRIVER[major]} or newer" if major in OLDEST_DRIVER else ""
    return [
        Missing(
            f"the NVIDIA driver {machine.driver.version} supports CUDA {served}, torch was built for CUDA {wanted}",
            f"update the driver{branch}, or install a build of torch for CUDA {_release(served)[0]}",
        )
    ]


def _vllm_versions(machine: Machine, nf4_sampler: bool) -> list[Missing]:
    vllm = machine.version_of("vllm")
    if vllm is None:
        return []
    missing = []
    release, torch, plugin = _release(vllm), machine.version_of("torch"), machine.version_of(PLUGIN)
    if not VLLM_FROM <= release < VLLM_BEFORE:
        last = (VLLM_BEFORE[0], VLLM_BEFORE[1] - 1)
        missing.append(
            Missing(
                f"vLLM {vllm} is not one of {_dotted(VLLM_FROM)} to {_dotted(last)}",
                INSTALL_GPU_EXTRA,
            )
        )
    if torch and machine.vllm_torch and _release(torch)[:2] != _release(machine.vllm_torch)[:2]:
        missing.append(
            Missing(
                f"vLLM {vllm} was built for torch {machine.vllm_torch}, torch {torch} is installed",
                INSTALL_GPU_EXTRA,
            )
        )
    if nf4_sampler and release >= VLLM_NEEDS_PLUGIN and plugin is None:
        missing.append(
            Missing(
                f"vLLM {vllm} reads NF4 weights only with {PLUGIN}",
                f'pip install {PLUGIN}, or set vllm.precision = "dtype"',
            )
        )
    if plugin is not None and release < VLLM_NEEDS_PLUGIN:
        missing.append(Missing(f"{PLUGIN} breaks vLLM {vllm}", f"pip uninstall {PLUGIN}, or {INSTALL_GPU_EXTRA}"))
    return missing


def _release(version: str) -> tuple[int, ...]:
    """Parse the release: "0.32.0+cpu" -> (0, 32, 0); (0,) for a text without a number."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else (0,)


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))
