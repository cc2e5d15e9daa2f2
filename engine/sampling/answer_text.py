"""Text of sampled tokens: without special tokens, but with the tags of thoughts, which are special in some tokenizers.

Without its tags a thought reads as the answer: a draft in it would be run as the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from engine.machine.thought_tags import CLOSING, OPENING


def answer_text(tokenizer: Any, token_ids: Sequence[int]) -> str:
    """Decode an answer. tokenizer: one of transformers, or whatever has its `decode`."""
    ids = list(token_ids)
    tags = _special_tags(tokenizer)
    pieces, start = [], 0
    for place, token_id in enumerate(ids) if tags else ():
        if token_id in tags:
            pieces += [tokenizer.decode(ids[start:place], skip_special_tokens=True), tags[token_id]]
            start = place + 1
    pieces.append(tokenizer.decode(ids[start:], skip_special_tokens=True))
    return "".join(map(str, pieces))


_KNOWN: WeakKeyDictionary[Any, Mapping[int, str]] = WeakKeyDictionary()
"""Tags by tokenizer: some have thousands of added tokens."""


def _special_tags(tokenizer: Any) -> Mapping[int, str]:
    """Return the tags of thoughts that decoding leaves out, by id."""
    if not hasattr(tokenizer, "added_tokens_decoder"):
        return {}
    if tokenizer not in _KNOWN:
        added = tokenizer.added_tokens_decoder
        _KNOWN[tokenizer] = {
            token_id: token.content
            for token_id, token in added.items()
            if token.special and (OPENING.fullmatch(token.content) or CLOSING.fullmatch(token.content))
        }
    return _KNOWN[tokenizer]
