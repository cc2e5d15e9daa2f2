"""Prompt tokens of chat messages, by the tokenizer's own chat template."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from engine.errors import EnvironmentError_

TEMPLATE_SECONDS = 10.0
"""Time for one prompt. Templates take milliseconds; one that loops would outlive every budget."""


_OTHER_TEMPLATE = "use another model, or mend the chat_template.jinja in the model folder"


class _TooSlow(BaseException):
    """Raised in the thread that renders a template; templates and jinja2 cannot catch it."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _TooSlow in this thread, between two instructions of Python, if the block takes longer.

    Signals would reach the main thread alone, and prompts are built in others, too.
    """
    thread, lock, over = ctypes.c_ulong(threading.get_ident()), threading.Lock(), threading.Event()

    def end() -> None:
        with lock:
            if not over.is_set():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_TooSlow))

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over.set()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)  # raised too late: the block has ended


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
    default. Raises EnvironmentError_ for a tokenizer without a chat template, one whose template fails or takes longer
    than TEMPLATE_SECONDS, or without jinja2 to render it.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise EnvironmentError_(
            "the model's tokenizer has no chat template",
            "use an instruct model, or put its chat_template.jinja into the model folder",
        )
    options: dict[str, Any] = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
    try:
        with _at_most(TEMPLATE_SECONDS):
            # return_dict=False: transformers 5 otherwise returns a BatchEncoding, and iterating it yields its keys.
            token_ids = tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=True, return_dict=False, **options
            )
    except ImportError as fault:  # transformers renders templates with jinja2, which it does not require
        message = f"the chat template cannot be rendered: {fault}"
        raise EnvironmentError_(message, "pip install jinja2") from fault
    except _TooSlow:
        message = f"the model's chat template took longer than {TEMPLATE_SECONDS:g} s for one prompt"
        raise EnvironmentError_(message, _OTHER_TEMPLATE) from None
    except Exception as fault:  # it is code of the model's author
        said = (str(fault).strip() or type(fault).__name__).partition("\n")[0]
        raise EnvironmentError_(f"the model's chat template fails: {said}", _OTHER_TEMPLATE) from fault
    return tuple(int(token_id) for token_id in token_ids)
