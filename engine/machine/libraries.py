"""Checks of GPU, driver and library versions against a configuration; each problem has its remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.config.schema import RunConfig
from engine.machine.cards import Gpu
from engine.machine.extras import install_extra
from engine.machine.probe import Machine

SMALL_MODEL_B = 0.5
"""Billions of parameters up to which a run without a GPU ends in reasonable time."""

VLLM_FROM, VLLM_BEFORE = (0, 32), (0, 33)
"""Range of versions that the sampler supports: the one that the `gpu` extra allows."""
VLLM_VERSIONS = "0.32"
"""The same in words."""

BITSANDBYTES_FROM = (0, 46, 1)
"""Oldest version that transformers accepts for 4-bit layers."""

PLUGIN = "vllm-bnb-plugin"
"""Loader of bitsandbytes' weights, which vLLM has left to a package of its own."""

FP8_FROM = (8, 9)
"""First compute capability with fp8 arithmetic: Ada (RTX 40 and later, L4, L40) and Hopper."""

TINKER_KEY = "TINKER_API_KEY"
TINKER_KEY_REMEDY = f"export {TINKER_KEY}=tml-... (SkyRL asks for none: any text that begins with tml- will do)"

_EXTRAS = {"vllm": "gpu", "bitsandbytes": "gpu", "tinker": "tinker"}
"""Library -> the extra that installs it, of those that are in one."""

OLDEST_DRIVER = {12: 525, 13: 580}
"""CUDA major version -> the first driver branch that supports all of its minor versions."""
CUDA_OF_THE_EXTRA = 13
"""CUDA major version of the torch that the `gpu` extra installs."""


@dataclass(frozen=True)
class Missing:
    """Requirement of a run that this machine does not meet."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def trains_elsewhere(config: RunConfig) -> bool:
    """Return whether a server trains and samples: this machine then loads no weights."""
    return config.policy.engine != "local"


def needs_gpu(config: RunConfig, machine: Machine) -> bool:
    """Return whether the configuration needs a CUDA device, given the libraries of `machine`."""
    return not trains_elsewhere(config) and (
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
    own = not trains_elsewhere(config)
    if not own:
        wanted.append("tinker")
    if (own and config.policy.precision == "nf4") or config.policy.optimiser != "adamw" or nf4_sampler:
        wanted.append("bitsandbytes")
    missing = [
        Missing(
            f"{name} is not installed",
            install_extra(_EXTRAS[name]) if name in _EXTRAS else f"pip install {name}",
        )
        for name in wanted
        if machine.version_of(name) is None
    ]
    if vllm:
        missing += _vllm_versions(machine, nf4_sampler)
    bitsandbytes = machine.version_of("bitsandbytes")
    if "bitsandbytes" in wanted and bitsandbytes and _release(bitsandbytes) < BITSANDBYTES_FROM:
        missing.append(
            Missing(f"bitsandbytes {bitsandbytes} is older than {_dotted(BITSANDBYTES_FROM)}", install_extra("gpu"))
        )
    return missing


def oldest_driver(machine: Machine) -> int:
    """Return the driver branch that this machine's torch needs, or the `gpu` extra's where torch has no CUDA."""
    major = _release(machine.torch_cuda)[0] if machine.torch_cuda else CUDA_OF_THE_EXTRA
    return OLDEST_DRIVER.get(major, OLDEST_DRIVER[CUDA_OF_THE_EXTRA])


def vllm_is_supported(version: str) -> bool:
    return VLLM_FROM <= _release(version) < VLLM_BEFORE


def nf4_needs_plugin(version: str) -> Missing:
    return Missing(
        f"vLLM {version} reads NF4 weights only with {PLUGIN}", f'pip install {PLUGIN}, or set vllm.precision = "dtype"'
    )


def sampling_card(config: RunConfig, machine: Machine) -> Gpu | None:
    """Return the card that vLLM samples on; None without one, or where `vllm.device` names none."""
    device = config.vllm.device
    if device == "same":
        return machine.card
    return machine.gpus[int(device)] if int(device) < len(machine.gpus) else None


def samples_elsewhere(config: RunConfig, machine: Machine) -> bool:
    """Return whether vLLM has a card of its own, beside the trainer's."""
    return config.rollout.sampler == "vllm" and sampling_card(config, machine) not in (None, machine.card)


def second_card(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check that `vllm.device` names a card, and that vLLM's card computes in fp8 where it is asked to."""
    if config.rollout.sampler != "vllm" or not machine.gpus:
        return []
    card = sampling_card(config, machine)
    if card is None:
        last = len(machine.gpus) - 1
        here = "this machine shows one card, number 0" if not last else f"this machine shows cards 0 to {last}"
        return [
            Missing(
                f'vllm.device = "{config.vllm.device}", but {here}',
                'set vllm.device = "same", or see `cure-tui doctor`',
            )
        ]
    fp8 = [name for name in ("precision", "kv_cache_dtype") if getattr(config.vllm, name) == "fp8"]
    if not fp8 or card.capability is None or card.capability >= FP8_FROM:
        return []
    settings, has = " and ".join(f"vllm.{name}" for name in fp8), _dotted(card.capability)
    plain = ", ".join(f'vllm.{name} = "{"dtype" if name == "precision" else "auto"}"' for name in fp8)
    return [
        Missing(
            f"{settings} = fp8 needs compute capability {_dotted(FP8_FROM)}, {card.name} has {has}",
            f"set {plain}",
        )
    ]


def kernel_compiler(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check for what Triton compiles its launchers with, at run time: a C compiler and Python's headers."""
    if not machine.gpus or config.rollout.sampler != "vllm" or machine.vllm_on_cpu:
        return []
    missing = []
    if machine.compiler == "":
        missing.append(Missing("no C compiler, with which Triton builds kernels", "install gcc, or name one in CC"))
    if machine.python_headers is False:
        version = ".".join(machine.python.split(".")[:2])
        missing.append(
            Missing(
                "Python.h is missing, with which Triton builds kernels",
                f"install python{version}-dev (Debian, Ubuntu) or python{version}-devel (Fedora)",
            )
        )
    return missing


def _torch_and_driver(machine: Machine) -> list[Missing]:
    wanted, served = machine.torch_cuda, machine.driver.cuda
    found = []
    if wanted == "":
        found.append(
            Missing(
                f"torch {machine.version_of('torch')} is a build without CUDA",
                "pip uninstall torch, then install torch's CUDA build of the same version",
            )
        )
    oldest = oldest_driver(machine)
    if served:  # what counts: libraries of forward compatibility serve a newer CUDA on an older driver
        too_old = _release(served)[0] < (_release(wanted)[0] if wanted else CUDA_OF_THE_EXTRA)
    else:
        too_old = 0 < _release(machine.driver.version)[0] < oldest
    if not too_old:
        return found
    says = f" supports CUDA {served}" if served else ""
    needs = f"was built for CUDA {wanted}" if wanted else f"of the gpu extra needs CUDA {CUDA_OF_THE_EXTRA}"
    other = f", or install a build of torch for CUDA {_release(served)[0]}" if served and wanted else ""
    return [
        *found,
        Missing(
            f"the NVIDIA driver {machine.driver.version}{says}, torch {needs}",
            f"update the driver to {oldest} or newer{other}",
        ),
    ]


def _vllm_versions(machine: Machine, nf4_sampler: bool) -> list[Missing]:
    vllm = machine.version_of("vllm")
    if vllm is None:
        return []
    missing = []
    torch = machine.version_of("torch")
    if not vllm_is_supported(vllm):
        missing.append(Missing(f"vLLM {vllm} is not {VLLM_VERSIONS}, the supported version", install_extra("gpu")))
    if torch and machine.vllm_torch and _release(torch)[:2] != _release(machine.vllm_torch)[:2]:
        missing.append(
            Missing(
                f"vLLM {vllm} was built for torch {machine.vllm_torch}, torch {torch} is installed",
                install_extra("gpu"),
            )
        )
    if nf4_sampler and machine.version_of(PLUGIN) is None:
        missing.append(nf4_needs_plugin(vllm))
    return missing


def _release(version: str) -> tuple[int, ...]:
    """Parse the release: "0.32.0+cpu" -> (0, 32, 0); (0,) for a text without a number."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else (0,)


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))
