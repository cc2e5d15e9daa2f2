"""Variants of a preset by GPU memory: `[variants.24]`, `[variants.24.policy]`, ... in its file.

A variant's tables override the preset's own; the plain tables of a file and `--set` override the variants of the preset
that the file extends. A user may name the variant of a run (`qwen3-4b@48`). Otherwise the card decides: the run takes
the largest variant for no more memory than the card has, whose memory plan fits. The resolved configuration holds no
variants, only the name of the one in use.
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
"""Card that presets are designed for; a machine without a GPU shows its variant."""

_CARD_TOLERANCE = 1.1
"""Cards are sold by a rounder number than their driver reports: an L4 as "24 GB" (22.5 GiB), an L40S as "48 GB"."""


def split_variant(name: str) -> tuple[str, str | None]:
    """Split `qwen3-4b@48` into ("qwen3-4b", "48"); without a variant the second is None."""
    base, at, variant = name.rpartition("@")
    if not at or not variant.isdigit():
        return name, None
    return base, variant


def variant_names(documents: Sequence[Document]) -> list[str]:
    """Return the variants of `documents`, smallest first. Raises ConfigError for a name that is not a number of GB."""
    names: set[str] = set()
    for document in documents:
        table = document.tree.get(VARIANTS, {})
        if not isinstance(table, dict) or not all(isinstance(variant, dict) for variant in table.values()):
            raise ConfigError(
                f"{document.where((VARIANTS,))}: variants must be tables", "write for example [variants.24.policy]"
            )
        for name in table:
            if not re.fullmatch(r"[1-9][0-9]{0,3}", name):
                first = next((path for path in document.lines if path[:2] == (VARIANTS, name)), (VARIANTS,))
                raise ConfigError(
                    f"{document.where(first)}: variant '{name}' is not a number of GB",
                    "name a variant by the GPU memory it is for: [variants.24.policy]",
                )
        names |= set(table)
    return sorted(names, key=int)


def chosen_variant(documents: Sequence[Document]) -> str | None:
    """Return the setting `variant` of a file or `--set`; None if it is not set."""
    said = [document.tree["variant"] for document in documents if "variant" in document.tree]
    return str(said[-1]) if said else None


def with_variant(documents: Sequence[Document], name: str) -> list[Document]:
    """Put the tables of variant `name` directly after the file that defines them, which they override."""
    result = []
    for document in documents:
        plain = {key: value for key, value in document.tree.items() if key != VARIANTS}
        result.append(replace(document, tree=plain))
        overlay = document.tree.get(VARIANTS, {}).get(name)
        if overlay is not None:
            # An error about a missing setting must point at the plain tables, so the overlay counts as an override.
            result.append(
                replace(document, tree=overlay, lines=document.lines.below((VARIANTS, name)), is_override=True)
            )
    return result


def choose_variant(names: Sequence[str], gpu_memory_gb: float, resolve: Callable[[str], RunConfig]) -> str:
    """Choose the largest of `names` (not empty, smallest first) that fits a card of that size, or the smallest."""
    meant = [name for name in names if int(name) <= gpu_memory_gb * _CARD_TOLERANCE]
    for name in reversed(meant):
        plan = plan_memory(resolve(name), gpu_memory_gb)
        if plan is None or plan.fits:
            return name
    return names[0]
