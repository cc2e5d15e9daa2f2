"""Limits of a model that no preset describes, from its own files: how long its answers may be."""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard

from engine.machine.model_folders import json_of
from engine.machine.regular_files import read_regular
from engine.machine.thought_tags import CLOSING, OPENING

LONGEST_ANSWER, LONGEST_THOUGHT = 2048, 16_384
"""Tokens of an answer of a chat model, and of one that thinks first, unless the model says otherwise."""
_PROMPT_ROOM = 2048
"""Tokens of the context kept for the prompt; half of a smaller context."""
_MOST_BYTES = 1 << 20


def longest_answer(folder: Path | None) -> int:
    """Return the tokens that an answer may have: by the generation settings, by the template, within the context.

    folder: None for a model that is not on this machine yet.
    """
    if folder is None:
        return LONGEST_ANSWER
    own = json_of(folder / "generation_config.json").get("max_new_tokens")
    longest = own if _is_count(own) else LONGEST_THOUGHT if always_thinks(folder) else LONGEST_ANSWER
    context = context_of(folder)
    return longest if context is None else max(1, min(longest, context - min(_PROMPT_ROOM, context // 2)))


def context_of(folder: Path) -> int | None:
    """Return the longest sequence that the model knows, prompt and answer together; None if it does not say."""
    config = json_of(folder / "config.json")
    inner = config.get("text_config")
    for each in (config, inner if isinstance(inner, dict) else {}):
        if _is_count(context := each.get("max_position_embeddings")):
            return context
    return None


def always_thinks(folder: Path) -> bool:
    """Tell whether the chat template begins every answer inside a thought, which cannot be turned off."""
    template = _template_of(folder)
    prompt = template.rpartition("add_generation_prompt")[2]
    return "enable_thinking" not in template and bool(OPENING.search(prompt)) and not CLOSING.search(prompt)


def _template_of(folder: Path) -> str:
    try:
        return read_regular(folder / "chat_template.jinja", _MOST_BYTES).decode()
    except (OSError, ValueError):
        found = json_of(folder / "tokenizer_config.json").get("chat_template")
    return found if isinstance(found, str) else ""


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < 1 << 24
