"""Environment variables of the processes that hold a model: the card, torch's allocators, its compiled code.

They are read when torch starts, so they are set before it is imported: by `claim_card` in the process itself, by
`model_environment` for a child.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from platformdirs import user_cache_dir

from engine.machine.cards import VISIBLE, Gpu, card_variables, chosen_card, visible_cards
from engine.machine.nvml import cards_and_driver

ALLOCATOR, OLDER_ALLOCATOR = "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"
COMPILED = "TORCHINDUCTOR_CACHE_DIR"
_PINNED = {"pinned_max_round_threshold_mb": "1"}
"""Pinned host memory above 1 MiB is taken as asked for. By default torch rounds up to a power of two: the weights of a
sleeping vLLM, 7.5 GiB for Qwen3-4B, took 10.0, and 14.2 GiB of a 7B model took 26.8."""
_EXPANDABLE = "expandable_segments"


@dataclass(frozen=True)
class Cards:
    """Cards of a run: `trainer` is the one that it trains on, None without a GPU; `visible` are all it may use."""

    trainer: Gpu | None
    visible: tuple[Gpu, ...]


@cache
def own_cards() -> Cards:
    """Choose this process's card, once: later changes of the environment or of free memory move nothing."""
    visible = visible_cards(cards_and_driver()[0], os.environ)
    return Cards(chosen_card(visible, os.environ), visible)


def claim_card() -> None:
    """Make the chosen card the only one of this process; call it before torch is imported.

    The trainer's allocator grows its segments: tensors of an update differ in size from step to step, and fixed
    segments would fragment.
    """
    claim_cache()
    card = own_cards().trainer
    if card is not None:
        os.environ.update(model_environment(os.environ, card, expandable=True))
        os.environ.pop(OLDER_ALLOCATOR, None)


def claim_cache() -> None:
    """Let torch keep compiled code in a folder of this user; call it before torch is imported.

    By default that is a folder of a known name in /tmp, where another user may have put code for torch to load. A
    folder that the user has chosen stays.
    """
    os.environ.setdefault(COMPILED, os.path.join(user_cache_dir("cure-tui", appauthor=False), "compiled"))


def model_environment(inherited: Mapping[str, str], card: Gpu | None, *, expandable: bool | None) -> dict[str, str]:
    """Return the environment of a process that computes on `card`; None leaves the choice to CUDA.

    Options of torch's allocators that the user has set are kept, in both variables that name them, and merged into the
    newer one. expandable: whether segments may grow, unless the user has chosen; None forbids it against any choice, as
    sleep mode needs.
    """
    variables = dict(inherited)
    older, newer = variables.pop(OLDER_ALLOCATOR, ""), variables.pop(ALLOCATOR, "")
    # Where both are set, torch 2.13 follows the older one.
    options = _PINNED | ({_EXPANDABLE: "True"} if expandable else {}) | _options(newer) | _options(older)
    if expandable is None:
        options.pop(_EXPANDABLE, None)
    elif "backend" in options and _EXPANDABLE not in _options(newer) | _options(older):
        options.pop(_EXPANDABLE, None)  # other backends have no segments
    variables[ALLOCATOR] = ",".join(f"{name}:{value}" if value else name for name, value in options.items())
    if card is not None:
        variables |= card_variables(card)
    return variables


def pinned_threshold_mb(inherited: Mapping[str, str]) -> int | None:
    """Return the MiB above which pinned memory is not rounded up in a process of a model; None if all of it is."""
    options = _options(model_environment(inherited, None, expandable=None)[ALLOCATOR])
    value = options.get("pinned_max_round_threshold_mb", "")
    return int(value) if value.isdecimal() else None


def _options(text: str) -> dict[str, str]:
    """Split `name:value,name:[value,value]`; what has no value keeps its name, for torch to complain about."""
    parts = (part.partition(":") for part in re.findall(r"(?:\[[^\]]*\]|[^,\[])+", text))
    return {name.strip(): value.strip() for name, _, value in parts if name.strip()}


__all__ = [
    "ALLOCATOR",
    "COMPILED",
    "OLDER_ALLOCATOR",
    "VISIBLE",
    "Cards",
    "claim_cache",
    "claim_card",
    "model_environment",
    "own_cards",
    "pinned_threshold_mb",
]
