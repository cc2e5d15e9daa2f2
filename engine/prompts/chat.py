"""Prompt tokens of chat messages, by the tokenizer's own chat template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.errors import EnvironmentError_


class ChatTokenizer(Protocol):
    """The part of a transformers tokenizer that prompts need; nothing here imports transformers."""

    chat_template: Any

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...

    def decode(self, token_ids: Any, **options: Any) -> Any: ...


def encode_prompt(
    tokenizer: ChatTokenizer, messages: Sequence[dict[str, str]], enable_thinking: bool | None
) -> tuple[int, ...]:
    """Encode messages as the s prompt tokens that end where the assistant's answer begins.

    `enable_thinking` is passed to the template (Qwen3 uses it, other templates ignore it); None keeps the template's
    default. Raises EnvironmentError_ for a tokenizer without a chat template, or without jinja2 to render it.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise EnvironmentError_(
            "the model's tokenizer has no chat template",
            "use an instruct model, or put its chat_template.jinja into the model folder",
        )
    options: dict[str, Any] = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
    try:
        # return_dict=False: transformers 5 otherwise returns a BatchEncoding, and iterating it yields its keys.
        token_ids = tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=True, return_dict=False, **options
        )
    except ImportError as fault:  # transformers renders templates with jinja2, which it does not require
        message = f"the chat template cannot be rendered: {fault}"
        raise EnvironmentError_(message, "pip install jinja2") from fault
    return tuple(int(token_id) for token_id in token_ids)
