"""Prompt tokens of chat messages, by the tokenizer's own chat template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.errors import EnvironmentError_
from engine.prompts.templates import render_template


class ChatTokenizer(Protocol):
    """The part of a transformers tokenizer that prompts need; nothing here imports transformers."""

    chat_template: Any
    special_tokens_map: Any

    def get_chat_template(self) -> str: ...

    def __call__(self, text: str, **options: Any) -> Any: ...

    def decode(self, token_ids: Any, **options: Any) -> Any: ...


def missing_start(tokenizer: ChatTokenizer, prompt_ids: Sequence[int]) -> str:
    """Return a sentence where a prompt lacks the token that the tokenizer puts in front of every text; "" otherwise.

    A model that has never seen a text without it may write noise, and nothing else says so.
    """
    start = getattr(tokenizer, "bos_token_id", None)
    if start is None or prompt_ids[0] == start or list(tokenizer("a")["input_ids"])[:1] != [start]:
        return ""
    name = tokenizer.special_tokens_map.get("bos_token", "the start token")
    return (
        f"the chat template does not begin with {name}, which the model's tokenizer puts in front of every text: the "
        "model may answer with noise; put {{ bos_token }} in front of its chat_template.jinja"
    )


def encode_prompt(
    tokenizer: ChatTokenizer, messages: Sequence[dict[str, str]], enable_thinking: bool | None
) -> tuple[int, ...]:
    """Encode messages as the s prompt tokens that end where the assistant's answer begins.

    `enable_thinking` is passed to the template (Qwen3 uses it, other templates ignore it); None keeps the template's
    default. Raises EnvironmentError_ for a tokenizer without a chat template, or with one that cannot be rendered.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise EnvironmentError_(
            "the model's tokenizer has no chat template",
            "use an instruct model, or put its chat_template.jinja into the model folder",
        )
    try:
        template = tokenizer.get_chat_template()
    except ValueError as fault:  # several templates, none of which is the default
        raise EnvironmentError_(
            f"the model's tokenizer has no default chat template: {str(fault)[:200]}", "use another model"
        ) from fault
    options = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
    text = render_template(template, messages, {**tokenizer.special_tokens_map, **options})
    token_ids = tokenizer(text, add_special_tokens=False)["input_ids"]  # a template writes its own special tokens
    if not token_ids:
        raise EnvironmentError_("the model's tokenizer has no tokens for the prompt", "use another model")
    return tuple(int(token_id) for token_id in token_ids)
