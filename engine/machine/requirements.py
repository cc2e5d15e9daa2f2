"""Requirements of a configuration that a machine does not meet, found in seconds, before a weight is loaded.

The memory needed comes from the plan (engine.machine.memory_plan) if the model's shape is known. Otherwise it comes
from the number of parameters, as a lower bound: it refuses what cannot work, but does not show that the rest will.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from engine.config.schema import RunConfig
from engine.errors import CureError
from engine.machine.cards import Gpu
from engine.machine.kv_cache import needed_on_own_card
from engine.machine.libraries import (
    TINKER_KEY,
    TINKER_KEY_REMEDY,
    Missing,
    cuda_device,
    kernel_compiler,
    libraries,
    needs_gpu,
    samples_elsewhere,
    sampling_card,
    second_card,
    trains_elsewhere,
)
from engine.machine.memory_plan import (
    MemoryPlan,
    changes_that_fit,
    plan_memory,
    plan_memory_on_cpu,
    shape_of,
    without_sampler,
)
from engine.machine.model_folders import (
    cache_fault,
    cached_snapshot,
    folder_fault,
    gguf_file,
    gguf_refusal,
    is_folder_source,
)
from engine.machine.probe import Machine
from engine.machine.resources import DATA_SCHEME, source_path
from engine.machine.run_plan.disk import disk_of
from engine.machine.run_plan.room import Room
from engine.machine.run_plan.work import Lengths, work_of
from engine.machine.toml_text import toml_value

BYTES_PER_PARAMETER = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "nf4": 0.55}
"""nf4: 4 bits, plus 0.5 to 1 bit for doubly quantised scales and layers that stay in 16 bits."""

WORKING_GB = 2.0
"""Least GiB for activations, KV cache and libraries of a model of a billion parameters or more."""


def missing_for(config: RunConfig, machine: Machine) -> tuple[Missing, ...]:
    """Return everything that keeps `config` from running on `machine`; empty if it can run."""
    return tuple(missing for check in CHECKS for missing in check(config, machine))


def missing_for_solving(config: RunConfig, machine: Machine) -> tuple[Missing, ...]:
    """Return what keeps the model of `config` from solving problems on `machine`: it needs no tasks, nor vLLM."""
    if machine.version_of("vllm") is None and config.rollout.sampler == "vllm":
        rollout = config.rollout.model_copy(update={"sampler": "transformers"})
        vllm = config.vllm.model_copy(update={"precision": "dtype"})
        config = config.model_copy(update={"rollout": rollout, "vllm": vllm})
    policy = config.policy.model_copy(update={"engine": "local"})  # answers are written here, whoever has trained
    config = config.model_copy(update={"policy": policy})
    apart = (_task_files, _disk)
    return tuple(missing for check in CHECKS if check not in apart for missing in check(config, machine))


def least_memory_gb(config: RunConfig) -> float:
    """Return the least memory, in GiB, for a model of unknown shape; 0 if its size is unknown too.

    Trainer and sampler take turns, so the larger of the two weight formats counts, not their sum.
    """
    parameters = config.model.parameters_b * 1e9
    if parameters == 0:
        return 0.0
    # An NF4 trainer shares its weights' format with the sampler; otherwise the sampler computes in `model.dtype`.
    sampled_in = "nf4" if config.policy.precision == "nf4" else config.model.dtype
    weights = parameters * max(BYTES_PER_PARAMETER[each] for each in (config.policy.precision, sampled_in)) / 2**30
    return weights + (WORKING_GB if config.model.parameters_b >= 1 else 0.5)


def _memory(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check the memory of the GPU, if the run needs one and there is one, otherwise that of the machine.

    A missing GPU is another check's finding: the machine's memory is checked here all the same. A run that a server
    trains needs neither.
    """
    if trains_elsewhere(config):
        return []
    room = Room.of(machine)
    if not needs_gpu(config, machine):
        return _memory_on_cpu(config, room)
    gpu = room.gpu
    if gpu is None:
        return _least_memory(config, machine.memory_gb, "memory")
    elsewhere: list[Missing] = []
    if samples_elsewhere(config, machine):
        elsewhere = _second_cards_memory(config, machine)
        config = without_sampler(config)  # nothing but the update is on this card
    plan = plan_memory(config, gpu.memory_gb, free_gib=gpu.free_gb, pinned_threshold_mb=room.pinned_threshold_mb)
    if plan is None:
        return _least_memory(config, gpu.memory_gb, "GPU memory")
    return elsewhere + _gpu_memory(config, plan, gpu) + _host_memory(config, plan, machine)


def _second_cards_memory(config: RunConfig, machine: Machine) -> list[Missing]:
    card, needed = sampling_card(config, machine), needed_on_own_card(config)
    if card is None or needed is None:
        return []
    gib = (needed[0] + needed[1].least_bytes) / 2**30
    if gib <= card.free_gb:
        return []
    what = (
        f"vLLM needs {gib:.1f} GiB on a card of its own, {card.free_gb:.1f} of {card.memory_gb:.1f} GiB of {card.name}"
    )
    return [Missing(f"{what} are free", 'set vllm.device = "same", or name a larger card')]


def _memory_on_cpu(config: RunConfig, room: Room) -> list[Missing]:
    plan = plan_memory_on_cpu(config, room.memory_gib, room.free_memory_gib) if config.run.steps else None
    if plan is None or plan.needed_gib <= room.memory_gib:
        return _least_memory(config, room.memory_gib, "memory")
    return [
        Missing(
            f"memory: {plan.needed_gib:.1f} GiB needed, {room.memory_gib:.1f} GiB here",
            "take a smaller preset, or lower rollout.max_batch, rollout.max_new_tokens_coder and _tester, and "
            "policy.micro_batch_tokens",
        )
    ]


def _least_memory(config: RunConfig, here_gb: float, kind: str) -> list[Missing]:
    needed = least_memory_gb(config)
    if needed <= here_gb:
        return []
    remedy = (
        "take a smaller preset"
        if config.policy.precision == "nf4"
        else "take a smaller preset, or set " + _says([("policy.precision", "nf4")])
    )
    return [Missing(f"{kind}: at least {needed:.0f} GiB needed, {here_gb:.0f} GiB here", remedy)]


def _gpu_memory(config: RunConfig, plan: MemoryPlan, gpu: Gpu) -> list[Missing]:
    cache = plan.kv_cache
    if config.rollout.sampler == "vllm" and cache is not None and cache.tokens < cache.longest_sequence:
        least = cache.longest_sequence * cache.bytes_per_token / 2**30
        return [
            Missing(
                f"a KV cache of {config.vllm.kv_cache_gb:g} GiB holds {cache.tokens:,} tokens, "
                f"the longest prompt and answer take {cache.longest_sequence:,}",
                f"set vllm.kv_cache_gb = 0.0 for what the memory plan leaves, or to {least:.1f} or more",
            )
        ]
    if plan.needed_gib <= gpu.memory_gb and not plan.fits:
        return _taken(plan, gpu)
    if not plan.fits:
        return [
            Missing(
                f"GPU memory: {plan.needed_gib:.1f} GiB needed, {gpu.memory_gb:.1f} GiB on {gpu.name}",
                _what_would_fit(config, gpu.memory_gb),
            )
        ]
    return []


def _taken(plan: MemoryPlan, gpu: Gpu) -> list[Missing]:
    taken = gpu.memory_gb - gpu.free_gb
    return [
        Missing(
            f"GPU memory: {plan.needed_gib:.1f} GiB needed, {gpu.free_gb:.1f} GiB of {gpu.name} are free",
            f"end the processes that hold the other {taken:.1f} GiB; `nvidia-smi` lists them",
        )
    ]


def _host_memory(config: RunConfig, plan: MemoryPlan, machine: Machine) -> list[Missing]:
    if plan.host_gib <= machine.free_memory_gb:
        return []
    pinned = next((part.gib for part in plan.host if "pinned" in part.name), 0.0)
    parts = f", {pinned:.1f} of them for vLLM's weights while it sleeps" if pinned else ""
    return [
        Missing(
            f"memory: {plan.host_gib:.1f} GiB needed{parts}, {machine.free_memory_gb:.1f} GiB free",
            _what_spares_the_host(config, plan, machine.free_memory_gb),
        )
    ]


def _disk(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check the disk of the run's folder for checkpoints, archive and adapters."""
    shape = shape_of(config.model.source)
    if shape is None:
        return []
    disk = disk_of(config, shape, work_of(config, Lengths.of(config)))
    if disk.gib <= machine.disk_free_gb:
        return []
    return [
        Missing(
            f"disk: {disk.gib:.1f} GiB needed at most, {machine.disk_free_gb:.1f} GiB free",
            "free some, lower run.keep_checkpoints or run.archive_mb, or put the run elsewhere with --run-dir",
        )
    ]


def _what_spares_the_host(config: RunConfig, plan: MemoryPlan, free_gb: float) -> str:
    """Name the sleep level that keeps no copy of the weights: 2, or with NF4, which is not read again, 0 if it fits."""
    level = 0 if config.vllm.precision == "nf4" else 2
    vllm = config.vllm.model_copy(update={"sleep_level": level})
    changed = plan_memory(config.model_copy(update={"vllm": vllm}), plan.gpu_gib, free_gib=plan.free_gib)
    if changed is None or not changed.fits or changed.host_gib > free_gb:
        return "end programs that use memory, or take a machine with more of it"
    return "set " + _says([("vllm.sleep_level", level)])


def _what_would_fit(config: RunConfig, gpu_gb: float) -> str:
    changes = changes_that_fit(config, gpu_gb)
    if changes is None:
        return "take a smaller preset: no setting makes this model fit"
    return "set " + _says(changes)


def _says(changes: Sequence[tuple[str, object]]) -> str:
    return ", ".join(f"{setting} = {toml_value(value)}" for setting, value in changes)


def _model_files(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check the model's files: a folder must be complete; a hub model may be fetched later, unless forbidden."""
    source = config.model.source
    if trains_elsewhere(config):
        return []  # its configuration and tokenizer are read, and fetched, when the run starts
    if is_folder_source(source):
        return _model_in_folder(source)
    snapshot = cached_snapshot(source)
    if not _hub_is_forbidden() or (snapshot is not None and not folder_fault(snapshot)):
        return []
    fault = cache_fault(source)
    here = f"the cache of model {source} {fault}" if fault else f"model {source} is not on this machine"
    return [
        Missing(f"{here} and HF_HUB_OFFLINE forbids fetching it", f"unset HF_HUB_OFFLINE and `hf download {source}`")
    ]


def _model_in_folder(source: str) -> list[Missing]:
    remedy = "set model.source to a folder written by save_pretrained of model and tokenizer"
    try:
        folder = source_path(source)
    except CureError as error:
        return [Missing(error.message, error.remedy)]
    if file := gguf_file(folder):
        return [Missing(*gguf_refusal(file))]
    if not folder.is_dir():
        return [Missing(f"no model folder {folder}", remedy)]
    fault = folder_fault(folder)
    return [Missing(f"model folder {folder} {fault}", remedy)] if fault else []


def _hub_is_forbidden() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("", "0", "false", "no", "off")


def _task_files(config: RunConfig, machine: Machine) -> list[Missing]:
    absent: dict[str, Path] = {}
    for split in ("train", "validation", "heldout"):
        try:
            path = source_path(getattr(config.data, split))
        except CureError as error:
            return [Missing(f"{split} tasks: {error.message}", error.remedy)]
        if not path.exists():
            absent[split] = path
        elif not path.is_dir() and not (path.is_file() and os.access(path, os.R_OK) and path.stat().st_size):
            return [Missing(f"{split} tasks: {path} is not a readable file with tasks", f"set data.{split} to yours")]
    if not absent:
        return []
    places = ", ".join(f"{split} tasks at {path}" for split, path in absent.items())
    settings = ", ".join(f"data.{split}" for split in absent)
    named = [getattr(config.data, split) for split in absent]
    sets = dict.fromkeys(
        source.removeprefix(DATA_SCHEME).partition("/")[0] for source in named if source.startswith(DATA_SCHEME)
    )
    fetch = " and ".join(f"`cure-tui data fetch {name}`" for name in sets)
    yours = f"put CURE .json or .jsonl files there, or set {settings} to yours"
    return [Missing(f"no {places}", f"run {fetch}, or {yours}" if fetch else yours)]


def _program_libraries(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check that what programs may import is installed beside the engine."""
    missing = []
    for name in config.sandbox.libraries:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            remedy = f"pip install {name}, or take it out of sandbox.libraries"
            missing.append(Missing(f"{name}, which programs may import, is not installed", remedy))
    return missing


def _server_key(config: RunConfig, machine: Machine) -> list[Missing]:
    """Check for a key where a server trains: its client does not connect without one."""
    if not trains_elsewhere(config) or os.environ.get(TINKER_KEY, "").strip():
        return []
    return [Missing(f"no {TINKER_KEY} is set", TINKER_KEY_REMEDY)]


CHECKS: tuple[Callable[[RunConfig, Machine], list[Missing]], ...] = (
    cuda_device,
    second_card,
    kernel_compiler,
    libraries,
    _server_key,
    _program_libraries,
    _memory,
    _disk,
    _model_files,
    _task_files,
)
