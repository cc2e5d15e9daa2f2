"""Models at hand on this machine besides nano, each with the options that use it: for a hint, and for `doctor`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import ConfigError
from engine.machine.libraries import trains_elsewhere
from engine.machine.local_servers import local_servers
from engine.machine.model_folders import cached_chat_models, download_gb
from engine.machine.probe import Machine, probe_machine
from engine.machine.requirements import BYTES_PER_PARAMETER, WORKING_GB, missing_for_solving
from engine.presets import list_presets, load_preset
from engine.solve.named_model import has_nf4
from engine.solve.writers.spec import parse_spec

_MOST_OF_A_KIND = 2


@dataclass(frozen=True, slots=True)
class AtHand:
    """Options of `cure-tui solve` to paste, and the place of the model in words."""

    options: str
    place: str

    def __str__(self) -> str:
        return f"{self.options} ({self.place})"


def models_at_hand(machine: Machine | None = None) -> list[AtHand]:
    """Return what can solve problems here and now: cached models, presets for the GPU, servers of this machine."""
    machine = machine or probe_machine()
    return [*_cached(machine), *_presets(machine), *_served()]


def hint(at_hand: Sequence[AtHand]) -> str:
    """Return one line for a problem that nano, chosen by nobody, did not solve."""
    if not at_hand:
        return (
            "nano solves only tasks like its own, and no other model is at hand: start a server such as Ollama, or "
            "give --model FOLDER or --coder openai:MODEL@URL --tester openai:MODEL@URL"
        )
    return (
        f"nano solves only tasks like its own; at hand: {'; '.join(map(str, at_hand))}; --save-default keeps a choice"
    )


def _cached(machine: Machine) -> list[AtHand]:
    free_gb = machine.free_memory_gb if machine.card is None else machine.card.free_gb
    share = BYTES_PER_PARAMETER["nf4" if has_nf4() else "bf16"] / BYTES_PER_PARAMETER["bf16"]
    fitting = [
        (size, name)
        for name, size in cached_chat_models()
        if size * share / 2**30 + WORKING_GB <= free_gb and str(parse_spec(f"model:{name}")) == f"model:{name}"
    ]
    return [
        AtHand(f"--model {shlex.quote(name)}", "in the hub's cache")
        for _, name in sorted(fitting, reverse=True)[:_MOST_OF_A_KIND]
    ]


def _presets(machine: Machine) -> list[AtHand]:
    """Return the largest presets that fit the GPU, those whose model needs no download first."""
    gpu = machine.card
    if gpu is None:
        return []
    found = []
    for name in list_presets():
        try:
            config = load_preset(name, gpu_memory_gb=gpu.memory_gb)
        except ConfigError:
            continue
        own = not config.model.source.startswith("asset:") and not trains_elsewhere(config)
        if not own or missing_for_solving(config, machine):
            continue
        size_gb = download_gb(config.model.source, config.model.parameters_b)
        is_here, size = not size_gb, f", downloads {size_gb:.0f} GB" if size_gb else ""
        found.append((is_here, config.model.parameters_b, AtHand(f"--preset {name}", f"fits {gpu.name}{size}")))
    return [each for *_, each in sorted(found, key=lambda entry: entry[:2], reverse=True)[:_MOST_OF_A_KIND]]


def _served() -> list[AtHand]:
    """Return one model of each server, one for code if its name says so."""
    found = []
    for server in local_servers():
        model = max(server.models, key=lambda name: "code" in name.lower())
        writer = f"openai:{model}@{server.url}"
        spec = parse_spec(writer)
        if (spec.name, spec.url) == (model, server.url):
            found.append(AtHand(f"--coder {shlex.quote(writer)} --tester {shlex.quote(writer)}", server.kind))
    return found
