"""Text of sampled tokens: special tokens are left out, but never the tags of a thought."""

from __future__ import annotations

import pytest
from transformers import AddedToken

from engine.prompts.thoughts import closes_thought
from engine.sampling.answer_text import answer_text
from tests.engine.prompts.test_prompt_chat import tokenizer


@pytest.mark.parametrize("tag", ["think", "thinking", "thought", "reasoning", "THINK"])
@pytest.mark.parametrize("is_special", [True, False])
def test_the_tags_of_thoughts_stay_in_the_text(tag: str, is_special: bool) -> None:
    opening, closing = ("[THINK]", "[/THINK]") if tag == "THINK" else (f"<{tag}>", f"</{tag}>")
    chat = tokenizer(None)
    chat.add_tokens([AddedToken(opening, special=is_special), AddedToken(closing, special=is_special)], is_special)
    text = f"a draft{closing}the answer {opening}"
    ids = chat.encode(f"{text}<|im_end|>", add_special_tokens=False)
    assert answer_text(chat, ids) == text
    assert closes_thought(answer_text(chat, ids))


def test_text_without_thoughts_is_decoded_as_ever() -> None:
    chat = tokenizer(None)
    ids = chat.encode("Code: ünicode<|im_end|>", add_special_tokens=False)
    assert answer_text(chat, ids) == chat.decode(ids, skip_special_tokens=True) == "Code: ünicode"
