"""Variants of a preset by GPU memory: `[variants.24]`, `[variants.24.policy]`, ... in its file.

A variant's tables lie over the preset's own; what a file says in its plain tables, and what `--set` says, lies over the
variants of the preset it extends. Which variant a run takes is said (`qwen3-4b@48`) or follows from the card: the
largest that is meant for no more than the card has, and whose memory plan fits. The resolved configuration holds no
variants, only the name of the one taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.config.schema import RunConfig
from engine.errors import ConfigError
from engine.machine.memory_plan import plan_memory
from engine.presets.sources import Document

VARIANTS = "variants"

DESIGN_GB = 24.0
"""The card that presets are made for first; without a GPU its variant is the one that is shown."""

_CARD_TOLERANCE = 1.1
"""Cards are sold by a rounder number than their driver tells: 22.5 GiB of an L4 are "24 GB", 45 of an L40S "48 GB"."""


def split_variant(name: str) -> tuple[str, str | None]:
    """`qwen3-4b@48` -> ("qwen3-4b", "48"); without a variant the second is None."""
    base, at, variant = name.rpartition("@")
    if not at or not variant.isdigit():
        return name, None
    return base, variant


def variant_names(documents: Sequence[Document]) -> list[str]:
    """The variants of `documents`, smallest first. Raises ConfigError for one that is not named by its GB."""
    names: set[str] = set()
    for document in documents:
        table = document.tree.get(VARIANTS, {})
        if not isinstance(table, dict) or not all(isinstance(variant, dict) for variant in table.values()):
            raise ConfigError(
                f"{document.where((VARIANTS,))}: variants must be tables", "write for example [variants.24.policy]"
            )
        for name in table:
            if not re.fullmatch(r"[1-9][0-9]*", name):
                first = next((path for path in document.lines if path[:2] == (VARIANTS, name)), (VARIANTS,))
                raise ConfigError(
                    f"{document.where(first)}: variant '{name}' is not a number of GB",
                    "name a variant by the GPU memory it is for: [variants.24.policy]",
                )
        names |= set(table)
    return sorted(names, key=int)


def chosen_variant(documents: Sequence[Document]) -> str | None:
    """What the setting `variant` says, in a file or by `--set`; None where nothing sets it."""
    said = [document.tree["variant"] for document in documents if "variant" in document.tree]
    return str(said[-1]) if said else None


def with_variant(documents: Sequence[Document], name: str) -> list[Document]:
    """`documents` with the tables of variant `name` laid right over those of the file they stand in."""
    result = []
    for document in documents:
        plain = {key: value for key, value in document.tree.items() if key != VARIANTS}
        result.append(replace(document, tree=plain))
        overlay = document.tree.get(VARIANTS, {}).get(name)
        if overlay is not None:
            lines = {path[2:]: line for path, line in document.lines.items() if path[:2] == (VARIANTS, name)}
            # What a file lacks is missed in its plain tables, so the overlay counts as an override.
            result.append(replace(document, tree=overlay, lines=lines, is_override=True))
    return result


def choose_variant(names: Sequence[str], gpu_memory_gb: float, resolve: Callable[[str], RunConfig]) -> str:
    """The largest of `names` (not empty, smallest first) for a card of that size; the smallest where none fits."""
    meant = [name for name in names if int(name) <= gpu_memory_gb * _CARD_TOLERANCE]
    for name in reversed(meant):
        plan = plan_memory(resolve(name), gpu_memory_gb)
        if plan is None or plan.fits:
            return name
    return names[0]
