"""Thoughts in front of answers: the tags that enclose them, and prompts that open one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from engine.machine.thought_tags import CLOSING, OPENING

_OPENS = re.compile(rf"\s*(?:{OPENING.pattern})", re.IGNORECASE)
_CLOSES_THINK = re.compile("</think>")
_ENDS_OPEN = re.compile(rf"(?:{OPENING.pattern})\s*$", re.IGNORECASE)
_TAIL_TOKENS = 24


class Decoder(Protocol):
    """The part of a transformers tokenizer that turns ids into text."""

    def decode(self, token_ids: Any, **options: Any) -> Any: ...


def opens_thought(tokenizer: Decoder, prompt_ids: Sequence[int]) -> bool:
    """Tell whether a prompt ends within an open thought, as the chat templates of some thinking models do.

    The answer to it begins inside the thought: without a closing tag it is nothing but thought.
    """
    tail = str(tokenizer.decode(list(prompt_ids[-_TAIL_TOKENS:]), skip_special_tokens=False))
    return _ENDS_OPEN.search(tail) is not None


def ends_thought(text: str, in_thought: bool) -> int | None:
    """Return where the answer begins, behind the last closing tag; None where a thought never ended.

    Only a thought can be closed: a tag is looked for if the prompt or the text opened one, and `</think>` always.
    """
    is_thought = in_thought or _OPENS.match(text) is not None
    closing = CLOSING if is_thought else _CLOSES_THINK
    end = max((found.end() for found in closing.finditer(text)), default=None)
    return end if end is not None or is_thought else 0


def closes_thought(text: str) -> bool:
    """Tell whether a text holds a closing tag without having opened a thought: its prompt did."""
    return CLOSING.search(text) is not None and _OPENS.match(text) is None


def without_thought(text: str, in_thought: bool, code: Iterable[tuple[int, int]]) -> str | None:
    """Return the text behind its thought; None where the thought never ended.

    The first closing tag ends it, but for those inside `code`, spans of whole programs that merely print such a tag.
    """
    spans = list(code)
    for found in CLOSING.finditer(text):
        while spans and spans[0][1] <= found.start():
            spans.pop(0)
        if not (spans and spans[0][0] <= found.start()):
            return text[found.end() :]
    return None if in_thought or _OPENS.match(text) else text
