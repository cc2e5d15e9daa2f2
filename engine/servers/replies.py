"""Typed replies of chat completions: whatever a server sends becomes a ChatReply, or NotAReply with its reason.

Servers are not trusted to keep to a schema: each field is checked here and nowhere else.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

_MAX_TOKENS = 10**9
_MAX_REASON = 200
_MAX_ERROR = 2**16
_MAX_LOGPROB = 1e-3
"""Rounding may lift the log of a probability above that of 1."""
_TEXT_PARTS = ("text", "output_text")
_THOUGHT_PARTS = ("thinking", "reasoning")
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")

Json: TypeAlias = dict[str, Any]


class Finish(StrEnum):
    """Reason why an answer ended: by itself, at its token limit, by a content filter, in a tool call, or not told."""

    STOP = "stop"
    LENGTH = "length"
    FILTER = "content_filter"
    TOOL = "tool_calls"
    UNKNOWN = "unknown"


_FINISHES = {finish.value: finish for finish in Finish} | {
    "eos": Finish.STOP,
    "eos_token": Finish.STOP,
    "end_turn": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "function_call": Finish.TOOL,
}


class NotAReply(Exception):
    """Data that is no reply; the message says why, to follow the server's name."""


class ReportedError(NotAReply):
    """Error that a server reports in the place of a reply, with status 200 or in the middle of a stream."""


@dataclass(frozen=True, slots=True)
class ChatReply:
    """One answer. text: None where the content is null throughout. refused: it holds a refusal instead of content.

    prompt_tokens, tokens: None where the server does not report them. model: the name that it gives its model, or "".
    """

    text: str | None
    reasoning: str = ""
    finish: Finish = Finish.UNKNOWN
    refused: bool = False
    prompt_tokens: int | None = None
    tokens: int | None = None
    model: str = ""


def read_json(data: bytes) -> Json:
    """Parse a JSON object. Raises NotAReply."""
    if data.lstrip()[:1] == b"<":
        raise NotAReply("sends a web page instead of JSON")
    try:
        value = json.loads(data)
    except UnicodeDecodeError as error:
        raise NotAReply("sends text that is not UTF-8") from error
    except (ValueError, RecursionError) as error:  # also integers of more than 4,300 digits
        raise NotAReply("sends no JSON" if data.strip() else "sends an empty reply") from error
    if not isinstance(value, dict):
        raise NotAReply("sends JSON that is not an object")
    if value.get("error"):
        raise ReportedError(f"reports an error: {_message_of(value)}")
    return value


@dataclass(slots=True)
class ChatStream:
    """Answer that arrives in pieces, or in one. pieces: those with text so far; ended: [DONE] or a reason has come."""

    pieces: int = 0
    ended: bool = False
    _begun: bool = False
    _has_content: bool = False
    _refused: bool = False
    _finish: Finish = Finish.UNKNOWN
    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)
    _usage: tuple[int | None, int | None] = (None, None)
    _model: str = ""

    def add(self, data: bytes) -> None:
        """Take a chat completion, or the data of one event of its stream. Raises NotAReply."""
        if data == b"[DONE]":
            self.ended = True
            return
        body = read_json(data)
        named = body.get("model")
        self._model = one_line(named) if isinstance(named, str) else self._model
        usage = body.get("usage")
        if isinstance(usage, dict):
            self._usage = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
        choice = _choice_of(body)
        if not choice:
            return  # the last event of a stream holds the usage alone
        self._begun = True
        message = choice.get("delta") or choice.get("message") or {}
        if not isinstance(message, dict):
            raise NotAReply(f"sends a message that is {_kind(message)}")
        content = message.get("content")
        self._has_content |= content is not None
        self._refused |= bool(message.get("refusal"))
        text, thoughts = _content(content)
        thoughts += next(filter(None, (_thoughts(message.get(name)) for name in _THOUGHT_FIELDS)), "")
        if text or thoughts:
            self.pieces += 1
            self._text.append(text)
            self._reasoning.append(thoughts)
        told = choice.get("finish_reason")
        if told is not None:
            self._finish = _FINISHES.get(told, Finish.UNKNOWN) if isinstance(told, str) else Finish.UNKNOWN
            self.ended = True

    def reply(self) -> ChatReply:
        """Return the answer so far. Raises NotAReply if no piece has come."""
        if not self._begun:
            raise NotAReply("sends a reply without choices")
        text = _sound("".join(self._text)) if self._has_content else None
        return ChatReply(text, _sound("".join(self._reasoning)), self._finish, self._refused, *self._usage, self._model)


@dataclass(frozen=True, slots=True)
class ServedModels:
    """Models of a server: base name, adapter names, and tokens of prompt and answer (None where not reported)."""

    base: str
    adapters: frozenset[str]
    max_model_len: int | None


def read_models(data: bytes) -> ServedModels:
    """Parse a list of models as vLLM sends it. Raises NotAReply."""
    models = read_json(data).get("data")
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in models):
        raise NotAReply("sends no list of models")
    bases = [model for model in models if not model.get("parent")]
    adapters = frozenset(model["id"] for model in models if model.get("parent") and isinstance(model.get("id"), str))
    if not bases or not isinstance(bases[0].get("id"), str):
        raise NotAReply("names no model")
    return ServedModels(bases[0]["id"], adapters, _count(bases[0].get("max_model_len")))


@dataclass(frozen=True, slots=True)
class TokenPiece:
    """Next tokens of a completion. finish: None while there are more to come.

    token_ids, logprobs: None where the server does not return them for every token.
    """

    token_ids: tuple[int, ...] | None
    logprobs: tuple[float, ...] | None
    finish: Finish | None


def read_piece(data: bytes) -> TokenPiece | None:
    """Parse the data of one event of a stream of completions; None for an event without tokens. Raises NotAReply."""
    choice = _choice_of(read_json(data))
    if not choice:
        return None
    told = choice.get("finish_reason")
    finish = None if told is None else _FINISHES.get(told, Finish.UNKNOWN) if isinstance(told, str) else Finish.UNKNOWN
    holder = choice.get("logprobs") or {}
    token_ids, logprobs = choice.get("token_ids"), holder.get("token_logprobs") if isinstance(holder, dict) else None
    if (token_ids is None and not logprobs) or (token_ids is not None and not isinstance(token_ids, list)):
        return TokenPiece(None, None, finish)
    token_ids, logprobs = token_ids or [], logprobs or []
    if not isinstance(logprobs, list) or len(token_ids) != len(logprobs):
        return TokenPiece(None, None, finish)
    if not all(type(token) is int and 0 <= token < 2**31 for token in token_ids):
        raise NotAReply("sends a token id that is none")
    if not all(type(each) in (int, float) and -math.inf < each <= _MAX_LOGPROB for each in logprobs):
        raise NotAReply("sends a log-prob that is none")
    return TokenPiece(tuple(token_ids), tuple(map(float, logprobs)), finish)


def read_error(data: bytes) -> str:
    """Return the message in an error's body, uncut: whoever shows it may have a key to hide before."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = data.decode("utf-8", "replace")
    return _message_of(body)


def one_line(text: str) -> str:
    """Return text of a server as one printable line of at most 200 characters."""
    line = _unbroken(text)
    return line if len(line) <= _MAX_REASON else line[: _MAX_REASON - 3] + "..."


def _unbroken(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _message_of(body: object) -> str:
    for name in ("error", "message", "detail"):
        while isinstance(body, dict) and body.get(name):
            body = body[name]
    # Blanks go before the text is cut: after it, they would bring the end, with half a key, to the front.
    return _unbroken(_sound(body if isinstance(body, str) else json.dumps(body)))[:_MAX_ERROR]


def _choice_of(body: Json) -> Json:
    choices = body.get("choices")
    if choices is None or choices == []:
        return {}
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise NotAReply("sends choices that are no list of objects")
    return choices[0]


def _content(content: object) -> tuple[str, str]:
    """Return text and thoughts of a message's content: a text, nothing, or a list of parts."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        raise NotAReply(f"sends content that is {_kind(content)}")
    text, thoughts = "", ""
    for part in content:
        if isinstance(part, str):
            text += part
        elif not isinstance(part, dict):
            raise NotAReply(f"sends a part of the content that is {_kind(part)}")
        elif part.get("type", "text") in _TEXT_PARTS:
            text += _string(part.get("text"))
        elif part.get("type") in _THOUGHT_PARTS:
            thoughts += next(filter(None, map(_thoughts, (part.get("text"), part.get("thinking")))), "")
    return text, thoughts


def _string(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise NotAReply(f"sends a text that is {_kind(value)}")


def _thoughts(value: object) -> str:
    """Return thoughts, which no result depends on: what is no text is no thought."""
    if isinstance(value, list):
        return "".join(_thoughts(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """Return a number of tokens, or None for what cannot be one: null, a text, NaN, 1e300, less than none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MAX_TOKENS and value == int(value) else None


def _kind(value: object) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _sound(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON may hold and no file or pipe can."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
